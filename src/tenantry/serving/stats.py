"""What a worker counts: requests, rows and latencies per model version, and figures of the worker as a whole (A17).

Everything is kept in memory, bounded; other processes see it by snapshots (:mod:`tenantry.serving.stats_snapshot`).
"""

import heapq
import os
import resource
import secrets
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from tenantry.serving.stats_catalogue import FIGURES, counter
from tenantry.serving.stats_cells import BOUNDS, FAILED, LAST, REQUESTS, ROWS, SECONDS, SHED, WIDTH
from tenantry.serving.stats_snapshot import FORMAT, Key, Snapshot

MOST_MODELS = 20_000
"""Model versions with figures of their own; over it the least recently asked for are added up in one row, "other"."""
MERGED_AT_A_TIME = 256
OTHER: Key = ("", "", "")

Source = Callable[[], float | Mapping[str, float]]
"""Says a figure when asked; a mapping where the figure has a label. Called on the loop's thread, once a second."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Finished(Protocol):
    """What is read of a finished request; times are in monotonic seconds."""

    @property
    def tenant(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def status(self) -> int: ...  # noqa: D102
    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def arrived(self) -> float: ...  # noqa: D102
    @property
    def finished(self) -> float: ...  # noqa: D102


class Stats:
    """A recorder (``finished`` takes about 0.8 µs). All calls on the event loop's thread.

    ``exists`` says whether a tenant has a deployment of that name: names that callers made up are not kept.
    ``sources``: figures that other parts keep, by their name in the catalogue.
    """

    def __init__(
        self,
        worker: int,
        exists: Callable[[str, str], bool],
        sources: Mapping[str, Source] | None = None,
        *,
        most: int = MOST_MODELS,
    ) -> None:
        self.worker = worker
        self._exists = exists
        self._sources: dict[str, Source] = {"cpu_seconds": _cpu_seconds, "memory_bytes": _memory_bytes}
        for name, source in (sources or {}).items():
            self.measure(name, source)
        self._most = most
        self._boot = secrets.token_hex(8)
        self._started = time.time()
        self._bases: dict[tuple[str, str, str], int] = {}
        self._keys: list[Key] = [OTHER]
        self._keys_told: msgspec.Raw | None = None
        self._free: list[int] = []
        self._cells = memoryview(bytearray(8 * WIDTH * 64)).cast("d")
        self._totals = [0.0] * WIDTH
        self._counts: dict[str, dict[str, float]] = {}
        self._adopted: dict[str, dict[str, float]] = {}
        self._lag = 0.0

    def finished(self, work: Finished) -> None:
        """Count a request whose reply is made."""
        try:
            base = self._bases[work.tenant, work.name, work.version]
        except KeyError:
            base = self._base(work)
        cells = self._cells
        totals = self._totals
        if work.status < 400:
            seconds = work.finished - work.arrived
            bucket = bisect_left(BOUNDS, seconds)
            rows = work.rows
            cells[base + bucket] += 1.0
            cells[base + ROWS] += rows
            cells[base + SECONDS] += seconds
            totals[bucket] += 1.0
            totals[ROWS] += rows
            totals[SECONDS] += seconds
        else:
            self._failed(work, base)
        cells[base + REQUESTS] += 1.0
        cells[base + LAST] = work.finished

    def _failed(self, work: Finished, base: int) -> None:
        cell = FAILED[min(work.status, 599)]
        self._cells[base + cell] += 1.0
        self._totals[cell] += 1.0
        if cell == SHED:
            self.count("refused", work.code)

    def shadowed(self, work: object, copy: object, rollout: str) -> None:
        """Shadows are nobody's requests: what they come to is kept by the rollout."""

    def count(self, name: str, label: str = "", amount: float = 1.0) -> None:
        """Add to a counter of the catalogue. Raises ``ValueError`` for a name that it does not have."""
        counts = self._counts.get(name)
        if counts is None:
            counter(name)
            counts = self._counts[name] = {}
        counts[label] = counts.get(label, 0.0) + amount

    def measure(self, name: str, source: Source) -> None:
        """Ask ``source`` for a figure of the catalogue. Raises ``ValueError`` for a name that it does not have."""
        if name not in FIGURES:
            raise ValueError(f"there is no figure {name!r}")
        self._sources[name] = source

    def lag(self, seconds: float) -> None:
        """The loop ran this much later than it was asked to."""
        self._lag = max(self._lag, seconds)

    def tidy(self) -> None:
        """Make room where there are too many models, a little at a time; call it once a second."""
        if len(self._bases) < self._most:
            return
        for key in heapq.nsmallest(
            MERGED_AT_A_TIME, self._bases, key=lambda key: self._cells[self._bases[key] + LAST]
        ):
            base = self._bases.pop(key)
            for cell in range(LAST):
                self._cells[cell] += self._cells[base + cell]
                self._cells[base + cell] = 0.0
            self._cells[base + LAST] = 0.0
            self._keys[base // WIDTH] = OTHER
            self._free.append(base)
        self._keys_told = None

    def snapshot(self) -> Snapshot:
        """Everything as it is now, for others and for whoever takes this worker's place."""
        if self._keys_told is None:
            self._keys_told = msgspec.Raw(msgspec.msgpack.encode(self._keys))
        counts = {name: dict(labels) for name, labels in self._counts.items()}
        gauges: dict[str, dict[str, float]] = {
            "loop_lag_seconds": {"": self._lag},
            "models_tracked": {"": float(len(self._bases))},
        }
        self._lag = 0.0
        for name, source in self._sources.items():
            value = source()
            labels = {"": float(value)} if isinstance(value, (int, float)) else dict(value)
            if FIGURES[name].kind == "gauge":
                gauges[name] = labels
            else:
                counts[name] = _sum(labels, self._adopted.get(name, {}))
        self._totals[REQUESTS] = sum(self._totals[:REQUESTS])
        return Snapshot(
            format=FORMAT,
            worker=self.worker,
            boot=self._boot,
            started=self._started,
            created=time.time(),
            epoch=time.time() - time.monotonic(),
            keys=self._keys_told,
            cells=bytes(self._cells[: len(self._keys) * WIDTH]),
            totals=list(self._totals),
            counts=counts,
            gauges=gauges,
        )

    def adopt(self, predecessor: Snapshot) -> None:
        """Go on from the last snapshot of the worker whose place this one takes, so that no count goes backwards.

        Before the first request only.
        """
        self._keys = predecessor.key_list()
        self._cells = memoryview(bytearray(predecessor.cells)).cast("d")
        shift = predecessor.epoch - (time.time() - time.monotonic())
        for row, key in enumerate(self._keys):
            base = row * WIDTH
            if self._cells[base + LAST]:
                self._cells[base + LAST] += shift
            if key != OTHER:
                self._bases[key] = base
            elif row:
                self._free.append(base)
        self._keys_told = None
        self._totals = list(predecessor.totals)
        self._counts = {name: dict(labels) for name, labels in predecessor.counts.items() if name in FIGURES}
        self._adopted = self._counts.copy()
        for name in self._sources:
            self._counts.pop(name, None)

    def _base(self, work: Finished) -> int:
        """Where the figures of a model that has none yet begin."""
        known = bool(work.version) or self._exists(work.tenant, work.name)
        key = (work.tenant, work.name, work.version) if known else (work.tenant, "", "")
        base = self._bases.get(key)
        if base is not None:
            return base
        if len(self._bases) >= self._most:
            return 0
        if self._free:
            base = self._free.pop()
            self._keys[base // WIDTH] = key
        else:
            base = len(self._keys) * WIDTH
            self._keys.append(key)
            if base + WIDTH > len(self._cells):
                self._grow()
        self._bases[key] = base
        self._keys_told = None
        return base

    def _grow(self) -> None:
        """A quarter more room; what is there stays where it is."""
        rows = len(self._cells) // WIDTH
        room = bytearray(8 * WIDTH * (rows + max(64, rows // 4)))
        room[: self._cells.nbytes] = self._cells.cast("B")
        self._cells = memoryview(room).cast("d")


def _sum(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {label: one.get(label, 0.0) + other.get(label, 0.0) for label in {**one, **other}}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _memory_bytes() -> float:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 — once a second, and no path is needed
        return float(int(file.read().split()[1]) * _PAGE)
