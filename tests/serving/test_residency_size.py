"""What models take, and that every promise holds under random use."""

import gc
import random
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from tests.serving.plans import small_plan, store_plan
from tests.serving.residency_place import ACME, RECORD, Place, endpoint, table_of

from tenantry.schema import Task
from tenantry.serving.models import Model
from tenantry.serving.residency_loads import measured_bytes
from tenantry.serving.shapes import shapes


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
