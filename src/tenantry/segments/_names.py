"""Segment files by name: ``<folder>/<kind>/<time>-w<worker>-<chance>-<number>.<state>``.

The time is in nanoseconds since the epoch, so that names sort by age over all workers; the chance part makes a name
unique for ever. A file is ``.open`` while its writer lives (which holds a lock on it), ``.seg`` once it is closed, and
``.bad`` where a reader found it damaged.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

OPEN, CLOSED, BAD = ".open", ".seg", ".bad"


def of_kind(folder: Path, kind: str, *states: str) -> list[Path]:
    """The files of a kind in the given states, oldest first."""
    try:
        names = sorted(os.listdir(folder / kind))  # noqa: PTH208 — names alone, no path object for each of thousands
    except FileNotFoundError:
        return []
    return [folder / kind / name for name in names if name.endswith(states)]


def of_worker(paths: list[Path], worker: int) -> Iterator[Path]:
    """Those of one worker."""
    mark = f"-w{worker}-"
    return (path for path in paths if mark in path.name)


def locked(handle: int) -> bool:
    """Take the lock that says that a segment's writer lives; False where another has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def still_at(handle: int, path: Path) -> bool:
    """Whether the open file is what the path names (and not something renamed or removed meanwhile)."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


def sync_folder(path: Path) -> None:
    """Make renames and removals in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
