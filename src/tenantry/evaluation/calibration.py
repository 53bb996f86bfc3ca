"""Whether probabilities mean what they say, and how far from that chance alone would leave a perfect model."""

from dataclasses import dataclass

import numpy as np

from tenantry.evaluation.arrays import F64, I64
from tenantry.evaluation.metrics import expected_calibration_error

BINS = 10
_FINE = 20
"""Cells a bin, in which probabilities are so alike that their hits can be drawn as one binomial."""
_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """``error``: the mean gap between stated and observed frequency over ten equal-width bins, weighted by rows;
    ``chance``: the 95 % quantile of that figure for a perfectly calibrated model with the same probabilities."""

    error: float
    chance: float
    rows: int


def measure_calibration(y: I64, probabilities: F64, seed: int = 0) -> CalibrationError:
    """Of the positive class, or for three and more classes of the class that is named (Guo et al. 2017).

    ``probabilities``: rows × classes, ``y``: class numbers.
    """
    if probabilities.shape[1] == 2:
        hit, stated = y, probabilities[:, 1]
    else:
        hit = (probabilities.argmax(axis=1) == y).astype(np.int64)
        stated = probabilities.max(axis=1)
    error = expected_calibration_error(hit, stated, BINS)
    return CalibrationError(error, chance_error(stated, seed), len(y))


def chance_error(p: F64, seed: int = 0, quantile: float = 0.95) -> float:
    """The quantile of the calibration error of outcomes that come about exactly as ``p`` says (rows,), by simulation.

    Rows are put into 200 cells of nearly equal probability and each cell's hits drawn as a binomial of its mean: a
    simulation of each row would give a variance that is smaller by less than 1 %, at a hundred times the cost.
    """
    cells = BINS * _FINE
    cell = np.minimum((p * cells).astype(np.int64), cells - 1)
    rows = np.bincount(cell, minlength=cells)
    stated = np.bincount(cell, p, minlength=cells)
    rate = np.divide(stated, rows, out=np.zeros(cells), where=rows > 0)
    hits = np.random.default_rng(seed).binomial(rows, np.clip(rate, 0.0, 1.0), (_DRAWS, cells))
    gap = (hits - stated).reshape(_DRAWS, BINS, _FINE).sum(axis=2)
    return float(np.quantile(np.abs(gap).sum(axis=1) / len(p), quantile))
