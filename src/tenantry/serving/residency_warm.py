"""Loading models before they are asked for: what to load, in which order, how fast. Runs in the loader's thread."""

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Container, Sequence
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from tenantry.errors import TenantryError
from tenantry.routing import EndpointTable, VersionRef
from tenantry.serving.defects import Defects
from tenantry.serving.eviction import Key, worth
from tenantry.serving.models import Model
from tenantry.serving.residency_loads import Loads
from tenantry.serving.residency_table import find_ref, pinned_versions
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

MOST_REMEMBERED = 20_000
"""How many models the recency file names."""
LONGEST_REST = 0.05
"""Seconds: warming rests after each model for as long as it took, so that it takes half of one core at most."""

_log = get_logger("serving.models")
_DECODER = msgspec.json.Decoder(list[tuple[str, str]])


class Warmer:
    """A queue of models to load when the loader has nothing else to do.

    The recency file (``path``) is a JSON list of (tenant, SHA-256), the most worth keeping first. It is advice: one
    that is missing or damaged costs a warm start and nothing else.
    """

    def __init__(
        self,
        path: Path | None,
        loads: Loads,
        *,
        arrived: Callable[[Key, Model], None],
        resident: Container[Key],
    ) -> None:
        self.path = path
        self.given: WeakValueDictionary[Key, Model] = WeakValueDictionary()
        """Models on their way into the books, so that a request that comes now does not load one twice."""
        self._loads = loads
        self._arrived = arrived
        self._resident = resident
        self._waiting: deque[tuple[Key, VersionRef]] = deque()
        self._stopped = self._going = False
        self._defects = Defects("a model could not be warmed; the next one comes")

    def start(self, table: EndpointTable) -> None:
        """Load the pinned models of ``table`` and those of the recency file that it names, one by one. Whatever else
        the loader is asked for meanwhile waits for one model at most.
        """
        self._loads.run(self._plan, table)

    def add(self, table: EndpointTable, keys: Collection[Key]) -> None:
        """Load these of the table's pinned models before what waits already; they were not pinned until now."""
        self._loads.run(self._first, table, keys)

    def stop(self) -> None:
        """There is no room for more. From any thread."""
        self._stopped = True

    def _plan(self, table: EndpointTable) -> None:
        self._stopped = False
        queue = {(tenant, ref.sha256): ref for tenant, ref in pinned_versions(table)}
        for key in self._remembered():
            ref = find_ref(table, key)
            if ref is not None:
                queue.setdefault(key, ref)
        self._waiting = deque(queue.items())
        self._begin()

    def _first(self, table: EndpointTable, keys: Collection[Key]) -> None:
        self._stopped = False
        pinned = {(tenant, ref.sha256): ref for tenant, ref in pinned_versions(table)}
        new = [(key, ref) for key, ref in pinned.items() if key in keys and key not in self.given]
        self._waiting.extendleft(reversed(new))
        self._begin()

    def _begin(self) -> None:
        if not self._going:
            self._going = True
            self._loads.run(self._go_on)

    def _go_on(self) -> None:
        found = self._next()
        if found is None:
            self._going = False
            return
        key, ref = found
        started = time.perf_counter()
        try:
            model = self._loads.read(key, ref)
        except TenantryError:
            pass  # it is logged; it fails again, and is answered, when it is asked for
        except Exception as error:  # noqa: BLE001 — one file that its runtime cannot bear leaves the others to be warmed
            self._defects.tell(error)
        else:
            self.given[key] = model
            self._loads.later(partial(self._arrived, key, model))
        if not self._loads.loading:
            time.sleep(min(time.perf_counter() - started, LONGEST_REST))
        self._loads.run(self._go_on)

    def _next(self) -> tuple[Key, VersionRef] | None:
        while self._waiting and not self._stopped:
            key, ref = self._waiting.popleft()
            if key not in self._resident and key not in self._loads.loading and key not in self.given:
                return key, ref
        self._waiting.clear()
        self.given.clear()
        return None

    def save(self, models: Sequence[Model]) -> None:
        """Write the recency file, in one rename."""
        if self.path is None:
            return
        best = sorted(models, key=worth, reverse=True)[:MOST_REMEMBERED]
        data = msgspec.json.encode([(model.tenant, model.sha256) for model in best])
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(self.path)
        except OSError as error:
            _log.warning("recency file not written", path=str(self.path), error=str(error))

    def _remembered(self) -> list[Key]:
        if self.path is None:
            return []
        try:
            return [(TenantId(tenant), sha256) for tenant, sha256 in _DECODER.decode(self.path.read_bytes())]
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("recency file not read", path=str(self.path), error=str(error))
            return []
