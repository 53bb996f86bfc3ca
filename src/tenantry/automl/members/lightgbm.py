"""The forests: LightGBM with numeric splits only, shallow enough for the plan, their leaves rounded to float32.

The objective's constant (the prior) is given as initial score, so that trees hold differences from it only; the plan
adds it as ``base``.
"""

from collections.abc import Sequence
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
_BINNING: dict[str, Any] = {
    "num_threads": 1,
    "force_row_wise": True,
    "verbose": -1,
    "feature_pre_filter": False,
    "deterministic": True,
}


@dataclass(frozen=True, slots=True)
class Objective:
    """What margins stand for; ``classes`` is 0 for values.

    ``weights``: how much a row of each class counts in training; ``monotone``: for each slot 1 (rising), -1 (falling)
    or 0, empty for no constraint.
    """

    task: Task
    classes: int
    weights: tuple[float, ...] = ()
    monotone: tuple[int, ...] = ()

    @property
    def outputs(self) -> int:
        """Margins a row."""
        return self.classes if self.task is Task.MULTICLASS else 1

    def row_weights(self, y: np.ndarray) -> F64 | None:
        """What each row counts in training; None where all count the same."""
        return np.asarray(self.weights, dtype=np.float64)[y] if self.weights else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestParams:
    """What varies between forests; the rest is fixed (see :func:`_settings`). ``bagging``: share of the rows that a
    tree sees; ``plain``: without the slots that say how often a word came and what it said about the target."""

    learning_rate: float = 0.06
    num_leaves: int = 31
    min_data: int = 20
    feature_fraction: float = 0.7
    bagging: float = 0.8
    l2: float = 1.0
    extra_trees: bool = False
    plain: bool = False


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

    def weigh(self, weight: float) -> None:
        """Multiply all margins by ``weight``, and round each leaf to float32, as the plan stores it."""
        for number, tree in enumerate(read_trees(self.booster)):
            for leaf, value in enumerate(tree.value):
                self.booster.set_leaf_output(number, leaf, float(np.float32(weight * value)))
        self.prior = weight * self.prior


class ForestBins:
    """A matrix that is binned once, for every forest that is grown on it.

    ``validation``: a matrix and its target, on which the loss is watched; ``plain``: 0 for each slot that plain forests
    do without, 1 for the others.
    """

    def __init__(
        self,
        matrix: Any,
        y: np.ndarray,
        objective: Objective,
        validation: tuple[Any, np.ndarray] | None = None,
        plain: Sequence[float] = (),
    ) -> None:
        self.objective = objective
        self.plain = list(plain)
        self.prior = prior_margins(y, objective)
        self.train = self._dataset(matrix, y, None)
        self.watch = [self._dataset(*validation, self.train)] if validation is not None else None

    def _dataset(self, matrix: Any, y: np.ndarray, like: Any) -> Any:
        start = np.repeat(self.prior, matrix.shape[0])  # one block of rows an output
        weights = self.objective.row_weights(y)
        return lgb.Dataset(
            matrix,
            y,
            weight=weights,
            init_score=start,
            reference=like,
            params=dict(_BINNING),
            free_raw_data=True,
        )


def prior_margins(y: np.ndarray, objective: Objective) -> F64:
    """The best constant margins: the log odds, the log shares, or 0 for a standardised value."""
    if objective.task is Task.REGRESSION:
        return np.zeros(1)
    counts = np.bincount(y, objective.row_weights(y), minlength=objective.classes)
    share = np.clip(counts / counts.sum(), 1e-6, 1)
    if objective.task is Task.BINARY:
        return np.array([np.log(share[1] / share[0])])
    return np.asarray(np.log(share) - np.log(share).mean())


def fit_forest(
    bins: ForestBins,
    params: ForestParams,
    *,
    rounds: int,
    seed: int,
    deadline: Deadline,
    hurry: int = 0,
    patience: int = PATIENCE,
) -> Forest:
    """Boost until ``rounds``, the deadline, or ``patience`` rounds without a better validation loss.

    With ``hurry``, give up after a few rounds where their pace leaves time for fewer than ``hurry`` of them.

    At least one round is made. Several forests of the same numbers, parameters and seed are equal.
    """
    losses: list[float] = []
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
        if hurried or deadline.passed or (losses and env.iteration - best[1] >= patience):
            raise lgb.callback.EarlyStopException(env.iteration, [])

    settings = _settings(bins.objective, params, seed)
    if params.plain and bins.plain:
        settings["feature_contri"] = bins.plain
    booster = lgb.train(settings, bins.train, rounds, valid_sets=bins.watch, callbacks=[stop])
    return Forest(booster, bins.prior, bins.objective.outputs, booster.current_iteration(), losses, hurried)


def _settings(objective: Objective, params: ForestParams, seed: int) -> dict[str, Any]:
    settings: dict[str, Any] = {
        **_BINNING,
        "objective": objective.task.value,
        "boost_from_average": False,
        "learning_rate": params.learning_rate,
        "num_leaves": params.num_leaves,
        "max_depth": MAX_DEPTH,
        "min_data_in_leaf": params.min_data,
        "feature_fraction": params.feature_fraction,
        "bagging_fraction": params.bagging,
        "bagging_freq": 1 if params.bagging < 1 else 0,
        "lambda_l2": params.l2,
        "extra_trees": params.extra_trees,
        "seed": seed,
    }
    if objective.task is Task.MULTICLASS:
        settings["num_class"] = objective.classes
    if any(objective.monotone):
        settings["monotone_constraints"] = list(objective.monotone)
    return settings
