"""Defects that may come again with every request or every second: each is logged once, and all are counted."""

from tenantry.telemetry import get_logger

KINDS = 64
"""Most kinds of defects that are remembered; at the next one all may be told again."""
_log = get_logger("serving")


class Defects:
    """``what`` is the line that is logged for each kind of error: its type and its text. ``count``: all of them."""

    __slots__ = ("_told", "_what", "count")

    def __init__(self, what: str) -> None:
        self._what = what
        self._told: set[tuple[type, str, str]] = set()
        self.count = 0

    def tell(self, error: Exception, where: str = "") -> None:
        """Count an error, and log it with its traceback if it is new. ``where``: what met it."""
        self.count += 1
        kind = (type(error), str(error)[:200], where)
        if kind in self._told:
            return
        if len(self._told) >= KINDS:
            self._told.clear()
        self._told.add(kind)
        _log.error(self._what, where=where, exc_info=error)
