"""The worker's side: records go into memory at once, and to disk by a thread of the writer's own. Another syncs what is
full meanwhile, so that records need not wait in memory for it.
"""

import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from tenantry.segments._ending import Ending
from tenantry.segments._frames import MARK, framed
from tenantry.segments._names import (
    BAD,
    CLOSED,
    OPEN,
    locked,
    of_kind,
    of_worker,
    still_at,
)
from tenantry.segments._reader import recovered
from tenantry.telemetry import get_logger

Record = bytes | Callable[[], bytes]
"""A record, or what makes it on the writer's thread (once; an exception loses the record, and is counted)."""

WAITING_BYTES = 48 << 20
"""Most bytes that wait in memory for the disk, unless told otherwise; what comes on top is dropped, and counted. The
largest request that a worker takes fits.
"""
QUIET_SECONDS = 0.2
"""How long records may wait in memory before they are written, unless there are many."""
EAGER_BYTES = 1 << 20

_log = get_logger("segments")


class Told(msgspec.Struct, frozen=True):
    """What a writer has done since it was made, and what waits."""

    written: int
    """Records that were written."""
    dropped: int
    """Records that were not taken or not written: memory was full, they could not be made, or the disk failed."""
    segments_dropped: int
    """Closed segments that were removed unread, over the budget."""
    waiting_bytes: int


class _Open(NamedTuple):
    path: Path
    handle: int
    since: float


