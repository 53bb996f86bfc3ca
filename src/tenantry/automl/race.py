"""Candidates side by side on the same folds, and a clock that counts work instead of time."""

from dataclasses import dataclass, field

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.budget import Budget
from tenantry.automl.folds import Fold
from tenantry.automl.losses import Judge
from tenantry.automl.members import Forest, ForestParams, fit_forest
from tenantry.automl.oof import Trial

GIVE_UP = 1.5
"""In standard errors: how much worse than the best so far a forest may be before it is given up."""
_SECONDS_PER_CELL = 4e-9
_SECONDS_PER_ROUND = 3e-4
_CELLS_LEAVES = 31


@dataclass(slots=True)
class WorkClock:
    """Seconds that the work so far should have taken on a usual machine, and how many it may take.

    Unlike the CPU's clock it gives the same for the same seed, so that a seed decides what is tried.
    """

    limit: float
    spent: float = 0.0

    def add(self, forest: Forest, cells: int, params: ForestParams) -> None:
        """Count the boosting of a forest on a matrix of ``cells`` stored numbers."""
        trees = forest.rounds * forest.outputs
        self.spent += (
            trees
            * (_SECONDS_PER_CELL * cells + _SECONDS_PER_ROUND)
            * (0.5 + 0.5 * params.num_leaves / _CELLS_LEAVES)
        )

    @property
    def over(self) -> bool:
        """Whether no more work may be begun."""
        return self.spent >= self.limit


@dataclass(slots=True)
class Race:
    """Runs candidates over the folds; one that is clearly worse than the best is given up after any fold.

    ``last_loss``: the mean loss of the last candidate, on the folds that it ran.
    """

    folds: list[Fold]
    judge: Judge
    seed: int
    budget: Budget
    clock: WorkClock
    last_loss: float = float("inf")
    _losses: list[list[F64]] = field(default_factory=list)

    def enter(self, trial: Trial) -> None:
        """Bring in a trial that is complete."""
        pairs = list(zip(trial.forests, self.folds, strict=True))
        for forest, fold in pairs:
            self.clock.add(forest, fold.cells, trial.params)
        self._losses.append([self._fold_losses(forest, fold) for forest, fold in pairs])

    def run(self, name: str, params: ForestParams, most_rounds: int) -> Trial | None:
        """All folds of one candidate; None where it was given up, or where the budget ended."""
        trial, losses = Trial(name, params), list[F64]()
        before = self.budget.spent
        for fold in self.folds:
            deadline = self.budget.deadline(self.budget.left)
            forest = fit_forest(fold.bins, params, rounds=most_rounds, seed=self.seed, deadline=deadline)
            self.clock.add(forest, fold.cells, params)
            if deadline.passed:
                return None
            trial.forests.append(forest)
            losses.append(self._fold_losses(forest, fold))
            self.last_loss = float(np.concatenate(losses).mean())
            if self._hopeless(losses):
                return None
        trial.seconds = self.budget.spent - before
        self._losses.append(losses)
        return trial

    def _fold_losses(self, forest: Forest, fold: Fold) -> F64:
        """Losses of the held rows at the fold's own best round: only for deciding who runs on."""
        best = int(np.argmin(forest.losses)) + 1 if forest.losses else forest.rounds
        return self.judge(forest.margins(fold.matrix, best), fold.rows)

    def _hopeless(self, losses: list[F64]) -> bool:
        mine = np.concatenate(losses)
        others = [np.concatenate(theirs[: len(losses)]) for theirs in self._losses]
        gap = mine - min(others, key=lambda theirs: float(theirs.mean()), default=mine)
        return bool(gap.mean() > GIVE_UP * gap.std(ddof=1) / np.sqrt(len(gap)))
