"""Segments: what goes in comes out once, in order, through rotation, budgets, damage and kills."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import Corrupt
from tenantry.segments import SegmentReader, SegmentWriter
from tenantry.segments._frames import MARK, framed, whole_bytes

KIND = "facts"
APPENDING = Path(__file__).with_name("appending.py")


def everything(reader: SegmentReader) -> list[bytes]:
    return [record for path in reader.closed(KIND) for record in reader.records(path)]


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def open_files(folder: Path) -> list[Path]:
    return list((folder / KIND).glob("*.open"))


def test_what_is_appended_is_read_in_order_after_close(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, KIND, 0)
    records = [b"", b"\0" * 20, b"one", os.urandom(200_000)]
    assert all(writer.append(record) for record in records)
    assert writer.close()
    assert everything(SegmentReader(tmp_path)) == records
    assert writer.told().written == 4
    assert writer.told().waiting_bytes == 0


def test_flush_makes_readable_and_goes_on(tmp_path: Path) -> None:
    writer, reader = SegmentWriter(tmp_path, KIND, 0), SegmentReader(tmp_path)
    for number in range(3):
        writer.append(b"%d" % number)
        assert writer.flush()
        assert everything(reader) == [b"%d" % n for n in range(number + 1)]
    writer.close()
    assert writer.flush()  # nothing is left to do, and nothing waits for ever


def test_segments_close_by_size_and_by_age(tmp_path: Path) -> None:
    reader = SegmentReader(tmp_path)
    writer = SegmentWriter(tmp_path, KIND, 0, max_bytes=1000, max_seconds=0.3)
    for _ in range(25):
        writer.append(b"x" * 92)  # a frame of 100 bytes
    until(lambda: len(reader.closed(KIND)) == 2)
    assert [path.stat().st_size for path in reader.closed(KIND)] == [1008, 1008]
    until(lambda: len(reader.closed(KIND)) == 3)  # the rest, by its age
    assert len(everything(reader)) == 25
    writer.close()


def test_done_removes_and_may_be_said_twice(tmp_path: Path) -> None:
    writer, reader = SegmentWriter(tmp_path, KIND, 0), SegmentReader(tmp_path)
    writer.append(b"one")
    writer.close()
    (path,) = reader.closed(KIND)
    reader.done(path)
    reader.done(path)
    assert reader.closed(KIND) == []
    assert reader.closed("never-written") == []


def test_over_budget_the_oldest_segments_of_the_worker_go_and_are_counted(tmp_path: Path) -> None:
    reader = SegmentReader(tmp_path)
    other = SegmentWriter(tmp_path, KIND, 1)
    other.append(b"another worker's")
    other.close()
    writer = SegmentWriter(tmp_path, KIND, 0, max_bytes=1000, budget_bytes=3100)
    for number in range(100):
        writer.append(b"%04d" % number + b"x" * 88)
    writer.close()
    left = everything(reader)
    assert left[0] == b"another worker's"
    assert [int(record[:4]) for record in left[1:]] == list(range(70, 100))
    assert writer.told().segments_dropped == 7
    assert sum(path.stat().st_size for path in reader.closed(KIND)) < 3200


def test_memory_is_bounded_and_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, KIND, 0, waiting_bytes=1000)
    gate = threading.Event()
    writer.append(lambda: b"slow" if gate.wait(10) else b"", 100)
    until(lambda: writer.told().waiting_bytes == 100 and not writer._waiting)
    taken = [writer.append(b"x" * 300) for _ in range(5)]
    assert taken == [True, True, True, False, False]
    gate.set()
    writer.close()
    assert writer.told().dropped == 2
    assert len(everything(SegmentReader(tmp_path))) == 4


def test_append_never_waits_for_the_disk(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, KIND, 0)
    gate = threading.Event()
    writer.append(lambda: b"slow" if gate.wait(10) else b"", 4)
    begun = time.monotonic()
    for _ in range(1000):
        writer.append(b"x")
    assert time.monotonic() - begun < 1.0
    gate.set()
    writer.close()


def test_a_record_that_cannot_be_made_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def bad() -> bytes:
        raise ValueError("no such thing")

    writer = SegmentWriter(tmp_path, KIND, 0)
    writer.append(bad, 10)
    writer.append(b"good")
    assert writer.close()
    assert everything(SegmentReader(tmp_path)) == [b"good"]
    assert writer.told().dropped == 1
    assert "no such thing" in capsys.readouterr().out


def test_a_folder_that_went_is_made_again(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, KIND, 0)
    (tmp_path / KIND).rmdir()
    writer.append(b"one")
    assert writer.flush()
    assert everything(SegmentReader(tmp_path)) == [b"one"]
    writer.close()


def test_a_disk_that_fails_drops_records_and_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = SegmentWriter(tmp_path, KIND, 0)
    (tmp_path / KIND).rmdir()
    (tmp_path / KIND).write_text("a file where the folder should be")
    writer.append(b"one")
    assert not writer.flush()
    writer.append(b"one more")
    assert not writer.flush()
    assert capsys.readouterr().out.count("cannot be written") == 1
    (tmp_path / KIND).unlink()
    writer.append(b"two")
    assert writer.flush()  # and it heals
    assert everything(SegmentReader(tmp_path)) == [b"two"]
    assert writer.told().dropped == 2
    writer.close()


def fail_one_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the next syncs the first one fails."""
    sync, failures = os.fsync, [OSError("the disk is gone")]

    def failing(handle: int) -> None:
        if failures:
            raise failures.pop()
        sync(handle)

    monkeypatch.setattr(os, "fsync", failing)


