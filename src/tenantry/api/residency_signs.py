"""Why a model is in memory or not (C2): told by the scoring workers that answer, else from what they leave behind.

Three things say it on the disk: the eviction log, which each worker writes as segments under ``spool``; its figures,
replaced every second under ``run/stats``, which say when it last answered for a version; and the list of the models
that it would load again after a restart, every half minute under ``run``. So something is known of workers that are
too busy to answer, or gone.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tenantry.api.residency import Eviction, ModelCopy, Residency, State
from tenantry.api.residency_live import Live, LiveCopy, living
from tenantry.errors import Corrupt
from tenantry.routing import Endpoint, VersionRef
from tenantry.segments import SegmentReader
from tenantry.serving.eviction import for_tenants
from tenantry.serving.stats_cells import LAST, REQUESTS, WIDTH
from tenantry.serving.stats_snapshot import STALE_SECONDS, Snapshot, files, read
from tenantry.tenancy import TenantId

KIND = "residency"
"""The kind of the segments that hold the eviction log."""
MOST_EVENTS = 50


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    worker: int
    tenant: str
    sha256: str
    what: str
    why: str
    bytes: int
    uses: int
    idle: float
    seconds: float


_events = msgspec.json.Decoder(_Event)
_recency = msgspec.json.Decoder(list[tuple[str, str]])


def residency(
    home: Path, tenant: TenantId, model: str, endpoint: Endpoint | None, *, whole: bool = False
) -> Residency:
    """What is known of a deployment's versions in every worker; ``endpoint`` is what is published of it. ``whole``:
    with the figures of whole workers in the reasons, which are the operators'.
    """
    if endpoint is None:
        told = ("No version of the model is published: workers do not know it.",)
        return Residency(model=model, pinned=False, told=told, copies=(), evictions=())
    found = _evictions(home / "spool", tenant, endpoint)
    if not whole:
        found = (msgspec.structs.replace(one, why=for_tenants(one.why)) for one in found)
    evictions = sorted(found, key=lambda one: -one.at)
    signs = _copies(home / "run", tenant, model, endpoint, evictions)
    copies = tuple(_corrected(signs, dict(_asked_live(home, tenant, model))))
    return Residency(
        model=model,
        pinned=endpoint.pinned,
        told=tuple(_told(endpoint, copies, evictions)),
        copies=copies,
        evictions=tuple(evictions[:MOST_EVENTS]),
    )


def _evictions(spool: Path, tenant: TenantId, endpoint: Endpoint) -> Iterator[Eviction]:
    versions = {ref.sha256: number for number, ref in endpoint.versions.items()}
    for event in _logged(spool, tenant.encode()):
        if event.tenant == tenant and event.sha256 in versions:
            yield Eviction(
                at=event.at,
                worker=event.worker,
                version=versions[event.sha256],
                what=event.what,
                why=event.why,
                bytes=event.bytes,
                uses=event.uses,
                idle=event.idle,
                seconds=event.seconds,
            )


def _logged(spool: Path, mark: bytes) -> Iterator[_Event]:
    """The events whose bytes hold ``mark``; a segment that a worker writes to now may end within a record."""
    reader = SegmentReader(spool)
    for path in sorted((spool / KIND).glob("*")):
        with contextlib.suppress(Corrupt, FileNotFoundError):
            for record in reader.records(path):
                if mark in record:  # a hundred times as fast as decoding what is about others
                    with contextlib.suppress(msgspec.DecodeError):
                        yield _events.decode(record)


def _asked_live(home: Path, tenant: TenantId, model: str) -> Iterator[tuple[int, Live]]:
    try:
        key = (home / "operator.key").read_text().strip()
    except OSError:
        return
    yield from living(home / "run", key, tenant, model)


def _corrected(copies: Iterator[ModelCopy], live: dict[int, Live]) -> Iterator[ModelCopy]:
    """A worker that answers knows better than its signs."""
    for copy in copies:
        told = live.get(copy.worker)
        if told is None:
            yield copy
            continue
        held = [one for one in told.copies if one.version == copy.version]
        failed = [one for one in told.failures if one.version == copy.version]
        if held:
            state: State = "ready" if held[0].state == "READY" else "absent"
            yield msgspec.structs.replace(copy, state=state, why=_held(held[0]))
        elif failed:
            yield msgspec.structs.replace(
                copy, state="absent", why=f"it could not be opened: {failed[0].why}"
            )
        elif copy.state == "absent":
            yield copy
        else:
            yield msgspec.structs.replace(copy, state="absent", why="the worker does not hold it now")


def _held(one: LiveCopy) -> str:
    return (
        f"{one.state}: {one.bytes:,} bytes, {one.uses:,} use{'' if one.uses == 1 else 's'}, "
        f"the last {one.idle:.0f} s ago, {one.seconds * 1000:.1f} ms to load{', pinned' if one.pinned else ''}"
        f"{f', in use by {one.leases}' if one.leases else ''}"
    )


def _copies(
    run: Path, tenant: TenantId, model: str, endpoint: Endpoint, evictions: list[Eviction]
) -> Iterator[ModelCopy]:
    for path in files(run / "stats"):
        try:
            snapshot = read(path)
        except (Corrupt, OSError):
            continue
        listed = _listed(run / f"recency-{snapshot.worker}")
        for number, ref in endpoint.versions.items():
            out = [one for one in evictions if (one.worker, one.version) == (snapshot.worker, number)]
            requests, asked = _asked(snapshot, (tenant, model, number))
            state, why = _state(snapshot, (tenant, ref), listed, asked, out[0] if out else None)
            yield ModelCopy(
                worker=snapshot.worker,
                version=number,
                state=state,
                why=why,
                requests=requests,
                asked=asked,
            )


def _listed(path: Path) -> tuple[float, set[tuple[str, str]]]:
    """When a worker last wrote down its models, and which."""
    try:
        return path.stat().st_mtime, set(_recency.decode(path.read_bytes()))
    except (OSError, msgspec.DecodeError):
        return 0.0, set()


def _asked(snapshot: Snapshot, place: tuple[str, str, str]) -> tuple[int, float | None]:
    """How often a worker was asked for a version, and when last."""
    try:
        row = snapshot.key_list().index(place)
    except (ValueError, msgspec.DecodeError):
        return 0, None
    cells = memoryview(snapshot.cells).cast("d")[row * WIDTH : (row + 1) * WIDTH]
    return int(cells[REQUESTS]), (snapshot.epoch + cells[LAST] if cells[REQUESTS] else None)


def _state(
    snapshot: Snapshot,
    copy: tuple[TenantId, VersionRef],
    listed: tuple[float, set[tuple[str, str]]],
    asked: float | None,
    out: Eviction | None,
) -> tuple[State, str]:
    """The latest sign counts: asked, listed among the models in memory, or evicted."""
    tenant, ref = copy
    if time.time() - snapshot.created > STALE_SECONDS:
        return "unknown", f"worker {snapshot.worker} has not been heard of {_ago(snapshot.created)}"
    signs: list[tuple[float, State, str]] = []
    # What is not kept is gone before its answer is: that answer is no sign that it is there.
    fleeting = out is not None and out.what == "not_kept" and asked is not None and asked < out.at + 1.0
    if asked is not None and asked >= snapshot.started and not fleeting:
        signs.append((asked, "ready", f"it was asked {_ago(asked)}"))
    written, models = listed
    if (tenant, ref.sha256) in models and written >= snapshot.started:
        signs.append((written, "ready", f"it was in memory {_ago(written)}"))
    if out is not None and out.at >= snapshot.started:
        signs.append((out.at, "absent", f"{out.what.replace('_', ' ')} {_ago(out.at)}: {out.why}"))
    if not signs:
        return "absent", f"it was not asked for since the worker began, {_ago(snapshot.started)}"
    _, state, why = max(signs)
    return state, why


def _told(endpoint: Endpoint, copies: tuple[ModelCopy, ...], evictions: list[Eviction]) -> Iterator[str]:
    if endpoint.pinned:
        yield "The deployment is pinned: its versions in use are loaded at the start and are not evicted."
    if not copies:
        yield "No scoring worker has left any figures: none has run on this home folder yet."
    for copy in copies:
        where = "in memory" if copy.state == "ready" else "not in memory"
        where = "unknown" if copy.state == "unknown" else where
        yield f"Worker {copy.worker}, version {copy.version}: {where}; {copy.why}."
    if copies and not evictions:
        yield "No eviction of it is on record."


def _ago(then: float) -> str:
    seconds = max(0.0, time.time() - then)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
