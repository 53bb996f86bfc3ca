"""Keeping the endpoint table current."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from tests.serving.conftest import FakeRuntime

from tenantry.routing import EndpointTable, KeyEntry, save
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
