"""The control side of the log: folding, merging and forgetting, a step at a time."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from tenantry.errors import Corrupt
from tenantry.predictions import layout
from tenantry.predictions.compact import compact
from tenantry.predictions.fold import Stopped, fold
from tenantry.predictions.ports import LogFiles
from tenantry.predictions.record import KIND
from tenantry.segments import SegmentReader
from tenantry.telemetry import get_logger

REST = 20.0
"""After a fold the keeper rests so many times as long as it took: with many tenants, files become fewer and larger
instead of work becoming more."""
LONGEST_REST_SECONDS = 300.0
BACKLOG_BYTES = 128 << 20
"""Closed segments that end the rest early, long before the workers' budgets would drop any."""
PAUSE_AFTER_ERROR_SECONDS = 30.0
TIDY_SECONDS = 3600.0
"""From the end of one round over all tenants to the begin of the next."""
TIDY_SLICE_SECONDS = 0.2

_log = get_logger("predictions")


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the log is kept."""

    days: int = 30
    """Days, today included; older ones are removed as wholes."""
    tenant_bytes: int = 1 << 30
    """Most bytes of one tenant's files; over it the oldest days go first, and of the last day the oldest files."""


class LogKeeper:
    """Keeps the log under ``root``. One in the whole installation; not for several threads at once."""

    def __init__(
        self,
        spool: Path,
        root: Path,
        files: LogFiles,
        retention: Retention | None = None,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = SegmentReader(spool)
        self._root = root
        self._files = files
        self._retention = retention or Retention()
        self._now = now
        self._clock = clock
        self._due = self._tidy_due = float("-inf")
        self._resting = False
        self._tidying: Iterator[None] | None = None

    def step(self, stop: Callable[[], bool] = bool) -> int:
        """Do what is due; returns how many requests were folded. Call it every second, on a thread that may block.

        ``stop`` is asked between files, and ends the step early; what was begun is finished by a later step. Never
        raises for what is on the disk: errors are logged, and tried again.
        """
        if self._clock() < self._due and not (self._resting and self._backlog()):
            return 0
        begun = self._clock()
        folded = 0
        try:
            self._reader.recover(KIND)
            folded = self._fold(stop)
            self._tidy(stop)
        except Stopped:
            return folded
        except (OSError, Corrupt) as error:
            _log.error("the inference log cannot be kept; trying again", error=str(error))
            self._due, self._resting = self._clock() + PAUSE_AFTER_ERROR_SECONDS, False
            return folded
        self._resting = True
        self._due = (
            self._clock() + min(LONGEST_REST_SECONDS, REST * (self._clock() - begun)) if folded else begun
        )
        return folded

    def _backlog(self) -> bool:
        """Whether more waits than a rest is worth."""
        size = 0
        for path in self._reader.closed(KIND):
            with suppress(FileNotFoundError):  # dropped meanwhile, over its worker's budget
                size += path.stat().st_size
        return size > BACKLOG_BYTES

    def drain(self) -> int:
        """Fold all that is closed, at once; returns how many requests that were. Raises ``OSError``, ``Corrupt``."""
        self._reader.recover(KIND)
        return self._fold(bool)

    def _fold(self, stop: Callable[[], bool]) -> int:
        requests = 0
        while (folded := fold(self._reader, self._root, self._files, stop)) is not None:
            requests += folded.requests
            for folder in folded.folders:
                if stop():
                    raise Stopped
                self._compact(folder)
        return requests

    def _compact(self, folder: Path) -> None:
        try:
            compact(folder, self._files)
        except Corrupt as error:
            _log.error("files of the inference log cannot be merged", error=error.message)

    def _tidy(self, stop: Callable[[], bool]) -> None:
        """Go on with the round over all tenants, for a moment; begin one where it is time."""
        if self._tidying is None:
            if self._clock() < self._tidy_due:
                return
            self._tidying = self._round()
        until = self._clock() + TIDY_SLICE_SECONDS
        for _ in self._tidying:
            if stop() or self._clock() > until:
                return
        self._tidying = None
        self._tidy_due = self._clock() + TIDY_SECONDS

    def _round(self) -> Iterator[None]:
        oldest = layout.date_of(self._now() - 86_400.0 * (self._retention.days - 1))
        for tenant in layout.subfolders(self._root):
            days = [day for deployment in layout.subfolders(tenant) for day in layout.subfolders(deployment)]
            kept = []
            for day in days:
                if day.name < oldest:
                    shutil.rmtree(day, ignore_errors=True)
                else:
                    kept.append(day)
                    self._clean(day)
            self._limit(kept)
            yield

    def _clean(self, day: Path) -> None:
        """Remove what a killed process left half-written, and merge what is due."""
        for path in day.iterdir():
            if layout.is_part(path):
                path.unlink(missing_ok=True)
        self._compact(day)

    def _limit(self, days: list[Path]) -> None:
        """Remove a tenant's oldest files until the rest fits."""
        found = [
            (file.parent.name, file.name, file.stat().st_size, file) for day in days for file in day.iterdir()
        ]
        over = sum(size for _, _, size, _ in found) - self._retention.tenant_bytes
        for _, _, size, path in sorted(found):
            if over <= 0:
                return
            path.unlink(missing_ok=True)
            over -= size
