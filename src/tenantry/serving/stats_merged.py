"""The figures of all workers of a machine, as one worker sees them: its own, and what its siblings have published."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import NamedTuple

from tenantry.errors import Corrupt
from tenantry.serving import stats_snapshot
from tenantry.serving.stats import Stats
from tenantry.serving.stats_cells import BUCKETS, LAST, OUTCOMES, REQUESTS, ROWS, SECONDS, WIDTH, quantile
from tenantry.serving.stats_snapshot import STALE_SECONDS, Key, Snapshot
from tenantry.telemetry import get_logger

_log = get_logger("serving.stats")
Stamp = tuple[int, int, int]

REUSED_SECONDS = 1.0
"""A look serves whoever asks while it is under way, and for so long after it was begun."""


class View:
    """One worker's snapshot, opened. ``lives``: published lately, so that its gauges tell the present."""

    __slots__ = ("cells", "index", "keys", "lives", "snapshot")

    def __init__(self, snapshot: Snapshot, now: float, before: "View | None" = None) -> None:
        self.snapshot = snapshot
        self.cells: memoryview[float] = memoryview(snapshot.cells).cast("d")
        self.lives = now - snapshot.created < STALE_SECONDS
        self.keys: list[Key]
        self.index: dict[Key, int]
        if before is not None and before.snapshot.keys == snapshot.keys:
            self.keys, self.index = before.keys, before.index
        else:
            self.keys = snapshot.key_list()
            self.index = dict(zip(self.keys, range(len(self.keys)), strict=True))

    def place(self, key: Key) -> int | None:
        """Which row is a model version's; None where it has none here."""
        return self.index.get(key)

    def row(self, key: Key) -> list[float] | None:
        """The figures of one model version, with the time of its last request in seconds since the epoch; None where it
        has none here.
        """
        place = self.place(key)
        if place is None:
            return None
        row = list(self.cells[place * WIDTH : (place + 1) * WIDTH])
        if row[LAST]:
            row[LAST] += self.snapshot.epoch
        return row

    def requests(self) -> list[float]:
        """All requests, in the order of the keys."""
        return list(self.cells[REQUESTS::WIDTH])


class ModelStats(NamedTuple):
    """What one version of a deployment has done, over all workers. Times in seconds, ``last`` since the epoch."""

    version: str
    requests: int
    ok: int
    failed: dict[str, int]
    rows: int
    seconds: float
    last: float
    p50: float
    p99: float


class Merged:
    """Publishes a worker's figures and reads the siblings'. Files are touched on ``background`` only, one thread."""

    def __init__(
        self,
        folder: Path,
        own: Stats,
        background: Executor,
        now: Callable[[], float] = time.time,
        *,
        reused_seconds: float = REUSED_SECONDS,
    ) -> None:
        self.folder = folder
        self.background = background
        self.own = own
        self._now = now
        self._reused_seconds = reused_seconds
        self._looking: Future[list[View]] | None = None
        self._looked = 0.0
        self._known: dict[Path, tuple[Stamp, View]] = {}
        self._own_view: View | None = None
        self._complained: dict[Path, Stamp] = {}

    def adopt(self) -> None:
        """Go on from this worker's last snapshot, if there is one. Before the first request."""
        try:
            self.own.adopt(stats_snapshot.read(stats_snapshot.path_of(self.folder, self.own.worker)))
        except FileNotFoundError:
            return
        except Corrupt as error:
            _log.error("the figures begin at zero", error=error.message)

    def publish(self) -> "Future[None]":
        """Write this worker's snapshot; call it once a second, and at the end."""
        return self.background.submit(self._write, self.own.snapshot())

    def recent(self) -> "Future[list[View]]":
        """As ``refresh``, but a second old at most: however many ask, the figures are gathered once a second."""
        looking, now = self._looking, time.monotonic()
        if looking is not None and (
            not looking.done() or (now - self._looked < self._reused_seconds and looking.exception() is None)
        ):
            return looking
        self._looked = now
        self._looking = self.refresh()
        return self._looking

    def refresh(self) -> "Future[list[View]]":
        """The present views of all workers.

        This worker's is published first: what is told of it once is on disk, and cannot be taken back by its death.
        """
        return self.background.submit(self._look, self.own.snapshot())

    def _write(self, snapshot: Snapshot) -> None:
        try:
            stats_snapshot.write(self.folder, snapshot)
        except OSError as error:
            _log.error("the worker's figures cannot be published", error=str(error))

    def _look(self, snapshot: Snapshot) -> list[View]:
        self._write(snapshot)
        now = self._now()
        self._own_view = View(snapshot, now, self._own_view)
        mine = stats_snapshot.path_of(self.folder, self.own.worker)
        seen = {path: self._sibling(path, now) for path in stats_snapshot.files(self.folder) if path != mine}
        self._known = {path: known for path, known in seen.items() if known is not None}
        views = [self._own_view, *(view for _, view in self._known.values())]
        return sorted(views, key=lambda view: view.snapshot.worker)

    def _sibling(self, path: Path, now: float) -> tuple[Stamp, View] | None:
        """A sibling's view, read again only where its file has changed; the last good one where it is damaged."""
        before = self._known.get(path)
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if before is not None and before[0] == stamp:
                before[1].lives = now - before[1].snapshot.created < STALE_SECONDS
                return before
            return stamp, View(stats_snapshot.read(path), now, before[1] if before else None)
        except FileNotFoundError:
            return None
        except Corrupt as error:
            if self._complained.get(path) != stamp:
                self._complained[path] = stamp
                _log.error("a worker's figures are left out", error=error.message)
            return before


def totals(views: list[View]) -> list[float]:
    """The sums over all models and workers."""
    return [sum(column) for column in zip(*(view.snapshot.totals for view in views), strict=True)]


def merged_row(views: list[View], key: Key) -> list[float]:
    """One model version's figures over all workers, the latest of their last times; zeros where there is none."""
    rows = [row for view in views if (row := view.row(key)) is not None]
    if len(rows) == 1:
        return rows[0]
    sums = [sum(column) for column in zip(*rows, strict=True)] if rows else [0.0] * WIDTH
    sums[LAST] = max((row[LAST] for row in rows), default=0.0)
    return sums


def counts(views: list[View]) -> dict[str, dict[str, float]]:
    """The counters of the workers as wholes, added up: figure → label → value."""
    merged: dict[str, dict[str, float]] = {}
    for view in views:
        for name, labels in view.snapshot.counts.items():
            into = merged.setdefault(name, {})
            for label, value in labels.items():
                into[label] = into.get(label, 0.0) + value
    return merged


def version_stats(views: list[View], tenant: str, name: str, version: str) -> ModelStats | None:
    """What one version has done; None where no worker has figures of it."""
    key = (tenant, name, version)
    if all(view.place(key) is None for view in views):
        return None
    return _told(version, merged_row(views, key))


def _told(version: str, row: list[float]) -> ModelStats:
    return ModelStats(
        version=version,
        requests=int(row[REQUESTS]),
        ok=int(sum(row[:BUCKETS])),
        failed={outcome: int(row[cell]) for outcome, cell in OUTCOMES},
        rows=int(row[ROWS]),
        seconds=row[SECONDS],
        last=row[LAST],
        p50=quantile(row, 0.5),
        p99=quantile(row, 0.99),
    )
