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
    clusters: I64 | None = None,
) -> tuple[Measured, ...]:
    """Figures of class probabilities (rows × classes, rows sum to 1). ``threshold`` matters for two classes only;
    ``folds`` (rows,) says which rows were scored by the same model, where several did; ``clusters`` (rows,), numbered
    from 0, which rows speak of the same thing and so count less than as many independent ones."""
    draws = _Draws(len(y), seed, repeats, clusters)
    if probabilities.shape[1] == 2:
        return _binary(y, probabilities, threshold, draws, folds)
    return _multiclass(y, probabilities, draws, folds)


@dataclass(frozen=True, slots=True)
class _Draws:
    """How the bootstrap of one report draws."""

    rows: int
    seed: int
    repeats: int
    clusters: I64 | None

    def estimates(
        self, values: tuple[float, ...], reweighted: Callable[[F64], tuple[float, ...]]
    ) -> tuple[Estimate, ...]:
        """Intervals of figures of row weights."""
        return bootstrap_estimates(values, reweighted, self.rows, self.seed, self.repeats, self.clusters)

    def compared(
        self, name: str, figure: Callable[[F64], float], guess: Callable[[F64], float], *, up: bool
    ) -> Measured:
        """A figure, and its gain on ``guess``; both take row weights."""

        def both(weights: F64) -> tuple[float, float]:
            value, other = figure(weights), guess(weights)
            return value, value - other if up else other - value

        ones = np.ones(self.rows)
        estimate, gain = self.estimates(both(ones), both)
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
    clusters = draws.clusters
    named = _share_among(positive, chosen == 1, clusters)
    return (
        _area("auroc", auroc_estimate(y, p, folds, clusters)),
        draws.compared("average_precision", area, rate, up=True),
        _loss("log_loss", m.row_log_loss(y, probabilities), m.row_log_loss(y, prior), clusters),
        _loss("brier", m.row_brier(y, probabilities), m.row_brier(y, prior), clusters),
        Measured(
            "calibration_error",
            _without_bias(draws.estimates((calibration(ones),), lambda w: (calibration(w),))[0]),
            None,
            False,
        ),
        _hits(chosen == y, positive if share >= 0.5 else ~positive, clusters),
        draws.compared("f1", f1, lambda w: 2 * rate(w) / (1 + rate(w)), up=True),
        Measured("precision", named, share, True, draws.compared("precision", precision, rate, up=True).gain),
        Measured("recall", _share_among(chosen == 1, positive, clusters), None, True),
    )


def _multiclass(y: I64, probabilities: F64, draws: _Draws, folds: I64 | None) -> tuple[Measured, ...]:
    classes = probabilities.shape[1]
    share = np.bincount(y, minlength=classes) / len(y)
    chosen = probabilities.argmax(axis=1).astype(np.int64)
    common = np.full(len(y), int(share.argmax()), dtype=np.int64)
    prior = np.tile(share, (len(y), 1))
    clusters = draws.clusters
    return (
        _area("macro_auroc", auroc_estimate(y, probabilities, folds, clusters)),
        _loss("log_loss", m.row_log_loss(y, probabilities), m.row_log_loss(y, prior), clusters),
        draws.compared(
            "macro_f1",
            lambda w: m.macro_f1(y, chosen, classes, w),
            lambda w: m.macro_f1(y, common, classes, w),
            up=True,
        ),
        _hits(chosen == y, common == y, clusters),
    )


def regression_metrics(
    y: F64, value: F64, seed: int = 0, repeats: int = 200, clusters: I64 | None = None
) -> tuple[Measured, ...]:
    """Figures of predicted values: R², RMSE and MAE in units of the target; ``clusters`` as for classes."""
    draws = _Draws(len(y), seed, repeats, clusters)
    middle = np.full(len(y), np.median(y))

    def spread(weights: F64) -> float:
        return m.rmse(y, np.full(len(y), np.average(y, weights=weights)), weights)

    return (
        draws.compared("r2", lambda w: m.r2(y, value, w), lambda _w: 0.0, up=True),
        draws.compared("rmse", lambda w: m.rmse(y, value, w), spread, up=False),
        _loss("mae", np.abs(y - value), np.abs(y - middle), clusters),
    )


def _without_bias(found: Estimate) -> Estimate:
    """The interval turned round its figure: a mean of absolute gaps is too large on few rows, and a bootstrap of it by
    as much again (the "basic" interval of Davison and Hinkley 1997)."""
    low, high = 2 * found.value - found.high, 2 * found.value - found.low
    return Estimate(found.value, max(0.0, low), max(found.value, high), found.error)


def _area(name: str, found: Estimate) -> Measured:
    gain = Estimate(found.value - 0.5, found.low - 0.5, found.high - 0.5, found.error)
    return Measured(name, found, 0.5, True, gain)


def _loss(name: str, ours: F64, guessed: F64, clusters: I64 | None) -> Measured:
    """A mean of per-row losses."""
    gain = difference_estimate(guessed - ours, clusters)
    return Measured(name, mean_estimate(ours, clusters), float(guessed.mean()), False, gain)


def _hits(ours: np.ndarray, guessed: np.ndarray, clusters: I64 | None) -> Measured:
    """The share of rows that are named rightly."""
    hits = ours.astype(np.float64)
    gain = difference_estimate(hits - guessed, clusters)
    return Measured("accuracy", share_estimate(hits, clusters), float(guessed.mean()), True, gain)


def _share_among(hits: np.ndarray, rows: np.ndarray, clusters: I64 | None) -> Estimate:
    """The share of hits among some of the rows."""
    inside = None if clusters is None else np.unique(clusters[rows], return_inverse=True)[1].astype(np.int64)
    return share_estimate(hits[rows].astype(np.float64), inside)
