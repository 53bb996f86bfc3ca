"""What one scoring worker holds: the current endpoint table, its open models, its gate, its figures."""

from typing import Any

from tenantry.admission import Gate
from tenantry.errors import Unavailable
from tenantry.routing import EndpointTable
from tenantry.serving.callers import Callers
from tenantry.serving.limits import Limits
from tenantry.serving.metrics import Metrics
from tenantry.serving.residency import Residency
from tenantry.serving.stats_merged import Merged
from tenantry.tenancy import TenantId


class State:
    """``table`` is None only while none could be read; a new table takes the old one's place in one
    assignment. ``batched``: deployments whose models are faster with several rows at a time.
    """

    __slots__ = (
        "_callers",
        "batched",
        "gate",
        "limits",
        "merged",
        "metrics",
        "residency",
        "table",
    )

    def __init__(
        self,
        residency: Residency,
        limits: Limits,
        table: EndpointTable | None = None,
        *,
        gate: Gate[Any] | None = None,
        merged: Merged | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.residency = residency
        self.limits = limits
        self.gate = gate
        self.merged = merged
        self.metrics = metrics
        self.batched: set[tuple[TenantId, str]] = set()
        self.table = table
        self._callers = None if table is None else Callers(table)

    @property
    def current(self) -> EndpointTable:
        """The table. Raises ``Unavailable("serving_starting")``."""
        if self.table is None:
            raise Unavailable("serving_starting", "this worker could not read an endpoint table yet")
        return self.table

    @property
    def known(self) -> Callers:
        """Who is known by the current table. Raises ``Unavailable("serving_starting")``."""
        if self.table is None or self._callers is None:
            raise Unavailable("serving_starting", "this worker could not read an endpoint table yet")
        return self._callers

    def swap(self, table: EndpointTable) -> None:
        """Answer by this table from now on."""
        before, self.table = self.table, table
        if before is None or self._callers is None or before.keys is not table.keys:
            self._callers = Callers(table)
        self.batched.clear()
        self.residency.retain(table)
