"""What one column alone says about the target: cross-validated, so that many words do not look clever."""

from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.target import Target
from tenantry.automl.typing import DATE_TYPES, TypedColumn
from tenantry.evaluation import group_folds
from tenantry.evaluation.metrics import macro_auroc, r2
from tenantry.schema import NUMERIC_TYPES, Task

BINS = 64
FOLDS = 5
_SMOOTHING = 5.0
_CERTAIN = 0.9


@dataclass(frozen=True, slots=True)
class Alone:
    """``score``: macro AUROC, or R² for values. ``certain``: the share of the rarer outcomes' rows that the column
    alone settles with 90 % probability or more (0 for values). ``missing``: the score of nothing but whether a value is
    there."""

    name: str
    score: float
    certain: float
    missing: float


def judge_alone(column: TypedColumn, target: Target, groups: I64) -> Alone:
    """Score one column by the target's mean in each of its words or quantile bins, of the other folds' rows."""
    outcome = _outcome(target)
    folds = group_folds(groups, FOLDS, seed=0)
    absent = column.missing_rows()
    predicted = _out_of_fold(_bins(column), outcome, folds)
    missing = 0.5 if target.task is not Task.REGRESSION else 0.0
    if 0 < absent.sum() < len(absent):
        missing = _score(target, _out_of_fold(absent.astype(np.int64), outcome, folds))
    return Alone(column.name, _score(target, predicted), _certain(target, predicted), missing)


def _outcome(target: Target) -> F64:
    if target.task is Task.REGRESSION:
        return np.asarray(target.y, dtype=np.float64)[:, None]
    return np.asarray(np.eye(len(target.classes))[target.y], dtype=np.float64)


def _bins(column: TypedColumn) -> I64:
    """A bin a row; missing rows have one of their own."""
    if column.type in NUMERIC_TYPES or column.type in DATE_TYPES:
        x = column.numbers() if column.type in NUMERIC_TYPES else column.dates()[:, 0]
        known = ~np.isnan(x)
        values = np.unique(x[known])
        if len(values) > BINS:
            values = np.unique(np.quantile(x[known], np.linspace(0, 1, BINS + 1)[1:-1]))
        return np.where(known, np.searchsorted(values, x) + 1, 0).astype(np.int64)
    return (column.words()[0] + 1).astype(np.int64)


def _out_of_fold(bins: I64, outcome: F64, folds: I64) -> F64:
    size = int(bins.max()) + 1
    predicted = np.empty_like(outcome)
    for fold in range(FOLDS):
        out, inside = folds != fold, folds == fold
        prior = outcome[out].mean(axis=0)
        counts = np.bincount(bins[out], minlength=size)
        sums = np.column_stack(
            [np.bincount(bins[out], outcome[out, k], minlength=size) for k in range(outcome.shape[1])]
        )
        means = (sums + _SMOOTHING * prior) / (counts + _SMOOTHING)[:, None]
        predicted[inside] = means[bins[inside]]
    return predicted


def _score(target: Target, predicted: F64) -> float:
    if target.task is Task.REGRESSION:
        return r2(np.asarray(target.y, dtype=np.float64), predicted[:, 0])
    return macro_auroc(target.y, predicted)


def _certain(target: Target, predicted: F64) -> float:
    if target.task is Task.REGRESSION:
        return 0.0
    share = np.bincount(target.y, minlength=len(target.classes)) / len(target.y)
    settled = [
        float((predicted[target.y == k, k] >= _CERTAIN).mean()) for k in range(len(share)) if share[k] <= 0.5
    ]
    return float(np.mean(settled)) if settled else 0.0
