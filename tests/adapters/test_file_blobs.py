"""Blobs as files: the port's contract, and what kills, damage and other users may do to a folder."""

import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenantry.adapters.files import FileBlobs
from tenantry.errors import Corrupt, InvalidRequest, Unavailable
from tenantry.tenancy import TenantId
from tenantry.testing.suites import BlobsSuite

ACME = TenantId("acme")


class TestFileBlobs(BlobsSuite):
    def make_blobs(self, folder: Path) -> FileBlobs:
        return FileBlobs(folder)


def test_a_blob_lies_under_its_tenant_and_its_digest(tmp_path: Path) -> None:
    digest = FileBlobs(tmp_path).put(ACME, b"one")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        f"acme/{digest[:2]}/{digest}"
    ]


def test_changed_bytes_are_noticed_and_putting_them_again_heals(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    digest = blobs.put(ACME, b"one")
    blobs.path(ACME, digest).write_bytes(b"0ne")
    with pytest.raises(Corrupt) as caught:
        blobs.get(ACME, digest)
    assert caught.value.code == "blob_corrupt"
    assert digest in caught.value.message
    blobs.put(ACME, b"one")
    assert blobs.get(ACME, digest) == b"one"


def test_files_and_folders_are_their_owners_only(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    path = blobs.path(ACME, blobs.put(ACME, b"one"))
    entries = (path, path.parent, path.parent.parent, tmp_path / "blobs")
    assert [stat.S_IMODE(entry.stat().st_mode) for entry in entries] == [0o600, 0o700, 0o700, 0o700]


def test_a_tenant_cannot_be_a_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        FileBlobs(tmp_path / "blobs").put(TenantId("../other"), b"one")


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")
    with pytest.raises(Unavailable) as caught:
        FileBlobs(tmp_path / "blobs").put(ACME, b"one")
    assert caught.value.code == "storage_unavailable"
    assert caught.value.hint


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        FileBlobs(tmp_path).put(ACME, b"one")
    monkeypatch.undo()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_bytes_are_synced_before_their_name_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FileBlobs(tmp_path)
    digest = hashlib.sha256(b"one").hexdigest()
    steps: list[tuple[str, bool]] = []
    sync = os.fsync

    def spy(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        steps.append((kind, blobs.has(ACME, digest)))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    blobs.put(ACME, b"one")
    assert steps[-2:] == [("file", False), ("folder", True)]


def test_sweeping_removes_only_old_leftovers(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    path = blobs.path(ACME, blobs.put(ACME, b"one"))
    old, new = path.parent / ".part-old", path.parent / ".part-new"
    for leftover in (old, new):
        leftover.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    assert blobs.sweep() == 1
    assert (old.exists(), new.exists(), path.exists()) == (False, True, True)


WRITER = """
import sys
from pathlib import Path
from tenantry.adapters.files import FileBlobs
blobs = FileBlobs(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(10_000):
    blobs.put("acme", str(number).encode() * 40_000)
"""


def test_a_killed_writer_leaves_no_part_of_a_blob_under_its_name(tmp_path: Path) -> None:
    for delay in (0.01, 0.05, 0.12):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    named = [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith(".part-")]
    assert named
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in named)
