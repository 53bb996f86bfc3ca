"""Why a model is in memory or not, told from the files of scoring workers."""

import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.api.house import ACME, BOLT, House

from tenantry.access import Role
from tenantry.api import residency_signs
from tenantry.api.residency_live import Live, LiveCopy, LiveFailure
from tenantry.segments import SegmentWriter
from tenantry.serving.stats import Stats
from tenantry.serving.stats_cells import LAST, REQUESTS, WIDTH
from tenantry.serving.stats_snapshot import Snapshot, read, write


@pytest.fixture
def own(tmp_path: Path) -> Any:
    made = House(tmp_path)
    yield made
    made.close()


def _figures(home: Path, worker: int, asked: dict[str, float], created: float | None = None) -> None:
    """A worker's snapshot, in which versions of churn were asked for some seconds ago."""
    cells = memoryview(bytearray(8 * WIDTH * (len(asked) + 1))).cast("d")
    now = time.time()
    for row, ago in enumerate(asked.values(), 1):
        cells[row * WIDTH + REQUESTS] = 3
        cells[row * WIDTH + LAST] = time.monotonic() - ago
    keys = [("", "", ""), *((ACME, "churn", version) for version in asked)]
    snapshot = Snapshot(
        format=1,
        worker=worker,
        boot="b",
        started=now - 100,
        created=now if created is None else created,
        epoch=now - time.monotonic(),
        keys=msgspec.Raw(msgspec.msgpack.encode(keys)),
        cells=cells.tobytes(),
        totals=[0.0] * WIDTH,
        counts={},
        gauges={},
    )
    write(home / "run" / "stats", snapshot)
    assert read(home / "run" / "stats" / f"worker-{worker}").worker == worker


def _event(house: House, version: str, ago: float, **more: Any) -> bytes:
    table = house.services.publisher.table()
    event = {
        "at": time.time() - ago,
        "worker": 0,
        "tenant": ACME,
        "sha256": table.endpoints[ACME]["churn"].versions[version].sha256,
        "what": "evicted",
        "why": "budget: 1,000 bytes over; lowest value",
        "bytes": 70_000,
        "uses": 3,
        "idle": 60.0,
        "seconds": 0.001,
    }
    return msgspec.json.encode(event | more)


def _why(house: House) -> dict[str, Any]:
    reply = house.admin("GET", "/api/v1/models/churn/why")
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def _states(found: dict[str, Any]) -> dict[tuple[int, str], str]:
    return {(copy["worker"], copy["version"]): copy["state"] for copy in found["copies"]}


def test_without_workers_nothing_is_known_and_that_is_said(own: House) -> None:
    found = _why(own)
    assert found["copies"] == found["evictions"] == []
    assert "No scoring worker" in found["told"][0]


def test_the_latest_sign_says_whether_a_copy_is_in_memory(own: House) -> None:
    home = own.services.settings.home
    _figures(home, 0, {"1": 30.0, "2": 5.0})
    _figures(home, 1, {"1": 40.0})
    writer = SegmentWriter(home / "spool", "residency", 0)
    writer.append(_event(own, "1", 10.0))  # after it was asked: gone
    writer.append(_event(own, "2", 20.0))  # before it was asked: back
    writer.append(b"no event at all, about " + ACME.encode())
    writer.append(_event(own, "1", 1.0, tenant=BOLT))
    writer.close()
    found = _why(own)
    assert _states(found) == {
        (0, "1"): "absent",
        (0, "2"): "ready",
        (1, "1"): "ready",
        (1, "2"): "absent",
    }
    assert [(one["version"], one["uses"]) for one in found["evictions"]] == [("1", 3), ("2", 3)]
    told = " ".join(found["told"])
    assert "Worker 0, version 1: not in memory; evicted 10 s ago: budget" in told
    assert "Worker 1, version 2: not in memory; it was not asked for" in told


