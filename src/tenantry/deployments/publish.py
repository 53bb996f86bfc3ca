"""The publisher: builds the endpoint table from the state as it is now, and swaps it in.

Call it after every change, with what was changed: a narrow call reads only that, and publishes only the difference, so
that one tenant's change costs the same however many tenants there are. A change is committed before its ``publish``
begins, and publishers take turns around *reading the state and writing the table*; so whichever publisher of a part is
last has seen every change of that part, and none is lost. What is killed before its ``publish`` is made up for by the
next whole one, which the control process does every half minute, or by the next start.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec

from tenantry.deployments.build import Build, Sources
from tenantry.deployments.export import Exporter
from tenantry.deployments.turns import turn
from tenantry.errors import Corrupt
from tenantry.ports.clock import Clock
from tenantry.routing import (
    EndpointTable,
    advance,
    current_stamp,
    last_number,
    load_current,
    next_number,
    prune,
    save,
)
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

_LOCK = ".publish"
_KEEP = 3
_WHOLE = ".table"
_PARTS = ("keys", "tenants", "endpoints", "policies", "rules")
_log = get_logger("tenantry.deployments")
Stamp = tuple[int, int, int] | None
Part = Callable[[Build], EndpointTable]


class Publisher:
    """Publishes endpoint tables into ``<home>/endpoints``. Safe to call from several threads and processes at
    once.
    """

    def __init__(self, sources: Sources, clock: Clock) -> None:
        self._folder = sources.home / "endpoints"
        self._sources = sources
        self._clock = clock
        self._exporter = Exporter(sources)
        # What was published last, as far as this process knows; it holds as long as the stamp does.
        self._known: tuple[Stamp, EndpointTable] | None = None

    def publish(self, tenant: TenantId | None = None, model: str | None = None) -> EndpointTable:
        """Bring the endpoint table up to date; returns it. Where nothing changed, nothing is written.

        With a tenant, everything of that tenant; with a model, too, that deployment alone. Versions that ONNX Runtime
        shall open and that have no export yet are published with their plans, then exported, then published again.
        """
        if tenant is None:
            return self._publish(lambda build: build.everything(), afresh=True)
        if model is None:
            return self._publish(lambda build: _of_tenant(build, tenant))
        return self._publish(lambda build: build.model(build.known, tenant, model))

    def publish_keys(self, owner: TenantId | None) -> EndpointTable:
        """After a change of keys; ``None`` are the operators."""
        return self._publish(lambda build: build.keys_of(build.known, owner))

    def publish_tenant(self, tenant: TenantId) -> EndpointTable:
        """After a change of a tenant's attributes or quota."""
        return self._publish(lambda build: build.tenant(build.known, tenant))

    def publish_platform(self) -> EndpointTable:
        """After a change of an SLO class or of the platform's rules."""
        return self._publish(lambda build: build.platform(build.known))

    def table(self) -> EndpointTable:
        """The table that is published now; number 0 where there is none. Waits for nobody."""
        stamp = current_stamp(self._folder)
        known = self._known
        if known is not None and known[0] == stamp:
            return known[1]
        table = self._read(afresh=False) or EndpointTable(number=0, created=0.0)
        # Should the table be newer than the stamp, then the stamp fits nothing any more, and it is read again.
        self._known = (stamp, table)
        return table

    def export(self, tenant: TenantId, model: str) -> None:
        """Make the exports that are missing for ONNX Runtime to open every version of a model. Raises as
        ``plan.onnx_export``."""
        self._exporter.export_all(tenant, model)

    def _publish(self, part: Part, *, afresh: bool = False) -> EndpointTable:
        table, build = self._round(part, afresh=afresh)
        made = [place for place in dict.fromkeys(build.missing) if self._exporter.try_one(*place)]
        if made:
            table, _ = self._round(part, afresh=afresh)
        return table

    def _round(self, part: Part, *, afresh: bool) -> tuple[EndpointTable, Build]:
        """One turn: read the state, write what differs."""
        with self._turn():
            known, number = self._current(afresh=afresh)
            # Without a table there is nothing that a part could be a part of.
            build = Build(self._sources, known)
            fresh = part(build) if known.number else build.everything()
            if known.number and _unchanged(known, fresh):
                return known, build
            fresh = msgspec.structs.replace(fresh, number=number, created=self._clock.now())
            written = save(self._folder, fresh, known if known.number else None)
            if written.suffix == _WHOLE:  # deltas pile up between whole tables, and go with them
                prune(self._folder, _KEEP)
            self._known = (current_stamp(self._folder), fresh)
        _log.debug("endpoint table published", number=fresh.number)
        return fresh, build

    def _turn(self) -> AbstractContextManager[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return turn(self._folder / _LOCK)

    def _current(self, *, afresh: bool) -> tuple[EndpointTable, int]:
        """The published table (number 0: there is none), and the number of the next; read ``afresh``, damage to its
        file is found, too.
        """
        stamp = current_stamp(self._folder)
        if not afresh and self._known is not None and stamp is not None and self._known[0] == stamp:
            return self._known[1], self._known[1].number + 1
        try:
            table, number = self._read(afresh=afresh), next_number(self._folder)
        except Corrupt as error:
            # Everything in the table can be built again; the numbers go on from the files that are there. Workers
            # keep what they have until the new one is there.
            _log.error("endpoint table replaced", reason=error.message)
            table, number = None, last_number(self._folder) + 1
            (self._folder / "current").unlink(missing_ok=True)
        if table is None:
            return EndpointTable(number=0, created=0.0), number
        if self._known is not None and self._known[0] == stamp and self._known[1] == table:
            table = self._known[1]  # the same objects, so that what did not change is told by identity
        self._known = (stamp, table)
        return table, number

    def _read(self, *, afresh: bool) -> EndpointTable | None:
        """The published table; where an older one is known, only what changed since, unless ``afresh``."""
        if afresh or self._known is None:
            return load_current(self._folder)
        # Nothing newer, and yet another stamp: the folder may have been put back to an older state.
        return advance(self._folder, self._known[1]) or load_current(self._folder)


def _of_tenant(build: Build, tenant: TenantId) -> EndpointTable:
    table = build.keys_of(build.known, tenant)
    return build.models(build.tenant(table, tenant), tenant)


def _unchanged(known: EndpointTable, fresh: EndpointTable) -> bool:
    """Parts that are equal were kept as they are, so identity tells."""
    return all(getattr(known, part) is getattr(fresh, part) for part in _PARTS)
