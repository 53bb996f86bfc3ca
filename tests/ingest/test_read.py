import contextlib
import datetime as dt
import decimal
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantry.adapters.duckdb import DuckDBReader
from tenantry.errors import TenantryError
from tenantry.ingest import Limits, read_table
from tenantry.tenancy import tenant_id

ACME = tenant_id("acme")
LINES = [
    ["id", "näme", "zip"],
    ["1", "Zoë, the 1st", "02139"],
    ["12345678901234567890", 'say "hi"', "00501"],
    ["3", "two\nlines", ""],
]
WANTED = {
    "id": ["1", "12345678901234567890", "3"],
    "näme": ["Zoë, the 1st", 'say "hi"', "two\nlines"],
    "zip": ["02139", "00501", None],
}


def _csv(delimiter: str = ",", end: str = "\n", quote: str = '"', *, last: bool = True) -> str:
    lines = [
        delimiter.join(f"{quote}{cell.replace(quote, quote * 2)}{quote}" if cell else "" for cell in row)
        for row in LINES
    ]
    return end.join(lines) + (end if last else "")


def _read(path: Path, data: bytes, **options: object) -> pa.Table:
    path.write_bytes(data)
    return read_table(ACME, path, DuckDBReader(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "\x01"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_delimiter_and_line_end_gives_the_same_exact_text(
    tmp_path: Path, delimiter: str, end: str
) -> None:
    table = _read(tmp_path / "t.csv", _csv(delimiter, end).encode())
    assert table.to_pydict() == WANTED
    assert {field.type for field in table.schema} == {pa.string()}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_any_encoding_plain_or_in_gzip(tmp_path: Path, encoding: str, *, packed: bool) -> None:
    data = _csv().encode(encoding)
    table = _read(tmp_path / "t.csv", gzip.compress(data) if packed else data)
    assert table.to_pydict() == WANTED


def test_single_quotes_backslashes_and_a_missing_last_line_end(tmp_path: Path) -> None:
    assert _read(tmp_path / "s.csv", _csv(quote="'", last=False).encode()).to_pydict() == WANTED
    table = _read(tmp_path / "b.csv", b'a,b\n"x \\"y\\", z",1\n"w",2\n')
    assert table.to_pydict() == {"a": ['x "y", z', "w"], "b": ["1", "2"]}


def test_mixed_line_ends_are_made_one(tmp_path: Path) -> None:
    table = _read(tmp_path / "t.csv", b"a,b\r\n1,2\n3,4\r\n5,6\r7,8")
    assert table.to_pydict() == {"a": ["1", "3", "5", "7"], "b": ["2", "4", "6", "8"]}


def test_blank_lines_and_one_delimiter_too_many_are_forgiven(tmp_path: Path) -> None:
    table = _read(tmp_path / "t.csv", b"a,b,\n1,2,\n\n3,4,\n\n")
    assert table.to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}


def test_decimal_commas_do_not_hide_the_semicolon(tmp_path: Path) -> None:
    table = _read(tmp_path / "t.csv", b"a;b;c\n1,5;2,5;3,5\n4,5;5,5;6,5\n")
    assert table.column_names == ["a", "b", "c"]
    assert table["a"].to_pylist() == ["1,5", "4,5"]


def test_a_file_without_header_gets_numbered_columns(tmp_path: Path) -> None:
    table = _read(tmp_path / "t.csv", b"5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,2.8,virginica\n")
    assert table.column_names == ["column_1", "column_2", "column_3"]
    assert table.num_rows == 3


def test_years_over_numbers_are_names(tmp_path: Path) -> None:
    table = _read(tmp_path / "t.csv", b"country,2019,2020\nChad,1,2\nPeru,3,4\n")
    assert table.column_names == ["country", "2019", "2020"]


def test_a_name_with_signs_of_a_pattern_is_a_plain_file(tmp_path: Path) -> None:
    assert _read(tmp_path / "data[1]*'?.csv", b"a,b\n1,2\n").num_rows == 1


def test_a_file_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "t.csv")
    assert read_table(ACME, tmp_path / "t.csv", DuckDBReader())["a"].to_pylist() == [1, 2]


