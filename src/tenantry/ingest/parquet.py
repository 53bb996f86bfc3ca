"""Parquet to Arrow, with the types brought down to those that a table of business data has."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds

from tenantry.errors import InvalidData
from tenantry.ingest.dialect import check_names
from tenantry.ingest.json_lines import as_text
from tenantry.ingest.ports import Limits


def read_parquet(path: Path, name: str, limits: Limits) -> pa.Table:
    """The whole table. Raises ``InvalidData``: ``file_truncated``, ``table_too_long``, ``too_many_columns``,
    ``file_too_large``, and those of :func:`~tenantry.ingest.dialect.check_names`.
    """
    try:
        with pq.ParquetFile(path) as file:
            meta = file.metadata
            check_names([str(field) for field in file.schema_arrow.names], name, limits)
            if meta.num_rows > limits.rows:
                raise InvalidData(
                    "table_too_long", f"{name} has {meta.num_rows:,} rows; at most {limits.rows:,} are taken"
                )
            size = sum(meta.row_group(place).total_byte_size for place in range(meta.num_row_groups))
            if size > limits.file_bytes:
                raise InvalidData("file_too_large", f"{name} unpacks to {size >> 20:,} MiB")
            table = file.read(use_threads=False)
            table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise InvalidData("file_truncated", f"{name} is no whole Parquet file: {reason}") from error
    return plain_types(table)


def plain_types(table: pa.Table) -> pa.Table:
    """Booleans, numbers, decimals, dates, timestamps and text stay; dictionaries are decoded; durations
    become seconds; lists, structs, maps and bytes become text. Names and order stay.
    """
    return pa.Table.from_arrays([_plain(column) for column in table.columns], names=table.column_names)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if kinds.is_string(kind) or kinds.is_boolean(kind) or kinds.is_integer(kind) or kinds.is_decimal(kind):
        return column
    if kinds.is_floating(kind):
        return column.cast(pa.float32()) if kinds.is_float16(kind) else column
    if kinds.is_timestamp(kind) or kinds.is_date32(kind):
        return column
    if kinds.is_date64(kind):
        return column.cast(pa.date32())
    if (
        kinds.is_large_string(kind)
        or kinds.is_string_view(kind)
        or kinds.is_null(kind)
        or kinds.is_time(kind)
    ):
        return column.cast(pa.string())
    if kinds.is_duration(kind):
        seconds = [
            None if span is None else span.total_seconds()
            for span in column.cast(pa.duration("us")).to_pylist()
        ]
        return pa.chunked_array([pa.array(seconds, pa.float64())])
    chunks = [pa.array([_text(value) for value in chunk.to_pylist()], pa.string()) for chunk in column.chunks]
    return pa.chunked_array(chunks, pa.string())


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    try:
        return as_text(value)
    except (TypeError, ValueError):
        return str(value)