def test_records_are_written_while_a_full_segment_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, sync = threading.Event(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: sync(handle) if gate.wait(10) else None)
    writer = SegmentWriter(tmp_path, KIND, 0, max_bytes=1000)
    writer.append(b"x" * 1000)
    until(lambda: writer._ending is not None)
    writer.append(b"meanwhile")
    until(lambda: writer.told().waiting_bytes == 0)
    assert everything(SegmentReader(tmp_path)) == []
    gate.set()
    assert writer.close()
    assert everything(SegmentReader(tmp_path)) == [b"x" * 1000, b"meanwhile"]


def test_a_sync_that_fails_is_told_and_loses_nothing_that_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_one_sync(monkeypatch)
    writer = SegmentWriter(tmp_path, KIND, 0)
    writer.append(b"one")
    assert not writer.flush()
    assert "cannot be written" in capsys.readouterr().out
    writer.append(b"two")
    assert writer.close()
    assert everything(SegmentReader(tmp_path)) == [b"one", b"two"]


def test_a_close_after_a_sync_that_failed_writes_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_one_sync(monkeypatch)
    monkeypatch.setattr("tenantry.segments._writer.QUIET_SECONDS", 30.0)
    writer = SegmentWriter(tmp_path, KIND, 0, max_bytes=1000)
    writer.append(b"x" * 1000)
    writer._wake.set()
    until(lambda: writer._ending is not None and writer._ending.done)
    writer.append(b"one")
    writer.append(b"two")
    assert writer.close()
    assert everything(SegmentReader(tmp_path)) == [b"x" * 1000, b"one", b"two"]
    assert writer.told().dropped == 0


def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "spool", KIND, 0)
    writer.append(b"a customer's data")
    writer.close()
    (path,) = SegmentReader(tmp_path / "spool").closed(KIND)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_live_writers_segment_is_left_alone(tmp_path: Path) -> None:
    writer, reader = SegmentWriter(tmp_path, KIND, 0), SegmentReader(tmp_path)
    writer.append(b"one")
    until(lambda: bool(open_files(tmp_path)))
    assert reader.recover(KIND) == 0
    other = SegmentWriter(tmp_path, KIND, 0)  # the same worker's number, as while one replaces another
    writer.append(b"two")
    assert writer.close()
    assert other.close()
    assert everything(reader) == [b"one", b"two"]


