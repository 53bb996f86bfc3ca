"""Publishing and reading endpoint tables."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tenantry.errors import Conflict, Corrupt
from tenantry.routing import (
    EndpointTable,
    KeyEntry,
    advance,
    current_stamp,
    last_number,
    load_current,
    next_number,
    prune,
    save,
)


def numbered(number: int) -> EndpointTable:
    return EndpointTable(
        number=number, created=float(number), keys={"aa": KeyEntry(id=f"k{number}", role="operator")}
    )


def test_nothing_published_is_none(tmp_path: Path) -> None:
    assert load_current(tmp_path / "endpoints") is None
    assert current_stamp(tmp_path / "endpoints") is None
    assert next_number(tmp_path / "endpoints") == 1


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    save(tmp_path, numbered(1))
    assert load_current(tmp_path) == numbered(1)
    assert next_number(tmp_path) == 2


def test_every_publication_changes_the_stamp(tmp_path: Path) -> None:
    save(tmp_path, numbered(1))
    before = current_stamp(tmp_path)
    save(tmp_path, numbered(2))
    assert current_stamp(tmp_path) != before
    assert load_current(tmp_path) == numbered(2)


def test_an_older_table_cannot_come_back(tmp_path: Path) -> None:
    save(tmp_path, numbered(5))
    for number in (4, 5):
        with pytest.raises(Conflict) as caught:
            save(tmp_path, numbered(number))
        assert caught.value.code == "table_number"
    assert load_current(tmp_path) == numbered(5)


def test_prune_keeps_the_newest_and_the_published(tmp_path: Path) -> None:
    for number in range(1, 7):
        save(tmp_path, numbered(number))
    prune(tmp_path, keep=2)
    assert [path.name for path in sorted(tmp_path.glob("*.table"))] == [
        "000000000005.table",
        "000000000006.table",
    ]
    prune(tmp_path, keep=0)
    assert load_current(tmp_path) == numbered(6)


LINE = f"000000000001.table {'0' * 64} 9\n"


def signed(lines: str) -> str:
    return f"{lines}end {hashlib.sha256(lines.encode()).hexdigest()}\n"


@pytest.mark.parametrize(
    "pointer",
    [
        "",
        "x",
        "../../etc/passwd.table aa",
        "000000000009.table aa",
        "nothing here at all",
        LINE,
        LINE + "end 00\n",
        signed(""),
        signed(LINE),  # another digest than the file's
        signed(LINE.replace("1.table", "9.table")),  # no such file
        signed(LINE.replace(".table", ".delta")),
        signed(LINE.replace("000000000001", "../../000001")),
        signed(LINE + LINE),
        signed(LINE + LINE.replace(".table", ".delta")),
        signed(LINE.replace(".table", ".delta") + LINE.replace("1.table", "2.table")),
        signed(LINE)[:-2],
    ],
)
def test_a_bad_pointer_is_corrupt(tmp_path: Path, pointer: str) -> None:
    save(tmp_path, numbered(1))
    (tmp_path / "current").write_text(pointer)
    for read in (load_current, lambda folder: advance(folder, numbered(0))):
        with pytest.raises(Corrupt) as caught:
            read(tmp_path)
        assert caught.value.code == "table_corrupt"


def test_numbers_go_on_above_what_was_ever_written(tmp_path: Path) -> None:
    assert last_number(tmp_path) == 0
    save(tmp_path, numbered(7))
    (tmp_path / "000000000009.delta").write_bytes(b"")
    (tmp_path / "notes.table").write_bytes(b"")
    assert last_number(tmp_path) == 9


def test_what_a_killed_writer_left_aside_goes_in_time(tmp_path: Path) -> None:
    save(tmp_path, numbered(1))
    old, new = tmp_path / ".current.abcd", tmp_path / ".000000000002.delta.efgh"
    lock = tmp_path / ".publish"
    for path in (old, new, lock):
        path.write_bytes(b"")
    for path in (old, lock):
        os.utime(path, (1.0, 1.0))
    prune(tmp_path)
    assert (old.exists(), new.exists(), lock.exists()) == (False, True, True)


def test_changed_bytes_are_corrupt(tmp_path: Path) -> None:
    path = save(tmp_path, numbered(1))
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(Corrupt):
        load_current(tmp_path)


def test_a_table_of_another_format_is_refused(tmp_path: Path) -> None:
    save(tmp_path, msgspec.structs.replace(numbered(1), format=99))
    with pytest.raises(Corrupt, match="format 99"):
        load_current(tmp_path)


KILLED_WRITER = """
import sys, itertools
from pathlib import Path
from tenantry.routing import EndpointTable, KeyEntry, save
keys = {str(i): KeyEntry(id=str(i), role="scorer") for i in range(2000)}
for number in itertools.count(1):
    save(Path(sys.argv[1]), EndpointTable(number=number, created=0.0, keys=keys))
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_a_whole_table(tmp_path: Path) -> None:
    for _ in range(3):
        folder = tmp_path / "endpoints"
        with subprocess.Popen(
            [sys.executable, "-c", KILLED_WRITER, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            table = load_current(folder)  # read while it writes
            assert table is not None
            assert len(table.keys) == 2000
            writer.kill()
        table = load_current(folder)
        assert table is not None
        assert len(table.keys) == 2000
        for path in folder.iterdir():
            path.unlink()
