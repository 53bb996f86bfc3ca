"""What the table names is kept, pinned and warmed; what it does not is let go."""

import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.serving.residency_place import ACME, BOLT, Place, endpoint, table_of

from tenantry.errors import Unavailable
from tenantry.routing import Endpoint, VersionRef
from tenantry.routing.rules import Arm, Rule, Split


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
