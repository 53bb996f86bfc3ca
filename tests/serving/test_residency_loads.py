"""Models are loaded once, failures are remembered, and a storm of loads leaves others room."""

from pathlib import Path

import pytest
from tests.serving.residency_place import ACME, BOLT, Place

from tenantry.errors import Corrupt, TenantryError, Unavailable
from tenantry.plan import Plan
from tenantry.routing import VersionRef
from tenantry.serving import residency_loads
from tenantry.serving.residency_loads import CROWD
from tenantry.tenancy import TenantId


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
