"""Where to cut a probability into yes and no."""

import numpy as np

from tenantry.evaluation.arrays import F64, I64
from tenantry.evaluation.metrics import ends_of_ties


def best_f1_threshold(y: I64, p: F64) -> float:
    """The probability from which a row is called positive, such that F1 of the positive class is highest.

    F1 is used because the positive class is usually the rare one that someone acts on; accuracy would often call
    nobody positive. The cut lies half-way between the scores on either side, within [0.01, 0.99].
    """
    order, last = ends_of_ties(p)
    found = np.cumsum(y[order])[last]
    f1 = 2 * found / (last + 1 + y.sum())
    best = int(np.argmax(f1))
    here = p[order][last[best]]
    after = p[order][last[best] + 1] if last[best] + 1 < len(p) else here
    return float(np.clip((here + after) / 2, 0.01, 0.99))


def cost_threshold(costs: tuple[tuple[float, ...], ...]) -> float:
    """The probability of the positive class from which saying yes is expected to cost less than saying no.

    ``costs``: by true class (negative, positive) and by what is said. Holds for calibrated probabilities (Elkan 2001).

    >>> cost_threshold(((0.0, 1.0), (9.0, 0.0)))
    0.1
    """
    alarm, miss = costs[0][1] - costs[0][0], costs[1][0] - costs[1][1]
    return float(np.clip(alarm / (alarm + miss), 1e-6, 1 - 1e-6)) if alarm + miss > 0 else 0.5
