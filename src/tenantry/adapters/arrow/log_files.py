"""The inference log as Parquet: one row a request, which any tool of the trade can read."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tenantry.errors import Corrupt
from tenantry.predictions.record import LoggedRequest

_FEW = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("time", pa.float64(), nullable=False),
        pa.field("tenant", _FEW, nullable=False),
        pa.field("deployment", _FEW, nullable=False),
        pa.field("version", _FEW, nullable=False),
        pa.field("rule", _FEW, nullable=False),
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("status", pa.int16(), nullable=False),
        pa.field("code", _FEW, nullable=False),
        pa.field("format", _FEW, nullable=False),
        pa.field("header_length", pa.int32()),
        pa.field("rows", pa.int32(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("body", pa.binary(), nullable=False),
        pa.field("labels", pa.list_(pa.string()), nullable=False),
        pa.field("scores", pa.list_(pa.float64()), nullable=False),
    ]
)
"""``time``: seconds since the epoch. The columns are the fields of ``LoggedRequest``, in its order."""

GROUP_ROWS = 4096
"""Requests in a row group: what a reader holds of one file at a time."""
_OPTIONS = {
    "compression": "zstd",
    "use_dictionary": [field.name for field in SCHEMA if field.type == _FEW],
    "write_statistics": ["time"],
    "row_group_size": GROUP_ROWS,
    "store_schema": False,
}


class ParquetLogFiles:
    """``LogFiles`` in Parquet, compressed with zstd. Holds nothing between calls."""

    suffix = ".parquet"

    def write(self, path: Path, requests: Sequence[LoggedRequest]) -> None:
        """See ``LogFiles.write``."""
        columns = zip(*requests, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        self._put(path, pa.Table.from_arrays(arrays, schema=SCHEMA))

    def merge(self, paths: Sequence[Path], into: Path) -> None:
        """See ``LogFiles.merge``."""
        tables = []
        for path in paths:
            with _reading(path) as file:
                tables.append(file.read(use_threads=False).cast(SCHEMA))
        self._put(into, pa.concat_tables(tables).sort_by("time"))

    def read(self, path: Path, since: float, until: float, *, newest: bool) -> Iterator[LoggedRequest]:
        """See ``LogFiles.read``."""
        with _reading(path) as file:
            groups = range(file.metadata.num_row_groups)
            for number in reversed(groups) if newest else groups:
                times = file.metadata.row_group(number).column(0).statistics
                if times is not None and (times.max < since or times.min >= until):
                    continue
                requests = _requests(file, number)
                for request in reversed(requests) if newest else requests:
                    if since <= request.time < until:
                        yield request

    def _put(self, path: Path, table: pa.Table) -> None:
        handle = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )  # customers' data (B20)
        with os.fdopen(handle, "wb") as file:
            pq.write_table(table, file, **_OPTIONS)


@contextmanager
def _reading(path: Path) -> Iterator[pq.ParquetFile]:
    """An opened file; whatever its bytes make Arrow complain of is one error of ours."""
    try:
        with pq.ParquetFile(path, read_dictionary=_OPTIONS["use_dictionary"]) as file:
            if file.schema_arrow.names != SCHEMA.names:
                raise Corrupt("log_corrupt", f"{path} has other columns than the inference log's")
            yield file
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError) as error:  # KeyError: other columns
        reason = str(error).splitlines()[0][:200]
        raise Corrupt("log_corrupt", f"{path} is no file of the inference log: {reason}") from error


def _requests(file: pq.ParquetFile, group: int) -> list[LoggedRequest]:
    table = file.read_row_group(group, use_threads=False).cast(SCHEMA)
    return [
        LoggedRequest(*row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
    ]
