"""A residency over a home folder with a clock of its own, for the tests of models in memory."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.serving.plans import small_plan, store_plan

from tenantry.plan import Plan
from tenantry.routing import Endpoint, EndpointTable, VersionRef
from tenantry.serving.eviction import EvictionLog
from tenantry.serving.models import Model
from tenantry.serving.residency import Residency
from tenantry.serving.residency_loads import read_model
from tenantry.tenancy import TenantId

ACME, BOLT = TenantId("acme"), TenantId("bolt")
RECORD = {"tenure": 12, "MonthlyCharges": 70.5, "Contract": "One year"}


class CountingRuntime:
    """Real plans; counts what is opened, and waits where it is told to."""

    def __init__(self) -> None:
        self.opened: list[Path] = []
        self.takes: Callable[[], None] = lambda: None
        self.trims = 0
        self.gate = threading.Event()
        self.gate.set()

    def open(self, path: Path, /) -> Plan:
        self.opened.append(path)
        assert self.gate.wait(30)
        self.takes()
        return Plan.open(path, verify=False)

    def reasons(self, plan: Any, record: Mapping[str, Any], k: int, output: int | None, /) -> Sequence[Any]:
        return []

    def trim(self) -> None:
        self.trims += 1


class Place:
    """A residency over a home folder, with a clock that stands still unless it is moved."""

    def __init__(self, home: Path, loader: ThreadPoolExecutor) -> None:
        self.home = home
        self.loader = loader
        self.runtime = CountingRuntime()
        self.time = 100.0
        self.runtime.takes = self._load_takes_a_millisecond
        self.events: list[Any] = []

    def _load_takes_a_millisecond(self) -> None:
        self.time += 0.001

    def residency(self, models: float = 1e6, **more: Any) -> Residency:
        """Room for so many models of the small plan's size."""
        size = 0
        if models < 1e6:
            ref = self.store(ACME, -1.0)
            size = read_model(self.home, {"plan": self.runtime}, ACME, ref).nbytes
            self.runtime.opened.clear()
        log = EvictionLog(self.events.append, clock=lambda: 1e9)
        budget = int(models * size) if size else 1 << 40
        return Residency(
            self.home, {"plan": self.runtime}, budget, self.loader, log, lambda: self.time, **more
        )

    def store(self, tenant: TenantId, number: float) -> VersionRef:
        return store_plan(self.home, tenant, small_plan(shift=number))

    def settled(self, residency: Residency) -> None:
        """What is queued in the loader is done, with what it queues itself, and in the books."""
        for _ in range(60):
            self.loader.submit(int).result(30)
        residency.settle()
        self.loader.submit(int).result(30)  # and what that queued

    def use(self, residency: Residency, tenant: TenantId, ref: VersionRef) -> Model:
        """As a request does."""
        self.time += 1
        model = residency.find(tenant, ref) or residency.load(tenant, ref).result(30)
        with residency.lease(model):
            assert len(model.plan.score(RECORD)) == 1
        residency.settle()
        return model


def table_of(endpoints: dict[TenantId, dict[str, Endpoint]], **more: Any) -> EndpointTable:
    return EndpointTable(number=1, created=0.0, endpoints=endpoints, **more)


def endpoint(*refs: VersionRef, **more: Any) -> Endpoint:
    return Endpoint(
        versions={str(i): ref for i, ref in enumerate(refs, 1)}, aliases={"champion": "1"}, **more
    )
