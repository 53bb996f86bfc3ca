"""Time, as something that tests can hold still."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch (UTC)."""

    def now(self) -> float:
        """The time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """The time."""
        return time.time()
