"""Reading a deployment's log."""

import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tenantry.errors import InvalidRequest
from tenantry.predictions import layout
from tenantry.predictions.ports import LogFiles
from tenantry.predictions.record import LoggedRequest
from tenantry.tenancy import TenantId

ATTEMPTS = 10


class PredictionLog:
    """The log under a folder. What workers have not handed on yet, or is not folded yet, is not in it."""

    def __init__(self, root: Path, files: LogFiles) -> None:
        self._root = root
        self._files = files

    def read(
        self,
        tenant: TenantId,
        deployment: str,
        since: float = 0.0,
        until: float = float("inf"),
        limit: int | None = None,
        *,
        newest: bool = False,
    ) -> Iterator[LoggedRequest]:
        """The requests with ``since <= time < until`` (seconds since the epoch) in order of time, ``limit`` at most; or
        the newest ones first. A deployment that has no log gives none.

        Raises ``InvalidRequest`` for names and limits that cannot be, ``Corrupt("log_corrupt")`` while it is read.
        """
        if limit is not None and limit < 0:
            raise InvalidRequest("query_value", f"limit={limit} is not a number of requests")
        folder = layout.folder_of(self._root, tenant, deployment)
        return islice(self._requests(folder, since, until, newest=newest), limit)

    def _requests(self, folder: Path, since: float, until: float, *, newest: bool) -> Iterator[LoggedRequest]:
        first, last = _date(since), _date(until)
        days = [day for day in layout.subfolders(folder) if first <= day.name <= last]
        for day in reversed(days) if newest else days:
            yield from self._day(day, since, until, newest=newest)

    def _day(self, day: Path, since: float, until: float, *, newest: bool) -> Iterator[LoggedRequest]:
        """A day's requests. Its files are all opened before the first of them; a file that was merged in between makes
        the list out of date, so it is made again.
        """
        for attempt in range(ATTEMPTS):
            counting, _ = layout.listed(day, self._files.suffix)
            runs = [self._files.read(file.path, since, until, newest=newest) for file in counting]
            merged = heapq.merge(*runs, key=lambda request: request.time, reverse=newest)
            try:
                first = next(merged, None)
            except FileNotFoundError:
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            if first is not None:
                yield first
                yield from merged
            return


def _date(time: float) -> str:
    """The date of a time, also of one before or after all that can be written."""
    if time < 0:
        return "0000"
    return layout.date_of(time) if time < 253_402_300_800.0 else "9999-12-31"
