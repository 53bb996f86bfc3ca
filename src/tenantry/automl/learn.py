"""From prepared features to fitted members: folds, search, blend, calibration, and the last fit on all rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tenantry.apps import PredictionDefinition
from tenantry.automl.arrays import F64, I64
from tenantry.automl.blend import LINEAR, Blend
from tenantry.automl.budget import Budget
from tenantry.automl.compile import Fitted
from tenantry.automl.deep import require_optuna
from tenantry.automl.encoders import build_space
from tenantry.automl.folds import Learning
from tenantry.automl.last_fit import LastFit, leaf_seconds
from tenantry.automl.learning_curve import learning_curve
from tenantry.automl.members import build_design
from tenantry.automl.mixture import Mixture
from tenantry.automl.oof import FirstRun, Trial
from tenantry.automl.prepare import Prepared
from tenantry.automl.problem import Problem, may_be_log, read_objective, read_problem
from tenantry.automl.search import Search
from tenantry.automl.splits import Split
from tenantry.automl.target import Target
from tenantry.bundle.scorecard import LearningCurve
from tenantry.schema import Task


@dataclass(frozen=True, slots=True)
class Learned:
    """``y`` and ``predicted``: outcomes and honest predictions of the rows that were scored out of fold (class numbers
    and class probabilities, or values), by a blend and a calibration that have not seen them; ``rows``: their positions
    among the training rows; ``folds``: which rows one model scored; ``curve``: what more rows may give."""

    fitted: Fitted
    task: Task
    rows: I64
    y: np.ndarray
    predicted: F64
    members: dict[str, object]
    folds: I64
    curve: LearningCurve | None = None


def learn(
    prepared: Prepared,
    definition: PredictionDefinition,
    split: Split,
    budget: Budget,
    seed: int,
    report: Callable[[float, str], None],
) -> Learned:
    """Fit everything within the budget. Errors: ``InvalidData("budget_exhausted")`` when not even one fold is done;
    ``InvalidRequest("definition_invalid")`` of :func:`read_objective`; ``Unsupported("deep_not_installed")``."""
    target = prepared.target
    if definition.effort == "deep":
        require_optuna()
    finish = _finish_seconds(target, len(prepared.features), budget)
    budget.hold(finish)
    budget.require("the features were made")
    outputs = len(target.classes) if target.task is Task.MULTICLASS else 1
    space = build_space(prepared.features, outputs, classes=target.task is not Task.REGRESSION)
    design = build_design(space)
    problem = read_problem(target, read_objective(target, space, definition))
    learning = Learning(problem.objective, problem.y, problem.encoding_target, split, seed)
    search = Search(space, design, learning, problem.judge, budget, finish, deep=definition.effort == "deep")
    scales = [problem]
    if may_be_log(target):
        scales.append(read_problem(target, problem.objective, log=True))
    problem = search.order_on(scales)
    budget.require("the first model was trained")
    first, trials = search.run(lambda share, detail: report(0.8 * share, detail))
    rows = first.rows
    margins = {trial.name: trial.margins(first.folds) for trial in trials}
    if first.linear is not None:
        margins[LINEAR] = first.linear.margins
    mixture = Mixture(problem, rows, margins)
    blend, calibration = mixture.fit(np.arange(len(rows)))
    predicted = mixture.cross_fitted(_parts(split.folds[rows], seed))
    report(0.82, "last fit on all rows")
    budget.hold(finish + leaf_seconds([trial for trial in trials if trial.name in blend.weights]))
    last = LastFit(space, design, search.learning, budget)
    fitted = last.fit(first, trials, blend, calibration)
    curve = learning_curve(space, search.learning, problem.judge, first, _leading(trials, blend), budget)
    budget.hold(0.0)
    report(1.0, "fitted")
    return Learned(
        fitted,
        problem.task,
        rows,
        target.y[rows],
        predicted,
        _words(problem, first, trials, fitted, split),
        split.folds[rows],
        curve,
    )


def _leading(trials: list[Trial], blend: Blend) -> Trial | None:
    """The forest that weighs most in the blend; None where it has none."""
    return max(
        (trial for trial in trials if trial.name in blend.weights),
        key=lambda trial: blend.weights[trial.name],
        default=None,
    )


def _words(
    problem: Problem, first: FirstRun, trials: list[Trial], fitted: Fitted, split: Split
) -> dict[str, object]:
    """What the scorecard says of the members."""
    blend = fitted.blend
    members: dict[str, object] = {
        "weights": {name: round(weight, 4) for name, weight in blend.weights.items()},
        "out_of_fold_loss": blend.losses,
        "calibration": fitted.calibration.kind,
        "tried": len(trials),
        "split": {"kind": split.kind, "column": split.column, "folds": split.count},
        "forests": {
            trial.name: {
                "rounds": forest.rounds,
                "learning_rate": trial.params.learning_rate,
                "num_leaves": trial.params.num_leaves,
                "extra_trees": trial.params.extra_trees,
            }
            for trial in trials
            for name, forest in fitted.forests.items()
            if name == trial.name
        },
    }
    if fitted.linear is not None and first.linear is not None:
        members[LINEAR] = {"strength": first.linear.strength, "terms": fitted.design.width}
    if problem.scale.log:
        members["target"] = "logarithm"
    return members


def _finish_seconds(target: Target, columns: int, budget: Budget) -> float:
    """CPU seconds to keep for compiling, proving and describing, as measured; at most a quarter of the budget."""
    outputs = max(1, len(target.classes) - 1)
    return min(0.25 * budget.limit, 0.2 + 2e-5 * len(target.rows) + 1e-2 * columns + 0.1 * outputs)


def _parts(folds: I64, seed: int) -> I64:
    """The folds; where the budget paid for one only, its rows in three parts, so that all can be crossed."""
    if len(np.unique(folds)) > 1:
        return folds
    return np.asarray(np.random.default_rng(seed).permutation(len(folds)) % 3, dtype=np.int64)
