"""Quality figures of predictions. ``y`` holds 0/1 (binary), class numbers (multiclass) or values (regression).

All functions are deterministic and take optional row ``weights``, so that a bootstrap can reweight instead of
resampling. Probabilities are clipped to [1e-7, 1 - 1e-7] before logarithms.
"""

import numpy as np

from tenantry.evaluation.arrays import F64, I64

TINY = 1e-7


def auroc(y: I64, score: F64, weights: F64 | None = None) -> float:
    """Area under the ROC curve: the chance that a random positive scores above a random negative (ties count half).

    NaN where only one class is present.
    """
    order = np.argsort(score, kind="stable")
    w = np.ones(len(y)) if weights is None else weights[order]
    positive = w * (y[order] == 1)
    negative = w - positive
    last = _last_of_ties(score[order])
    pos_sum, neg_sum = np.cumsum(positive)[last], np.cumsum(negative)[last]
    pos_step = np.diff(pos_sum, prepend=0.0)
    neg_before = np.concatenate(([0.0], neg_sum[:-1]))
    neg_step = neg_sum - neg_before
    total = pos_sum[-1] * neg_sum[-1]
    return float((pos_step * (neg_before + 0.5 * neg_step)).sum() / total) if total > 0 else float("nan")


def average_precision(y: I64, score: F64, weights: F64 | None = None) -> float:
    """Area under the precision–recall curve as the mean precision over the positives (no interpolation)."""
    order = np.argsort(-score, kind="stable")
    w = np.ones(len(y)) if weights is None else weights[order]
    return sorted_average_precision(y[order], w, _last_of_ties(score[order]))


def sorted_average_precision(y: I64, weights: F64, last: I64) -> float:
    """:func:`average_precision` of rows that stand in falling order of score; ``last`` ends each run of ties."""
    found = np.cumsum(weights * y)[last]
    seen = np.cumsum(weights)[last]
    if found[-1] <= 0:
        return float("nan")
    precision = np.divide(found, seen, out=np.ones_like(found), where=seen > 0)
    return float((np.diff(found, prepend=0.0) * precision).sum() / found[-1])


def row_log_loss(y: I64, probabilities: F64) -> F64:
    """Minus the log probability of each row's true class; ``probabilities`` is rows × classes."""
    p = np.clip(probabilities[np.arange(len(y)), y], TINY, 1 - TINY)
    return np.asarray(-np.log(p), dtype=np.float64)


def row_brier(y: I64, probabilities: F64) -> F64:
    """Squared error of the positive class's probability, one entry a row (binary)."""
    return np.asarray((probabilities[:, 1] - y) ** 2, dtype=np.float64)


def expected_calibration_error(y: I64, p: F64, bins: int = 10, weights: F64 | None = None) -> float:
    """Mean gap between the stated and the observed frequency over equal-width bins of ``p``, weighted by rows."""
    w = np.ones(len(y)) if weights is None else weights
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, w * (y - p), minlength=bins)
    return float(np.abs(gap).sum() / w.sum())


def macro_f1(y: I64, chosen: I64, classes: int, weights: F64 | None = None) -> float:
    """Unweighted mean over the classes of F1 = 2·TP / (2·TP + FP + FN); 0 for a class never met nor chosen."""
    w = np.ones(len(y)) if weights is None else weights
    hit = np.bincount(y, w * (y == chosen), minlength=classes)
    both = np.bincount(y, w, minlength=classes) + np.bincount(chosen, w, minlength=classes)
    return float(np.divide(2 * hit, both, out=np.zeros(classes), where=both > 0).mean())


def macro_auroc(y: I64, probabilities: F64) -> float:
    """Mean of each present class's one-against-the-rest AUROC."""
    scores = [auroc((y == k).astype(np.int64), probabilities[:, k]) for k in range(probabilities.shape[1])]
    return float(np.nanmean(scores))


def r2(y: F64, value: F64, weights: F64 | None = None) -> float:
    """Share of the variance explained; 0 is what guessing the mean gets, and worse than that is negative."""
    w = np.ones(len(y)) if weights is None else weights
    mean = (w * y).sum() / w.sum()
    spread = (w * (y - mean) ** 2).sum()
    return float(1 - (w * (y - value) ** 2).sum() / spread) if spread > 0 else float("nan")


def rmse(y: F64, value: F64, weights: F64 | None = None) -> float:
    """Root mean squared error, in units of the target."""
    return float(np.sqrt(np.average((y - value) ** 2, weights=weights)))


def _last_of_ties(ordered: F64) -> I64:
    """Positions where a run of equal scores ends."""
    return np.flatnonzero(np.concatenate((np.diff(ordered) != 0, [True]))).astype(np.int64)


def ends_of_ties(score: F64) -> tuple[I64, I64]:
    """Rows in falling order of score, and the positions (in that order) where each run of ties ends."""
    order = np.argsort(-score, kind="stable").astype(np.int64)
    return order, _last_of_ties(score[order])
