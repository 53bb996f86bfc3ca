"""JSON lines to Arrow, exactly: text stays text, whole numbers of any length keep their digits, objects and
lists become their JSON text.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from tenantry.errors import InvalidData
from tenantry.ingest.ports import Limits

_BATCH = 20_000
_SAFE_FLOAT = 2**53


def read_json_lines(path: Path, name: str, limits: Limits) -> pa.Table:
    """One object per line; a field that an object lacks is null. Blank lines are skipped.

    Raises ``InvalidData``: ``json_invalid`` with the line, ``too_many_columns``, ``table_too_long``.
    """
    columns: dict[str, _Column] = {}
    rows = 0
    for batch in _batches(path, name, limits):
        for record in batch:
            for field in record:
                if field not in columns:
                    columns[field] = _Column(rows)
        if len(columns) > limits.columns:
            raise InvalidData(
                "too_many_columns", f"{name} has more than {limits.columns:,} different fields in its objects"
            )
        for field, column in columns.items():
            column.add([record.get(field) for record in batch])
        rows += len(batch)
    if columns:
        return pa.table({field: column.done() for field, column in columns.items()})
    raise InvalidData("file_empty", f"{name} holds no object with a field")


def as_text(value: object) -> str | None:
    """A JSON value as the text of a cell: words as they are, ``true``/``false``, shortest numbers, JSON for
    the rest.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < _SAFE_FLOAT else repr(value)
    return msgspec.json.encode(value).decode()


def _batches(path: Path, name: str, limits: Limits) -> Iterator[list[dict[str, Any]]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    batch: list[dict[str, Any]] = []
    rows = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                batch.append(decoder.decode(line))
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                raise InvalidData(
                    "json_invalid",
                    f"line {number} of {name} is no JSON object: {error}",
                    details={"line": number},
                ) from error
            rows += 1
            if rows > limits.rows:
                raise InvalidData("table_too_long", f"{name} has more than {limits.rows:,} rows")
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


class _Column:
    """One field: Arrow pieces of one kind each, joined at the end under a type that keeps them all."""

    def __init__(self, missing: int) -> None:
        self._missing = missing
        self._pieces: list[pa.Array] = []

    def add(self, values: list[Any]) -> None:
        kinds = {type(value) for value in values if value is not None}
        self._pieces.append(pa.array(*_typed(values, kinds)))

    def done(self) -> pa.ChunkedArray:
        """All pieces under one type."""
        types = {piece.type for piece in self._pieces} - {pa.null()}
        if len(types) == 1:
            wanted = types.pop()
        else:
            wanted = pa.float64() if types == {pa.int64(), pa.float64()} and self._small() else pa.string()
        pieces = [pa.nulls(self._missing, wanted), *(_cast(piece, wanted) for piece in self._pieces)]
        return pa.chunked_array(pieces, wanted)

    def _small(self) -> bool:
        """Whether every whole number is the same as a double."""
        whole = [piece for piece in self._pieces if piece.type == pa.int64()]
        return all(abs(value) < _SAFE_FLOAT for piece in whole for value in piece.drop_null().to_pylist())


def _typed(values: list[Any], kinds: set[type]) -> tuple[list[Any], pa.DataType]:
    numbers = [value for value in values if isinstance(value, int) and value is not None]
    if not kinds:
        return values, pa.null()
    if kinds == {bool}:
        return values, pa.bool_()
    if kinds == {int} and all(-(2**63) <= number < 2**63 for number in numbers):
        return values, pa.int64()
    if kinds == {float} or (kinds == {int, float} and all(abs(number) < _SAFE_FLOAT for number in numbers)):
        return [None if value is None else float(value) for value in values], pa.float64()
    return [as_text(value) for value in values], pa.string()


def _cast(piece: pa.Array, wanted: pa.DataType) -> pa.Array:
    if piece.type == wanted:
        return piece
    if wanted == pa.string() and piece.type != pa.null():
        return pa.array([as_text(value) for value in piece.to_pylist()], pa.string())
    return piece.cast(wanted)
