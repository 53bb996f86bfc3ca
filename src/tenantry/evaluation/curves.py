"""Curves of predictions, as plain lists ready to plot: at most about 100 points each, rounded to 6 digits."""

from typing import Any

import numpy as np

from tenantry.evaluation.arrays import F64, I64
from tenantry.evaluation.metrics import ends_of_ties

POINTS = 100


def binary_curves(y: I64, p: F64) -> dict[str, Any]:
    """``roc``, ``pr``, ``calibration``, ``lift`` and ``confusion`` (by threshold) of the positive class."""
    order, last = ends_of_ties(p)
    found = np.cumsum(y[order])[last].astype(np.float64)
    seen = (last + 1).astype(np.float64)
    positives, rows = max(1.0, float(y.sum())), float(len(y))
    recall, precision = found / positives, found / seen
    fallout = (seen - found) / max(1.0, rows - positives)
    keep = _spread(len(last))
    return {
        "roc": {
            "false_positive_rate": _list(fallout[keep], 0.0),
            "true_positive_rate": _list(recall[keep], 0.0),
        },
        "pr": {"recall": _list(recall[keep]), "precision": _list(precision[keep])},
        "calibration": calibration_curve(y, p),
        "lift": {
            "share_of_rows": _list((seen / rows)[keep]),
            "share_found": _list(recall[keep]),
            "lift": _list((precision / (positives / rows))[keep]),
        },
        "confusion": confusion_by_threshold(y, p),
    }


def calibration_curve(y: I64, p: F64, bins: int = 10) -> dict[str, list[float]]:
    """Stated against observed frequency in bins of equal numbers of rows."""
    order = np.argsort(p, kind="stable")
    groups = [part for part in np.array_split(order, min(bins, len(p))) if len(part)]
    return {
        "predicted": _list(np.array([p[part].mean() for part in groups])),
        "observed": _list(np.array([y[part].mean() for part in groups])),
        "rows": [float(len(part)) for part in groups],
    }


def confusion_by_threshold(y: I64, p: F64) -> dict[str, list[float]]:
    """True and false positives and negatives at thresholds 0.01 … 0.99."""
    cuts = np.linspace(0.01, 0.99, 99)
    positive, negative = np.sort(p[y == 1]), np.sort(p[y == 0])
    missed = np.searchsorted(positive, cuts).astype(np.float64)
    rejected = np.searchsorted(negative, cuts).astype(np.float64)
    return {
        "threshold": _list(cuts),
        "true_positives": _list(len(positive) - missed),
        "false_positives": _list(len(negative) - rejected),
        "true_negatives": _list(rejected),
        "false_negatives": _list(missed),
    }


def multiclass_curves(y: I64, probabilities: F64, classes: tuple[str, ...]) -> dict[str, Any]:
    """One set of binary curves a class, under the class name, and the ``confusion_matrix`` (true class by row)."""
    chosen = probabilities.argmax(axis=1)
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(matrix, (y, chosen), 1)
    sets = {
        name: binary_curves((y == k).astype(np.int64), probabilities[:, k]) for k, name in enumerate(classes)
    }
    return {**sets, "confusion_matrix": {"classes": list(classes), "rows": matrix.tolist()}}


def regression_curves(y: F64, value: F64, seed: int = 0) -> dict[str, Any]:
    """``residuals`` (a histogram, and quantiles by predicted value) and ``predicted_actual`` (a sample of rows)."""
    residual = y - value
    low, high = np.quantile(residual, (0.005, 0.995))
    counts, edges = np.histogram(residual, bins=40, range=(float(low), float(max(high, low + 1e-12))))
    order = np.argsort(value, kind="stable")
    groups = [part for part in np.array_split(order, min(20, len(y))) if len(part)]
    sample = np.sort(np.random.default_rng(seed).permutation(len(y))[:POINTS])
    return {
        "residuals": {
            "edges": _list(edges),
            "counts": _list(counts.astype(np.float64)),
            "by_prediction": {
                "predicted": _list(np.array([value[part].mean() for part in groups])),
                "low": _list(np.array([np.quantile(residual[part], 0.1) for part in groups])),
                "middle": _list(np.array([np.median(residual[part]) for part in groups])),
                "high": _list(np.array([np.quantile(residual[part], 0.9) for part in groups])),
            },
        },
        "predicted_actual": {"predicted": _list(value[sample]), "actual": _list(y[sample])},
    }


def _spread(n: int) -> I64:
    """At most POINTS positions from 0 to n-1, both ends included."""
    return np.unique(np.linspace(0, n - 1, min(n, POINTS)).round().astype(np.int64))


def _list(values: F64, first: float | None = None) -> list[float]:
    """Plain floats with 6 significant digits, beginning with ``first`` where a curve starts before its points."""
    points = [float(f"{v:.6g}") for v in values]
    return points if first is None else [first, *points]
