"""One door for every file: what is it, is it whole, what does it hold."""

import tempfile
from pathlib import Path

import msgspec
import pyarrow as pa

from tenantry.errors import InvalidData
from tenantry.ingest.dialect import check_names, sniff
from tenantry.ingest.faults import locate
from tenantry.ingest.json_lines import read_json_lines
from tenantry.ingest.kinds import GZIP, kind_of
from tenantry.ingest.named import NAME_DELIMITER, NAME_ENCODING, delimiter_of, encoding_of
from tenantry.ingest.parquet import read_parquet
from tenantry.ingest.ports import Limits, Note, Reading, TableReader
from tenantry.ingest.text import CleanText, clean_text, open_bytes, read_head
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

_DEFAULT = Limits()
_log = get_logger("tenantry.ingest")


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    encoding: str | None
    delimiter: str | None


def read_table(
    tenant: TenantId,
    path: Path,
    reader: TableReader,
    *,
    limits: Limits = _DEFAULT,
    name: str | None = None,
    scratch: Path | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> pa.Table:
    """The table of :func:`read`, for those who need nothing else."""
    return read(
        tenant,
        path,
        reader,
        limits=limits,
        name=name,
        scratch=scratch,
        encoding=encoding,
        delimiter=delimiter,
    ).table


def read(
    tenant: TenantId,
    path: Path,
    reader: TableReader,
    *,
    limits: Limits = _DEFAULT,
    name: str | None = None,
    scratch: Path | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Reading:
    """Read a CSV, Parquet or JSON lines file, each plain or in gzip, whatever it is called.

    Columns of a CSV are ``string``, exactly as written, null where empty. ``name`` stands for the file in
    messages (an upload's own name, say); ``scratch`` is the folder for a clean copy where one is needed.
    ``encoding`` and ``delimiter`` (one sign, or its name) are told by the bytes where nobody names them.
    Raises ``NotFound``, ``InvalidData`` or ``InvalidRequest`` with a code of ``errors/_data.py`` that says what
    is wrong and, where it can, in which line; never anything else for any bytes whatsoever.
    """
    path = Path(path)
    shown = name or path.name or str(path)
    named = _Named(
        encoding=encoding_of(encoding) if encoding else None,
        delimiter=delimiter_of(delimiter) if delimiter else None,
    )
    head = read_head(path, shown)
    if not head:
        raise InvalidData("file_empty", f"{shown} is empty")
    kind = kind_of(head, shown)
    with tempfile.TemporaryDirectory(prefix="tenantry-", dir=scratch) as folder:
        if kind == "parquet":
            unpacked = _unpacked(path, shown, Path(folder), limits)
            reading = Reading(table=read_parquet(unpacked, shown, limits))
        else:
            reading = _read_text(path, shown, Path(folder), reader, limits, named)
    table = reading.table
    if table.num_rows == 0:
        raise InvalidData("file_empty", f"{shown} has a header but no rows")
    size = {"rows": table.num_rows, "columns": table.num_columns}
    _log.info("table read", tenant=tenant, file=shown, kind=kind, encoding=reading.encoding, **size)
    return reading


def _read_text(
    path: Path, name: str, folder: Path, reader: TableReader, limits: Limits, named: _Named
) -> Reading:
    clean = clean_text(path, name, folder, limits, named.encoding)
    with clean.path.open("rb") as stream:
        kind = kind_of(stream.read(1 << 16), name)
    if kind == "json lines":
        table = read_json_lines(clean.path, name, limits)
        check_names(table.column_names, name, limits)
    else:
        table = _read_csv(clean, name, reader, limits, named.delimiter)
    notes = []
    if clean.example:
        said = f"{name} is not UTF-8 and was read as {clean.encoding}, such as {clean.example!r}. {NAME_ENCODING}"
        notes.append(Note(code="encoding_guessed", text=said))
    if kind == "csv" and table.num_columns == 1:
        said = f"{name} has one column only: no delimiter was found in it. {NAME_DELIMITER}"
        notes.append(Note(code="delimiter_missing", text=said))
    return Reading(table=table, encoding=clean.encoding, notes=tuple(notes))


def _read_csv(
    clean: CleanText, name: str, reader: TableReader, limits: Limits, delimiter: str | None
) -> pa.Table:
    dialect, names = sniff(clean.path, name, limits, delimiter)
    try:
        return reader.read_csv(clean.path, dialect, names, limits)
    except InvalidData as error:
        if error.code != "row_invalid":
            raise
        raise (locate(clean.path, name, dialect, len(names), limits) or error) from error


def _unpacked(path: Path, name: str, folder: Path, limits: Limits) -> Path:
    """The file itself, or what is in its gzip."""
    with path.open("rb") as raw:
        if raw.read(2) != GZIP:
            return path
    target = folder / "table"
    size = 0
    with open_bytes(path, name) as stream, target.open("wb") as sink:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            size += len(chunk)
            if size > limits.file_bytes:
                raise InvalidData(
                    "file_too_large", f"{name} unpacks to more than {limits.file_bytes >> 20:,} MiB"
                )
            sink.write(chunk)
    return target
