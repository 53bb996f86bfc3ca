"""Intervals around predicted values that hold the truth as often as they say, whatever the errors look like.

Split-conformal prediction (Vovk et al. 2005) on out-of-fold residuals, as in CV+ (Barber et al. 2021), in bands of the
predicted value (Mondrian), since errors usually grow with it.
"""

from dataclasses import dataclass

import numpy as np

from tenantry.evaluation.arrays import F64, I64
from tenantry.evaluation.intervals import Estimate, share_estimate

LEVEL = 0.9
BANDS = 5
_BAND_ROWS = 100
"""Fewest rows of a band; with 100, its quantiles are themselves good to about 3 % of coverage."""


@dataclass(frozen=True, slots=True)
class Bands:
    """The interval of a prediction ``v`` in band ``b`` is ``v + low[b]`` to ``v + high[b]``; ``edges`` (rising) part
    the bands."""

    edges: F64
    low: F64
    high: F64

    def interval(self, predicted: F64) -> tuple[F64, F64]:
        """Lower and upper ends, one a prediction, in units of the target."""
        band = np.searchsorted(self.edges, predicted, side="right")
        return predicted + self.low[band], predicted + self.high[band]


def fit_bands(y: F64, predicted: F64, level: float = LEVEL) -> Bands:
    """Learn the bands from honest predictions of rows with known values."""
    count = int(np.clip(len(y) // _BAND_ROWS, 1, BANDS))
    edges = (
        np.unique(np.quantile(predicted, np.linspace(0, 1, count + 1)[1:-1])) if count > 1 else np.zeros(0)
    )
    band = np.searchsorted(edges, predicted, side="right")
    low, high = np.zeros(len(edges) + 1), np.zeros(len(edges) + 1)
    for b in range(len(edges) + 1):
        residual = np.sort((y - predicted)[band == b])
        if not len(residual):  # ties can leave the last band empty
            residual = np.sort(y - predicted)
        n, tail = len(residual), (1 - level) / 2
        # The finite-sample ranks: the next record's residual is as likely to stand at any of n + 1 places.
        low[b] = residual[max(0, int(np.floor((n + 1) * tail)) - 1)]
        high[b] = residual[min(n - 1, int(np.ceil((n + 1) * (1 - tail))) - 1)]
    return Bands(edges, low, high)


def coverage(y: F64, predicted: F64, folds: I64, level: float = LEVEL) -> Estimate:
    """The share of rows inside the interval, each fold's rows by the bands of the others."""
    inside = np.zeros(len(y))
    for fold in np.unique(folds):
        here = folds == fold
        low, high = fit_bands(y[~here], predicted[~here], level).interval(predicted[here])
        inside[here] = (low <= y[here]) & (y[here] <= high)
    return share_estimate(inside)
