"""Tests that may be looked at after every request, and stopped at any time (B9, C4).

A test is a bet against its null hypothesis. It starts with a stake of 1; as long as the null hypothesis is true, no
way of betting makes the stake grow on average, so it ever exceeds ``1 / alpha`` with a probability of at most
``alpha``, however often one looks and whenever one stops (Ville 1939). The stake is an *e-value*; the logarithm is
kept. What is bet on is the mean of figures between 0 and 1 (an error, a slow answer, a reward).

**The bet.** A look brings a block of ``n`` figures of the challenger, ``x``, and ``m`` of the champion, ``y``. The null
hypothesis says ``mean(x) - mean(y) <= more``. Before the look are chosen a size ``λ >= 0`` and a centre ``c``; the
stake is then multiplied by ``Π(1 + λ(x - c - more)) · Π(1 - λ(n / m)(y - c))``. By independence and the inequality
between arithmetic and geometric mean its expectation is at most
``(1 + nλ(mean(x) - mean(y) - more) / (n + m)) ** (n + m) <= 1``; the centre cancels, and a rate that both arms share
may change from look to look. This is betting on bounded means (Waudby-Smith and Ramdas 2023, *J. R. Stat. Soc. B*
86) on two samples in blocks, as in Turner, Ly and Grünwald (2024, *J. Stat. Plan. Inference* 230), with one family
of bets for rates and for rewards. Stakes are spread over sizes that suit differences of 1 % to 128 % of a standard
deviation, since the mean of several stakes is a stake too.

**Counts are enough.** ``log(1 + λ(x - c))`` is concave in ``x``, so a figure may be split between the two grid points
around it in proportion: that never makes the stake larger. Sums over a grid can be merged, and the sum of fractional
figures counts as so many ones.

**What must hold**: figures within a block are independent of one another, and what is in a block depends on numbers of
figures alone, never on their values. The state of a test is an array, ``(..., WIDTH)``, for as many runs at once as one
likes.
"""

import math
from collections.abc import Callable

import numpy as np

from tenantry.evaluation.arrays import F64

STEPS: F64 = np.asarray(0.01 * 2.0 ** np.arange(8), dtype=np.float64)
"""Sizes of bets: differences, in standard deviations, that they suit."""
WIDTH = 6 + len(STEPS)
"""Length of a test's state: number, sum and sum of squares of each arm, and the logarithms of the stakes."""
CALIBRATION = 20
"""Figures of the champion that are only looked at, for the centre and the spread, before anything is bet."""
GRID: F64 = np.linspace(0.0, 1.0, 33)
"""The points between which rewards are split."""
RATE: F64 = np.array([0.0, 1.0])
"""The points of a figure that is there or not."""
_CAP = 0.95
"""Share of the largest bet that is ever made: a lost one must leave something."""
_EDGE = 1e-4


def fresh(shape: tuple[int, ...] = ()) -> F64:
    """Tests before their first look."""
    return np.zeros((*shape, WIDTH))


def compare(state: F64, values: F64, challenger: F64, champion: F64, more: float) -> F64:
    """One look at a test whose null hypothesis is: the challenger's mean is at most ``more`` above the champion's.

    ``values`` are the grid's points (all within 0 to 1), ``challenger`` and ``champion`` what lies on each,
    ``(..., len(values))``. Give ``1 - values`` to test for a lower mean.

    >>> state = compare(fresh(), RATE, np.array([90.0, 10.0]), np.array([900.0, 100.0]), 0.0)
    >>> state = compare(state, RATE, np.array([60.0, 40.0]), np.array([900.0, 100.0]), 0.0)
    >>> bool(evidence(state) > math.log(1 / 0.001))
    True
    """
    n, m = challenger.sum(-1), champion.sum(-1)
    known = state[..., 3]
    # Any centre is right; one near the champion's mean wastes nothing.
    centre = np.clip(
        (state[..., 4] + 0.5) / (known + 1.0), max(0.0, -more) + _EDGE, min(1.0, 1.0 - more) - _EDGE
    )
    mean = state[..., 4] / np.maximum(known, 1.0)
    variance = np.maximum(state[..., 5] / np.maximum(known, 1.0) - mean**2, 0.0)
    spread = np.sqrt(variance + 0.5 / (known + 1.0) + abs(more) * (1 - abs(more)) / 2)
    there = (known >= CALIBRATION) & (n > 0) & (m > 0)
    ratio = n / np.where(m > 0, m, 1.0)
    most = _CAP * np.minimum(1.0 / (centre + more), 1.0 / np.maximum(ratio * (1.0 - centre), 1e-12))
    size = np.minimum(STEPS / spread[..., None], most[..., None]) * there[..., None]
    up = _grown(size, values - (centre + more)[..., None], challenger)
    down = _grown(-size * ratio[..., None], values - centre[..., None], champion)
    return _seen(state, values, challenger, champion, up + down)


