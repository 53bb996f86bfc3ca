"""One door for every file: what is it, is it whole, what does it hold."""

import tempfile
from pathlib import Path

import pyarrow as pa

from tenantry.errors import InvalidData
from tenantry.ingest.dialect import check_names, sniff
from tenantry.ingest.faults import locate
from tenantry.ingest.json_lines import read_json_lines
from tenantry.ingest.kinds import GZIP, kind_of
from tenantry.ingest.parquet import read_parquet
from tenantry.ingest.ports import Limits, TableReader
from tenantry.ingest.text import clean_text, open_bytes, read_head
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

_DEFAULT = Limits()
_log = get_logger("tenantry.ingest")


def read_table(
    tenant: TenantId,
    path: Path,
    reader: TableReader,
    *,
    limits: Limits = _DEFAULT,
    name: str | None = None,
    scratch: Path | None = None,
) -> pa.Table:
    """Read a CSV, Parquet or JSON lines file, each plain or in gzip, whatever it is called.

    Columns of a CSV are ``string``, exactly as written, null where empty. ``name`` stands for the file in
    messages (an upload's own name, say); ``scratch`` is the folder for a clean copy where one is needed.
    Raises ``NotFound`` or ``InvalidData`` with a code of ``errors/_data.py`` that says what is wrong and,
    where it can, in which line; never anything else for any bytes whatsoever.
    """
    path = Path(path)
    shown = name or path.name or str(path)
    head = read_head(path, shown)
    if not head:
        raise InvalidData("file_empty", f"{shown} is empty")
    kind = kind_of(head, shown)
    with tempfile.TemporaryDirectory(prefix="tenantry-", dir=scratch) as folder:
        if kind == "parquet":
            table = read_parquet(_unpacked(path, shown, Path(folder), limits), shown, limits)
        else:
            table = _read_text(path, shown, Path(folder), reader, limits)
    if table.num_rows == 0:
        raise InvalidData("file_empty", f"{shown} has a header but no rows")
    _log.info(
        "table read", tenant=tenant, file=shown, kind=kind, rows=table.num_rows, columns=table.num_columns
    )
    return table


def _read_text(path: Path, name: str, folder: Path, reader: TableReader, limits: Limits) -> pa.Table:
    clean = clean_text(path, name, folder, limits)
    with clean.path.open("rb") as stream:
        kind = kind_of(stream.read(1 << 16), name)
    if kind == "json lines":
        table = read_json_lines(clean.path, name, limits)
        check_names(table.column_names, name, limits)
        return table
    dialect, names = sniff(clean.path, name, limits)
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
