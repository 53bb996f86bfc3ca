"""Models in memory: loaded once, kept by worth, leased, let go with a reason, warmed."""

import gc
import random
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.serving.plans import small_plan, store_plan

from tenantry.admission import Policy, Quota
from tenantry.errors import Corrupt, TenantryError, Unavailable
from tenantry.plan import Plan
from tenantry.routing import Endpoint, EndpointTable, VersionRef
from tenantry.routing.rules import Arm, Rule, Split
from tenantry.routing.table import TenantEntry
from tenantry.schema import Task
from tenantry.serving import residency_loads
from tenantry.serving.eviction import EvictionLog, for_tenants
from tenantry.serving.models import Model
from tenantry.serving.residency import Residency
from tenantry.serving.residency_loads import CROWD, measured_bytes, read_model
from tenantry.serving.shapes import shapes
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


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ThreadPoolExecutor(1) as loader:
        yield Place(tmp_path, loader)


def table_of(endpoints: dict[TenantId, dict[str, Endpoint]], **more: Any) -> EndpointTable:
    return EndpointTable(number=1, created=0.0, endpoints=endpoints, **more)


def endpoint(*refs: VersionRef, **more: Any) -> Endpoint:
    return Endpoint(
        versions={str(i): ref for i, ref in enumerate(refs, 1)}, aliases={"champion": "1"}, **more
    )


# --- loading ---


def test_two_hundred_at_once_load_once(place: Place) -> None:
    residency = place.residency()
    ref = place.store(ACME, 1.0)
    place.runtime.gate.clear()
    assert residency.find(ACME, ref) is None
    futures = [residency.load(ACME, ref) for _ in range(200)]
    (state,) = residency.states()
    assert (state.state, state.tenant, state.sha256) == ("LOADING", "acme", ref.sha256)
    assert not any(future.cancel() for future in futures)
    place.runtime.gate.set()
    models = {id(future.result(30)) for future in futures}
    assert len(models) == 1
    assert len(place.runtime.opened) == 1
    found = residency.find(ACME, ref)
    assert id(found) in models
    assert residency.load(ACME, ref).result(0) is found
    (state,) = residency.states()
    assert (state.state, state.loads, state.bytes) == ("READY", 1, residency.bytes)


