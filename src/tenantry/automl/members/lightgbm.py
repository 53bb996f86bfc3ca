"""The forest: LightGBM with numeric splits only, shallow enough for the plan, its leaves rounded to float32.

The objective's constant (the prior) is given as initial score, so that trees hold differences from it only; the plan
adds it as ``base``.
"""

from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.budget import Deadline
from tenantry.automl.members.trees import read_trees
from tenantry.schema import Task

MAX_DEPTH = 12
"""The plan allows 16 different slots on a path."""
PATIENCE = 40
PACE_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Objective:
    """What margins stand for; ``classes`` is 0 for values."""

    task: Task
    classes: int

    @property
    def outputs(self) -> int:
        """Margins a row."""
        return self.classes if self.task is Task.MULTICLASS else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestParams:
    """What varies between forests; the rest is fixed (see :func:`_settings`)."""

    learning_rate: float = 0.06
    num_leaves: int = 31
    min_data: int = 20
    feature_fraction: float = 0.7
    l2: float = 1.0
    extra_trees: bool = False


@dataclass(slots=True)
class Forest:
    """A trained forest. ``losses``: the validation loss after each round, where there was a validation set.

    ``hurried``: it was given up, since the deadline would come before enough rounds.
    """

    booster: Any
    prior: F64
    outputs: int
    rounds: int
    losses: list[float] = field(default_factory=list)
    hurried: bool = False

    def margins(self, matrix: Any, rounds: int | None = None) -> F64:
        """Prior plus the trees, rows × outputs."""
        raw = self.booster.predict(matrix, raw_score=True, num_iteration=rounds or -1, num_threads=1)
        return np.asarray(raw, dtype=np.float64).reshape(matrix.shape[0], self.outputs) + self.prior

    def round_leaves(self) -> None:
        """Round each leaf to float32, as the plan stores it."""
        for number, tree in enumerate(read_trees(self.booster)):
            for leaf, value in enumerate(tree.value):
                self.booster.set_leaf_output(number, leaf, float(np.float32(value)))


def prior_margins(y: np.ndarray, objective: Objective) -> F64:
    """The best constant margins: the log odds, the log shares, or 0 for a standardised value."""
    if objective.task is Task.REGRESSION:
        return np.zeros(1)
    share = np.clip(np.bincount(y, minlength=objective.classes) / len(y), 1e-6, 1)
    if objective.task is Task.BINARY:
        return np.array([np.log(share[1] / share[0])])
    return np.asarray(np.log(share) - np.log(share).mean())


def fit_forest(
    matrix: Any,
    y: np.ndarray,
    objective: Objective,
    params: ForestParams,
    *,
    rounds: int,
    seed: int,
    deadline: Deadline,
    validation: tuple[Any, np.ndarray] | None = None,
    hurry: int = 0,
) -> Forest:
    """Boost until ``rounds``, the deadline, or ``PATIENCE`` rounds without a better validation loss.

    With ``hurry``, give up after a few rounds where their pace leaves time for fewer than ``hurry`` of them.

    At least one round is made. Several forests of the same numbers, parameters and seed are equal.
    """
    prior = prior_margins(y, objective)
    settings = _settings(objective, params, seed)
    train = _dataset(matrix, y, prior, settings)
    losses: list[float] = []
    watch: list[Any] = []
    if validation is not None:
        watch = [_dataset(validation[0], validation[1], prior, settings, train)]
    best = [np.inf, 0]
    hurried = False
    at_first = 0.0

    def stop(env: Any) -> None:
        nonlocal hurried, at_first
        if env.evaluation_result_list:
            loss = float(env.evaluation_result_list[0][2])
            losses.append(loss)
            if loss < best[0] - 1e-9:
                best[:] = [loss, env.iteration]
        if env.iteration == 0:
            at_first = deadline.left
        elif env.iteration == PACE_ROUNDS and hurry:
            hurried = deadline.left < hurry * (at_first - deadline.left) / PACE_ROUNDS
        if hurried or deadline.passed or (losses and env.iteration - best[1] >= PATIENCE):
            raise lgb.callback.EarlyStopException(env.iteration, [])

    booster = lgb.train(settings, train, rounds, valid_sets=watch or None, callbacks=[stop])
    return Forest(booster, prior, objective.outputs, booster.current_iteration(), losses, hurried)


def _settings(objective: Objective, params: ForestParams, seed: int) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "objective": objective.task.value,
        "boost_from_average": False,
        "learning_rate": params.learning_rate,
        "num_leaves": params.num_leaves,
        "max_depth": MAX_DEPTH,
        "min_data_in_leaf": params.min_data,
        "feature_fraction": params.feature_fraction,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": params.l2,
        "extra_trees": params.extra_trees,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbose": -1,
        "feature_pre_filter": False,
    }
    if objective.task is Task.MULTICLASS:
        settings["num_class"] = objective.classes
    return settings


def _dataset(matrix: Any, y: np.ndarray, prior: F64, settings: dict[str, Any], like: Any = None) -> Any:
    start = np.repeat(prior, matrix.shape[0])  # one block of rows an output
    return lgb.Dataset(matrix, y, init_score=start, reference=like, params=settings, free_raw_data=True)
