"""From closed segments to files per tenant, exactly once, whatever is killed when.

A fold takes some segments under the next number and writes that down (the journal) before anything else. Its files are
named by the number, so that a fold which is done again after a kill replaces its own files and adds none. Only when
all of them are durable the journal says so; then the segments are removed.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from tenantry.errors import Corrupt, InvalidRequest
from tenantry.predictions import layout
from tenantry.predictions.block import decode_block
from tenantry.predictions.ports import LogFiles
from tenantry.predictions.record import KIND, LoggedRequest
from tenantry.segments import SegmentReader
from tenantry.telemetry import get_logger

FOLD_BYTES = 32 << 20
"""Segments that one fold takes, in bytes: they are in memory while it runs."""

_JOURNAL = "journal"
_log = get_logger("predictions")


class Stopped(Exception):
    """Somebody asked for a stop between two files; the fold is done again later."""


class Folded(NamedTuple):
    """What a fold did. ``folders``: where files were added."""

    requests: int
    segments: int
    folders: list[Path]


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """The last fold: planned (to be done, or done again), written (its segments are to go), or done."""

    number: int = 0
    state: Literal["planned", "written", "done"] = "done"
    segments: list[str] = []
    damaged: list[str] = []


def fold(
    reader: SegmentReader, root: Path, files: LogFiles, stop: Callable[[], bool] = bool
) -> Folded | None:
    """Fold some of the closed segments, or finish what an earlier process began; None where there is nothing to do.

    Raises :class:`Stopped`, ``OSError``, ``Corrupt("log_corrupt")`` for a journal that cannot be read.
    """
    layout.make_folder(root)
    journal = _load(root)
    if journal.state == "done":
        names = _some(reader)
        if not names:
            return None
        # Not below the time: numbers that were used stay used, even where somebody has removed the journal.
        number = max(journal.number + 1, int(time.time()))
        journal = Journal(number=number, state="planned", segments=names)
        _save(root, journal)
    folded = Folded(0, 0, [])
    if journal.state == "planned":
        folded, damaged = _write(reader, root, files, journal, stop)
        layout.sync_all(root)
        journal = msgspec.structs.replace(journal, state="written", damaged=damaged)
        _save(root, journal)
    for name in journal.segments:
        path = reader.folder / KIND / name
        (reader.set_aside if name in journal.damaged else reader.done)(path)
    _save(root, Journal(number=journal.number))
    return folded


def _some(reader: SegmentReader) -> list[str]:
    """The oldest closed segments that fit into a fold, one at least."""
    names: list[str] = []
    size = 0
    for path in reader.closed(KIND):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue
        if names and size > FOLD_BYTES:
            break
        names.append(path.name)
    return names


def _write(
    reader: SegmentReader, root: Path, files: LogFiles, journal: Journal, stop: Callable[[], bool]
) -> tuple[Folded, list[str]]:
    groups: dict[tuple[str, str, int], list[LoggedRequest]] = {}
    damaged = [name for name in journal.segments if not _gather(reader, name, groups)]
    folders = []
    requests = 0
    for (tenant, deployment, day), logged in sorted(groups.items()):
        if stop():
            raise Stopped
        try:
            folder = layout.folder_of(root, tenant, deployment) / layout.date_of(day * layout.DAY_SECONDS)
        except InvalidRequest as error:
            _log.error("requests of no possible tenant or deployment are left out", error=error.message)
            continue
        layout.make_folder(folder)
        logged.sort(key=lambda request: request.time)
        path = folder / layout.file_name(journal.number, journal.number, files.suffix)
        files.write(layout.part_of(path), logged)
        layout.part_of(path).replace(path)
        folders.append(folder)
        requests += len(logged)
    return Folded(requests, len(journal.segments), folders), damaged


def _gather(
    reader: SegmentReader, name: str, groups: dict[tuple[str, str, int], list[LoggedRequest]]
) -> bool:
    """Sort a segment's requests into groups; False where part of it could not be read."""
    whole = True
    try:
        for record in reader.records(reader.folder / KIND / name):
            try:
                for request in _within(record):
                    key = (request.tenant, request.deployment, int(request.time // layout.DAY_SECONDS))
                    groups.setdefault(key, []).append(request)
            except Corrupt as error:
                whole = False
                _log.error("a record of the inference log is left out", segment=name, error=error.message)
    except FileNotFoundError:
        _log.warning("a segment was dropped before it was folded", segment=name)
    except Corrupt as error:
        whole = False
        _log.error("the rest of a segment is lost", segment=name, error=error.message)
    return whole


def _within(record: bytes) -> Iterator[LoggedRequest]:
    """All requests of a record, or none: decoded as a whole before the first is handed on."""
    yield from list(decode_block(record))


def _load(root: Path) -> Journal:
    path = root / _JOURNAL
    try:
        return msgspec.json.decode(path.read_bytes(), type=Journal)
    except FileNotFoundError:
        return Journal()
    except msgspec.DecodeError as error:
        hint = (
            "Remove it; the requests of the last few seconds before the damage may then be in the log twice."
        )
        raise Corrupt("log_corrupt", f"{path} is no journal of folds: {error}", hint=hint) from error


def _save(root: Path, journal: Journal) -> None:
    path = root / _JOURNAL
    temporary = layout.part_of(path)
    with temporary.open("wb") as file:
        file.write(msgspec.json.encode(journal))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    if journal.state != "done":
        layout.sync_folder(root)
