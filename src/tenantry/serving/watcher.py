"""Keeps a worker's endpoint table current by looking at the published pointer four times a second.

One ``stat`` a look; a revoked key is refused at the next look, well within the two seconds that are promised.
A table that cannot be read leaves the last good one in force, says so once in the log, and is tried again at
every look.
"""

import asyncio
from pathlib import Path

from tenantry.errors import TenantryError
from tenantry.routing import EndpointTable, current_stamp, load_current
from tenantry.serving.state import State
from tenantry.telemetry import get_logger

INTERVAL_SECONDS = 0.25

_log = get_logger("serving.table")
Stamp = tuple[int, int, int] | None


class TableWatcher:
    """Watches ``folder`` for one :class:`State`."""

    def __init__(self, folder: Path, state: State) -> None:
        self._folder = folder
        self._state = state
        self._stamp: Stamp = None
        self._complained: Stamp = None

    def look(self) -> bool:
        """Take over a newer table if there is one; whether the state was changed. Never raises.

        Where nothing was ever published, the table is empty: the worker is ready, and knows nobody.
        """
        try:
            stamp = current_stamp(self._folder)
            if self._state.table is not None and stamp == self._stamp:
                return False
            table = load_current(self._folder) or EndpointTable(number=0, created=0.0)
        except (OSError, TenantryError) as error:
            self._complain(error)
            return False
        self._stamp = stamp
        if self._state.table is not None and table.number <= self._state.table.number:
            return False
        self._state.swap(table)
        _log.info("endpoint table", number=table.number, keys=len(table.keys), tenants=len(table.endpoints))
        return True

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            self.look()

    def _complain(self, error: Exception) -> None:
        stamp = self._stamp_or_none()
        if stamp is None or stamp != self._complained:
            self._complained = stamp
            _log.error("endpoint table unreadable; the last good one stays", error=str(error))

    def _stamp_or_none(self) -> Stamp:
        try:
            return current_stamp(self._folder)
        except OSError:
            return None
