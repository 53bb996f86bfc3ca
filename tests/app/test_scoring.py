"""A scoring worker's beat and its table go on, whatever one part of it meets."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenantry.app import scoring
from tenantry.app.scoring import Place, ScoringWorker
from tenantry.routing import EndpointTable, KeyEntry, VersionRef, save
from tenantry.tenancy import TenantId


def numbered(number: int) -> EndpointTable:
    return EndpointTable(number=number, created=0.0, keys={"aa": KeyEntry(id=f"k{number}", role="scorer")})


async def until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


def test_a_part_of_the_beat_that_fails_leaves_the_others_beating(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scoring, "BEAT_SECONDS", 0.01)

    async def scenario() -> None:
        worker = ScoringWorker(Place(home=tmp_path))
        ticks, published = 0, 0
        publish = worker.merged.publish

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            raise OSError("the disk is on fire")

        def counted() -> Any:
            nonlocal published
            published += 1
            return publish()

        monkeypatch.setattr(worker.residency, "tick", tick)
        monkeypatch.setattr(worker.merged, "publish", counted)
        worker.start()
        await until(lambda: ticks > 5 and published > 5)
        await worker.close()

    asyncio.run(scenario())
    assert capsys.readouterr().out.count("a part of the worker's beat failed") == 1


def test_a_stalled_log_or_disk_delays_no_revocation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BEAT_SECONDS", 0.01)

    async def scenario() -> None:
        worker = ScoringWorker(Place(home=tmp_path))
        snapshots = 0
        snapshot = worker.stats.snapshot

        def counted() -> Any:
            nonlocal snapshots
            snapshots += 1
            return snapshot()

        worker.start()
        stalled = threading.Event()
        worker._background.submit(stalled.wait, 30)
        monkeypatch.setattr(worker.stats, "snapshot", counted)
        try:
            save(tmp_path / "endpoints", numbered(1))
            await until(lambda: worker.state.current.number == 1, 2.0)
            await asyncio.sleep(0.2)
            assert snapshots <= 1  # they do not pile up in memory meanwhile
        finally:
            stalled.set()
        await worker.close()

    asyncio.run(scenario())


def test_lines_of_the_workers_threads_say_which_worker_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        worker = ScoringWorker(Place(home=tmp_path, worker=3, workers=4))
        worker.start()
        save(tmp_path / "endpoints", numbered(1))
        await until(lambda: worker.state.current.number == 1, 2.0)
        lost = VersionRef(path="blobs/gone", sha256="0" * 64)
        await until(worker.residency.load(TenantId("acme"), lost).done)
        await worker.close()

    asyncio.run(scenario())
    lines = capsys.readouterr().out.splitlines()
    for told in ("endpoint table", "plan unreadable"):
        assert any(told in line for line in lines)
    assert all("worker=3" in line for line in lines if "endpoint table" in line or "unreadable" in line)
