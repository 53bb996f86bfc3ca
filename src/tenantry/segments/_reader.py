"""The control side: closed segments, their records, and what dead writers left."""

import os
from collections.abc import Iterator
from pathlib import Path

from tenantry.segments._frames import MARK, read_frames, whole_bytes
from tenantry.segments._names import BAD, CLOSED, OPEN, locked, of_kind, still_at


class SegmentReader:
    """Reads what writers have closed under ``folder``. Any number of writers may live meanwhile; one reader a kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def closed(self, kind: str) -> list[Path]:
        """The closed segments of a kind, oldest first."""
        return of_kind(self.folder, kind, CLOSED)

    def records(self, path: Path) -> Iterator[bytes]:
        """The records of a segment. Raises ``Corrupt("segment_corrupt")`` after the last whole one where the file is
        damaged, ``FileNotFoundError`` where it has been dropped meanwhile.
        """
        with path.open("rb") as file:
            yield from read_frames(file, path.name)

    def done(self, path: Path) -> None:
        """What the segment held is safe elsewhere: remove it. Doing it twice is no error."""
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Keep a damaged segment for people to look at; it is not read again, and is the first to go over budget."""
        if path.exists():
            path.rename(path.with_suffix(BAD))

    def recover(self, kind: str) -> int:
        """Close what dead writers left open, cut to its whole frames; returns how many segments that gave."""
        return sum(recovered(path) for path in of_kind(self.folder, kind, OPEN))


def recovered(path: Path) -> bool:
    """Close one open segment if its writer is dead; whether there is a closed segment now."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if not locked(handle) or not still_at(handle, path):
            return False  # its writer lives, or another has just closed it
        whole = whole_bytes(path)
        if whole <= len(MARK):
            path.unlink()
            return False
        os.ftruncate(handle, whole)
        os.fsync(handle)
        path.rename(path.with_suffix(CLOSED))
        return True
    finally:
        os.close(handle)
