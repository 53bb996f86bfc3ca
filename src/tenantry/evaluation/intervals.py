"""95 % intervals of quality figures: DeLong's variance for AUROC, the normal one for means, a bootstrap for
the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tenantry.evaluation.arrays import F64, I64

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its standard error and the ends of its 95 % interval."""

    value: float
    low: float
    high: float
    error: float


def auroc_estimate(y: I64, scores: F64) -> Estimate:
    """AUROC with DeLong's interval. ``scores`` is (rows,) for binary ``y``, or rows × classes for the macro mean.

    DeLong, DeLong and Clarke-Pearson (1988), computed by mid-ranks (Sun and Xu 2014). For the macro mean the
    influences of a row on each class's AUROC are averaged before squaring, which keeps their correlation.
    """
    if scores.ndim == 1:
        parts = [auroc_influence(y == 1, scores)]
    else:
        present = [k for k in range(scores.shape[1]) if 0 < (y == k).sum() < len(y)]
        parts = [auroc_influence(y == k, scores[:, k]) for k in present]
    if not parts:
        return Estimate(float("nan"), 0.0, 1.0, float("nan"))
    value = float(np.mean([area for area, _ in parts]))
    error = float(np.sqrt((np.mean([influence for _, influence in parts], axis=0) ** 2).sum()))
    return Estimate(value, max(0.0, value - Z95 * error), min(1.0, value + Z95 * error), error)


def auroc_influence(positive: np.ndarray, score: F64) -> tuple[float, F64]:
    """AUROC, and each row's influence on it; the sum of the squared influences is DeLong's variance."""
    pos, neg = score[positive], score[~positive]
    m, n = len(pos), len(neg)
    if not m or not n:
        return float("nan"), np.zeros(len(score))
    all_ranks, pos_ranks, neg_ranks = _midranks(score), _midranks(pos), _midranks(neg)
    above = (all_ranks[positive] - pos_ranks) / n
    below = 1 - (all_ranks[~positive] - neg_ranks) / m
    area = float(above.mean())
    influence = np.zeros(len(score))
    influence[positive] = (above - area) / max(1, m)
    influence[~positive] = (below - area) / max(1, n)
    return area, influence


def mean_estimate(per_row: F64) -> Estimate:
    """The mean of a per-row figure that is never negative (a loss, a hit) with the normal interval."""
    value = float(per_row.mean())
    error = float(per_row.std(ddof=1) / np.sqrt(len(per_row))) if len(per_row) > 1 else float("nan")
    return Estimate(value, max(value - Z95 * error, 0.0), value + Z95 * error, error)


def bootstrap_estimate(
    value: float, reweighted: Callable[[F64], float], rows: int, seed: int, repeats: int = 200
) -> Estimate:
    """The interval of any figure by the Bayesian bootstrap (Rubin 1981): ``reweighted`` takes row weights.

    ``value`` is the figure on the rows as they are. The interval is centred percentiles, 2.5 % to 97.5 %.
    """
    rng = np.random.default_rng(seed)
    draws = np.array([reweighted(rng.standard_exponential(rows)) for _ in range(repeats)])
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return Estimate(value, value, value, float("nan"))
    low, high = np.quantile(draws, (0.025, 0.975))
    return Estimate(value, min(value, float(low)), max(value, float(high)), float(draws.std()))


def _midranks(x: F64) -> F64:
    """1-based ranks; equal values share the mean of their ranks."""
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[place], dtype=np.float64)
