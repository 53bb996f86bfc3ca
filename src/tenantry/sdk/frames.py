"""Tables at the edge: pandas, polars, Arrow and NumPy in, the same kind out.

Inside there are Arrow tables of five plain kinds of column only — float64, int64, boolean and text; dates,
times and nested values become text, decimals float64 — so that training and scoring read a value alike,
whatever it came in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import narwhals.stable.v2 as nw
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.utils import check_array

from tenantry.plan.kernel import category_word
from tenantry.sdk._errors import InvalidTable


@dataclass(frozen=True, slots=True)
class Frame:
    """One table: its plain Arrow form, and what it came as (``None`` for NumPy and lists)."""

    table: pa.Table
    source: nw.DataFrame[Any] | None
    array: npt.NDArray[Any] | None = None

    @property
    def native(self) -> Any:
        """What the caller passed (lists as an array), without columns that were taken out."""
        return self.array if self.source is None else nw.to_native(self.source)

    def without(self, name: str) -> "Frame":
        """The frame without one of its named columns."""
        source = None if self.source is None else self.source.drop(name)
        return Frame(self.table.drop_columns([name]), source, self.array)

    def renamed(self, names: Sequence[str]) -> "Frame":
        """The frame with its Arrow columns named, by position, as the model knows them."""
        return Frame(self.table.rename_columns(list(names)), self.source, self.array)

    def series(self, name: str, values: npt.NDArray[Any]) -> Any:
        """``values`` (one per row) as a series of the source's kind, with pandas' index kept; NumPy stays
        NumPy."""
        if self.source is None:
            return values
        return nw.to_native(self._series(name, values))

    def frame(self, columns: Mapping[str, npt.NDArray[Any]]) -> Any:
        """``columns`` as a table of the source's kind; an Arrow table where the source was NumPy or a
        list."""
        if self.source is None:
            return pa.table({name: pa.array(values.tolist()) for name, values in columns.items()})
        made = [self._series(name, values).to_frame() for name, values in columns.items()]
        return nw.to_native(nw.concat(made, how="horizontal"))

    def _series(self, name: str, values: npt.NDArray[Any]) -> nw.Series[Any]:
        assert self.source is not None  # noqa: S101 - callers check
        native = self.source.implementation
        plain = values.tolist() if values.dtype.kind in "OUS" else values
        series = nw.new_series(name, plain, backend=native)
        return (
            nw.maybe_set_index(series, index=nw.maybe_get_index(self.source))
            if native.is_pandas()
            else series
        )


def read_frame(X: Any, *, estimator: str = "Predictor") -> Frame:
    """A table of any known kind as a :class:`Frame`.

    Raises:
        InvalidTable: ``table_kind`` for lazy frames and what is no table, ``column_duplicate`` for names that
        occur twice.
        ValueError, TypeError: what scikit-learn's ``check_array`` raises for arrays (shapes, sparse,
        complex).
    """
    if nw.dependencies.is_into_dataframe(X):
        names = [str(name) for name in getattr(X, "column_names", X.columns)]  # Arrow's columns are the data
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise InvalidTable("column_duplicate", f"the column name {repeated!r} occurs more than once")
        source = nw.from_native(X, eager_only=True)
        return Frame(_arrow(source, names), source)
    if hasattr(X, "collect_schema"):  # a lazy frame knows its schema and no rows
        raise InvalidTable(
            "table_kind", f"{type(X).__name__} holds no rows yet", hint="Call .collect() on it first."
        )
    if isinstance(X, str | Path | Mapping) and not hasattr(X, "shape"):  # some sparse matrices are mappings
        raise InvalidTable(
            "table_kind",
            f"X is a {type(X).__name__}, not a table",
            hint="Pass a pandas, polars or Arrow table; read a file with pandas.read_csv first.",
        )
    array = check_array(X, dtype=None, ensure_all_finite="allow-nan", estimator=estimator, input_name="X")
    columns = [_from_values(array[:, i]) for i in range(array.shape[1])]
    return Frame(pa.table(columns, names=[f"x{i}" for i in range(array.shape[1])]), None, array)


def _arrow(source: nw.DataFrame[Any], names: list[str]) -> pa.Table:
    """A data frame as plain Arrow, column by column: one odd column must not cost the others their types."""
    columns = []
    for name in source.columns:
        series = source.get_column(name)
        try:
            column = series.to_arrow()
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            column = _texts(series.to_list())
        columns.append(_plain(column))
    return pa.table(columns, names=names)


def _from_values(values: npt.NDArray[Any]) -> pa.Array:
    if values.dtype.kind in "fiu" and values.dtype.itemsize <= 8:
        return _plain(pa.array(values, from_pandas=True))
    try:
        return _plain(pa.array(values.tolist(), from_pandas=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _texts(values.tolist())


def _texts(values: Sequence[Any]) -> pa.Array:
    """Values of mixed types as words; lists and mappings as JSON."""
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if isinstance(value, list | tuple | dict | set | frozenset):
        return msgspec.json.encode(value, enc_hook=str, order="sorted").decode()
    return category_word(value)


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A column in one of the plain kinds."""
    types = pa.types
    if types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    kind = column.type
    if types.is_boolean(kind) or types.is_string(kind):
        return column
    if types.is_integer(kind):
        return _integers(column)
    if types.is_floating(kind) or types.is_decimal(kind):
        return pc.cast(column, pa.float64(), safe=False)
    if types.is_null(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pc.cast(column, pa.string())
    if types.is_date(kind):
        return pc.cast(pc.cast(column, pa.date32()), pa.string())
    if types.is_timestamp(kind):
        return _timestamps(column)
    if types.is_duration(kind):
        return pc.divide(pc.cast(pc.cast(column, pa.duration("us")), pa.int64()), 1e6)
    return _texts(column.to_pylist())


def _integers(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    largest = pc.max(column).as_py()
    exact = largest is None or largest < 2**63  # else an unsigned 64-bit column
    return pc.cast(column, pa.int64()) if exact else pc.cast(column, pa.float64(), safe=False)


def _timestamps(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """ISO text in UTC with microseconds; without the time where every one is midnight."""
    if column.type.tz is not None:  # stored in UTC by Arrow, so only the label goes
        column = pc.cast(pc.cast(column, pa.timestamp("us", tz="UTC"), safe=False), pa.timestamp("us"))
    moments = pc.cast(column, pa.timestamp("us"), safe=False)
    if pc.all(pc.equal(moments, pc.floor_temporal(moments, unit="day"))).as_py() is not False:
        return pc.cast(pc.cast(moments, pa.date32()), pa.string())
    return pc.strftime(moments, format="%Y-%m-%dT%H:%M:%S")