def exceed(state: F64, values: F64, seen: F64, level: float) -> F64:
    """One look at a test whose null hypothesis is: the mean is at most ``level`` (between 0 and 1, not 0)."""
    spread = math.sqrt(max(level * (1.0 - level), _EDGE))
    size = np.minimum(STEPS / spread, _CAP / level)
    growth = _grown(np.broadcast_to(size, (*seen.shape[:-1], len(STEPS))), values - level, seen)
    return _seen(state, values, seen, np.zeros_like(seen), growth)


def evidence(state: F64) -> F64:
    """The logarithm of the stake: at ``log(1 / alpha)`` and above, the null hypothesis is refused at ``alpha``."""
    stakes = state[..., 6:]
    top = stakes.max(-1)
    return np.asarray(top + np.log(np.exp(stakes - top[..., None]).mean(-1)))


def mean_evidence(states: list[F64]) -> F64:
    """The evidence of several tests of one null hypothesis: the mean of their stakes."""
    found = np.stack([evidence(state) for state in states])
    top = found.max(0)
    return np.asarray(top + np.log(np.exp(found - top).mean(0)))


def split(figures: F64) -> F64:
    """What figures between 0 and 1 put on :data:`GRID`, each between its two neighbours.

    >>> split(np.array([0.0, 1.0, 1.0]))[[0, -1]].tolist()
    [1.0, 2.0]
    """
    at = np.clip(figures, 0.0, 1.0) * (len(GRID) - 1)
    low = np.minimum(at.astype(np.int64), len(GRID) - 2)
    upper = at - low
    found = np.bincount(low, 1.0 - upper, len(GRID))
    found += np.bincount(low + 1, upper, len(GRID))
    return np.asarray(found, dtype=np.float64)


def interval(count: float, total: float, alpha: float = 0.05) -> tuple[float, float]:
    """The means that ``count`` figures between 0 and 1 with the sum ``total`` leave possible, at all times at once.

    Robbins's mixture (1970; Howard et al. 2021, *Ann. Stat.* 49): with θ drawn evenly, the likelihood ratio against the
    true mean exceeds ``1 / alpha`` with a probability of at most ``alpha``. ``(0, 1)`` where nothing was seen.

    >>> low, high = interval(1000, 300)
    >>> round(low, 2), round(high, 2)
    (0.25, 0.35)
    """
    if count <= 0:
        return 0.0, 1.0
    misses = count - total
    mixed = math.lgamma(total + 1) + math.lgamma(misses + 1) - math.lgamma(count + 2)

    def possible(mean: float) -> bool:
        hit = total * math.log(mean) if total else 0.0
        miss = misses * math.log1p(-mean) if misses > 0 else 0.0
        return mixed - hit - miss < math.log(1 / alpha)

    middle = min(max(total / count, 1e-9), 1 - 1e-9)
    return _edge(possible, middle, 0.0), _edge(possible, middle, 1.0)


def _edge(possible: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where a condition that holds ``inside`` ends on the way ``outside``."""
    for _ in range(50):
        middle = (inside + outside) / 2
        if 0.0 < middle < 1.0 and possible(middle):
            inside = middle
        else:
            outside = middle
    return outside


def _grown(size: F64, distance: F64, weight: F64) -> F64:
    """Σ weight · log(1 + size · distance), one figure a size."""
    return np.asarray((np.log1p(size[..., :, None] * distance[..., None, :]) * weight[..., None, :]).sum(-1))


def _seen(state: F64, values: F64, challenger: F64, champion: F64, growth: F64) -> F64:
    found = state.copy()
    for at, arm in ((0, challenger), (3, champion)):
        found[..., at] += arm.sum(-1)
        found[..., at + 1] += arm @ values
        found[..., at + 2] += arm @ values**2
    found[..., 6:] += growth
    return found
