"""What an endpoint's requests cost, learnt from what they took: seconds a request and a row, give or take a spread."""

MEMORY = 1 / 32
"""Weight of the newest measurement; the last hundred or so count."""
JUMP = 8.0
"""One measurement counts as at most this multiple of what was expected: a pause of the machine is no new price."""
LEAST = 20e-6
"""Seconds below which a request is never estimated."""


class Estimate:
    """Seconds of work of one endpoint's requests: ``base + slope · rows``, by least squares that forget.

    Before the first measurement it says ``typical``, what the worker's requests took on average.
    """

    __slots__ = ("_n", "_rows", "_rows2", "_rows_seconds", "_seconds", "base", "mean", "slope", "spread")

    def __init__(self, typical: float) -> None:
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
        keep = 1.0 - MEMORY
        self._n = n = self._n * keep + 1.0
        self._rows = self._rows * keep + rows
        self._rows2 = self._rows2 * keep + rows * rows
        self._seconds = self._seconds * keep + seconds
        self._rows_seconds = self._rows_seconds * keep + rows * seconds
        rows_mean, mean = self._rows / n, self._seconds / n
        variance = self._rows2 / n - rows_mean * rows_mean
        # Rows that hardly vary say nothing about the price of one: then all is base.
        slope = 0.0
        if variance > 0.01 * rows_mean * rows_mean:
            slope = (self._rows_seconds / n - rows_mean * mean) / variance
            slope = min(max(slope, 0.0), mean / rows_mean)
        self.slope = slope
        self.base = max(mean - slope * rows_mean, LEAST)
