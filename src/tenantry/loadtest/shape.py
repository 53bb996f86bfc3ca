"""Traffic as numbers: when each request is due, whom it asks, and which body it carries."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Pace = Literal["poisson", "constant"]
CHUNK = 4096


class Due(NamedTuple):
    """One request to come: seconds after the beginning, target, and a number that picks a body."""

    offset: float
    target: int
    pick: int


def zipf(count: int, exponent: float) -> NDArray[np.float64]:
    """Shares of ``count`` ranks under Zipf's law; exponent 0 is uniform.

    >>> zipf(3, 1.0).round(3).tolist()
    [0.545, 0.273, 0.182]
    """
    weights = 1.0 / np.arange(1, count + 1, dtype=np.float64) ** exponent
    return np.asarray(weights / weights.sum(), np.float64)


def arrivals(
    rate: float, shares: NDArray[np.float64], *, pace: Pace = "poisson", phase: float = 0.0, seed: int = 0
) -> Iterator[Due]:
    """Endless traffic of ``rate`` requests a second, targets drawn by their shares.

    ``poisson``: callers who know nothing of each other (exponential gaps); ``constant``: equal gaps, the first after
    ``phase`` of one. The same seed gives the same traffic.
    """
    rng = np.random.default_rng(seed)
    cumulated = np.cumsum(shares)
    at, done = 0.0, 0
    while True:
        if pace == "poisson":
            offsets: NDArray[np.float64] = at + np.cumsum(rng.exponential(1 / rate, CHUNK))
            at = float(offsets[-1])
        else:
            offsets = (phase + np.arange(done, done + CHUNK, dtype=np.float64)) / rate
            done += CHUNK
        targets = np.searchsorted(cumulated, rng.random(CHUNK) * cumulated[-1], side="right")
        picks = rng.integers(0, 1 << 30, CHUNK)
        yield from map(Due, offsets.tolist(), targets.tolist(), picks.tolist())
