"""Keeping the endpoint table current."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from tests.serving.conftest import FakeRuntime

from tenantry.routing import EndpointTable, KeyEntry, advance, save
from tenantry.serving import Limits, Residency, State, TableWatcher


@pytest.fixture
def state(tmp_path: Path) -> State:
    residency = Residency(tmp_path, {"plan": FakeRuntime()}, 1 << 30, ThreadPoolExecutor(1))
    return State(residency, Limits())


def numbered(number: int) -> EndpointTable:
    return EndpointTable(number=number, created=0.0, keys={"aa": KeyEntry(id=f"k{number}", role="scorer")})


def test_nothing_published_is_an_empty_table(tmp_path: Path, state: State) -> None:
    assert TableWatcher(tmp_path, state).look()
    assert state.current == EndpointTable(number=0, created=0.0)


def test_a_publication_is_taken_over_once(tmp_path: Path, state: State) -> None:
    watcher = TableWatcher(tmp_path, state)
    watcher.look()
    save(tmp_path, numbered(1))
    assert watcher.look()
    assert state.current == numbered(1)
    assert not watcher.look()
    save(tmp_path, numbered(2))
    assert watcher.look()
    assert state.current == numbered(2)


def test_a_corrupt_publication_leaves_the_last_good_one_and_is_told_once(
    tmp_path: Path, state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    watcher = TableWatcher(tmp_path, state)
    save(tmp_path, numbered(1))
    watcher.look()
    (tmp_path / "current").write_text("ruined")
    assert not any(watcher.look() for _ in range(3))
    assert state.current == numbered(1)
    assert capsys.readouterr().out.count("unreadable") == 1


def test_it_recovers_from_corruption(tmp_path: Path, state: State) -> None:
    watcher = TableWatcher(tmp_path, state)
    (tmp_path / "current").write_text("ruined")
    watcher.look()
    assert state.table is None
    (tmp_path / "current").unlink()
    save(tmp_path, numbered(3))
    watcher.look()
    assert state.current == numbered(3)


def test_a_lost_folder_does_not_forget_the_keys(tmp_path: Path, state: State) -> None:
    folder = tmp_path / "endpoints"
    watcher = TableWatcher(folder, state)
    save(folder, numbered(1))
    watcher.look()
    folder.rename(tmp_path / "elsewhere")
    assert not watcher.look()
    assert state.current == numbered(1)


def test_a_table_with_a_lower_number_does_not_count(tmp_path: Path, state: State) -> None:
    watcher = TableWatcher(tmp_path, state)
    save(tmp_path, numbered(5))
    watcher.look()
    (tmp_path / "current").unlink()
    save(tmp_path, msgspec.structs.replace(numbered(5), number=4))
    assert not watcher.look()
    assert state.current.number == 5


def test_a_look_that_fails_is_told_once_and_the_next_one_counts(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tenantry.serving.watcher.INTERVAL_SECONDS", 0.001)
    failing = threading.Event()
    failing.set()

    def brittle(folder: Path, held: EndpointTable) -> EndpointTable | None:
        if failing.is_set():
            raise KeyError("a defect of the reader")
        return advance(folder, held)

    monkeypatch.setattr("tenantry.serving.watcher.advance", brittle)
    swap = state.swap

    def swapped(table: EndpointTable) -> None:
        swap(table)
        if table.number == 2:
            raise LookupError("a defect of the swap")

    monkeypatch.setattr(State, "swap", lambda _, table: swapped(table))

    async def scenario() -> None:
        watcher = TableWatcher(tmp_path, state)
        save(tmp_path, numbered(1))
        watcher.look()
        looking = asyncio.create_task(watcher.run())
        save(tmp_path, numbered(2))
        await asyncio.sleep(0.1)
        assert state.current.number == 1
        failing.clear()
        for number in (2, 3):
            async with asyncio.timeout(5):
                while state.current.number != number:
                    await asyncio.sleep(0.005)
            save(tmp_path, numbered(number + 1))
        assert not looking.done()
        looking.cancel()

    asyncio.run(scenario())
    told = capsys.readouterr().out
    assert told.count("a defect of the reader") == 1
    assert told.count("a look at the endpoint table failed") == 1


def test_lines_that_cannot_be_written_delay_no_table(tmp_path: Path, state: State) -> None:
    stalled = threading.Event()
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as lines:
        lines.submit(stalled.wait, 30)

        async def scenario() -> None:
            watcher = TableWatcher(tmp_path, state, reader, lines)
            watcher.look()
            looking = asyncio.create_task(watcher.run())
            for number in (1, 2):
                save(tmp_path, numbered(number))
                async with asyncio.timeout(2):  # as is promised of a revoked key
                    while state.current.number != number:
                        await asyncio.sleep(0.01)
            looking.cancel()

        try:
            asyncio.run(scenario())
        finally:
            stalled.set()
