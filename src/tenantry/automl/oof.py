"""Out-of-fold margins, made once for each member and used for everything: early stopping, the linear penalty, which
members are blended and how, calibration, threshold, and the figures of the scorecard."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.budget import Budget, Deadline
from tenantry.automl.encoders import FeatureSpace
from tenantry.automl.folds import Fold, Learning, LinearMatrices, make_fold
from tenantry.automl.losses import row_losses
from tenantry.automl.members import (
    Forest,
    ForestParams,
    LinearDesign,
    LinearFit,
    fit_forest,
    fit_linear,
)
from tenantry.automl.members.solvers import MOST_PASSES, passes_for

STRENGTHS = (0.02, 0.2, 2.0, 10.0)
"""Inverse penalties of the linear member that are tried on the first fold, the strongest penalty first."""
FOLD_SHARE = 0.68
"""Of the budget, the most that the first forest and the linear member may take for all folds."""
LINEAR_SHARE = 0.3
"""Of a fold's time, what the forest leaves to the linear member."""
ENOUGH_ROWS, ENOUGH_FOLDS = 6_000, 3
"""With so many rows three of five folds judge well enough, and the time is better spent on more candidates."""
FEW_ROWS = 2_000
"""Up to so many, one fold cannot tell which penalty is best."""
FEW_ROUNDS = 120
FASTER_RATE = 0.15


@dataclass(slots=True)
class Trial:
    """One kind of forest, fitted on the folds in their order; ``seconds``: CPU seconds that this took."""

    name: str
    params: ForestParams
    forests: list[Forest] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rounds(self) -> int:
        """One number of rounds for all folds, so that no fold is judged by a stop chosen on itself: that with the
        lowest mean loss. A fold that stopped early counts with its last loss after that."""
        curves = [forest.losses for forest in self.forests if forest.losses]
        if not curves:
            return 0
        longest = max(len(curve) for curve in curves)
        table = np.array([curve + [curve[-1]] * (longest - len(curve)) for curve in curves])
        return int(table.mean(axis=0).argmin()) + 1

    def margins(self, folds: list[Fold]) -> F64:
        """Margins of the rows that these folds hold out, fold by fold."""
        rounds = self.rounds
        parts = [
            forest.margins(fold.matrix, min(rounds, forest.rounds))
            for forest, fold in zip(self.forests, folds, strict=False)
        ]
        return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class LinearTrial:
    """``margins``: of the rows that the folds hold out; ``seconds``: CPU seconds of one fit."""

    margins: F64
    strength: float
    seconds: float


@dataclass(frozen=True, slots=True)
class FirstRun:
    """The folds that the budget paid for, with the two members that every model is tried with.

    ``forest`` is None where not one round could be made, ``linear`` where scores must rise or fall with a column: its
    terms know no such constraint.
    """

    folds: list[Fold]
    forest: Trial | None
    linear: LinearTrial | None

    @property
    def rows(self) -> I64:
        """The rows that are held out, fold by fold: the order of all out-of-fold margins."""
        return np.concatenate([fold.rows for fold in self.folds])


def folds_to_run(learning: Learning) -> list[int]:
    """The folds whose rows are predicted: all; of a large table a part; by time, the latest. Folds of groups are as
    unlike as the groups, so all are needed."""
    count = learning.split.count
    if len(learning.y) < ENOUGH_ROWS or learning.split.kind == "group":
        return list(range(count))
    return list(range(max(0, count - ENOUGH_FOLDS), count))


