"""What the inference log needs from outside: columnar files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from tenantry.predictions.record import LoggedRequest


class LogFiles(Protocol):
    """Writes and reads one kind of columnar file. Names, renames and syncs are the caller's."""

    suffix: str
    """How the files' names end, with the dot."""

    def write(self, path: Path, requests: Sequence[LoggedRequest]) -> None:
        """Write a whole file of requests of one deployment, which are in order of time. Not synced."""
        ...

    def merge(self, paths: Sequence[Path], into: Path) -> None:
        """Write one file of what all of these hold, in order of time. Not synced. Raises ``Corrupt("log_corrupt")``."""
        ...

    def read(self, path: Path, since: float, until: float, *, newest: bool) -> Iterator[LoggedRequest]:
        """The requests with ``since <= time < until``, in order of time, or from the newest backwards. Read bit by bit.

        Raises ``FileNotFoundError`` before the first, ``Corrupt("log_corrupt")``.
        """
        ...
