"""Loading models before they are asked for: what to load, in which order, how fast. Runs in the loader's thread."""

import os
import time
from collections import deque
from collections.abc import Container, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from tenantry.routing import EndpointTable, VersionRef
from tenantry.serving.eviction import Key, worth
from tenantry.serving.models import Model
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

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._waiting: deque[tuple[Key, VersionRef]] = deque()
        self._given: WeakValueDictionary[Key, Model] = WeakValueDictionary()
        self._stopped = False

    def plan(self, table: EndpointTable) -> None:
        """Queue the pinned models of ``table``, and those of the recency file that it names."""
        self._stopped = False
        queue = {(tenant, ref.sha256): ref for tenant, ref in pinned_versions(table)}
        for key in self._remembered():
            ref = find_ref(table, key)
            if ref is not None:
                queue.setdefault(key, ref)
        self._waiting = deque(queue.items())

    def next(self, there: Container[Key]) -> tuple[Key, VersionRef] | None:
        """The next one that is not in memory; None at the end."""
        while self._waiting and not self._stopped:
            key, ref = self._waiting.popleft()
            if key not in there:
                return key, ref
        self._waiting.clear()
        return None

    def stop(self) -> None:
        """There is no room for more. From any thread."""
        self._stopped = True

    def give(self, key: Key, model: Model) -> None:
        """Remember a model on its way into the books, so that a request that comes now does not load it twice."""
        self._given[key] = model

    def taken(self, key: Key) -> Model | None:
        """The model, if it was warmed and is still there."""
        return self._given.get(key)

    def rest(self, seconds: float, *, busy: bool) -> None:
        """Leave the processor to others for as long as the last load took, unless somebody waits for a model."""
        if not busy:
            time.sleep(min(seconds, LONGEST_REST))

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
