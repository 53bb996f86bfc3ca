"""``tenantry predict NAME FILE``: a score, and reasons, for every row."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from cyclopts import App

from tenantry.cli.session import Injected, Session, UsageError, print_json
from tenantry.cli.written import Written
from tenantry.errors import InvalidData, InvalidRequest, TenantryError
from tenantry.registry import CHAMPION
from tenantry.tenancy import TenantId

if TYPE_CHECKING:
    from tenantry.api.answers import VersionDetail

SLICE_ROWS = 2_000
CHECK_ROWS = 2_000
"""Rows, drawn evenly, that are held against the training table."""
ENOUGH_ROWS = 100
MOST_SHOWN = 5


def register(app: App) -> None:
    """Add the command to the application."""
    app.command(predict)


def predict(
    name: str,
    file: Path,
    /,
    *,
    session: Injected,
    explain: int = 0,
    out: Path | None = None,
    version: str = CHAMPION,
    check: bool = True,
    written: Written | None = None,
) -> None:
    """Score a file: one row out per row in, in order.

    The columns are the record key if the definition names one, label, score, a probability_CLASS for each
    class, reasons (JSON) and model_version. Without --out they go to stdout as CSV, with --json as JSON
    lines.

    Parameters
    ----------
    name
        The prediction's name.
    file
        CSV, Parquet or JSON lines, also gzipped. Columns that the model does not know are ignored, missing
        ones count as unknown values.
    explain
        The number of reasons for each score; 0 for none, 50 at most.
    out
        The file to write: .csv, .parquet or .jsonl; the text ones also with .gz.
    version
        A version number, or an alias.
    check
        Say on stderr which columns are filled in or distributed otherwise than in training (of 100 rows or more).
    """
    # Imported here: Arrow is not needed for help and wrong usage.
    from tenantry.cli.scores import Layout, check_out, open_sink  # noqa: PLC0415

    if not 0 <= explain <= 50:
        raise UsageError(f"--explain {explain} is not a number of reasons from 0 to 50")
    check_out(out)
    tenant = session.tenant
    detail = session.backend.version(tenant, name, version)
    table = _read(session, tenant, file, written or Written())
    layout = Layout(detail.manifest.signature, _key_of(detail))
    inputs = _inputs(session, detail, table.column_names, file)
    key_column = table.column(layout.key) if layout.key in table.column_names else None
    key_type = table.schema.field(layout.key).type if key_column is not None else table.schema.field(0).type
    columns = table.select(inputs)
    if check:
        _check(session, tenant, detail, columns)
    with (
        session.backend.scorer(tenant, detail) as scorer,
        open_sink(out, layout, key_type, json=session.json) as sink,
    ):
        for start in range(0, table.num_rows, SLICE_ROWS):
            found = scorer.score(_plain(columns.slice(start, SLICE_ROWS)), explain)
            keys = [None] * len(found)
            if key_column is not None:
                keys = key_column.slice(start, SLICE_ROWS).to_pylist()
            sink.write([layout.row(key, one) for key, one in zip(keys, found, strict=True)])
    _done(session, detail, table.num_rows, out)


def _check(session: Session, tenant: TenantId, detail: "VersionDetail", columns: Any) -> None:
    """Warn of what changed since training; the scores are given all the same."""
    rows = columns.num_rows
    if rows < ENOUGH_ROWS:
        return
    taken = min(rows, CHECK_ROWS)
    drawn = _plain(columns.take([i * rows // taken for i in range(taken)]))
    try:
        found = session.backend.check(
            tenant, detail.version.model, str(detail.version.number), drawn
        ).findings
    except TenantryError as error:
        session.note(f"warning: the file was not held against the training table: {error.message}")
        return
    for finding in found[:MOST_SHOWN]:
        session.note(f"warning: {finding.message}")
    if len(found) > MOST_SHOWN:
        session.note(f"warning: {len(found) - MOST_SHOWN} more columns changed")
    if found:
        session.note(
            "Check what changed before you rely on the scores, or train again (--no-check says nothing)."
        )


def _done(session: Session, detail: "VersionDetail", rows: int, out: Path | None) -> None:
    said = f"{rows:,} rows scored with {detail.version.model} version {detail.version.number}"
    if out is None or not session.json:
        session.note(said if out is None else f"{said}: {out}")
    else:
        print_json({"rows": rows, "out": str(out), "model_version": str(detail.version.number)})


def _read(session: Session, tenant: TenantId, file: Path, written: Written) -> Any:
    from tenantry.cli.connect import read_file  # noqa: PLC0415

    found = read_file(tenant, file, written.encoding, written.delimiter)
    for note in found.notes:
        session.note(f"warning: {note.text}")
    return found.table


def _key_of(detail: "VersionDetail") -> str | None:
    key = detail.manifest.definition.get("key")
    return key if isinstance(key, str) else None


def _inputs(session: Session, detail: "VersionDetail", found: list[str], file: Path) -> list[str]:
    """The file's columns that the model takes. Raises where there is none; says which are missing."""
    wanted = [column.name for column in detail.manifest.signature.inputs]
    present = [name for name in wanted if name in set(found)]
    missing = [name for name in wanted if name not in set(found)]
    if not present:
        hint = "No delimiter was found in the file: name the sign between its values (--delimiter)."
        raise InvalidRequest(
            "record_unknown",
            f"{file.name} has none of the model's columns, such as {', '.join(wanted[:3])}",
            hint=hint if len(found) == 1 and len(wanted) > 1 else None,
        )
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        session.note(
            f"warning: {file.name} lacks {', '.join(missing[:5])}{more}; they count as unknown values"
        )
    return present


def _plain(table: Any) -> Any:
    """Values as JSON has them: dates, times and decimals become text, as the model's training saw them."""
    import pyarrow as pa  # noqa: PLC0415

    plain = {pa.string(), pa.large_string(), pa.bool_(), pa.float64(), pa.float32(), pa.null()}
    for index, field in enumerate(table.schema):
        kind, column = field.type, table.column(index)
        if pa.types.is_dictionary(kind):
            kind, column = kind.value_type, column.cast(kind.value_type)
        if kind not in plain and not pa.types.is_integer(kind):
            column = pa.array([_text(field.name, value) for value in column.to_pylist()], pa.string())
        table = table.set_column(index, field.name, column)
    return table


def _text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        raise InvalidData("record_value", f"the column {name!r} holds bytes, not text")
    if isinstance(value, list | dict):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)
