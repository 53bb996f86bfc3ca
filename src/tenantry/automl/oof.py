"""Out-of-fold margins of both members, made once and used for everything: early stopping, the linear penalty, blend
weights, calibration, threshold, and the figures of the scorecard."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tenantry.automl.arrays import F64, I64, Bools
from tenantry.automl.budget import Budget, Deadline
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
from tenantry.automl.members.solvers import MOST_PASSES, passes_for
from tenantry.automl.splits import Split

STRENGTHS = (0.02, 0.2, 2.0, 10.0)
"""Inverse penalties of the linear member that are tried on the first fold, the strongest penalty first."""
FOLD_SHARE = 0.68
"""Of the budget, the part for all folds; the rest is for the last fit on all rows."""
FEW_ROUNDS = 120
FASTER_RATE = 0.15


@dataclass(frozen=True, slots=True)
class Learning:
    """What the members learn: ``y`` as margins want it, and the matrix that target encodings are made from."""

    objective: Objective
    y: np.ndarray
    encoding_target: F64
    split: Split
    seed: int


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Margins of the rows in ``scored`` (all rows, unless the budget ended between folds); None: no such member.

    ``linear_seconds``: CPU seconds of one fit of the linear member.
    """

    scored: Bools
    forest: F64 | None
    linear: F64
    rounds: int
    strength: float
    params: ForestParams
    linear_seconds: float


@dataclass(frozen=True, slots=True)
class _Fold:
    rows: I64
    forest: Forest
    forest_matrix: Any
    linear: F64


class OutOfFoldRun:
    """Fits both members on each fold's complement, within the folds' share of the budget."""

    def __init__(
        self,
        space: FeatureSpace,
        design: LinearDesign,
        learning: Learning,
        params: ForestParams,
        max_rounds: int,
        budget: Budget,
    ) -> None:
        self.space = space
        self.design = design
        self.learning = learning
        self.params = params
        self.max_rounds = max_rounds
        self.budget = budget
        self.strength: float | None = None
        self.linear_seconds = 0.0

    def run(self, report: Callable[[float, str], None]) -> OutOfFold:
        """All folds, or as many as the budget pays for; ``report`` gets the share done and a few words."""
        count = self.learning.split.count
        seconds = FOLD_SHARE * self.budget.left / count
        done: list[_Fold] = []
        for fold in range(count):
            before = self.budget.spent
            done.append(self._fold(fold, seconds))
            report((fold + 1) / count, f"fold {fold + 1} of {count}")
            if self.budget.left < 1.5 * (self.budget.spent - before) and fold + 1 < count:
                self.budget.bound = True
                break
        return self._join(done)

    def _fold(self, fold: int, seconds: float) -> _Fold:
        """Both members on one fold; the forest may take what the linear member leaves of ``seconds``."""
        deadline = self.budget.deadline(seconds)
        train, valid = self.learning.split.train_rows(fold), self.learning.split.test_rows(fold)
        y = self.learning.y
        encoded = self.space.fit(train, self.learning.encoding_target, self.learning.seed + fold)
        own, other = self.space.train_dense(encoded), self.space.dense(encoded, valid)
        linear = self._linear(
            self.design.matrix(own, encoded, train, own=True),
            self.design.matrix(other, encoded, valid, own=False),
            (y[train], y[valid]),
            deadline,
        )
        matrix = self.space.forest_matrix(other, valid)
        forest = self._forest(
            self.space.forest_matrix(own, train), y[train], (matrix, y[valid]), deadline, first=fold == 0
        )
        return _Fold(valid, forest, matrix, linear)

    def _linear(self, own: Any, other: Any, y: tuple[np.ndarray, np.ndarray], deadline: Deadline) -> F64:
        """Margins of the fold's rows. The first fold finds the penalty for all: it goes from strong to weak while the
        loss falls and half of the fold's time is left."""
        objective = self.learning.objective
        half = deadline.left / 2
        if passes_for(own, objective.outputs, half / 2) < MOST_PASSES:
            self.budget.bound = True
        if self.strength is not None:
            return fit_linear(own, y[0], objective, self.strength, seconds=half).margins(other)
        best: tuple[float, F64] | None = None
        fit: LinearFit | None = None
        for strength in STRENGTHS:
            before = self.budget.spent
            fit = fit_linear(own, y[0], objective, strength, seconds=half / 2, start=fit)
            self.linear_seconds += self.budget.spent - before
            margins = fit.margins(other)
            loss = float(row_losses(objective.task, y[1], margins).mean())
            if best is not None and loss >= best[0]:
                break
            best, self.strength = (loss, margins), strength
            if deadline.left < half:
                self.budget.bound = True
                break
        if best is None:
            raise AssertionError("no penalty was tried")
        return best[1]

    def _forest(
        self, own: Any, y: np.ndarray, validation: tuple[Any, np.ndarray], deadline: Deadline, *, first: bool
    ) -> Forest:
        """The first fold's forest starts again with larger steps where there is no time for small ones."""
        forest = self._fit(own, y, validation, deadline, hurry=FEW_ROUNDS if first else 0)
        if not forest.hurried:
            return forest
        self.budget.bound = True
        self.params = replace(self.params, learning_rate=FASTER_RATE)
        return self._fit(own, y, validation, deadline, hurry=0)

    def _fit(
        self, own: Any, y: np.ndarray, validation: tuple[Any, np.ndarray], deadline: Deadline, *, hurry: int
    ) -> Forest:
        return fit_forest(
            own,
            y,
            self.learning.objective,
            self.params,
            rounds=self.max_rounds,
            seed=self.learning.seed,
            deadline=deadline,
            validation=validation,
            hurry=hurry,
        )

    def _join(self, done: list[_Fold]) -> OutOfFold:
        """One number of rounds for all folds, so that no fold is judged by a stop chosen on itself."""
        shape = (len(self.learning.y), self.learning.objective.outputs)
        scored = np.zeros(shape[0], dtype=bool)
        forest, linear = np.zeros(shape), np.zeros(shape)
        rounds = _best_rounds([fold.forest.losses for fold in done])
        for fold in done:
            scored[fold.rows] = True
            linear[fold.rows] = fold.linear
            if rounds:
                forest[fold.rows] = fold.forest.margins(fold.forest_matrix, min(rounds, fold.forest.rounds))
        return OutOfFold(
            scored,
            forest if rounds else None,
            linear,
            rounds,
            self.strength or STRENGTHS[0],
            self.params,
            self.linear_seconds,
        )


def _best_rounds(curves: list[list[float]]) -> int:
    """The round with the lowest mean loss; a fold that stopped early counts with its last loss after that."""
    longest = max(len(curve) for curve in curves)
    if longest == 0:
        return 0
    table = np.array([curve + [curve[-1]] * (longest - len(curve)) for curve in curves if curve])
    return int(table.mean(axis=0).argmin()) + 1
