"""What members, blends and calibrations are judged by: log loss of margins, or squared error of values."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_expit, logsumexp

from tenantry.automl.arrays import F64, I64
from tenantry.automl.calibrate import ValueScale, apply, fit_calibration
from tenantry.schema import Task


@dataclass(frozen=True, slots=True)
class Judge:
    """``y``: the outcomes of all rows as margins want them; ``values``: the same in their own unit."""

    task: Task
    y: np.ndarray
    values: np.ndarray
    scale: ValueScale

    def __call__(self, margins: F64, rows: I64) -> F64:
        """The losses of these rows (``margins``: rows × outputs). Values are judged in their own unit, since that is
        what the user is told: on a logarithm, after the calibration back; divided by their variance."""
        if not self.scale.log:
            return row_losses(self.task, self.y[rows], margins)
        calibration = fit_calibration(self.task, self.values[rows], margins, self.scale)
        error = (apply(calibration, margins) - self.values[rows]) / self.values.std()
        return np.asarray(error**2)


def row_losses(task: Task, y: np.ndarray, margins: F64) -> F64:
    """One loss a row; ``margins`` is rows × outputs."""
    if task is Task.REGRESSION:
        return np.asarray((margins[:, 0] - y) ** 2)
    if task is Task.BINARY:
        m = margins[:, 0]
        return np.asarray(-np.where(y == 1, log_expit(m), log_expit(-m)))
    return np.asarray(logsumexp(margins, axis=1) - margins[np.arange(len(y)), y])
