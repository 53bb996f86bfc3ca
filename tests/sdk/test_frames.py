"""Tables at the edge: every kind in, one plain Arrow form inside, the same kind out."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tenantry.sdk._errors import InvalidTable
from tenantry.sdk.frames import read_frame

DAY = dt.date(2024, 3, 5)
NOON = dt.datetime(2024, 3, 5, 12, 30, tzinfo=dt.UTC)

ODD = {
    "n": [1, 2, None],
    "f": [1.5, None, 3.0],
    "b": [True, None, False],
    "s": ["x", None, ""],
    "day": [DAY, None, DAY],
    "at": [NOON, None, NOON],
    "list": [[1, 2], None, []],
    "money": [decimal.Decimal("1.50"), None, decimal.Decimal("2.00")],
}
PLAIN = {
    "n": [1, 2, None],
    "f": [1.5, None, 3.0],
    "b": [True, None, False],
    "s": ["x", None, ""],
    "day": ["2024-03-05", None, "2024-03-05"],
    "at": ["2024-03-05T12:30:00.000000", None, "2024-03-05T12:30:00.000000"],
    "list": ["[1,2]", None, "[]"],
    "money": [1.5, None, 2.0],
}


@pytest.mark.parametrize("make", [pa.table, pl.DataFrame])
def test_typed_columns_become_the_five_plain_kinds(make):
    assert read_frame(make(ODD)).table.to_pydict() == PLAIN


def test_pandas_objects_become_the_same_plain_kinds():
    table = read_frame(pd.DataFrame(ODD)).table
    assert table.column("n").to_pylist() == [1.0, 2.0, None]  # pandas has no missing int64
    for name in ("f", "b", "s", "day", "at", "list", "money"):
        assert table.column(name).to_pylist() == PLAIN[name], name


def test_categoricals_are_their_words_whatever_their_codes():
    words = ["b", "a", None]
    frames = [
        pd.DataFrame({"c": pd.Categorical(words)}),
        pl.DataFrame({"c": pl.Series(words, dtype=pl.Categorical)}),
        pa.table({"c": pa.array(words).dictionary_encode()}),
    ]
    for frame in frames:
        assert read_frame(frame).table.column("c").to_pylist() == words


def test_a_column_of_mixed_types_becomes_words():
    table = read_frame(pd.DataFrame({"m": ["a", 1, 2.5, None, True, [1]]})).table
    assert table.column("m").to_pylist() == ["a", "1", "2.5", None, "true", "[1]"]


def test_zoned_moments_are_read_in_utc():
    zoned = pd.DataFrame(
        {"at": pd.to_datetime(["2024-03-05T01:00:00+02:00", "2024-03-05T05:00:00+02:00"], utc=False)}
    )
    assert read_frame(zoned).table.column("at").to_pylist() == [
        "2024-03-04T23:00:00.000000",
        "2024-03-05T03:00:00.000000",
    ]


def test_huge_unsigned_integers_do_not_overflow():
    table = read_frame(pa.table({"u": pa.array([2**63, 1], pa.uint64())})).table
    assert table.column("u").to_pylist() == [float(2**63), 1.0]


def test_arrays_and_lists_get_made_up_names_and_nan_is_missing():
    table = read_frame(np.array([[1.0, np.nan], [3.0, 4.0]])).table
    assert table.to_pydict() == {"x0": [1.0, 3.0], "x1": [None, 4.0]}
    assert read_frame([[1, 2], [3, 4]]).table.column_names == ["x0", "x1"]


def test_object_arrays_keep_each_column_to_itself():
    table = read_frame(np.array([["a", 1.5], [None, 2.5]], dtype=object)).table
    assert table.to_pydict() == {"x0": ["a", None], "x1": [1.5, 2.5]}


def test_a_name_that_occurs_twice_is_refused():
    with pytest.raises(InvalidTable, match="'a'") as caught:
        read_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    assert caught.value.code == "column_duplicate"
    assert isinstance(caught.value, ValueError)


def test_a_lazy_frame_is_refused_with_what_to_do():
    with pytest.raises(InvalidTable) as caught:
        read_frame(pl.LazyFrame({"a": [1]}))
    assert "collect" in caught.value.hint


def test_a_series_of_the_same_kind_comes_out():
    values = np.array(["yes", "no"], dtype=object)
    framed = pd.DataFrame({"a": [1, 2]}, index=[7, 9])
    as_pandas = read_frame(framed).series("y", values)
    assert isinstance(as_pandas, pd.Series)
    assert as_pandas.index.tolist() == [7, 9]
    assert as_pandas.name == "y"
    as_polars = read_frame(pl.DataFrame({"a": [1, 2]})).series("y", values)
    assert isinstance(as_polars, pl.Series)
    as_arrow = read_frame(pa.table({"a": [1, 2]})).series("y", values)
    assert isinstance(as_arrow, pa.ChunkedArray)
    for series in (as_pandas, as_polars, as_arrow):
        assert list(np.asarray(series)) == ["yes", "no"]
    assert read_frame(np.ones((2, 1))).series("y", values) is values


def test_a_table_of_the_same_kind_comes_out():
    columns = {"label": np.array(["a", "b"], dtype=object), "score": np.array([0.1, 0.9])}
    framed = pd.DataFrame({"a": [1, 2]}, index=[7, 9])
    made = read_frame(framed).frame(columns)
    assert isinstance(made, pd.DataFrame)
    assert made.index.tolist() == [7, 9]
    assert isinstance(read_frame(pl.DataFrame({"a": [1, 2]})).frame(columns), pl.DataFrame)
    for source in (pa.table({"a": [1, 2]}), np.ones((2, 1))):
        out = read_frame(source).frame(columns)
        assert isinstance(out, pa.Table)
        assert out.to_pydict() == {"label": ["a", "b"], "score": [0.1, 0.9]}
