"""The last fit: the blended members on all rows."""

from dataclasses import dataclass

import numpy as np

from tenantry.automl.blend import LINEAR, Blend
from tenantry.automl.budget import Budget
from tenantry.automl.compile import Fitted, LinearParts, linear_parts
from tenantry.automl.encoders import Encoded, FeatureSpace
from tenantry.automl.folds import Learning
from tenantry.automl.members import Forest, ForestBins, LinearDesign, fit_forest, fit_linear
from tenantry.automl.oof import FirstRun, LinearTrial, Trial
from tenantry.plan.ir import Calibration

MORE_ROWS = 1.1
"""The last fit has a quarter more rows than each fold's, so it gets a tenth more rounds."""
LEAF_SECONDS = 3e-5
MORE_SECONDS = 1.25
"""What the last fit of a member takes, as a multiple of one fold's."""


def last_fit_seconds(first: FirstRun, trials: list[Trial]) -> float:
    """CPU seconds to keep for the last fit of these forests and the linear member, and for compiling them."""
    forests = sum(trial.seconds / max(1, len(trial.forests)) for trial in trials)
    linear = first.linear.seconds if first.linear is not None else 0.0
    return MORE_SECONDS * MORE_ROWS * forests + 1.5 * linear + leaf_seconds(trials)


def leaf_seconds(trials: list[Trial]) -> float:
    """CPU seconds for laying out and proving the last fit's leaves."""
    leaves = sum(
        MORE_ROWS * trial.rounds * trial.params.num_leaves * trial.forests[0].outputs for trial in trials
    )
    return LEAF_SECONDS * leaves


@dataclass(frozen=True, slots=True)
class LastFit:
    """Fits the members of a blend on all rows."""

    space: FeatureSpace
    design: LinearDesign
    learning: Learning
    budget: Budget

    def fit(self, first: FirstRun, trials: list[Trial], blend: Blend, calibration: Calibration) -> Fitted:
        """Fit the encoders and the members with weight on all rows."""
        everything = np.arange(len(self.learning.y), dtype=np.int64)
        encoded = self.space.fit(everything, self.learning.encoding_target, self.learning.seed)
        linear: LinearParts | None = None
        if LINEAR in blend.weights and first.linear is not None:
            linear = self._linear(encoded, first.linear)
        wanted = [trial for trial in trials if trial.name in blend.weights]
        forests: dict[str, Forest] = {}
        if wanted:
            dense = self.space.train_dense(encoded)
            matrix = self.space.forest_matrix(dense, encoded.rows)
            bins = ForestBins(matrix, self.learning.y, self.learning.objective, plain=self.space.plain)
            total = sum(trial.seconds for trial in wanted)
            for trial in wanted:
                seconds = self.budget.left * trial.seconds / total if total else self.budget.left
                needed = MORE_SECONDS * MORE_ROWS * trial.seconds / len(trial.forests)
                total -= trial.seconds
                forests[trial.name] = self._forest(bins, trial, max(seconds, needed))
                forests[trial.name].weigh(blend.weights[trial.name])
        return Fitted(self.space, encoded, self.design, forests, linear, blend, calibration)

    def _forest(self, bins: ForestBins, trial: Trial, seconds: float) -> Forest:
        """All the rounds that were judged: a forest cut short here would not be what the figures speak of, so it gets
        what one fold took even where the budget is spent."""
        return fit_forest(
            bins,
            trial.params,
            rounds=int(np.ceil(trial.rounds * MORE_ROWS)),
            seed=self.learning.seed,
            deadline=self.budget.overrun(seconds),
        )

    def _linear(self, encoded: Encoded, found: LinearTrial) -> LinearParts:
        dense = self.space.train_dense(encoded)
        matrix = self.design.matrix(dense, encoded, encoded.rows, own=True)
        seconds = self.budget.left + 1.5 * found.seconds
        fit = fit_linear(matrix, self.learning.y, self.learning.objective, found.strength, seconds=seconds)
        return linear_parts(self.design, encoded, fit)
