"""Rates as token buckets (GCRA): one number a bucket, the moment when it will have leaked empty."""

from tenantry.admission.shared import Key, SharedLimits

KEPT = 4_096
"""Local buckets that may stand before the empty ones are dropped."""


class Rates:
    """Token buckets by key, over all workers where there is a :class:`SharedLimits`.

    A key that has no slot there gets this worker's part of the rate, 1/N. ``now`` is ``time.monotonic()``.
    """

    __slots__ = ("_kept", "_part", "_until", "shared")

    def __init__(self, shared: SharedLimits | None = None) -> None:
        self.shared = shared
        self._part = 1 if shared is None else shared.workers
        self._until: dict[Key, float] = {}
        self._kept = KEPT

    def take(self, key: Key, rate: float, burst: float, now: float, n: int = 1) -> float:
        """Take ``n`` units and return 0.0, or take none and return the seconds after which to come back.

        ``rate``: units a second; ``burst``: seconds' worth of it that may come at once. More than the burst at once is
        granted by a bucket that is empty, and paid for by those who come after.
        """
        if self.shared is not None:
            wait = self.shared.take(key, rate, burst, now, n)
            if wait is not None:
                return wait
        rate /= self._part
        until = max(self._until.get(key, now), now)
        wait = until + min(n / rate, burst) - burst - now
        if wait > 1e-9:
            return wait
        if len(self._until) >= self._kept:
            self._prune(now)
        self._until[key] = until + n / rate
        return 0.0

    def wait(self, key: Key, rate: float, burst: float, now: float, n: int = 1) -> float:
        """What ``take`` would return; nothing is taken."""
        if self.shared is not None:
            wait = self.shared.wait(key, rate, burst, now, n)
            if wait is not None:
                return wait
        rate /= self._part
        return max(max(self._until.get(key, now), now) + min(n / rate, burst) - burst - now, 0.0)

    def _prune(self, now: float) -> None:
        """An empty bucket is the same as none."""
        self._until = {key: until for key, until in self._until.items() if until > now}
        self._kept = max(KEPT, 2 * len(self._until))
