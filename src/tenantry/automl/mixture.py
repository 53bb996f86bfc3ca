"""All members' out-of-fold margins: what is blended and calibrated, and by which honest figures it is judged."""

from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.blend import Blend, find_blend
from tenantry.automl.calibrate import apply, fit_calibration
from tenantry.automl.problem import Problem
from tenantry.plan.ir import Calibration


@dataclass(frozen=True, slots=True)
class Mixture:
    """``margins``: by member, one row for each of ``rows`` (positions among the training rows) × outputs."""

    problem: Problem
    rows: I64
    margins: dict[str, F64]

    def fit(self, places: I64) -> tuple[Blend, Calibration]:
        """The blend and the calibration that these out-of-fold rows ask for (``places`` in ``rows``)."""
        rows, judge = self.rows[places], self.problem.judge
        members = {name: margins[places] for name, margins in self.margins.items()}
        blend = find_blend(lambda margins: judge(margins, rows), members)
        target = self.problem.target
        calibration = fit_calibration(target.task, target.y[rows], blend(members), self.problem.scale)
        return blend, calibration

    def cross_fitted(self, parts: I64) -> F64:
        """Predictions of each part's rows by a blend and a calibration that were found on the others, for honest
        figures."""
        predicted: F64 | None = None
        for part in np.unique(parts):
            inside, outside = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
            blend, calibration = self.fit(outside)
            found = apply(calibration, blend(self.margins)[inside])
            if predicted is None:
                predicted = np.zeros((len(self.rows), *found.shape[1:]))
            predicted[inside] = found
        if predicted is None:
            raise AssertionError("there are no parts")
        return predicted