class SegmentWriter:
    """Appends records of one kind for one worker. ``append`` is safe from any thread and never waits for the disk.

    A segment is closed when it holds ``max_bytes`` or is ``max_seconds`` old; then it may be read. The closed segments
    of this worker and kind take ``budget_bytes`` at most: over it the oldest are removed and counted. What a killed
    process of the same kind left open is closed at the start. After :meth:`flush` and :meth:`close` everything that was
    appended before is closed and on disk.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        worker: int,
        *,
        max_bytes: int = 8 << 20,
        max_seconds: float = 5.0,
        budget_bytes: int = 1 << 30,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        self._folder, self._kind, self._worker = folder, kind, worker
        self._max_bytes, self._max_seconds = max_bytes, max_seconds
        self._budget_bytes, self._most_waiting = budget_bytes, waiting_bytes
        self._boot, self._number = secrets.token_hex(4), 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Record, int]] = deque()
        self._bytes = self._written = self._dropped = self._segments_dropped = 0
        self._flushes: list[threading.Event] = []
        self._closing = False
        self._wake = threading.Event()
        self._open: _Open | None = None
        self._ending: Ending | None = None
        self._size = 0
        self._failing = False
        (folder / kind).mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in of_kind(folder, kind, OPEN):
            recovered(path)
        self._thread = threading.Thread(target=self._run, name=f"segments-{kind}", daemon=True)
        self._thread.start()

    def append(self, record: Record, size: int | None = None) -> bool:
        """Take a record; False where memory is full, and the record was dropped.

        A record that is still to be made says its ``size`` in memory, in bytes, roughly.
        """
        if size is None:
            size = len(record) if isinstance(record, bytes) else 0
        with self._lock:
            if self._closing or self._bytes + size > self._most_waiting:
                self._dropped += 1
                return False
            self._waiting.append((record, size))
            self._bytes += size
            eager = self._bytes > EAGER_BYTES
        if eager:
            self._wake.set()
        return True

    def flush(self, seconds: float = 30.0) -> bool:
        """Wait until everything that was appended so far is in closed, synced segments; False where it took longer, or
        the disk fails.
        """
        done = threading.Event()
        with self._lock:
            closing = self._closing
            if not closing:
                self._flushes.append(done)
        if closing:
            return self.close(seconds)
        self._wake.set()
        return done.wait(seconds) and not self._failing

    def close(self, seconds: float = 30.0) -> bool:
        """Flush, and end the thread; False as for ``flush``. More than once is no error."""
        with self._lock:
            self._closing = True
        self._wake.set()
        self._thread.join(seconds)
        return not (self._thread.is_alive() or self._failing)

    def told(self) -> Told:
        """The counts, and what waits."""
        with self._lock:
            return Told(self._written, self._dropped, self._segments_dropped, self._bytes)

    def _run(self) -> None:
        while True:
            self._wake.wait(QUIET_SECONDS)
            self._wake.clear()
            with self._lock:
                flushes, self._flushes = self._flushes, []
                closing = self._closing
            self._turn(finish=closing or bool(flushes))
            if closing and self._waiting:  # that turn ended with a failure, maybe of a segment before
                self._turn(finish=True)
            for flush in flushes:
                flush.set()
            if closing:
                with self._lock:  # not empty only where the disk fails
                    self._dropped += len(self._waiting)
                return

    def _turn(self, *, finish: bool) -> None:
        """Write what waits; close the segment where it is due."""
        try:
            if self._ending is not None and self._ending.done:
                self._settle()
            while self._waiting:
                self._write(*self._waiting.popleft())
                if self._size >= self._max_bytes:
                    self._rotate()
            if self._open is not None and (
                finish or time.monotonic() - self._open.since >= self._max_seconds
            ):
                self._rotate()
            if finish:
                self._settle()
        except OSError as error:
            self._give_up(error)

    def _write(self, record: Record, size: int) -> None:
        written = False
        try:
            head, body = framed(record if isinstance(record, bytes) else record())
            here = self._open or self._begin()
            self._all(here.handle, head + body if len(body) < 65_536 else head)
            if len(body) >= 65_536:  # a long record is not copied for the sake of eight bytes before it
                self._all(here.handle, body)
            self._size += len(head) + len(body)
            written, self._failing = True, False
        except OSError:
            raise
        except Exception:  # noqa: BLE001 — what makes a record is not ours; one bad record stops no other
            _log.exception("a record could not be made", kind=self._kind)
        finally:
            with self._lock:
                self._bytes -= size
                self._written += written
                self._dropped += not written

    def _all(self, handle: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]

    def _begin(self) -> _Open:
        """A new segment, locked by this process, so that everybody can see that its writer lives."""
        while True:
            self._number += 1
            name = f"{time.time_ns():020d}-w{self._worker}-{self._boot}-{self._number}{OPEN}"
            path = self._folder / self._kind / name
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                continue
            if locked(handle) and still_at(handle, path):
                self._open = _Open(path, handle, time.monotonic())
                self._all(handle, MARK)
                self._size = len(MARK)
                return self._open
            os.close(handle)  # somebody who tidied up took the new file for a dead writer's

    def _rotate(self) -> None:
        """Let the open segment be closed. One at a time: a disk that stands still is to fill memory, which is bounded,
        and not the folder.
        """
        here = self._open
        if here is None:
            return
        self._settle()
        self._open, self._size = None, 0
        self._ending = Ending(here.path, here.handle)

    def _settle(self) -> None:
        """Wait until the segment that is being closed is closed."""
        ending, self._ending = self._ending, None
        if ending is None:
            return
        try:
            ending.wait()
        except OSError:
            _recovered(ending.path)
            raise
        self._keep_budget()

    def _keep_budget(self) -> None:
        """Remove damaged segments, then the oldest closed ones, until the rest fits."""
        paths = list(of_worker(of_kind(self._folder, self._kind, CLOSED, BAD), self._worker))
        sizes: dict[Path, int] = {}
        for path in sorted(paths, key=lambda path: (path.suffix != BAD, path.name)):
            try:
                sizes[path] = path.stat().st_size
            except FileNotFoundError:
                continue  # read and removed meanwhile
        over = sum(sizes.values()) - self._budget_bytes
        dropped = 0
        for path, size in sizes.items():
            if over <= 0:
                break
            path.unlink(missing_ok=True)
            over -= size
            dropped += 1
        if dropped:
            with self._lock:
                self._segments_dropped += dropped
            _log.warning("segments dropped unread, over the budget", kind=self._kind, count=dropped)

    def _give_up(self, error: OSError) -> None:
        """The disk failed: leave the segment as it is (its whole frames are kept) and go on with a new one."""
        if self._open is not None:
            path, handle, _ = self._open
            self._open, self._size = None, 0
            os.close(handle)
            _recovered(path)
        if not self._failing:
            self._failing = True
            _log.error("segments cannot be written; records are dropped", kind=self._kind, error=str(error))


def _recovered(path: Path) -> None:
    """Close what the disk failed to take as far as it is whole, if the disk takes that."""
    try:
        recovered(path)
    except OSError:
        _log.exception("a segment is left for the next start", path=path.name)