def test_a_field_of_several_megabytes_is_read(tmp_path: Path) -> None:
    table = _read(tmp_path / "t.csv", b"a,b\n" + b"x" * (5 << 20) + b",1\ny,2\n")
    assert len(table["a"][0].as_py()) == 5 << 20


def test_rows_up_to_the_limit_are_taken(tmp_path: Path) -> None:
    assert _read(tmp_path / "t.csv", b"a,b\n" + b"1,2\n" * 200, limits=Limits(rows=200)).num_rows == 200


def test_json_lines_keep_text_digits_and_nesting(tmp_path: Path) -> None:
    data = (
        b'{"zip":"02139","n":1,"big":12345678901234567890,"ok":true,"f":1.5,"mix":1,"o":{"x":[1,2]}}\n\n'
        b'{"zip":"00501","n":null,"big":1,"ok":null,"f":2,"mix":"two","late":"x"}\n'
    )
    table = _read(tmp_path / "t.jsonl", data)
    assert table.to_pydict() == {
        "zip": ["02139", "00501"],
        "n": [1, None],
        "big": ["12345678901234567890", "1"],
        "ok": [True, None],
        "f": [1.5, 2.0],
        "mix": ["1", "two"],
        "o": ['{"x":[1,2]}', None],
        "late": [None, "x"],
    }


def test_json_columns_keep_their_values_over_batches_of_different_types(tmp_path: Path) -> None:
    lines = [f'{{"a":{number},"b":{number}}}' for number in range(25_000)]
    lines[24_000] = '{"a":2.5,"b":"x"}'
    table = _read(tmp_path / "t.jsonl.gz", gzip.compress("\n".join(lines).encode()))
    assert table.schema.types == [pa.float64(), pa.string()]
    assert table["a"][24_000].as_py() == 2.5
    assert table["b"][:2].to_pylist() == ["0", "1"]
    assert table["b"][24_000].as_py() == "x"


def test_parquet_keeps_types_and_flattens_the_rest(tmp_path: Path) -> None:
    day, moment = dt.date(2024, 3, 5), dt.datetime(2024, 3, 5, 12, tzinfo=dt.UTC)
    table = pa.table(
        {
            "i": [1, None],
            "d": [decimal.Decimal("1.10"), None],
            "w": pa.array(["a", "b"]).dictionary_encode(),
            "big": pa.array(["x", None], pa.large_string()),
            "date": [day, None],
            "ts": pa.array([moment, None], pa.timestamp("us", "UTC")),
            "s": [{"x": [1]}, None],
            "raw": [b"\xff\x00", None],
            "none": pa.nulls(2),
            "t": [dt.time(1, 2, 3), None],
            "took": [dt.timedelta(hours=1), None],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = read_table(ACME, tmp_path / "t.parquet", DuckDBReader())
    assert found.column_names == table.column_names
    assert found.slice(0, 1).to_pylist() == [
        {
            "i": 1,
            "d": decimal.Decimal("1.10"),
            "w": "a",
            "big": "x",
            "date": day,
            "ts": moment,
            "s": '{"x":[1]}',
            "raw": "ff00",
            "none": None,
            "t": "01:02:03.000000",
            "took": 3600.0,
        }
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.one_of(
        st.binary(max_size=400), st.text(alphabet="ab,;\"\n\r\t1\\'\x00é{}[]:", max_size=200).map(str.encode)
    )
)
def test_no_bytes_give_anything_but_a_table_or_a_known_error(tmp_path: Path, data: bytes) -> None:
    with contextlib.suppress(TenantryError):
        assert _read(tmp_path / "t.csv", data).num_rows > 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            *[st.text(alphabet=st.characters(exclude_characters="\x00\r", codec="utf-8"), max_size=12)] * 3
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_python_writes_is_read_back_cell_by_cell(
    tmp_path: Path, rows: list[tuple[str, str, str]]
) -> None:
    import csv

    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([("first", "second", "third"), *rows])
    table = read_table(ACME, tmp_path / "t.csv", DuckDBReader())
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        tuple(cell or None for cell in row) for row in rows
    ]
