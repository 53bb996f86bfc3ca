"""Waking at a moment, to within tens of microseconds: event loops wait in whole milliseconds."""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from contextlib import suppress

_CLOCK_MONOTONIC, _ABSOLUTE, _NONBLOCK_CLOEXEC = 1, 1, 0o2004000


class _Span(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Span), ("value", _Span))


class Ticker:
    """Calls back once at a time of ``time.monotonic``. Linux has a timer for it (timerfd); elsewhere the loop's is
    used, and requests go out up to a millisecond late, which the report's send lag shows.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._libc = ctypes.CDLL(None)
        self._file = -1
        self._timer: asyncio.TimerHandle | None = None
        if hasattr(self._libc, "timerfd_create"):
            self._file = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._file >= 0:
            self._setting = _Setting()
            self._where = ctypes.byref(self._setting)
            loop.add_reader(self._file, self._ring)

    def at(self, moment: float) -> None:
        """Ring at ``moment``; a moment in the past rings at once. Replaces the last one."""
        if self._file < 0:
            self._timer = self._loop.call_later(max(0.0, moment - time.monotonic()), self._callback)
            return
        value = self._setting.value
        seconds = int(moment)
        value.seconds = seconds
        value.nanoseconds = max(1, int((moment - seconds) * 1e9))  # 0 would disarm it
        self._libc.timerfd_settime(self._file, _ABSOLUTE, self._where, None)

    def close(self) -> None:
        """Never ring again."""
        if self._timer is not None:
            self._timer.cancel()
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def _ring(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._file, 8)
        self._callback()
