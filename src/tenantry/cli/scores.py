"""Score files: one row out per row in, in order, as CSV, Parquet or JSON lines."""

import csv
import gzip
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tenantry.cli.backend import Prediction
from tenantry.cli.session import UsageError
from tenantry.schema import Signature

Row = dict[str, Any]


class Layout:
    """The columns of a score file: the record key if the definition names one, ``label`` (not for
    regression), ``score``, ``probability_<class>`` in the order of the classes, ``reasons`` (JSON),
    ``model_version``."""

    def __init__(self, signature: Signature, key: str | None) -> None:
        self.key = key
        self._labelled = bool(signature.classes)
        self._probabilities = tuple(f"probability_{name}" for name in signature.classes)
        labels = ["label"] if self._labelled else []
        names = [*labels, "score", *self._probabilities, "reasons", "model_version"]
        # A record key that is called like a column of ours must not hide it.
        self.columns = (*([f"record_{key}" if key in names else key] if key else []), *names)

    def row(self, key: Any, prediction: Prediction) -> tuple[Any, ...]:
        """One row's values in the order of the columns; reasons are JSON text, empty where none were
        asked for."""
        reasons = None if prediction.reasons is None else msgspec.json.encode(prediction.reasons).decode()
        return (
            *([key] if self.key else []),
            *([prediction.label] if self._labelled else []),
            prediction.score,
            *prediction.probabilities,
            reasons,
            prediction.model_version,
        )

    def schema(self, key_type: pa.DataType) -> pa.Schema:
        """The columns with their Arrow types."""
        numbers = {"score", *self._probabilities}
        fields = [(name, pa.float64() if name in numbers else pa.string()) for name in self.columns]
        if self.key:
            fields[0] = (self.columns[0], key_type)
        return pa.schema(fields)


class Sink(Protocol):
    """Takes rows, in order."""

    def write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows."""
        ...


class CsvSink:
    """CSV with a header; an empty field is a missing value."""

    def __init__(self, file: TextIO, layout: Layout) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(layout.columns)

    def write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows."""
        self._writer.writerows(rows)


class JsonSink:
    """One JSON object a line; reasons are a list in it, not text."""

    def __init__(self, file: TextIO, layout: Layout) -> None:
        self._file = file
        self._columns = layout.columns

    def write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows."""
        for row in rows:
            shown = dict(zip(self._columns, row, strict=True))
            if shown["reasons"] is not None:
                shown["reasons"] = msgspec.Raw(shown["reasons"].encode())
            self._file.write(msgspec.json.encode(shown, enc_hook=str).decode() + "\n")


class ParquetSink:
    """Parquet, a row group a slice."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema

    def write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self._schema)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.table(arrays, schema=self._schema))


def check_out(out: Path | None) -> None:
    """Refuse a file that cannot be written, before hours of scoring. Raises :class:`UsageError`."""
    if out is None:
        return
    if _kind(out) is None:
        raise UsageError(
            f"--out {out}: the ending must be .csv, .parquet or .jsonl (the text ones also with .gz)"
        )
    if not out.absolute().parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.absolute().parent}")


@contextmanager
def open_sink(out: Path | None, layout: Layout, key_type: pa.DataType, *, json: bool) -> Iterator[Sink]:
    """Where the rows go: the file by its ending, else stdout as CSV or as JSON lines. A file appears only
    when it is whole."""
    if out is None:
        yield JsonSink(sys.stdout, layout) if json else CsvSink(sys.stdout, layout)
        return
    handle, name = tempfile.mkstemp(dir=out.absolute().parent, prefix=f".{out.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        with _file_sink(temporary, _kind(out), layout, key_type, packed=out.name.endswith(".gz")) as sink:
            yield sink
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _file_sink(
    path: Path, kind: str | None, layout: Layout, key_type: pa.DataType, *, packed: bool
) -> Iterator[Sink]:
    if kind == "parquet":
        schema = layout.schema(key_type)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            yield ParquetSink(writer, schema)
        return
    with ExitStack() as stack:
        raw = stack.enter_context(path.open("wb"))
        sink = stack.enter_context(gzip.GzipFile(fileobj=raw, mode="wb", mtime=0)) if packed else raw
        file = stack.enter_context(io.TextIOWrapper(sink, encoding="utf-8", newline=""))
        yield CsvSink(file, layout) if kind == "csv" else JsonSink(file, layout)


def _kind(out: Path) -> str | None:
    name = out.name.lower()
    if name.endswith(".parquet"):
        return "parquet"
    plain = name.removesuffix(".gz")
    if plain.endswith(".csv"):
        return "csv"
    return "jsonl" if plain.endswith((".jsonl", ".ndjson")) else None


def _umask() -> int:
    """What the process takes from the rights of new files; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