def test_the_loader_rests_between_the_loads_of_a_storm_and_not_otherwise(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(residency_loads.time, "sleep", rests.append)
    residency = place.residency()
    refs = [place.store(ACME, float(number)) for number in range(3 * CROWD)]
    for ref in refs[:CROWD]:
        place.use(residency, ACME, ref)
    place.runtime.gate.clear()
    few = [residency.load(ACME, ref) for ref in refs[CROWD : 2 * CROWD]]
    place.runtime.gate.set()
    for future in few:
        future.result(30)
    place.settled(residency)
    assert rests == []
    for ref in refs:
        place.runtime.gate.clear()
        residency.load(BOLT, ref)
    place.runtime.gate.set()
    place.settled(residency)
    assert residency.counts().loads == 5 * CROWD
    assert rests == pytest.approx([0.001] * len(rests))  # as long as a load took
    assert len(rests) >= CROWD


def test_tenants_with_the_same_file_have_models_of_their_own(place: Place) -> None:
    residency = place.residency()
    ours, theirs = place.store(ACME, 1.0), place.store(BOLT, 1.0)
    assert ours.sha256 == theirs.sha256
    assert place.use(residency, ACME, ours) is not place.use(residency, BOLT, theirs)
    assert residency.find(TenantId("other"), ours) is None


def test_a_failure_is_remembered_for_longer_each_time(place: Place) -> None:
    residency = place.residency()
    ref = place.store(ACME, 1.0)
    path = place.home / ref.path
    good = path.read_bytes()
    path.unlink()
    seen: list[TenantryError] = []
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        reads = residency.counts().failures
        for _ in range(5):
            with pytest.raises(Unavailable) as raised:
                residency.load(ACME, ref).result(30)
            seen.append(raised.value)
            residency.settle()
        place.time += pause - 0.001
        with pytest.raises(Unavailable):
            residency.load(ACME, ref).result(30)
        assert residency.counts().failures == reads + 1
        place.time += 0.001
    assert {error.code for error in seen} == {"model_unavailable"}
    assert len({id(error) for error in seen}) == len(seen)  # one instance would collect tracebacks
    path.write_bytes(good[:-1] + b"?")
    with pytest.raises(Corrupt) as corrupt:
        residency.load(ACME, ref).result(30)
    assert corrupt.value.code == "plan_corrupt"
    assert str(path) not in corrupt.value.message
    residency.settle()
    place.time += 60
    # The pause is over and nobody has asked since: the last failure is still the reason why it is not there.
    assert getattr(residency.failure(ACME, ref.sha256), "code", None) == "plan_corrupt"
    path.write_bytes(good)
    place.use(residency, ACME, ref)
    assert residency.find(ACME, ref) is not None
    assert residency.failure(ACME, ref.sha256) is None


def test_an_unknown_runtime_and_a_defect_are_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    residency = place.residency()
    ref = place.store(ACME, 1.0)
    strange = VersionRef(path=ref.path, sha256="0" * 64, runtime="abacus")
    with pytest.raises(Unavailable, match="abacus"):
        residency.load(ACME, strange).result(30)

    def broken(path: Path) -> Plan:
        raise ZeroDivisionError

    monkeypatch.setattr(place.runtime, "open", broken)
    with pytest.raises(ZeroDivisionError):
        residency.load(ACME, ref).result(30)
    residency.settle()
    with pytest.raises(TenantryError) as raised:
        residency.load(ACME, ref).result(30)
    assert raised.value.code == "internal"


# --- eviction ---


def test_the_budget_holds_and_the_log_says_why(place: Place) -> None:
    residency = place.residency(3.5)
    refs = [place.store(ACME, float(i)) for i in range(4)]
    for ref in refs[:3]:
        place.use(residency, ACME, ref)
    place.use(residency, ACME, refs[0])
    place.time += 340
    place.use(residency, ACME, refs[3])
    assert len(residency) == 3
    assert residency.bytes <= residency.budget
    assert residency.find(ACME, refs[0]) is not None
    (event,) = place.events
    assert event.sha256 in (refs[1].sha256, refs[2].sha256)
    assert (event.what, event.tenant, event.at, event.uses) == ("evicted", "acme", 1e9, 1)
    assert event.why.startswith("budget: ")
    assert "; lowest value of all: last used 34" in event.why
    assert event.why.endswith(" KB over, 3 models]")
    assert for_tenants(event.why).endswith("µs to reload")
    assert residency.log.events(ACME, event.sha256) == [event]
    assert residency.log.events(BOLT) == []
    assert place.runtime.trims == 0
    residency.tick()
    place.settled(residency)
    assert place.runtime.trims == 1  # once for a round


def test_leased_and_pinned_models_stay(place: Place) -> None:
    residency = place.residency(2.5)
    refs = [place.store(ACME, float(i)) for i in range(3)]
    leased = place.use(residency, ACME, refs[0])
    residency.pin([(ACME, refs[1].sha256)])
    place.use(residency, ACME, refs[1])
    with residency.lease(leased):
        for _ in range(3):
            place.use(residency, ACME, refs[2])
        assert residency.find(ACME, refs[0]) is leased
        assert residency.find(ACME, refs[1]) is not None
        assert residency.find(ACME, refs[2]) is None
        event = place.events[-1]
        assert (event.what, event.sha256) == ("not_kept", refs[2].sha256)
        assert "each model in it is pinned or in use [" in event.why
        states = {state.sha256: state for state in residency.states()}
        assert states[refs[0].sha256].leases == 1
        assert states[refs[1].sha256].pinned
    del leased
    place.use(residency, ACME, refs[2])
    assert residency.find(ACME, refs[2]) is not None
    assert residency.find(ACME, refs[0]) is None


def test_nothing_is_unmapped_under_a_request(place: Place) -> None:
    """With a lease or without."""
    residency = place.residency(1.5)
    first, second = place.store(ACME, 1.0), place.store(ACME, 2.0)
    held = place.use(residency, ACME, first)
    score = held.plan.score(RECORD)
    place.use(residency, ACME, second)
    assert [state.state for state in residency.states()] == ["READY", "UNLOADING"]
    assert held.plan.score(RECORD) == score
    assert residency.find(ACME, first) is held  # and serves whoever else asks, without being read again
    residency.evict_all()
    place.settled(residency)
    assert held.plan.score(RECORD) == score
    path = str(place.home / first.path)
    assert path in Path("/proc/self/maps").read_text()
    del held
    assert path not in Path("/proc/self/maps").read_text()
    assert residency.states() == []
    assert residency.bytes == 0
    assert place.events[-1].what == "cleared"


def test_a_model_over_the_whole_budget_is_served_and_not_kept(place: Place) -> None:
    residency = place.residency(0.5)
    ref = place.store(ACME, 1.0)
    place.use(residency, ACME, ref)
    assert len(residency) == 0
    assert place.events[-1].why.startswith("budget: its ")


def test_a_tenants_share_pushes_out_its_own_models(place: Place) -> None:
    residency = place.residency(10)
    ours = [place.store(ACME, float(i)) for i in range(5)]
    theirs = [place.store(BOLT, float(i)) for i in range(3)]
    table = table_of(
        {ACME: {"a": endpoint(*ours)}, BOLT: {"b": endpoint(*theirs)}},
        tenants={ACME: TenantEntry(quota=Quota(memory_share=0.25))},
    )
    residency.retain(table)
    place.settled(residency)
    for ref in theirs:
        place.use(residency, BOLT, ref)
    for ref in ours:
        place.use(residency, ACME, ref)
    assert sum(state.tenant == "acme" for state in residency.states() if state.state == "READY") == 2
    assert sum(state.tenant == "bolt" for state in residency.states()) == 3
    assert {event.tenant for event in place.events} == {"acme"}
    assert place.events[0].why.startswith("tenant acme: memory_share 0.25: ")


def test_a_deployments_share_is_its_own(place: Place) -> None:
    residency = place.residency(10)
    refs = [place.store(ACME, float(i)) for i in range(6)]
    table = table_of(
        {ACME: {"small": endpoint(*refs[:3], policy="bronze"), "other": endpoint(*refs[3:])}},
        policies={"bronze": Policy(memory_share=0.15)},
    )
    residency.retain(table)
    place.settled(residency)
    for ref in refs:
        place.use(residency, ACME, ref)
    kept = {state.sha256 for state in residency.states() if state.state == "READY"}
    assert kept == {refs[2].sha256, *(ref.sha256 for ref in refs[3:])}
    assert all("deployment small: memory_share 0.15" in event.why for event in place.events)


# --- the thrash guard ---


def hits(place: Place, residency: Residency, refs: Sequence[VersionRef], order: Sequence[int]) -> int:
    found = 0
    for i in order:
        before = len(place.runtime.opened)
        place.use(residency, ACME, refs[i])
        found += len(place.runtime.opened) == before
    return found


def test_a_cycle_over_more_than_fits_leaves_the_others_alone(place: Place) -> None:
    residency = place.residency(10.5)
    refs = [place.store(ACME, float(i)) for i in range(12)]
    hits(place, residency, refs, list(range(12)) * 4)
    found = hits(place, residency, refs, list(range(12)) * 10)
    assert found >= 90  # of 120, where 100 are the best that 10 of 12 can do; the oldest first finds none
    event = next(event for event in reversed(place.events) if event.what == "not_kept")
    assert event.why.startswith("thrash: ")
    states = {state.sha256: state for state in residency.states()}
    assert max(state.loads for state in states.values()) < 10


def test_the_guard_lets_new_traffic_in(place: Place) -> None:
    residency = place.residency(10.5)
    refs = [place.store(ACME, float(i)) for i in range(24)]
    hits(place, residency, refs, list(range(12)) * 10)
    for traffic in (range(12, 20), range(8)):  # other models, and then back again
        assert hits(place, residency, refs, list(traffic) * 10) >= 30  # of 80; eight are cold
        assert hits(place, residency, refs, list(traffic) * 10) == 80


# --- the table ---


def test_what_no_deployment_names_is_forgotten(place: Place) -> None:
    residency = place.residency()
    first, second = place.store(ACME, 1.0), place.store(ACME, 2.0)
    broken = VersionRef(path="none", sha256="1" * 64)
    held = place.use(residency, ACME, first)
    place.use(residency, ACME, second)
    with pytest.raises(Unavailable):
        residency.load(ACME, broken).result(30)
    residency.retain(table_of({ACME: {"a": endpoint(second)}, BOLT: {"a": endpoint(first)}}))
    place.settled(residency)
    states = {state.sha256: state.state for state in residency.states()}
    assert states == {first.sha256: "UNLOADING", second.sha256: "READY"}
    assert [event.what for event in place.events] == ["forgotten"]
    del held
    assert {state.sha256 for state in residency.states()} == {second.sha256}
    reads = residency.counts().failures
    with pytest.raises(Unavailable):
        residency.load(ACME, broken).result(30)
    residency.settle()
    assert residency.counts().failures == reads + 1  # its pause went with it


def test_a_large_change_is_taken_in_steps(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenantry.serving.residency.FORGOTTEN_AT_ONCE", 4)
    residency = place.residency()
    for i in range(10):
        place.use(residency, ACME, place.store(ACME, float(i)))
    residency.retain(table_of({}))
    place.settled(residency)
    left = [len(residency)]
    while left[-1]:
        residency.tick()
        left.append(len(residency))
    assert left == [6, 2, 0]
    place.settled(residency)
    assert residency.states() == []
    assert str(place.home) not in Path("/proc/self/maps").read_text()


def test_the_newest_table_counts(place: Place) -> None:
    residency = place.residency()
    ref = place.store(ACME, 1.0)
    place.use(residency, ACME, ref)
    release = threading.Event()
    place.loader.submit(release.wait, 30)
    residency.retain(table_of({}))
    residency.retain(table_of({ACME: {"a": endpoint(ref)}}))
    release.set()
    place.settled(residency)
    assert residency.find(ACME, ref) is not None


def test_the_table_pins_versions_in_use(place: Place) -> None:
    residency = place.residency(2.5)
    refs = [place.store(ACME, float(i)) for i in range(5)]
    split = Split(arms=(Arm("champion", 1), Arm("2", 1)))
    pinned = endpoint(*refs[:3], pinned=True, rules=(Rule(name="ab", action=split),))
    table = table_of({ACME: {"a": pinned, "b": endpoint(*refs[3:])}})
    residency.retain(table)
    residency.warm(table)
    place.settled(residency)
    assert {s.sha256 for s in residency.states() if s.pinned} == {refs[0].sha256, refs[1].sha256}
    assert len(place.runtime.opened) == 2
    place.use(residency, ACME, refs[3])
    place.use(residency, ACME, refs[4])
    assert {s.sha256 for s in residency.states() if s.state == "READY"} == {refs[0].sha256, refs[1].sha256}


def test_a_restarted_worker_warms_what_it_used(place: Place, tmp_path: Path) -> None:
    recency = tmp_path / "run" / "recency" / "0"
    refs = [place.store(ACME, float(i)) for i in range(6)]
    gone = place.store(ACME, 99.0)
    table = table_of({ACME: {"a": endpoint(*refs)}})
    before = place.residency(recency=recency)
    for ref in (*refs[:3], gone):
        place.use(before, ACME, ref)
    for ref in refs[1:3]:
        for _ in range(5):
            place.use(before, ACME, ref)
    place.time += 31
    before.tick()
    place.settled(before)
    assert recency.exists()
    after = place.residency(3.0, recency=recency)  # of which warming takes nine tenths: two
    after.warm(table)
    place.settled(after)
    assert {state.sha256 for state in after.states()} == {refs[1].sha256, refs[2].sha256}
    assert place.events == []
    recency.write_text("{")
    third = place.residency(recency=recency)
    third.warm(table)
    place.settled(third)
    assert len(third) == 0


def test_a_file_that_breaks_its_runtime_leaves_the_others_to_be_warmed(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    residency = place.residency()
    refs = [place.store(ACME, float(i)) for i in range(4)]
    opened = place.runtime.open

    def brittle(path: Path, /) -> Any:
        if path.name in (refs[0].sha256, refs[2].sha256):
            raise RuntimeError("the graph is broken")
        return opened(path)

    monkeypatch.setattr(place.runtime, "open", brittle)
    table = table_of({ACME: {str(i): endpoint(ref, pinned=True) for i, ref in enumerate(refs)}})
    residency.warm(table)
    place.settled(residency)
    assert {state.sha256 for state in residency.states()} == {refs[1].sha256, refs[3].sha256}
    assert capsys.readouterr().out.count("a model could not be warmed") == 1
    with pytest.raises(RuntimeError):
        residency.load(ACME, refs[0]).result(30)


def test_versions_that_are_pinned_or_promoted_later_are_warmed_when_the_table_says_so(place: Place) -> None:
    residency = place.residency(2.5)
    refs = [place.store(ACME, float(i)) for i in range(4)]

    def publish(endpoints: dict[str, Endpoint]) -> None:
        residency.retain(table_of({ACME: endpoints}))
        place.settled(residency)  # the table is looked through,
        place.settled(residency)  # and what it pins is loaded

    first = endpoint(*refs[:2], pinned=True)
    free = {"b": endpoint(refs[2]), "c": endpoint(refs[3])}
    publish({"a": first, **free})
    assert [state.sha256 for state in residency.states()] == [refs[0].sha256]
    place.use(residency, ACME, refs[2])
    # Promoted: it is loaded, although memory is full of what nobody pinned, and the one before it stays in use.
    promoted = msgspec.structs.replace(first, aliases={"champion": "2", "before": "1"})
    place.time += 1
    publish({"a": promoted, **free})
    assert {state.sha256 for state in residency.states()} == {refs[0].sha256, refs[1].sha256}
    assert place.events[-1].what == "evicted"
    # Pinned: there is no room beside the two others, which are pinned, too. It is not tried with each table anew.
    pinned = {"b": msgspec.structs.replace(free["b"], pinned=True), "c": free["c"]}
    loads = len(place.runtime.opened)
    for _ in range(3):
        publish({"a": promoted, **pinned})
    assert len(place.runtime.opened) == loads + 1
    assert place.events[-1].what == "not_kept"
    # A table that changes nothing of it loads nothing.
    publish({"a": promoted, **free})
    assert len(place.runtime.opened) == loads + 1


def test_what_is_being_warmed_is_not_read_twice(place: Place) -> None:
    residency = place.residency()
    refs = [place.store(ACME, float(i)) for i in range(3)]
    table = table_of({ACME: {str(i): endpoint(ref, pinned=True) for i, ref in enumerate(refs)}})
    place.runtime.gate.clear()
    residency.warm(table)
    while not place.runtime.opened:
        time.sleep(0.001)
    first = residency.load(ACME, refs[0])
    last = residency.load(ACME, refs[2])
    place.runtime.gate.set()
    assert first.result(30) is not last.result(30)
    # The one that was asked for went before the one that was only to be warm.
    assert place.runtime.opened[1].name == refs[2].sha256
    place.settled(residency)
    assert len(place.runtime.opened) == 3
    assert len(residency) == 3
    assert residency.counts().loads == 3
    assert residency.counts().load_seconds == pytest.approx(0.003)  # a millisecond each


# --- what it takes ---


def test_objects_are_measured_as_they_are(place: Place) -> None:
    """The sum of sizes is what the allocator gives, for models that share their shape."""
    residency = place.residency()
    refs = [place.store(ACME, i / 1000) for i in range(400)]
    place.use(residency, ACME, refs[0])
    gc.collect()
    tracemalloc.start()
    for ref in refs[1:]:
        residency.load(ACME, ref).result(30)
        residency.settle()
    place.runtime.opened.clear()  # the test's own
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] / 399
    tracemalloc.stop()
    model = residency.find(ACME, refs[1])
    assert model is not None
    mapped = -(-model.plan.nbytes // 4096) * 4096
    said = measured_bytes(model) - mapped
    assert said == pytest.approx(taken, rel=0.25)
    assert taken < 2_000


def test_equal_models_share_their_shape(place: Place) -> None:
    residency = place.residency()
    known = shapes()
    plans = [small_plan(Task.REGRESSION, float(i)) for i in range(3)]
    models = [place.use(residency, ACME, store_plan(place.home, ACME, plan)) for plan in plans]
    assert shapes() == known + 1
    assert models[0].index is models[2].index
    assert models[0].columns is models[1].columns
    residency.evict_all()
    place.settled(residency)
    del models
    assert shapes() == known


def test_descriptions_are_let_go(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenantry.plan.model.KEPT_METAS", 2)
    residency = place.residency()
    models = [place.use(residency, ACME, place.store(ACME, float(i))) for i in range(300)]
    metas = [model.meta for model in models]
    assert models[-1].meta is metas[-1]
    assert models[0].meta is not metas[0]
    assert models[0].meta == metas[0]
    held = sys.getrefcount(metas[1])
    assert held == 2


def test_random_use_keeps_every_promise(place: Place) -> None:
    rng = random.Random(1)
    refs = [place.store(ACME, float(i)) for i in range(20)]
    residency = place.residency(7.5)
    leases: list[Model] = []
    pins: set[str] = set()
    for _ in range(1_500):
        place.time += rng.random()
        ref = refs[min(int(rng.paretovariate(0.7)) - 1, 19)]
        action = rng.random()
        if action < 0.05 and leases:
            residency.release(leases.pop(rng.randrange(len(leases))))
        elif action < 0.1 and len(leases) < 3:
            leases.append(residency.lease(place.use(residency, ACME, ref)))
        elif action < 0.12:
            pins = {rng.choice(refs).sha256 for _ in range(rng.randrange(3))}
            residency.pin([(ACME, sha256) for sha256 in pins])
        elif action < 0.125:
            residency.evict_all()
        else:
            place.use(residency, ACME, ref)
        ready = [state for state in residency.states() if state.state == "READY"]
        assert sum(state.bytes for state in ready) == residency.bytes <= residency.budget
        assert len(ready) == len(residency)
    evicted = [event for event in place.events if event.what == "evicted"]
    assert len(evicted) > 50
    assert {state.state for state in residency.states()} <= {"READY", "UNLOADING"}


def test_states_are_read_while_the_loader_works(place: Place) -> None:
    """The loader's thread touches no books: reading them in the middle of many loads never fails."""
    residency = place.residency(5.5)
    refs = [place.store(ACME, i / 10) for i in range(50)]
    rng = random.Random(2)
    for _ in range(40):
        futures = [residency.load(ACME, ref) for ref in rng.sample(refs, 10)]
        residency.retain(table_of({ACME: {"a": endpoint(*refs)}}))
        while not all(future.done() for future in futures):
            assert residency.bytes <= residency.budget
            residency.states()
        for future in futures:
            assert future.result().plan.score(RECORD)
    place.settled(residency)
    assert residency.counts().loading == 0


def test_the_hot_path_asks_nobody(place: Place) -> None:
    """Finding a model that is there neither locks nor settles: it works while the loader is stuck."""
    residency = place.residency()
    ref = place.store(ACME, 1.0)
    model = place.use(residency, ACME, ref)
    uses = model.uses
    calls: list[str] = []
    tracer: Callable[..., Any] = lambda frame, event, arg: calls.append(frame.f_code.co_name)  # noqa: E731
    sys.setprofile(lambda frame, event, arg: tracer(frame, event, arg) if event == "call" else None)
    found = residency.find(ACME, ref)
    sys.setprofile(None)
    assert found is model
    assert model.uses == uses + 1
    assert calls == ["find", "<lambda>"]  # the clock
