"""95 % intervals of quality figures: DeLong's variance for AUROC, the normal one for means, a bootstrap for
the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tenantry.evaluation.arrays import F64, I64, Bools

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its standard error and the ends of its 95 % interval."""

    value: float
    low: float
    high: float
    error: float


def auroc_estimate(y: I64, scores: F64, folds: I64 | None = None, clusters: I64 | None = None) -> Estimate:
    """AUROC with DeLong's interval. ``scores`` is (rows,) for binary ``y``, or rows × classes for the macro mean.

    DeLong, DeLong and Clarke-Pearson (1988), computed by mid-ranks (Sun and Xu 2014). With ``folds`` (rows,) only rows
    of one fold are compared: scores of several models need not share a scale, and to rank across them would make the
    figure too low. ``clusters`` (rows,): rows of one cluster are not independent (Obuchowski 1997).
    """
    value, influence = auroc_parts(y, scores, folds)
    if np.isnan(value):
        return Estimate(value, 0.0, 1.0, float("nan"))
    error = float(np.sqrt((summed(influence, clusters) ** 2).sum()))
    low, high = _within_unit(value, error)
    return Estimate(value, low, high, error)


def auroc_parts(y: I64, scores: F64, folds: I64 | None = None) -> tuple[float, F64]:
    """AUROC as :func:`auroc_estimate`, and each row's influence on it; differences of influences of two sets of scores
    on the same rows give the variance of the difference.

    For the macro mean the influences of a row on each class's AUROC are averaged, which keeps their correlation.
    """
    if scores.ndim == 1:
        return _by_fold(y == 1, scores, folds)
    present = [k for k in range(scores.shape[1]) if 0 < (y == k).sum() < len(y)]
    parts = [_by_fold(y == k, scores[:, k], folds) for k in present]
    parts = [part for part in parts if not np.isnan(part[0])]
    if not parts:
        return float("nan"), np.zeros(len(y))
    return float(np.mean([area for area, _ in parts])), np.mean([part for _, part in parts], axis=0)


def _by_fold(positive: Bools, score: F64, folds: I64 | None) -> tuple[float, F64]:
    """The mean of the folds' AUROC, weighted by pairs; a fold that lacks either class has none."""
    if folds is None:
        return auroc_influence(positive, score)
    total, pairs, influence = 0.0, 0.0, np.zeros(len(score))
    for fold in np.unique(folds):
        here = folds == fold
        weight = float(positive[here].sum()) * float((~positive[here]).sum())
        if weight:
            area, part = auroc_influence(positive[here], score[here])
            total, pairs = total + weight * area, pairs + weight
            influence[here] = weight * part
    if not pairs:
        return auroc_influence(positive, score)
    return total / pairs, influence / pairs


def _within_unit(value: float, error: float) -> tuple[float, float]:
    """The 95 % interval of a figure between 0 and 1, normal on the log-odds scale: near 1 it is not symmetric."""
    if not 0.0 < value < 1.0:
        return max(0.0, value - Z95 * error), min(1.0, value + Z95 * error)
    middle, spread = np.log(value / (1 - value)), error / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(middle - Z95 * spread))), 1 / (1 + np.exp(-(middle + Z95 * spread)))
    return float(low), float(high)


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


def summed(influence: F64, clusters: I64 | None) -> F64:
    """Influences of rows as influences of clusters, which are what is independent; ``clusters`` are numbered from 0."""
    return influence if clusters is None else np.asarray(np.bincount(clusters, influence), dtype=np.float64)


def mean_error(per_row: F64, clusters: I64 | None = None) -> float:
    """The standard error of a mean; of rows that come in clusters, by the clusters' sums (Liang and Zeger 1986)."""
    parts = summed(per_row - per_row.mean(), clusters)
    many = len(parts)
    return float(np.sqrt((parts**2).sum() * many / (many - 1))) / len(per_row) if many > 1 else float("nan")


def mean_estimate(per_row: F64, clusters: I64 | None = None) -> Estimate:
    """The mean of a per-row figure that is never negative (a loss, a hit) with the normal interval."""
    value, error = float(per_row.mean()), mean_error(per_row, clusters)
    return Estimate(value, max(value - Z95 * error, 0.0), value + Z95 * error, error)


def difference_estimate(gain: F64, clusters: I64 | None = None) -> Estimate:
    """The mean of per-row differences of either sign, with the normal interval."""
    value, error = float(gain.mean()), mean_error(gain, clusters)
    return Estimate(value, value - Z95 * error, value + Z95 * error, error)


def share_estimate(hits: F64, clusters: I64 | None = None) -> Estimate:
    """A share (of 0/1 entries) with Wilson's interval (1927), which holds near 0 and 1 and for few rows.

    Of no rows it is 0 and says nothing (0 to 1). Rows in ``clusters`` count as so many independent ones as have the
    same standard error.
    """
    if not len(hits):
        return Estimate(0.0, 0.0, 1.0, float("nan"))
    share, n = float(hits.mean()), float(len(hits))
    if clusters is not None:
        error = mean_error(hits, clusters)
        n = min(n, share * (1 - share) / error**2) if error > 0 else float(len(np.unique(clusters)))
    square = Z95**2 / n
    middle = (share + square / 2) / (1 + square)
    half = Z95 / (1 + square) * float(np.sqrt(share * (1 - share) / n + square / (4 * n)))
    error = float(np.sqrt(share * (1 - share) / n))
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)), error)


def bootstrap_estimate(
    value: float, reweighted: Callable[[F64], float], rows: int, seed: int, repeats: int = 200
) -> Estimate:
    """The interval of any figure by the Bayesian bootstrap (Rubin 1981): ``reweighted`` takes row weights.

    ``value`` is the figure on the rows as they are. The interval is centred percentiles, 2.5 % to 97.5 %.
    """
    return bootstrap_estimates((value,), lambda w: (reweighted(w),), rows, seed, repeats)[0]


def bootstrap_estimates(
    values: tuple[float, ...],
    reweighted: Callable[[F64], tuple[float, ...]],
    rows: int,
    seed: int,
    repeats: int = 200,
    clusters: I64 | None = None,
) -> tuple[Estimate, ...]:
    """:func:`bootstrap_estimate` of several figures from the same draws, such as a figure and its gain on another.
    Rows of one of the ``clusters`` (rows,), numbered from 0, get the same weight."""
    rng = np.random.default_rng(seed)
    many = rows if clusters is None else int(clusters.max()) + 1
    weights = (rng.standard_exponential(many) for _ in range(repeats))
    drawn = np.array([reweighted(w if clusters is None else w[clusters]) for w in weights])
    return tuple(_percentiles(value, draws) for value, draws in zip(values, drawn.T, strict=True))


def _percentiles(value: float, draws: F64) -> Estimate:
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