def frames(*records: bytes) -> bytes:
    return MARK + b"".join(part for record in records for part in framed(record))


@given(st.lists(st.binary(max_size=40), max_size=6), st.data())
def test_any_torn_tail_leaves_the_whole_frames(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes], data: st.DataObject
) -> None:
    whole = frames(*records)
    cut = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.one_of(st.just(b""), st.binary(max_size=12), st.just(b"\0" * 64)))
    folder = tmp_path_factory.mktemp("torn")
    (folder / KIND).mkdir()
    (folder / KIND / f"{1:020d}-w0-dead-1.open").write_bytes(whole[:cut] + junk)
    reader = SegmentReader(folder)
    reader.recover(KIND)
    kept = everything(reader)
    ends = [len(frames(*records[: n + 1])) for n in range(len(records))]
    complete = sum(end <= cut for end in ends)
    assert kept[:complete] == records[:complete]
    # Junk may complete the frame that was cut, with the very bytes that were cut off; it never makes up another.
    assert kept == records[: len(kept)]
    assert open_files(folder) == []


def test_damage_in_the_middle_is_told_after_what_is_whole(tmp_path: Path) -> None:
    (tmp_path / KIND).mkdir()
    data = bytearray(frames(b"one", b"two", b"three"))
    data[data.index(b"two")] ^= 1
    path = tmp_path / KIND / f"{1:020d}-w0-dead-1.seg"
    path.write_bytes(data)
    reader = SegmentReader(tmp_path)
    got: list[bytes] = []
    with pytest.raises(Corrupt) as raised:
        got.extend(reader.records(path))
    assert raised.value.code == "segment_corrupt"
    assert got == [b"one"]
    reader.set_aside(path)
    assert reader.closed(KIND) == []
    assert len(list((tmp_path / KIND).glob("*.bad"))) == 1


def test_a_length_out_of_thin_air_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(MARK + b"\xff" * 8)
    assert whole_bytes(path) == len(MARK)
    path.write_bytes(b"else" * 10)
    assert whole_bytes(path) == 0
    with pytest.raises(Corrupt):
        list(SegmentReader(tmp_path).records(path))


@pytest.mark.parametrize("turn", range(4))
def test_kill_9_loses_nothing_that_was_flushed(tmp_path: Path, turn: int) -> None:
    chance = random.Random(turn)
    command = [sys.executable, str(APPENDING), str(tmp_path), "3", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        safe = [int(process.stdout.readline()) for _ in range(2)]
        time.sleep(chance.uniform(0.05, 0.5))
        process.kill()
        safe += [int(line) for line in process.stdout]
    reader = SegmentReader(tmp_path)
    SegmentWriter(tmp_path, KIND, 3).close()  # the next start closes what the dead worker left
    assert open_files(tmp_path) == []
    got = everything(reader)
    assert len(got) > safe[-1]
    assert got == [b"%08d" % n + b"x" * (n % 97) for n in range(len(got))]


def stopped_in_a_segment(process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    """Stop the process; let it go on where it is between two segments just now."""
    process.send_signal(signal.SIGSTOP)
    until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    if any(path.stat().st_size > 100 for path in open_files(folder)):
        return True
    process.send_signal(signal.SIGCONT)
    return False


def test_what_a_killed_worker_wrote_unflushed_is_kept_too(tmp_path: Path) -> None:
    command = [sys.executable, str(APPENDING), str(tmp_path), "3", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        until(lambda: len(list((tmp_path / KIND).glob("*"))) >= 3)
        until(lambda: stopped_in_a_segment(process, tmp_path))
        assert SegmentReader(tmp_path).recover(KIND) == 0  # it lives
        process.kill()
    reader = SegmentReader(tmp_path)
    before = len(everything(reader))
    assert reader.recover(KIND) in (1, 2)  # the one in use, and maybe the one that was being closed
    got = everything(reader)
    assert len(got) > before
    assert got == [b"%08d" % n + b"x" * (n % 97) for n in range(len(got))]
