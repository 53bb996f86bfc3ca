"""The figures of a scorecard, each with its 95 % interval and with what guessing gets."""

from dataclasses import dataclass

import numpy as np

from tenantry.evaluation import metrics as m
from tenantry.evaluation.arrays import F64, I64
from tenantry.evaluation.intervals import Estimate, auroc_estimate, bootstrap_estimate, mean_estimate


@dataclass(frozen=True, slots=True)
class Measured:
    """One named figure; ``guessing`` is what the best constant prediction gets on the same rows, ``None`` where that is
    no yardstick: always saying yes has full recall, and the prior is perfectly calibrated."""

    name: str
    estimate: Estimate
    guessing: float | None
    higher_is_better: bool


def classification_metrics(
    y: I64, probabilities: F64, threshold: float = 0.5, seed: int = 0, repeats: int = 200
) -> tuple[Measured, ...]:
    """Figures of class probabilities (rows × classes, rows sum to 1). ``threshold`` matters for two classes only."""
    if probabilities.shape[1] == 2:
        return _binary(y, probabilities, threshold, seed, repeats)
    return _multiclass(y, probabilities, seed, repeats)


def _binary(y: I64, probabilities: F64, threshold: float, seed: int, repeats: int) -> tuple[Measured, ...]:
    p, rate = probabilities[:, 1], float(y.mean())
    order, last = m.ends_of_ties(p)
    ranked = y[order]
    chosen = (p >= threshold).astype(np.int64)
    positive = y == 1
    prior = np.tile([1 - rate, rate], (len(y), 1))

    def precision_area(weights: F64) -> float:
        return m.sorted_average_precision(ranked, weights[order], last)

    def f1(weights: F64) -> float:
        both = (weights * (chosen + y)).sum()
        return float(2 * (weights * chosen * y).sum() / both) if both > 0 else 0.0

    def calibration(weights: F64) -> float:
        return m.expected_calibration_error(y, p, weights=weights)

    n = len(y)
    ones = np.ones(n)
    return (
        Measured("auroc", auroc_estimate(y, p), 0.5, True),
        Measured(
            "average_precision",
            bootstrap_estimate(precision_area(ones), precision_area, n, seed, repeats),
            rate,
            True,
        ),
        Measured(
            "log_loss",
            mean_estimate(m.row_log_loss(y, probabilities)),
            float(m.row_log_loss(y, prior).mean()),
            False,
        ),
        Measured("brier", mean_estimate(m.row_brier(y, probabilities)), rate * (1 - rate), False),
        Measured(
            "calibration_error",
            bootstrap_estimate(calibration(ones), calibration, n, seed, repeats),
            None,
            False,
        ),
        Measured("accuracy", _share(chosen == y), max(rate, 1 - rate), True),
        Measured("f1", bootstrap_estimate(f1(ones), f1, n, seed, repeats), 2 * rate / (1 + rate), True),
        Measured("precision", _share(positive[chosen == 1]), rate, True),
        Measured("recall", _share(chosen[positive] == 1), None, True),
    )


def _multiclass(y: I64, probabilities: F64, seed: int, repeats: int) -> tuple[Measured, ...]:
    classes = probabilities.shape[1]
    share = np.bincount(y, minlength=classes) / len(y)
    chosen = probabilities.argmax(axis=1).astype(np.int64)
    common = np.full(len(y), int(share.argmax()), dtype=np.int64)

    def f1(weights: F64) -> float:
        return m.macro_f1(y, chosen, classes, weights)

    return (
        Measured("macro_auroc", auroc_estimate(y, probabilities), 0.5, True),
        Measured(
            "log_loss",
            mean_estimate(m.row_log_loss(y, probabilities)),
            float(m.row_log_loss(y, np.tile(share, (len(y), 1))).mean()),
            False,
        ),
        Measured(
            "macro_f1",
            bootstrap_estimate(f1(np.ones(len(y))), f1, len(y), seed, repeats),
            m.macro_f1(y, common, classes),
            True,
        ),
        Measured("accuracy", _share(chosen == y), float(share.max()), True),
    )


def regression_metrics(y: F64, value: F64, seed: int = 0, repeats: int = 200) -> tuple[Measured, ...]:
    """Figures of predicted values: R², RMSE and MAE in units of the target."""
    n = len(y)
    return (
        Measured(
            "r2", bootstrap_estimate(m.r2(y, value), lambda w: m.r2(y, value, w), n, seed, repeats), 0.0, True
        ),
        Measured(
            "rmse",
            bootstrap_estimate(m.rmse(y, value), lambda w: m.rmse(y, value, w), n, seed, repeats),
            float(y.std()),
            False,
        ),
        Measured("mae", mean_estimate(np.abs(y - value)), float(np.abs(y - np.median(y)).mean()), False),
    )


def _share(hits: np.ndarray) -> Estimate:
    """A share with its interval; of no rows it is 0 and says nothing (0 to 1)."""
    if not len(hits):
        return Estimate(0.0, 0.0, 1.0, float("nan"))
    found = mean_estimate(hits.astype(np.float64))
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high), found.error)
