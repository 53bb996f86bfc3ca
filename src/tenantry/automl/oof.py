"""Out-of-fold margins of both members, made once and used for everything: early stopping, the linear penalty, blend
weights, calibration, threshold, and the figures of the scorecard."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64, I64, Bools
from tenantry.automl.budget import Budget
from tenantry.automl.encoders import FeatureSpace
from tenantry.automl.losses import row_losses
from tenantry.automl.members import (
    Forest,
    ForestParams,
    LinearDesign,
    LinearFit,
    Objective,
    fit_forest,
    fit_linear,
)

STRENGTHS = (0.02, 0.2, 2.0)
"""Inverse penalties of the linear member that are tried, the strongest penalty first."""


@dataclass(frozen=True, slots=True)
class Learning:
    """What the members learn: ``y`` as margins want it, and the matrix that target encodings are made from."""

    objective: Objective
    y: np.ndarray
    encoding_target: F64
    folds: I64
    seed: int


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Margins of the rows in ``scored`` (all rows, unless the budget ended between folds); None: no such member."""

    scored: Bools
    forest: F64 | None
    linear: F64 | None
    rounds: int
    strength: float
    params: ForestParams
    fold_seconds: float
    """CPU seconds of the forest in one fold, to its last round."""
    rounds_run: int


@dataclass(slots=True)
class _Fold:
    rows: I64
    forest: Forest | None
    forest_matrix: object
    linear: list[F64]
    seconds: float


def out_of_fold(
    space: FeatureSpace,
    design: LinearDesign,
    learning: Learning,
    params: ForestParams,
    max_rounds: int,
    budget: Budget,
    report: Callable[[float, str], None],
) -> OutOfFold:
    """Fit both members on each fold's complement, within about 60 % of the budget that is left."""
    count = int(learning.folds.max()) + 1
    share = 0.6 * budget.left
    done: list[_Fold] = []
    for fold in range(count):
        spent_before = budget.spent
        done.append(_fold(space, design, learning, params, max_rounds, budget, fold, share / count))
        report((fold + 1) / count, f"fold {fold + 1} of {count}")
        cost = budget.spent - spent_before
        if budget.left < 1.5 * cost and fold + 1 < count:
            break
    return _join(learning, params, done)


def _fold(
    space: FeatureSpace,
    design: LinearDesign,
    learning: Learning,
    params: ForestParams,
    max_rounds: int,
    budget: Budget,
    fold: int,
    seconds: float,
) -> _Fold:
    """Both members on one fold; the forest may take what the linear member leaves of ``seconds``."""
    deadline = budget.deadline(seconds)
    train = np.flatnonzero(learning.folds != fold).astype(np.int64)
    valid = np.flatnonzero(learning.folds == fold).astype(np.int64)
    y = learning.y
    encoded = space.fit(train, learning.encoding_target, learning.seed + fold)
    dense_train, dense_valid = space.train_dense(encoded), space.dense(encoded, valid)
    linear: list[F64] = []
    fit: LinearFit | None = None
    own = design.matrix(dense_train, encoded, train, own=True)
    other = design.matrix(dense_valid, encoded, valid, own=False)
    for strength in STRENGTHS:
        if fit is not None and deadline.left < 0.5 * seconds:
            break
        fit = fit_linear(own, y[train], task=learning.objective.task, strength=strength, start=fit)
        linear.append(fit.margins(other))
    before = budget.spent
    matrix = space.forest_matrix(dense_valid, valid)
    forest = fit_forest(
        space.forest_matrix(dense_train, train),
        y[train],
        learning.objective,
        params,
        rounds=max_rounds,
        seed=learning.seed,
        deadline=deadline,
        validation=(matrix, y[valid]),
    )
    return _Fold(valid, forest, matrix, linear, budget.spent - before)


def _join(learning: Learning, params: ForestParams, done: list[_Fold]) -> OutOfFold:
    """One number of rounds and one penalty for all folds, so that no fold is judged by a choice made on itself."""
    rows = len(learning.y)
    scored = np.zeros(rows, dtype=bool)
    forest, linear = (
        np.zeros((rows, learning.objective.outputs)),
        np.zeros((rows, learning.objective.outputs)),
    )
    curves = [fold.forest.losses for fold in done if fold.forest is not None]
    rounds = _best_rounds(curves)
    tried = min(len(fold.linear) for fold in done)
    losses = [
        np.concatenate(
            [row_losses(learning.objective.task, learning.y[f.rows], f.linear[i]) for f in done]
        ).mean()
        for i in range(tried)
    ]
    pick = int(np.argmin(losses))
    for fold in done:
        scored[fold.rows] = True
        linear[fold.rows] = fold.linear[pick]
        if fold.forest is not None and rounds:
            forest[fold.rows] = fold.forest.margins(fold.forest_matrix, min(rounds, fold.forest.rounds))
    return OutOfFold(
        scored,
        forest if rounds else None,
        linear,
        rounds,
        STRENGTHS[pick],
        params,
        float(np.mean([fold.seconds for fold in done])),
        max(len(curve) for curve in curves),
    )


def _best_rounds(curves: list[list[float]]) -> int:
    """The round with the lowest mean loss; a fold that stopped early counts with its last loss after that."""
    longest = max(len(curve) for curve in curves)
    if longest == 0:
        return 0
    table = np.array([curve + [curve[-1]] * (longest - len(curve)) for curve in curves if curve])
    return int(table.mean(axis=0).argmin()) + 1
