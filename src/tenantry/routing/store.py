"""Tables on disk: ``<folder>/<number>.table`` and the pointer ``<folder>/current``.

A table's file is written aside, synced and renamed before the pointer is, and both are replaced as wholes, so
a reader sees the old table or the new one and never a part, whatever is killed when. The pointer holds the
file's name and the SHA-256 of its bytes. Writers take turns by a lock of their own (``deployments`` has it);
readers need none.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

from tenantry.errors import Conflict, Corrupt
from tenantry.routing.table import TABLE_FORMAT, EndpointTable

POINTER = "current"
SUFFIX = ".table"

_encoder = msgspec.msgpack.Encoder(order="sorted")
_decoder = msgspec.msgpack.Decoder(EndpointTable)


def save(folder: Path, table: EndpointTable) -> Path:
    """Publish ``table`` durably; returns its file.

    Raises ``Conflict("table_number")`` where the number is not above the published one, so that a late writer
    cannot bring back a key that was revoked meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if table.number < next_number(folder):
        raise Conflict("table_number", f"endpoint table {table.number} is not newer than the published one")
    data = _encoder.encode(table)
    path = folder / f"{table.number:012d}{SUFFIX}"
    _replace(path, data)
    _replace(folder / POINTER, f"{path.name} {hashlib.sha256(data).hexdigest()}\n".encode())
    return path


def load_current(folder: Path) -> EndpointTable | None:
    """The published table, or None where none was published yet.

    Raises ``Corrupt("table_corrupt")`` where the bytes are not what the pointer says.
    """
    pointer = folder / POINTER
    for last in (False, True):
        try:
            name, digest = _pointed(pointer)
            data = (folder / name).read_bytes()
        except FileNotFoundError:
            # Between the two reads a newer table may have come and the older one been pruned: look again,
            # once.
            if not pointer.exists():
                return None
            if last:
                raise Corrupt("table_corrupt", f"{pointer} points to a file that is not there") from None
            continue
        break
    if hashlib.sha256(data).hexdigest() != digest:
        raise Corrupt("table_corrupt", f"the bytes of {folder / name} do not have the digest in {pointer}")
    return _decoded(data, folder / name)


def current_stamp(folder: Path) -> tuple[int, int, int] | None:
    """What changes with every publication and costs one ``stat``; None where nothing is published."""
    try:
        status = (folder / POINTER).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def next_number(folder: Path) -> int:
    """The lowest number that :func:`save` takes now."""
    try:
        name, _ = _pointed(folder / POINTER)
        return int(name.removesuffix(SUFFIX)) + 1
    except FileNotFoundError:
        return 1
    except ValueError:
        raise Corrupt("table_corrupt", f"{folder / POINTER} names no table") from None


def prune(folder: Path, keep: int = 3) -> None:
    """Remove all but the newest ``keep`` tables (the published one always stays)."""
    try:
        current = _pointed(folder / POINTER)[0]
    except FileNotFoundError:
        return
    for path in sorted(folder.glob(f"*{SUFFIX}"))[: -max(keep, 1)]:
        if path.name != current:
            path.unlink(missing_ok=True)


def _pointed(pointer: Path) -> tuple[str, str]:
    words = pointer.read_text("ascii", errors="replace").split()
    if len(words) != 2 or "/" in words[0] or not words[0].endswith(SUFFIX):
        raise Corrupt("table_corrupt", f"{pointer} is not a pointer to an endpoint table")
    return words[0], words[1]


def _decoded(data: bytes, path: Path) -> EndpointTable:
    try:
        table = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Corrupt("table_corrupt", f"{path} is not an endpoint table: {error}") from error
    if table.format != TABLE_FORMAT:
        raise Corrupt(
            "table_corrupt", f"{path} has table format {table.format}; this build reads {TABLE_FORMAT}"
        )
    return table


def _replace(path: Path, data: bytes) -> None:
    """Write aside, sync, rename, sync the folder."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
