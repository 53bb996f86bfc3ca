"""Copies of requests that wait for shadows: how many may, and how much of memory they may hold."""

from tenantry.serving.work import Work

SHADOW_SECONDS = 5.0
"""Longest time that a shadow waits."""
WAITING = 256
"""Most shadows that wait; more are dropped, and counted."""
BYTES = 64 << 20
"""Most bytes of requests, as they came and as they were read, that are kept for them alone."""
_ROW_BYTES = 200
_READ = 4
"""What a request of another form takes once it is read, by its own size."""


class Shadows:
    """Counts the shadows of one scheduler, from ``take`` to ``give_back``. ``dropped``: those that were not run."""

    __slots__ = ("_bytes", "_count", "dropped")

    def __init__(self) -> None:
        self._count = self._bytes = self.dropped = 0

    def __len__(self) -> int:
        return self._count

    def take(self, work: Work) -> bool:
        """Whether there is room for a copy of this work, which takes it; one alone always has some."""
        size = _size(work)
        if self._count and (self._count >= WAITING or self._bytes + size > BYTES):
            self.dropped += 1
            return False
        self._count += 1
        self._bytes += size
        return True

    def give_back(self, work: Work) -> None:
        """The copy of this work has ended."""
        self._count -= 1
        self._bytes -= _size(work)


def _size(work: Work) -> int:
    """The bytes that a copy keeps from being freed; the same from the work's end on."""
    form = 0 if work.form is None else _READ * work.form.size
    return len(work.body) + form + _ROW_BYTES * work.rows
