"""Two sets of predictions of the same rows: which is better, by how much, and how sure that is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tenantry.evaluation import metrics as m
from tenantry.evaluation.arrays import F64, I64
from tenantry.evaluation.intervals import Z95, Estimate, auroc_parts, bootstrap_estimate, difference_estimate

REPEATS = 400


@dataclass(frozen=True, slots=True)
class Comparison:
    """``gain``: how much better ``ours`` is than ``theirs`` (positive is better, whichever way the metric points)."""

    metric: str
    ours: float
    theirs: float
    gain: Estimate


def compare_classes(
    metric: str,
    y: I64,
    ours: F64,
    theirs: F64,
    thresholds: tuple[float, float] = (0.5, 0.5),
    folds: I64 | None = None,
    seed: int = 0,
) -> Comparison:
    """Two sets of class probabilities (rows × classes). ``thresholds`` are of two classes, for what is decided by them;
    ``folds``: rows that one model scored are ranked among themselves (see :func:`auroc_estimate`).

    Areas under ROC curves by DeLong's test for correlated curves; means of per-row figures by their differences; the
    rest by a bootstrap of the difference. ``metric`` is one of :func:`~tenantry.evaluation.classification_metrics`.
    """
    two = ours.shape[1] == 2
    if metric in ("auroc", "macro_auroc"):
        first, second = (auroc_parts(y, p[:, 1] if two else p, folds) for p in (ours, theirs))
        gain = first[0] - second[0]
        error = float(np.sqrt(((first[1] - second[1]) ** 2).sum()))
        return Comparison(
            metric, first[0], second[0], Estimate(gain, gain - Z95 * error, gain + Z95 * error, error)
        )
    if metric in ("log_loss", "brier", "accuracy"):
        rows = [_row_losses(metric, y, p, cut) for p, cut in zip((ours, theirs), thresholds, strict=True)]
        up = metric == "accuracy"
        values = [float(1 - row.mean()) if up else float(row.mean()) for row in rows]
        return Comparison(metric, values[0], values[1], difference_estimate(rows[1] - rows[0]))
    chosen = [_chosen(p, cut) for p, cut in zip((ours, theirs), thresholds, strict=True)]

    def figure(which: int, weights: F64) -> float:
        if metric == "average_precision":
            return m.average_precision(y, (ours, theirs)[which][:, 1], weights)
        if two:
            both = (weights * (chosen[which] + y)).sum()
            return float(2 * (weights * chosen[which] * y).sum() / both) if both > 0 else 0.0
        return m.macro_f1(y, chosen[which], ours.shape[1], weights)

    return _bootstrapped(metric, figure, len(y), seed, up=True)


def compare_values(metric: str, y: F64, ours: F64, theirs: F64, seed: int = 0) -> Comparison:
    """Two sets of predicted values (rows,); ``metric`` is r2, rmse or mae."""
    if metric == "mae":
        first, second = np.abs(y - ours), np.abs(y - theirs)
        return Comparison(
            metric, float(first.mean()), float(second.mean()), difference_estimate(second - first)
        )
    measure = m.r2 if metric == "r2" else m.rmse
    return _bootstrapped(
        metric, lambda which, w: measure(y, (ours, theirs)[which], w), len(y), seed, up=metric == "r2"
    )


def _bootstrapped(
    metric: str, figure: Callable[[int, F64], float], rows: int, seed: int, *, up: bool
) -> Comparison:
    def gain(weights: F64) -> float:
        difference = figure(0, weights) - figure(1, weights)
        return difference if up else -difference

    ones = np.ones(rows)
    return Comparison(
        metric,
        figure(0, ones),
        figure(1, ones),
        bootstrap_estimate(gain(ones), gain, rows, seed, REPEATS),
    )


def _row_losses(metric: str, y: I64, p: F64, cut: float) -> F64:
    if metric == "log_loss":
        return m.row_log_loss(y, p)
    return m.row_brier(y, p) if metric == "brier" else np.asarray(_chosen(p, cut) != y, dtype=np.float64)


def _chosen(p: F64, cut: float) -> I64:
    chosen = p[:, 1] >= cut if p.shape[1] == 2 else p.argmax(axis=1)
    return np.asarray(chosen, dtype=np.int64)
