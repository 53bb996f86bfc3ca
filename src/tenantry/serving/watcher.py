"""Keeps a worker's endpoint table current by looking at the published pointer four times a second.

One ``stat`` a look; a revoked key is refused at the next look, well within the two seconds that are promised. What
changed is read in another thread, so that a large table holds up no request. A table that cannot be read leaves the
last good one in force, says so once in the log, and is tried again at every look.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from tenantry.routing import EndpointTable, advance, current_stamp, load_current
from tenantry.serving.defects import Defects
from tenantry.serving.state import State
from tenantry.telemetry import get_logger

INTERVAL_SECONDS = 0.25

_log = get_logger("serving.table")
Stamp = tuple[int, int, int] | None


class TableWatcher:
    """Watches ``folder`` for one :class:`State`.

    It reads on ``reader``, which nobody else keeps busy, and hands lines to log to ``lines``, so that a log that is
    slow to be written delays no revocation; without them it uses the loop's threads, and its own.
    """

    def __init__(
        self, folder: Path, state: State, reader: Executor | None = None, lines: Executor | None = None
    ) -> None:
        self._folder = folder
        self._state = state
        self._reader = reader
        self._lines = lines
        self._defects = Defects("a look at the endpoint table failed; the next one comes")
        self._stamp: Stamp = None
        self._complained: Stamp = None

    def look(self) -> bool:
        """Take over a newer table if there is one; whether the state was changed. Never raises.

        Where nothing was ever published, the table is empty: the worker is ready, and knows nobody.
        """
        stamp = self._changed()
        return stamp is not False and self._take(stamp, self._read())

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                stamp = self._changed()
                if stamp is not False:
                    self._take(stamp, await loop.run_in_executor(self._reader, self._read))
            except Exception as error:  # noqa: BLE001 — whoever stops looking never hears of a revoked key
                self._tell(partial(self._defects.tell, error))

    def _changed(self) -> Stamp | bool:
        """The pointer's stamp where it is another than last time, else False."""
        try:
            stamp = current_stamp(self._folder)
        except OSError as error:
            self._complain(error)
            return False
        return False if self._state.table is not None and stamp == self._stamp else stamp

    def _read(self) -> EndpointTable | Exception | None:
        """The newer table, None where there is none, or what keeps it from being read."""
        held = self._state.table
        try:
            if held is None or held.number == 0:
                return load_current(self._folder) or EndpointTable(number=0, created=0.0)
            return advance(self._folder, held)
        except Exception as error:  # noqa: BLE001 — whatever it is, the last good table stays
            return error

    def _take(self, stamp: Stamp | bool, table: EndpointTable | Exception | None) -> bool:  # noqa: FBT001 — False: no change
        if isinstance(table, Exception):
            self._complain(table)
            return False
        self._stamp = None if isinstance(stamp, bool) else stamp
        held = self._state.table
        if table is None or (held is not None and table.number <= held.number):
            return False
        self._state.swap(table)
        told = {"number": table.number, "keys": len(table.keys), "tenants": len(table.endpoints)}
        self._tell(partial(_log.info, "endpoint table", **told))
        return True

    def _complain(self, error: Exception) -> None:
        stamp = self._stamp_or_none()
        if stamp is None or stamp != self._complained:
            self._complained = stamp
            why = str(error) or type(error).__name__
            self._tell(partial(_log.error, "endpoint table unreadable; the last good one stays", error=why))

    def _tell(self, line: Callable[[], object]) -> None:
        if self._lines is None:
            line()
        else:
            self._lines.submit(line)

    def _stamp_or_none(self) -> Stamp:
        try:
            return current_stamp(self._folder)
        except OSError:
            return None
