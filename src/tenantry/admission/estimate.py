"""What an endpoint's requests cost, learnt from what they took: seconds a request and a row, give or take a spread."""

MEMORY = 1 / 32
"""Weight of the newest measurement; the last hundred or so count."""
JUMP = 8.0
"""One measurement counts as at most this multiple of what was expected: a pause of the machine is no new price."""
LEAST = 20e-6
"""Seconds below which a request is never estimated."""


STEADY = 16.0
"""Measurements after which those that are like the last ones are taken up several at a time."""
TOGETHER = 4


class Estimate:
    """Seconds of work of one endpoint's requests: ``base + slope · rows``, by least squares that forget.

    Before the first measurement it says ``typical``, what the worker's requests took on average. Measurements that
    surprise nobody, of as many rows as the last one and within half and twice of what was expected, are taken up
    :data:`TOGETHER` at a time: that is all of the work in most requests' ways.
    """

    __slots__ = (
        "_count", "_expected", "_least", "_like", "_most", "_n", "_off", "_rows", "_rows2", "_rows_seconds", "_seconds",
        "_sum", "base", "mean", "slope", "spread",
    )  # fmt: skip

    def __init__(self, typical: float) -> None:
        self._like = self._count = 0
        self._expected = self._least = self._most = self._sum = self._off = 0.0
        self._n = self._rows = self._rows2 = self._seconds = self._rows_seconds = 0.0
        self.mean = typical
        """Seconds of a request, whatever its rows."""
        self.base = typical
        self.slope = 0.0
        self.spread = 0.0
        """Mean distance of measurements from what was expected, seconds."""

    def of(self, rows: int) -> float:
        """Seconds that a request of so many rows is expected to take; 0 rows: not known yet."""
        return self.base + self.slope * rows if rows else self.mean

    def learn(self, seconds: float, rows: int) -> None:
        """A request of ``rows`` rows took ``seconds`` of the worker's time."""
        if rows == self._like and self._least <= seconds < self._most:
            self._sum += seconds
            self._off += abs(seconds - self._expected)
            self._count += 1
            if self._count == TOGETHER:
                self._settle()
            return
        if self._count:
            self._settle()
        rows = max(rows, 1)
        seconds = max(seconds, LEAST)
        if self._n:
            expected = self.base + self.slope * rows
            seconds = min(seconds, JUMP * expected)
            self.spread += MEMORY * (abs(seconds - expected) - self.spread)
            self.mean += MEMORY * (seconds - self.mean)
        else:
            self.mean = seconds
            self.spread = seconds / 2
        self._weigh(seconds, rows, 1.0 - MEMORY, 1.0)

    def _settle(self) -> None:
        """Take up the measurements that were put aside, as so many of their mean."""
        count, self._count = self._count, 0
        seconds = max(self._sum / count, LEAST)
        keep = (1.0 - MEMORY) ** count
        self.spread += (1.0 - keep) * (self._off / count - self.spread)
        self.mean += (1.0 - keep) * (seconds - self.mean)
        self._sum = self._off = 0.0
        self._weigh(seconds, self._like, keep, (1.0 - keep) / MEMORY)

    def _weigh(self, seconds: float, rows: int, keep: float, weight: float) -> None:
        """Forget all but the share ``keep`` of what was, and learn from a measurement of this weight."""
        self._n = n = self._n * keep + weight
        self._rows = self._rows * keep + weight * rows
        self._rows2 = self._rows2 * keep + weight * rows * rows
        self._seconds = self._seconds * keep + weight * seconds
        self._rows_seconds = self._rows_seconds * keep + weight * rows * seconds
        rows_mean, mean = self._rows / n, self._seconds / n
        variance = self._rows2 / n - rows_mean * rows_mean
        # Rows that hardly vary say nothing about the price of one: then all is base.
        slope = 0.0
        if variance > 0.01 * rows_mean * rows_mean:
            slope = (self._rows_seconds / n - rows_mean * mean) / variance
            slope = min(max(slope, 0.0), mean / rows_mean)
        self.slope = slope
        self.base = max(mean - slope * rows_mean, LEAST)
        if n >= STEADY:
            expected = self._expected = self.base + slope * rows
            self._like = rows
            self._least = expected / 2 if expected > 2 * LEAST else 0.0
            self._most = expected * 2