def test_a_file_that_a_worker_could_not_open_is_the_reason(
    own: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _figures(own.services.settings.home, 0, {"1": 5.0, "2": 5.0})
    failed = Live(copies=(), failures=(LiveFailure(version="2", why="the model's plan cannot be read now"),))
    monkeypatch.setattr(residency_signs, "living", lambda *_: iter([(0, failed)]))
    found = _why(own)
    assert _states(found) == {(0, "1"): "absent", (0, "2"): "absent"}
    told = "Worker 0, version 2: not in memory; it could not be opened: the model's plan cannot be read now."
    assert told in found["told"]


@pytest.mark.parametrize(
    ("state", "shown"), [("READY", "ready"), ("LOADING", "absent"), ("UNLOADING", "absent")]
)
def test_a_copy_that_comes_or_goes_is_not_ready(
    own: House, monkeypatch: pytest.MonkeyPatch, state: str, shown: str
) -> None:
    _figures(own.services.settings.home, 0, {"1": 5.0})
    copy = LiveCopy(version="1", state=state, bytes=7, leases=0, uses=1, idle=0.0, seconds=0.0, pinned=False)
    monkeypatch.setattr(residency_signs, "living", lambda *_: iter([(0, Live(copies=(copy,)))]))
    found = _why(own)
    assert _states(found)[0, "1"] == shown
    assert any(f"{state}: 7 bytes" in told for told in found["told"])


def test_figures_of_whole_workers_are_the_operators(own: House) -> None:
    home = own.services.settings.home
    _figures(home, 0, {"1": 5.0})
    writer = SegmentWriter(home / "spool", "residency", 0)
    reason = "budget: memory is full; lowest value of all: 2 uses"
    writer.append(_event(own, "1", 1.0, why=f"{reason} [9 KB over, 812 models]"))
    writer.close()
    tenants = _why(own)
    assert "812" not in str(tenants)
    assert tenants["evictions"][0]["why"] == reason
    operators = own.ask("GET", "/api/v1/models/churn/why", own.operator, "acme").json()
    assert operators["evictions"][0]["why"].endswith("[9 KB over, 812 models]")
    assert any("812 models" in told for told in operators["told"])


def test_a_worker_that_is_gone_is_not_guessed_about(own: House) -> None:
    _figures(own.services.settings.home, 0, {"2": 5.0}, created=time.time() - 60)
    assert set(_states(_why(own)).values()) == {"unknown"}


def test_what_a_worker_listed_is_in_memory_until_it_is_evicted(own: House) -> None:
    home = own.services.settings.home
    _figures(home, 0, {})
    refs = own.services.publisher.table().endpoints[ACME]["churn"].versions
    recency = home / "run" / "recency-0"
    recency.write_bytes(msgspec.json.encode([(ACME, refs["1"].sha256), (BOLT, refs["2"].sha256)]))
    assert _states(_why(own)) == {(0, "1"): "ready", (0, "2"): "absent"}
    os.utime(recency, (time.time() - 20,) * 2)
    writer = SegmentWriter(home / "spool", "residency", 0)
    writer.append(_event(own, "1", 10.0))
    writer.flush()
    assert _states(_why(own))[0, "1"] == "absent"
    writer.close()


def test_an_answer_of_a_copy_that_was_not_kept_is_no_sign_of_it(own: House) -> None:
    home = own.services.settings.home
    _figures(home, 0, {"1": 9.9})
    writer = SegmentWriter(home / "spool", "residency", 0)
    writer.append(_event(own, "1", 10.0, what="not_kept"))
    writer.close()
    assert _states(_why(own))[0, "1"] == "absent"


def test_damaged_files_are_passed_over(own: House) -> None:
    home = own.services.settings.home
    _figures(home, 0, {"1": 5.0})
    (home / "run" / "stats" / "worker-1").write_bytes(b"rubbish")
    (home / "run" / "recency-0").write_bytes(b"rubbish")
    (home / "spool" / "residency").mkdir(parents=True)
    (home / "spool" / "residency" / "1-w0-a-1.seg").write_bytes(b"rubbish")
    assert _states(_why(own)) == {(0, "1"): "ready", (0, "2"): "absent"}


def test_a_pinned_deployment_is_told_to_be(own: House) -> None:
    own.ask("PUT", "/api/v1/models/churn/deployment", own.operator, "acme", json={"pinned": True})
    found = _why(own)
    assert (found["pinned"], "pinned" in found["told"][0]) == (True, True)


def test_real_figures_of_a_worker_are_read(own: House) -> None:
    stats = Stats(0, lambda _tenant, _name: True)
    write(own.services.settings.home / "run" / "stats", stats.snapshot())
    assert set(_states(_why(own)).values()) == {"absent"}


def test_another_tenants_model_is_none(own: House) -> None:
    reply = own.ask("GET", "/api/v1/models/churn/why", own.keys[BOLT, Role.ADMIN])
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")
