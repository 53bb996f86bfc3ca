"""Whether a model's figures can be relied on: better than guessing, calibrated, and how far values may be off."""

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.learn import Learned
from tenantry.automl.prepare import Prepared
from tenantry.automl.prose import figure
from tenantry.automl.splits import Split
from tenantry.bundle.scorecard import CalibrationReport, Metric, ValueInterval
from tenantry.evaluation import conformal, measure_calibration
from tenantry.schema import Task

TOLERATED = 0.03
"""A mean gap between stated and observed frequency that hardly any use of a probability notices."""
_DECIDING = {
    Task.BINARY: ("auroc", "log_loss"),
    Task.MULTICLASS: ("macro_auroc", "log_loss"),
    Task.REGRESSION: ("r2", "mae"),
}
"""Two figures a task, which fail in different ways: one of ranks or squares, one of each row's loss."""


def is_proven(task: Task, metrics: tuple[Metric, ...]) -> bool:
    """Whether the model is better than guessing beyond chance by either deciding figure.

    Each is asked at 97.5 %, so that a model of noise passes in at most one training of twenty.
    """
    gains = {metric.name: metric.gain_low for metric in metrics}
    return any((gains.get(name) or 0.0) > 0 for name in _DECIDING[task])


def calibration_report(learned: Learned, seed: int) -> CalibrationReport | None:
    """Of out-of-fold probabilities, calibrated by the other folds; None for values."""
    if learned.task is Task.REGRESSION:
        return None
    found = measure_calibration(np.asarray(learned.y, dtype=np.int64), learned.predicted, seed)
    calibrated = found.error <= max(TOLERATED, found.chance)
    gap = f"stated and observed shares differ by {found.error:.1%} on average"
    chance = (
        f"chance alone gives a perfectly calibrated model up to {found.chance:.1%} on {found.rows:,} rows"
    )
    verdict = (
        "Probabilities can be taken at their word"
        if calibrated
        else "Use the probabilities to rank, not as odds"
    )
    return CalibrationReport(
        error=found.error,
        chance=found.chance,
        rows=found.rows,
        calibrated=calibrated,
        words=f"{verdict}: {gap}; {chance}.",
    )


def value_interval(learned: Learned) -> ValueInterval | None:
    """Conformal bands from out-of-fold values, and the coverage that they have on folds which did not make them."""
    if learned.task is not Task.REGRESSION:
        return None
    y = np.asarray(learned.y, dtype=np.float64)
    bands = conformal.fit_bands(y, learned.predicted)
    held = conformal.coverage(y, learned.predicted, crossed_folds(learned))
    low, high = bands.interval(learned.predicted)
    width = float(np.median(high - low))
    return ValueInterval(
        level=conformal.LEVEL,
        edges=_floats(bands.edges),
        low=_floats(bands.low),
        high=_floats(bands.high),
        coverage=held.value,
        coverage_low=held.low,
        coverage_high=held.high,
        width=width,
        words=(
            f"Of 100 records about {held.value * 100:.0f} lie within their {conformal.LEVEL:.0%} interval, which is "
            f"{figure(width)} wide for half of them."
        ),
    )


def crossed_folds(learned: Learned) -> I64:
    """Folds for figures that must be crossed; thirds of the rows where the budget paid for one fold only."""
    folds = learned.folds
    if folds is not None and len(np.unique(folds)) > 1:
        return folds
    return np.asarray(np.random.default_rng(0).permutation(len(learned.y)) % 3, dtype=np.int64)


def clusters(prepared: Prepared, split: Split, rows: I64) -> I64:
    """Which of these training rows speak of the same thing, numbered from 0: copies, and rows of one group where the
    split keeps groups together. Intervals count them as what they are worth."""
    groups = prepared.groups
    for column in prepared.columns:
        if split.kind == "group" and column.name == split.column:
            codes = column.values.codes.astype(np.int64)
            groups = np.where(codes < 0, len(column.values.values) + groups, codes)
    return np.unique(groups[rows], return_inverse=True)[1].astype(np.int64)


def _floats(values: F64) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
