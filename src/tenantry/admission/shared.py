"""Rates that hold over all workers of a machine: a mapped file of counters, each worker writing its own column only.

One slot a limit: its tag, then for each worker three cells of 8 bytes: ``count`` (units it has granted, ever),
``until`` (the moment when, as it sees it, the bucket will have leaked empty) and ``seen`` (the sum of all counts which
that moment takes into account). To decide, a worker takes the ``until`` with the highest ``seen``, adds what the counts
hold beyond it, and writes its own three cells. No lock, and no write of one worker is ever lost to another's: two that
decide in the same microsecond both grant, and both grants are counted by whoever looks next. A cell is aligned and
written by one store, so it cannot be torn; cells are written in the order count, until, seen, so that a reader in
between counts a grant once or twice, never not at all. What a dead worker left behind is simply true, and goes on being
counted.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

MAGIC = 0x5453_4D49_4C59_5254
FORMAT = 1
HEADER = 64
SLOTS = 8_192
PROBES = 64
"""Slots that a key may lie in, from its hash on."""
QUIET = 1.0
"""Seconds since a bucket leaked empty after which another key may have its slot: an empty bucket is as good as none."""
RETRY = 30.0
"""Seconds after which a key that found no slot, or a process that found its column taken, looks again."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")

Key = tuple[str, ...]


class SharedLimits:
    """The limits' file, as one worker sees it. ``worker`` is its number, from 0; ``now`` everywhere is
    ``time.monotonic()``, which all processes of a machine share until it boots.

    A number belongs to one living process: a second one under the same number has no column, and its limits fall back,
    until the first one ends.
    """

    def __init__(self, path: Path, *, worker: int, workers: int, slots: int = SLOTS) -> None:
        if not 0 <= worker < workers:
            raise ValueError(f"worker {worker} of {workers}")
        self.workers = workers
        self.fallbacks = 0
        """Decisions without a slot or a column of one's own: taken by this worker's part of the limit."""
        self._worker = worker
        self._slots = slots
        self._stride = 8 * (1 + 3 * workers)
        self._unpack = struct.Struct(f"@q{2 * workers}q{workers}d").unpack_from
        self._places: dict[Key, tuple[int, int]] = {}
        self._homeless: dict[Key, float] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._own = os.open(f"{path}.{worker}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.attached = _try_lock(self._own)
        """Whether the worker's number, and so its column, is this process's."""
        self._again = 0.0
        with self._exclusive():
            self._map = self._open(path)
        self._whole = memoryview(self._map)
        self._ints = self._whole.cast("q")
        self._floats = self._whole.cast("d")

    def close(self) -> None:
        """Give the column back. What was granted stays counted."""
        for view in (self._ints, self._floats, self._whole):
            view.release()
        self._map.close()
        os.close(self._own)
        os.close(self._lock)

    def wait(self, key: Key, rate: float, burst: float, now: float, n: int) -> float | None:
        """Seconds until ``n`` units would be granted; nothing is taken. None: the key has no slot."""
        return self._decide(key, rate, burst, now, n, take=False)

    def take(self, key: Key, rate: float, burst: float, now: float, n: int) -> float | None:
        """Take ``n`` units (0.0), or say after how many seconds they may be taken. None: the key has no slot.

        ``rate``: units a second; ``burst``: seconds' worth of it that may come at once.
        """
        return self._decide(key, rate, burst, now, n, take=True)

    def _decide(self, key: Key, rate: float, burst: float, now: float, n: int, *, take: bool) -> float | None:
        place = self._places.get(key) or self._find(key, now)
        if place is None:
            return None
        at, tag = place
        cells = self._unpack(self._map, at)
        if cells[0] != tag:  # the slot was idle, and went to another key
            del self._places[key]
            return self._decide(key, rate, burst, now, n, take=take)
        workers, mine = self.workers, self._worker + 1
        total = sum(cells[1 : 1 + workers])
        if cells[mine + workers] == total:  # nobody has granted since this worker last did
            until = cells[mine + 2 * workers]
        else:
            seen, until = max(
                zip(cells[1 + workers : 1 + 2 * workers], cells[1 + 2 * workers :], strict=True)
            )
            until += max(total - seen, 0) / rate
        until = max(until, now)
        # What is larger than the burst is granted by an empty bucket, and paid for afterwards.
        wait = until + min(n / rate, burst) - burst - now
        if wait > 1e-9:
            return float(wait)
        if take:
            cell = at // 8 + mine
            self._ints[cell] = cells[mine] + n
            self._floats[cell + 2 * workers] = until + n / rate
            self._ints[cell + workers] = total + n
        return 0.0

    def _find(self, key: Key, now: float) -> tuple[int, int] | None:
        """The key's slot, claimed if need be. None, counted, where it finds none."""
        if not self.attached and now >= self._again:
            self.attached = _try_lock(self._own)
            self._again = now + RETRY
        if not self.attached or self._homeless.get(key, now) > now:
            self.fallbacks += 1
            return None
        tag = (
            int.from_bytes(blake2b("\0".join(key).encode(), digest_size=8).digest(), "little", signed=True)
            or 1
        )
        with self._exclusive():
            at = self._claim(tag, now)
        if at is None:
            self.fallbacks += 1
            if len(self._homeless) >= self._slots:
                self._homeless.clear()
            self._homeless[key] = now + RETRY
            return None
        if len(self._places) >= 2 * self._slots:
            self._places.clear()
        self._places[key] = (at, tag)
        return at, tag

    def _claim(self, tag: int, now: float) -> int | None:
        """The slot that bears the tag; else the first that is free, or idle. Counts stay as they are: only their
        growth matters, and a worker that still writes for the slot's last key adds one grant at most.
        """
        idle: int | None = None
        for step in range(min(PROBES, self._slots)):
            at = HEADER + (tag + step) % self._slots * self._stride
            cells = self._unpack(self._map, at)
            if cells[0] == tag:
                return at
            if idle is None and (cells[0] == 0 or max(cells[1 + 2 * self.workers :]) < now - QUIET):
                idle = at
            if cells[0] == 0:
                break
        if idle is not None:
            self._ints[idle // 8] = tag
        return idle

    def _open(self, path: Path) -> mmap.mmap:
        """Map the file; one of another shape, or from before the machine booted, is replaced."""
        head = struct.pack("@6q", MAGIC, FORMAT, self.workers, self._slots, _boot(), 0)
        size = HEADER + self._slots * self._stride
        if not path.exists() or path.stat().st_size != size or _head(path, len(head)) != head:
            fresh = path.with_name(f"{path.name}.new")
            fresh.unlink(missing_ok=True)
            fresh.touch(0o600)
            with fresh.open("wb") as file:
                file.write(head)
                file.flush()
                # Not a hole: a write to a page that the disk has no room for would kill the worker.
                os.posix_fallocate(file.fileno(), 0, size)
            fresh.replace(path)
        with path.open("r+b") as file:
            return mmap.mmap(file.fileno(), size)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _boot() -> int:
    """A number for this boot: the clock starts again with the next. 0 where the system does not say."""
    try:
        text = _BOOT.read_bytes()
    except OSError:
        return 0
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little", signed=True)
