"""The figures of a scorecard, each with its 95 % interval, with what guessing gets, and with how surely it beats that.

The gain on guessing is paired: both are measured on the same rows, so that what makes rows hard for either cancels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tenantry.evaluation import metrics as m
from tenantry.evaluation.arrays import F64, I64
from tenantry.evaluation.intervals import (
    Estimate,
    auroc_estimate,
    bootstrap_estimate,
    bootstrap_estimates,
    difference_estimate,
    mean_estimate,
    share_estimate,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One named figure; ``guessing`` is what the best constant prediction gets on the same rows, ``None`` where that is
    no yardstick: always saying yes has full recall, and the prior is perfectly calibrated. ``gain`` is how much better
    than that the figure is (positive is better, whichever way the figure points), ``None`` where ``guessing`` is."""

    name: str
    estimate: Estimate
    guessing: float | None
    higher_is_better: bool
    gain: Estimate | None = None


def classification_metrics(
    y: I64,
    probabilities: F64,
    threshold: float = 0.5,
    seed: int = 0,
    repeats: int = 200,
    folds: I64 | None = None,
) -> tuple[Measured, ...]:
    """Figures of class probabilities (rows × classes, rows sum to 1). ``threshold`` matters for two classes only;
    ``folds`` (rows,) says which rows were scored by the same model, where several did."""
    if probabilities.shape[1] == 2:
        return _binary(y, probabilities, threshold, _Draws(len(y), seed, repeats), folds)
    return _multiclass(y, probabilities, _Draws(len(y), seed, repeats), folds)


@dataclass(frozen=True, slots=True)
class _Draws:
    """How the bootstrap of one report draws."""

    rows: int
    seed: int
    repeats: int

    def compared(
        self, name: str, figure: Callable[[F64], float], guess: Callable[[F64], float], *, up: bool
    ) -> Measured:
        """A figure, and its gain on ``guess``; both take row weights."""

        def both(weights: F64) -> tuple[float, float]:
            value, other = figure(weights), guess(weights)
            return value, value - other if up else other - value

        ones = np.ones(self.rows)
        estimate, gain = bootstrap_estimates(both(ones), both, self.rows, self.seed, self.repeats)
        return Measured(name, estimate, guess(ones), up, gain)


def _binary(
    y: I64, probabilities: F64, threshold: float, draws: _Draws, folds: I64 | None
) -> tuple[Measured, ...]:
    p, share = probabilities[:, 1], float(y.mean())
    order, last = m.ends_of_ties(p)
    ranked = y[order]
    chosen = (p >= threshold).astype(np.int64)
    positive = y == 1
    prior = np.tile([1 - share, share], (len(y), 1))

    def rate(weights: F64) -> float:
        return float((weights * y).sum() / weights.sum())

    def f1(weights: F64) -> float:
        both = (weights * (chosen + y)).sum()
        return float(2 * (weights * chosen * y).sum() / both) if both > 0 else 0.0

    def precision(weights: F64) -> float:
        named = (weights * chosen).sum()
        return float((weights * chosen * y).sum() / named) if named > 0 else 0.0

    def area(weights: F64) -> float:
        return m.sorted_average_precision(ranked, weights[order], last)

    def calibration(weights: F64) -> float:
        return m.expected_calibration_error(y, p, weights=weights)

    ones = np.ones(len(y))
    named = share_estimate(positive[chosen == 1].astype(np.float64))
    return (
        _area("auroc", auroc_estimate(y, p, folds)),
        draws.compared("average_precision", area, rate, up=True),
        _loss("log_loss", m.row_log_loss(y, probabilities), m.row_log_loss(y, prior)),
        _loss("brier", m.row_brier(y, probabilities), m.row_brier(y, prior)),
        Measured(
            "calibration_error",
            bootstrap_estimate(calibration(ones), calibration, draws.rows, draws.seed, draws.repeats),
            None,
            False,
        ),
        _hits(chosen == y, positive if share >= 0.5 else ~positive),
        draws.compared("f1", f1, lambda w: 2 * rate(w) / (1 + rate(w)), up=True),
        Measured("precision", named, share, True, draws.compared("precision", precision, rate, up=True).gain),
        Measured("recall", share_estimate((chosen[positive] == 1).astype(np.float64)), None, True),
    )


def _multiclass(y: I64, probabilities: F64, draws: _Draws, folds: I64 | None) -> tuple[Measured, ...]:
    classes = probabilities.shape[1]
    share = np.bincount(y, minlength=classes) / len(y)
    chosen = probabilities.argmax(axis=1).astype(np.int64)
    common = np.full(len(y), int(share.argmax()), dtype=np.int64)
    prior = np.tile(share, (len(y), 1))
    return (
        _area("macro_auroc", auroc_estimate(y, probabilities, folds)),
        _loss("log_loss", m.row_log_loss(y, probabilities), m.row_log_loss(y, prior)),
        draws.compared(
            "macro_f1",
            lambda w: m.macro_f1(y, chosen, classes, w),
            lambda w: m.macro_f1(y, common, classes, w),
            up=True,
        ),
        _hits(chosen == y, common == y),
    )


def regression_metrics(y: F64, value: F64, seed: int = 0, repeats: int = 200) -> tuple[Measured, ...]:
    """Figures of predicted values: R², RMSE and MAE in units of the target."""
    draws = _Draws(len(y), seed, repeats)
    middle = np.full(len(y), np.median(y))

    def spread(weights: F64) -> float:
        return m.rmse(y, np.full(len(y), np.average(y, weights=weights)), weights)

    return (
        draws.compared("r2", lambda w: m.r2(y, value, w), lambda _w: 0.0, up=True),
        draws.compared("rmse", lambda w: m.rmse(y, value, w), spread, up=False),
        _loss("mae", np.abs(y - value), np.abs(y - middle)),
    )


def _area(name: str, found: Estimate) -> Measured:
    gain = Estimate(found.value - 0.5, found.low - 0.5, found.high - 0.5, found.error)
    return Measured(name, found, 0.5, True, gain)


def _loss(name: str, ours: F64, guessed: F64) -> Measured:
    """A mean of per-row losses."""
    return Measured(
        name, mean_estimate(ours), float(guessed.mean()), False, difference_estimate(guessed - ours)
    )


def _hits(ours: np.ndarray, guessed: np.ndarray) -> Measured:
    """The share of rows that are named rightly."""
    gain = difference_estimate(ours.astype(np.float64) - guessed)
    return Measured("accuracy", share_estimate(ours.astype(np.float64)), float(guessed.mean()), True, gain)
