"""Tables on disk: whole ones, deltas between them, and the pointer that says what is published.

``<folder>/<number>.table`` is a whole table, ``<folder>/<number>.delta`` what changed from the table before;
``<folder>/current`` names a whole table and the deltas on top of it and before it, each with its digest. A file is
written aside, synced and renamed before the pointer is, so a reader sees the old table or the new one and never a part,
whatever is killed when. Writers take turns by a lock of their own (``deployments`` has it); readers need none.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from tenantry.errors import Conflict, Corrupt
from tenantry.routing.delta import Delta, applied, difference
from tenantry.routing.files import replace
from tenantry.routing.pointer import DELTA_SUFFIX, POINTER, TABLE_SUFFIX, Part, Pointer, read_pointer
from tenantry.routing.table import TABLE_FORMAT, EndpointTable

MOST_DELTAS = 64
"""Most deltas on top of a whole table, and most that are kept from before it."""
LOOKS = 8
"""How often a reader starts again because the files were replaced under its hands."""
STALE_SECONDS = 3600.0
"""Age at which a file that was written aside belongs to nobody any more."""

# Sorted, so that equal tables are equal bytes.
_encoder = msgspec.msgpack.Encoder(order="sorted")
_tables = msgspec.msgpack.Decoder(EndpointTable)
_deltas = msgspec.msgpack.Decoder(Delta)
_Read = TypeVar("_Read", EndpointTable, Delta)


def save(folder: Path, table: EndpointTable, previous: EndpointTable | None = None) -> Path:
    """Publish ``table`` durably; returns the file that the pointer ends with.

    Where ``previous`` is the published table, the difference is written if it is small, and the whole only where more
    than 64 differences, or more than half the whole's size of them, would lie on the last whole table. Then too the
    differences before it stay, so that workers need not read the whole. Raises ``Conflict("table_number")`` where
    the number is not above the published one, so that a late writer cannot bring back a key that was revoked meanwhile,
    and ``Corrupt("table_corrupt")`` where the pointer is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pointer = read_pointer(folder)
    if pointer is not None and table.number <= pointer.number:
        raise Conflict("table_number", f"endpoint table {table.number} is not newer than the published one")
    if pointer is None or previous is None or previous.number != pointer.number:
        return _publish_whole(folder, table, ())
    data = _encoder.encode(difference(previous, table))
    if 2 * len(data) > pointer.base.size:
        return _publish_whole(folder, table, ())
    part = Part.of(table.number, DELTA_SUFFIX, data)
    replace(folder / part.name, data)
    deltas = (*pointer.deltas, part)
    if len(deltas) > MOST_DELTAS or 2 * sum(delta.size for delta in deltas) > pointer.base.size:
        return _publish_whole(folder, table, (*pointer.history, *deltas)[-MOST_DELTAS:])
    Pointer(pointer.base, deltas, pointer.history).write(folder)
    return folder / part.name


def load_current(folder: Path) -> EndpointTable | None:
    """The published table, or None where none was published yet.

    Raises ``Corrupt("table_corrupt")`` where the bytes are not what the pointer says.
    """
    return _with_pointer(folder, lambda pointer: _whole(folder, pointer))


def advance(folder: Path, table: EndpointTable) -> EndpointTable | None:
    """The published table, for who holds an older one: reads only the deltas in between where it can, and shares with
    ``table`` all that did not change. None where nothing newer than ``table`` is published.

    Raises ``Corrupt("table_corrupt")`` as :func:`load_current` does; ``table`` is as good as before then.
    """

    def newer(pointer: Pointer) -> EndpointTable | None:
        if pointer.number <= table.number:
            return None
        parts = pointer.after(table.number)
        if parts and sum(part.size for part in parts) <= pointer.base.size:
            # A delta before the whole table may be lost or spoilt without harm: the whole is asked then.
            with suppress(Corrupt, FileNotFoundError):
                deltas = [_delta(folder, part) for part in parts]
                if deltas[0].follows(table):
                    return applied(table, deltas)
        return _whole(folder, pointer)

    return _with_pointer(folder, newer)


def current_stamp(folder: Path) -> tuple[int, int, int] | None:
    """What changes with every publication and costs one ``stat``; None where nothing is published."""
    try:
        status = (folder / POINTER).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def next_number(folder: Path) -> int:
    """The lowest number that :func:`save` takes now. Raises ``Corrupt("table_corrupt")`` where the pointer is."""
    pointer = read_pointer(folder)
    return 1 if pointer is None else pointer.number + 1


def last_number(folder: Path) -> int:
    """The highest number of any file, published or not; 0 where there is none. After a pointer was lost, numbers go on
    above it, since workers take over nothing that is not newer.
    """
    paths = (*folder.glob(f"*{TABLE_SUFFIX}"), *folder.glob(f"*{DELTA_SUFFIX}"))
    return max((int(path.stem) for path in paths if path.stem.isdecimal()), default=0)


def prune(folder: Path, keep: int = 3) -> None:
    """Remove all whole tables but the newest ``keep`` and the published one, the deltas that neither lie on one that is
    kept nor are named by the pointer, and what killed writers left aside.
    """
    pointer = read_pointer(folder)
    if pointer is None:
        return
    tables = sorted(path.name for path in folder.glob(f"*{TABLE_SUFFIX}"))
    kept = {*tables[-max(keep, 1) :], pointer.base.name}
    # Names begin with the number, so a delta on a kept table sorts behind the oldest of these.
    oldest = min(kept)
    kept |= {part.name for part in pointer.history}
    kept |= {path.name for path in folder.glob(f"*{DELTA_SUFFIX}") if path.name > oldest}
    for path in (*folder.glob(f"*{TABLE_SUFFIX}"), *folder.glob(f"*{DELTA_SUFFIX}")):
        if path.name not in kept:
            path.unlink(missing_ok=True)
    for pattern in (f".*{TABLE_SUFFIX}.*", f".*{DELTA_SUFFIX}.*", f".{POINTER}.*"):
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()


def _publish_whole(folder: Path, table: EndpointTable, history: tuple[Part, ...]) -> Path:
    data = _encoder.encode(table)
    part = Part.of(table.number, TABLE_SUFFIX, data)
    replace(folder / part.name, data)
    Pointer(part, (), history).write(folder)
    return folder / part.name


def _with_pointer(folder: Path, read: Callable[[Pointer], EndpointTable | None]) -> EndpointTable | None:
    """What ``read`` makes of the published files. Between the pointer and the files a newer table may come and the
    older files be pruned: then, from the start.
    """
    seen: Pointer | None = None
    for _ in range(LOOKS):
        pointer = read_pointer(folder)
        if pointer is None:
            return None
        try:
            return read(pointer)
        except FileNotFoundError:
            if pointer == seen:
                break
            seen = pointer
    raise Corrupt("table_corrupt", f"{folder / POINTER} points to a file that is not there")


def _whole(folder: Path, pointer: Pointer) -> EndpointTable:
    table = _decoded(_tables, pointer.base.read(folder), folder / pointer.base.name)
    return applied(table, [_delta(folder, part) for part in pointer.deltas])


def _delta(folder: Path, part: Part) -> Delta:
    return _decoded(_deltas, part.read(folder), folder / part.name)


def _decoded(decoder: "msgspec.msgpack.Decoder[_Read]", data: bytes, path: Path) -> _Read:
    try:
        read = decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Corrupt("table_corrupt", f"{path} is not an endpoint table: {error}") from error
    if read.format != TABLE_FORMAT:
        raise Corrupt(
            "table_corrupt", f"{path} has table format {read.format}; this build reads {TABLE_FORMAT}"
        )
    return read
