"""From prepared features to fitted members: folds, blend, calibration, and the last fit on all rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import skew

from tenantry.automl.arrays import F64, I64
from tenantry.automl.blend import find_blend
from tenantry.automl.budget import Budget
from tenantry.automl.calibrate import ValueScale, cross_fitted, fit_calibration
from tenantry.automl.compile import Fitted, LinearParts, linear_parts
from tenantry.automl.encoders import Encoded, FeatureSpace, build_space
from tenantry.automl.members import (
    Forest,
    ForestParams,
    LinearDesign,
    Objective,
    build_design,
    fit_forest,
    fit_linear,
)
from tenantry.automl.oof import Learning, OutOfFold, OutOfFoldRun
from tenantry.automl.prepare import Prepared
from tenantry.automl.splits import Split
from tenantry.automl.target import Target
from tenantry.errors import InvalidData
from tenantry.schema import Task

MAX_LEAVES = 8_000
MAX_LEAVES_ALL = 35_000
SMALL_ROWS = 3_000
LOG_SKEW = 2.0
MORE_ROWS = 1.1
"""The last fit has a quarter more rows than each fold's, so it gets a tenth more rounds."""


@dataclass(frozen=True, slots=True)
class Learned:
    """``y`` and ``predicted``: outcomes and honest predictions of the rows that were scored out of fold (class numbers
    and class probabilities, or values); ``rows``: their positions among the training rows; ``folds``: which rows one
    model scored."""

    fitted: Fitted
    task: Task
    rows: I64
    y: np.ndarray
    predicted: F64
    members: dict[str, object]
    folds: I64 | None = None