class OutOfFoldRun:
    """Fits a forest and the linear member on each fold's complement, within the folds' share of the budget."""

    def __init__(
        self,
        space: FeatureSpace,
        design: LinearDesign,
        learning: Learning,
        trial: Trial,
        max_rounds: int,
        budget: Budget,
    ) -> None:
        self.space = space
        self.design = design
        self.learning = learning
        self.trial = trial
        self.constrained = any(learning.objective.monotone)
        self.max_rounds = max_rounds
        self.budget = budget
        self.few_rows = len(learning.y) <= FEW_ROWS
        self.strength: float | None = None
        self.linear_seconds = 0.0

    def run(self, report: Callable[[float, str], None]) -> FirstRun:
        """All folds, or as many as the budget pays for; ``report`` gets the share done and a few words."""
        numbers = folds_to_run(self.learning)
        count = len(numbers)
        seconds = FOLD_SHARE * self.budget.left / count
        folds: list[Fold] = []
        linear: list[dict[float, F64]] = []
        for done, number in enumerate(numbers, start=1):
            before = self.budget.spent
            fold, fitted = self._fold(number, seconds)
            folds.append(fold)
            linear += fitted
            report(done / count, f"fold {done} of {count}")
            if self.budget.left < 1.5 * (self.budget.spent - before) and done < count:
                self.budget.bound = True
                break
        found: LinearTrial | None = None
        if not self.constrained:
            strength, margins = self._best_strength(linear, folds)
            found = LinearTrial(margins, strength, self.linear_seconds)
        return FirstRun(folds, self.trial if self.trial.rounds else None, found)

    def _fold(self, number: int, seconds: float) -> tuple[Fold, list[dict[float, F64]]]:
        """Both members on one fold; the linear one may take what the forest leaves of ``seconds``, and a part of it in
        any case."""
        deadline = self.budget.deadline(seconds)
        fold, matrices = make_fold(self.space, self.design, self.learning, number)
        before = self.budget.spent
        forest = self.budget.deadline((1 - LINEAR_SHARE) * deadline.left)
        self.trial.forests.append(self._forest(fold, forest, first=not self.trial.forests))
        self.trial.seconds += self.budget.spent - before
        return fold, [] if self.constrained else [self._linear(matrices, deadline)]

    def _linear(self, matrices: LinearMatrices, deadline: Deadline) -> dict[float, F64]:
        """Margins of the fold's rows by penalty. The first fold finds the penalty for all: it goes from strong to weak
        while the loss falls and half of the time is left. Where a fold has too few rows to tell, every fold tries all.
        """
        objective, own, y = self.learning.objective, matrices.own, matrices.y
        half = deadline.left / 2
        if passes_for(own, objective.outputs, half) < MOST_PASSES:
            self.budget.bound = True
        if self.strength is not None:
            fit = fit_linear(own, y[0], objective, self.strength, seconds=deadline.left)
            return {self.strength: fit.margins(matrices.other)}
        found: dict[float, F64] = {}
        losses: list[float] = []
        start: LinearFit | None = None
        for strength in STRENGTHS:
            before = self.budget.spent
            start = fit_linear(own, y[0], objective, strength, seconds=half / 2, start=start)
            self.linear_seconds = self.budget.spent - before
            found[strength] = start.margins(matrices.other)
            losses.append(float(row_losses(objective.task, y[1], found[strength]).mean()))
            if not self.few_rows and len(losses) > 1 and losses[-1] >= losses[-2]:
                break
            if deadline.left < half:
                self.budget.bound = True
                break
        if not self.few_rows or self.budget.bound:
            self.strength = STRENGTHS[int(np.argmin(losses))]
        return found

    def _best_strength(self, found: list[dict[float, F64]], folds: list[Fold]) -> tuple[float, F64]:
        """The penalty with the lowest loss over all folds that tried it, and its margins."""
        common = [strength for strength in STRENGTHS if all(strength in fold for fold in found)]
        rows = np.concatenate([fold.rows for fold in folds])
        task = self.learning.objective.task
        margins = {s: np.concatenate([fold[s] for fold in found]) for s in common}
        best = min(common, key=lambda s: float(row_losses(task, self.learning.y[rows], margins[s]).mean()))
        return best, margins[best]

    def _forest(self, fold: Fold, deadline: Deadline, *, first: bool) -> Forest:
        """The first fold's forest starts again with larger steps where there is no time for small ones."""
        forest = self._fit(fold, deadline, hurry=FEW_ROUNDS if first else 0)
        if not forest.hurried:
            return forest
        self.budget.bound = True
        self.trial.params = replace(self.trial.params, learning_rate=FASTER_RATE)
        return self._fit(fold, deadline, hurry=0)

    def _fit(self, fold: Fold, deadline: Deadline, *, hurry: int) -> Forest:
        return fit_forest(
            fold.bins,
            self.trial.params,
            rounds=self.max_rounds,
            seed=self.learning.seed,
            deadline=deadline,
            hurry=hurry,
        )
