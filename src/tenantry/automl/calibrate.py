"""From margins to probabilities or values that mean what they say."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logsumexp, softmax

from tenantry.automl.arrays import F64
from tenantry.plan.ir import Calibration
from tenantry.schema import Task

ISOTONIC_ROWS = 1000
MAX_SLOPE = 20.0
"""Most probability per unit of margin, so that a rounding of the margin cannot show."""
_BLOCKS = 40


@dataclass(frozen=True, slots=True)
class ValueScale:
    """How a regression target was put on the margins' scale: ``(y - center) / spread``, of its logarithm if ``log``."""

    center: float = 0.0
    spread: float = 1.0
    log: bool = False
    low: float = -np.inf
    high: float = np.inf

    def to_margin(self, y: F64) -> F64:
        """Values → margins."""
        return ((np.log(y) if self.log else y) - self.center) / self.spread


def fit_calibration(task: Task, y: np.ndarray, margins: F64, scale: ValueScale) -> Calibration:
    """Platt's sigmoid below 1,000 rows and where it does as well, else isotonic; temperature and biases for several
    classes; for values, the scale back (on a log target with Duan's smearing factor, so that means come out right)."""
    if task is Task.MULTICLASS:
        return _fit_softmax(y, margins)
    if task is Task.REGRESSION:
        return _fit_value(scale.to_margin(y), y, margins[:, 0], scale)
    platt = _fit_platt(y, margins[:, 0])
    if len(y) < ISOTONIC_ROWS:
        return platt
    folds = np.random.default_rng(0).integers(0, 5, len(y))
    gain = 0.0
    for fold in range(5):
        inside, outside = folds == fold, folds != fold
        m, t = margins[:, 0], y
        steps = _fit_isotonic(t[outside], m[outside])
        line = _fit_platt(t[outside], m[outside])
        gain += _log_loss(t[inside], apply(line, m[inside, None])[:, 1]).sum()
        gain -= _log_loss(t[inside], apply(steps, m[inside, None])[:, 1]).sum()
    return _fit_isotonic(y, margins[:, 0]) if gain > 0 else platt


def apply(calibration: Calibration, margins: F64) -> F64:
    """Margins (rows × outputs) → class probabilities (rows × classes), or values (rows,)."""
    m = margins[:, 0]
    if calibration.kind == "softmax":
        return np.asarray(softmax(calibration.a * margins + calibration.b, axis=1))
    if calibration.kind == "linear":
        return np.asarray(np.clip(m * calibration.a + calibration.b[0], calibration.low, calibration.high))
    if calibration.kind == "exp":
        with np.errstate(over="ignore"):
            value = np.exp(m * calibration.a + calibration.b[0])
        return np.asarray(np.clip(value, calibration.low, calibration.high))
    if calibration.kind == "sigmoid":
        p = expit(calibration.a * m + calibration.b[0])
    else:
        p = np.interp(m, calibration.x, calibration.y)
    return np.column_stack((1 - p, p))


def _fit_platt(y: np.ndarray, m: F64) -> Calibration:
    """Platt scaling with his smoothed targets; a slope of at least 0.05 keeps the ranking."""
    positives, negatives = float((y == 1).sum()), float((y == 0).sum())
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(ab: F64) -> tuple[float, F64]:
        z = ab[0] * m + ab[1]
        value = -(target * log_expit(z) + (1 - target) * log_expit(-z)).sum()
        slack = expit(z) - target
        return float(value), np.array([(slack * m).sum(), slack.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 20), (-20, 20)])
    return Calibration(kind="sigmoid", a=float(found.x[0]), b=np.array([float(found.x[1])]))


def _fit_isotonic(y: np.ndarray, m: F64) -> Calibration:
    """Isotonic regression over blocks of rows, made strictly rising, its slopes capped, with tails beyond the data."""
    order = np.argsort(m, kind="stable")
    parts = [part for part in np.array_split(order, min(_BLOCKS, len(m) // 25)) if len(part)]
    x = np.array([m[part].mean() for part in parts])
    rows = np.array([float(len(part)) for part in parts])
    rate = float(y.mean())
    share = np.array([(y[part].sum() + rate) / (len(part) + 1) for part in parts])
    x, p, rows = _pooled(x, share, rows)
    ends = (min(x[0], float(m[order[0]])) - 2.0, max(x[-1], float(m[order[-1]])) + 2.0)
    x = np.concatenate(([ends[0]], x, [ends[1]]))
    p = np.concatenate(([p[0] / 2], p, [(1 + p[-1]) / 2]))
    p = np.maximum.accumulate(p + 1e-9 * np.arange(len(p)))
    for i in range(1, len(p)):
        p[i] = min(p[i], p[i - 1] + MAX_SLOPE * (x[i] - x[i - 1]))
    return Calibration(kind="isotonic", x=x, y=np.clip(p, 1e-6, 1 - 1e-6))


def _pooled(x: F64, y: F64, weight: F64) -> tuple[F64, F64, F64]:
    """Pool adjacent violators; each pool stands at its mean."""
    pools: list[tuple[float, float, float]] = []
    for point in zip(x, y, weight, strict=True):
        pools.append((float(point[0]), float(point[1]), float(point[2])))
        while len(pools) > 1 and (pools[-2][1] >= pools[-1][1] or pools[-1][0] - pools[-2][0] < 1e-6):
            (x0, y0, w0), (x1, y1, w1) = pools[-2], pools[-1]
            w = w0 + w1
            pools[-2:] = [((x0 * w0 + x1 * w1) / w, (y0 * w0 + y1 * w1) / w, w)]
    table = np.array(pools)
    return table[:, 0], table[:, 1], table[:, 2]


def _fit_softmax(y: np.ndarray, margins: F64) -> Calibration:
    classes = margins.shape[1]
    hit = np.eye(classes)[y]

    def loss(ab: F64) -> tuple[float, F64]:
        z = ab[0] * margins + ab[1:]
        norm = logsumexp(z, axis=1)
        value = (norm - (z * hit).sum(axis=1)).mean() + 1e-3 * (ab[1:] ** 2).sum()
        slack = (np.exp(z - norm[:, None]) - hit) / len(y)
        return float(value), np.concatenate(([(slack * margins).sum()], slack.sum(axis=0) + 2e-3 * ab[1:]))

    start = np.concatenate(([1.0], np.zeros(classes)))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.05, 20)] + [(-10, 10)] * classes)
    return Calibration(kind="softmax", a=float(found.x[0]), b=np.asarray(found.x[1:], dtype=np.float64))


def _fit_value(t: F64, y: F64, m: F64, scale: ValueScale) -> Calibration:
    if not scale.log:
        return Calibration(
            kind="linear", a=scale.spread, b=np.array([scale.center]), low=scale.low, high=scale.high
        )
    smear = float(np.exp(np.clip(scale.spread * (t - m), -20, 20)).mean())
    # Duan's factor is itself noisy under heavy tails; it is kept near the ratio of the means that it stands for.
    with np.errstate(over="ignore"):
        # Kept to what can be predicted, or one margin far out would decide the factor for all.
        values = np.clip(np.exp(m * scale.spread + scale.center), scale.low, scale.high)
    ratio = float(y.mean() / values.mean())
    b = scale.center + np.log(np.clip(smear, ratio / 1.1, ratio * 1.1))
    return Calibration(kind="exp", a=scale.spread, b=np.array([float(b)]), low=scale.low, high=scale.high)


def _log_loss(y: np.ndarray, p: F64) -> F64:
    q = np.clip(np.where(y == 1, p, 1 - p), 1e-7, 1)
    return np.asarray(-np.log(q))