def learn(
    prepared: Prepared, split: Split, budget: Budget, seed: int, report: Callable[[float, str], None]
) -> Learned:
    """Fit everything within the budget. Errors: ``InvalidData("budget_exhausted")`` when not even one fold is done."""
    target = prepared.target
    task, rows = target.task, len(target.rows)
    scale = _scale(target)
    y = target.y if task is not Task.REGRESSION else scale.to_margin(target.y)
    encoding_target = _encoding_target(target, y)
    finish = _finish_seconds(rows, len(prepared.features), max(1, len(target.classes) - 1), budget)
    budget.hold(finish)
    budget.require("the features were made")
    space = build_space(prepared.features, encoding_target.shape[1], classes=task is not Task.REGRESSION)
    design = build_design(space)
    objective = Objective(task, len(target.classes))
    learning = Learning(objective, y, encoding_target, split, seed)
    params = _params(rows)
    most = min(MAX_LEAVES // params.num_leaves, MAX_LEAVES_ALL // (params.num_leaves * objective.outputs))
    budget.require("the first model was trained")
    found = OutOfFoldRun(space, design, learning, params, most, budget).run(lambda f, d: report(0.8 * f, d))
    scored = np.flatnonzero(found.scored).astype(np.int64)
    forest = found.forest[scored] if found.forest is not None else None
    linear = found.linear[scored]
    blend = find_blend(task, y[scored], forest, linear)
    margins = blend(forest, linear)
    calibration = fit_calibration(task, target.y[scored], margins, scale)
    predicted = cross_fitted(task, target.y[scored], margins, scale, _thirds(split.folds[scored], seed))
    report(0.82, "last fit on all rows")
    last = _LastFit(space, design, learning, found, most, budget)
    budget.hold(finish + (1.5 * found.linear_seconds if blend.linear else 0.0))
    everything = np.arange(rows, dtype=np.int64)
    encoded = space.fit(everything, encoding_target, seed)
    fitted = Fitted(
        space,
        encoded,
        design,
        last.forest(encoded) if blend.forest else None,
        last.linear(encoded) if blend.linear else None,
        blend,
        calibration,
    )
    budget.hold(0.0)
    report(1.0, "fitted")
    return Learned(
        fitted,
        task,
        scored,
        target.y[scored],
        predicted,
        _members(fitted, found, blend.losses, scale, split),
        split.folds[scored],
    )


@dataclass(frozen=True, slots=True)
class _LastFit:
    """Both members on all rows."""

    space: FeatureSpace
    design: LinearDesign
    learning: Learning
    found: OutOfFold
    most: int
    budget: Budget

    def forest(self, encoded: Encoded) -> Forest:
        rounds = min(self.most, int(np.ceil(self.found.rounds * MORE_ROWS)))
        dense = self.space.train_dense(encoded)
        fitted = fit_forest(
            self.space.forest_matrix(dense, encoded.rows),
            self.learning.y,
            self.learning.objective,
            self.found.params,
            rounds=rounds,
            seed=self.learning.seed,
            deadline=self.budget.deadline(self.budget.left),
        )
        if fitted.rounds == 0:
            raise InvalidData("budget_exhausted", "the budget ended before the last fit's first round")
        fitted.round_leaves()
        return fitted

    def linear(self, encoded: Encoded) -> LinearParts:
        dense = self.space.train_dense(encoded)
        matrix = self.design.matrix(dense, encoded, encoded.rows, own=True)
        seconds = self.budget.left + 1.5 * self.found.linear_seconds
        fit = fit_linear(
            matrix, self.learning.y, self.learning.objective, self.found.strength, seconds=seconds
        )
        return linear_parts(self.design, encoded, fit)


def _params(rows: int) -> ForestParams:
    """Smaller trees for smaller tables."""
    if rows > SMALL_ROWS:
        return ForestParams()
    return ForestParams(num_leaves=15, min_data=10 if rows > 300 else 5)


def _scale(target: Target) -> ValueScale:
    """Standardise; the logarithm of positive values with a long tail. Predictions stay near what was seen."""
    if target.task is not Task.REGRESSION:
        return ValueScale()
    y = np.asarray(target.y, dtype=np.float64)
    log = bool((y > 0).all() and skew(y) > LOG_SKEW)
    t = np.log(y) if log else y
    spread = float(t.std())
    reach = 0.1 * float(y.max() - y.min())
    low = max(0.0, float(y.min()) - reach) if y.min() >= 0 else float(y.min()) - reach
    return ValueScale(float(t.mean()), spread if spread > 0 else 1.0, log, low, float(y.max()) + reach)


def _encoding_target(target: Target, y: np.ndarray) -> F64:
    """What target encodings average: the positive class, each class, or the standardised value."""
    if target.task is Task.REGRESSION:
        return np.asarray(y, dtype=np.float64)[:, None]
    hits = np.asarray(np.eye(len(target.classes))[y], dtype=np.float64)
    return hits[:, 1:] if target.task is Task.BINARY else hits


def _finish_seconds(rows: int, columns: int, outputs: int, budget: Budget) -> float:
    """CPU seconds to keep for compiling, proving and describing, as measured; at most a quarter of the budget."""
    return min(0.25 * budget.limit, 0.1 + 1e-5 * rows + 2e-3 * columns + 0.1 * outputs)


def _thirds(folds: I64, seed: int) -> I64:
    """The folds; where the budget paid for one only, its rows in three parts, so that calibration can be crossed."""
    if len(np.unique(folds)) > 1:
        return folds
    return np.asarray(np.random.default_rng(seed).permutation(len(folds)) % 3, dtype=np.int64)


def _members(
    fitted: Fitted, found: OutOfFold, losses: dict[str, float], scale: ValueScale, split: Split
) -> dict[str, object]:
    """What the scorecard says of the members."""
    members: dict[str, object] = {
        "weights": {"forest": fitted.blend.forest, "linear": fitted.blend.linear},
        "out_of_fold_loss": losses,
        "calibration": fitted.calibration.kind,
        "split": {"kind": split.kind, "column": split.column, "folds": split.count},
    }
    if fitted.forest is not None:
        members["forest"] = {
            "rounds": fitted.forest.rounds,
            "learning_rate": found.params.learning_rate,
            "num_leaves": found.params.num_leaves,
        }
    if fitted.linear is not None:
        members["linear"] = {"strength": found.strength, "terms": fitted.design.width}
    if scale.log:
        members["target"] = "logarithm"
    return members
