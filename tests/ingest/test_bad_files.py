"""The table of bad files: what each is told, and what to do about it."""

import gzip
import io
import os
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenantry.adapters.duckdb import DuckDBReader
from tenantry.errors import TenantryError
from tenantry.ingest import Limits, read_table
from tenantry.tenancy import tenant_id

ACME = tenant_id("acme")
SMALL_LINES = Limits(line_bytes=1 << 20)


@dataclass(frozen=True)
class Bad:
    """One bad file: its bytes, the code it must be refused with, and words that the message must hold."""

    name: str
    make: Callable[[], bytes]
    code: str
    says: tuple[str, ...]
    file: str = "table.csv"
    limits: Limits = field(default_factory=Limits)


def _rows(count: int, line: str = "{0},x{0},{0}\n") -> str:
    return "".join(line.format(number) for number in range(count))


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _zip(*names: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name in names:
            archive.writestr(name, "a,b\n1,2\n")
    return sink.getvalue()


def _gzip_of_long_line(size: int) -> bytes:
    """Members of a gzip file may follow one another: 2 GB of text in 2 MB."""
    return gzip.compress(b"a,b\n") + gzip.compress(b"x" * (1 << 20)) * (size >> 20)


BAD = [
    Bad("empty", lambda: b"", "file_empty", ("table.csv", "empty")),
    Bad("white space", lambda: b" \n\t\r\n \n", "file_empty", ("white space",)),
    Bad("byte-order mark only", lambda: b"\xef\xbb\xbf", "file_empty", ("table.csv",)),
    Bad("header only", lambda: b"a,b,c\n", "file_empty", ("header", "no rows")),
    Bad("short row", lambda: b"a,b,c\n1,2,3\n1,2\n1,2,3\n", "row_ragged", ("line 3", "2 fields", "3")),
    Bad("long row", lambda: b"a,b,c\n1,2,3\n1,2,3,4\n", "row_ragged", ("line 3", "4 fields")),
    Bad(
        "ragged after a quoted line end", lambda: b'a,b\n"1\n2",2\n1\n', "row_ragged", ("line 4", "1 field ")
    ),
    Bad(
        "ragged far down",
        ("a,b,c\n" + _rows(90_000) + "1,2\n").encode,
        "row_ragged",
        ("line 90002",),
    ),
    Bad("one column with commas", lambda: b"words\nshort\nlong, and longer\n", "row_ragged", ("line 3",)),
    Bad("unclosed quote", lambda: b'a,b\n1,"2\n3,4\n5,6\n', "quote_unclosed", ("line 2", '"')),
    Bad(
        "unclosed quote far down",
        ("a,b,c\n" + _rows(90_000) + '1,"2,3\n' + _rows(90_000)).encode,
        "quote_unclosed",
        ("line 90002",),
    ),
    Bad("text after a quote", lambda: b'a,b\n1,"5" pipe"\n', "row_invalid", ("line 2",)),
    Bad(
        "a 40 MB line",
        lambda: b"a,b\n1," + b"x" * (40 << 20) + b"\n",
        "line_too_long",
        ("line 2", "16,777,216"),
    ),
    Bad(
        "a long line, a low limit",
        lambda: b"a,b\n1,2\n" + b"y" * 3_000_000,
        "line_too_long",
        ("line 3",),
        limits=SMALL_LINES,
    ),
    Bad(
        "a 2 GB line in gzip",
        lambda: _gzip_of_long_line(2 << 30),
        "line_too_long",
        ("line 2",),
        "table.csv.gz",
    ),
    Bad(
        "too much text",
        lambda: b"a,b\n" + b"1,2\n" * 300_000,
        "file_too_large",
        ("1 MiB",),
        limits=Limits(file_bytes=1 << 20),
    ),
    Bad("NUL bytes", lambda: b"a,b\n1,2\n3,\x004\n", "file_binary", ("NUL", "line 3")),
    Bad("random bytes", lambda: random.Random(7).randbytes(5_000), "file_binary", ("NUL",)),
    Bad(
        "no text in any encoding",
        lambda: b"a,b\n" + bytes(random.Random(3).choices(range(0x80, 0x100), k=4_000)) + b",1\n" * 60,
        "file_encoding",
        ("line 2", "0x"),
    ),
    Bad(
        "UTF-8 with one byte of another encoding",
        lambda: ("a,b\n" + "1,Zoë\n2,Łódź\n" * 60).encode() + "3,Zoë\n".encode("cp1252"),
        "file_encoding",
        ("line 122", "is UTF-8"),
    ),
    Bad("broken UTF-16", lambda: "a,b\n1,2\n".encode("utf-16") + b"\x00", "file_encoding", ("UTF-16",)),
    Bad("duplicate names", lambda: b"a,b,a\n1,2,3\n", "column_duplicate", ("'a'",)),
    Bad("blank name", lambda: b",a,b\n0,1,2\n1,1,2\n", "column_blank", ("column 1",)),
    Bad("blank name inside", lambda: b"a,,c\n0,1,2\n", "column_blank", ("column 2",)),
    Bad(
        "very long name", lambda: b"a," + b"n" * 3_000 + b"\n1,2\n", "column_name_long", ("column 2", "3,000")
    ),
    Bad(
        "5,000 columns",
        (",".join(f"c{number}" for number in range(5_000)) + "\n" + ",".join(["1"] * 5_000) + "\n").encode,
        "too_many_columns",
        ("5,000", "2,000"),
    ),
    Bad(
        "too many rows",
        ("a,b,c\n" + _rows(300)).encode,
        "table_too_long",
        ("200",),
        limits=Limits(rows=200),
    ),
    Bad(
        "web page",
        lambda: b"<!DOCTYPE html>\n<html><body>Sign in</body></html>",
        "file_markup",
        ("table.csv begins with markup ('<!DOCTYPE",),
    ),
    Bad("XML", lambda: b'<?xml version="1.0"?><rows/>', "file_markup", ("table.csv",)),
    Bad("PDF", lambda: b"%PDF-1.7\nabc", "file_binary", ("PDF",)),
    Bad("zip renamed", lambda: _zip("table.csv"), "file_archive", ("zip",)),
    Bad(
        "workbook renamed",
        lambda: _zip("[Content_Types].xml", "xl/workbook.xml"),
        "file_spreadsheet",
        ("spreadsheet",),
    ),
    Bad(
        "old workbook",
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "file_spreadsheet",
        ("Excel",),
    ),
    Bad(
        "truncated gzip",
        lambda: gzip.compress(("a,b,c\n" + _rows(9_000)).encode())[:-900],
        "file_truncated",
        ("gzip",),
    ),
    Bad("changed gzip", lambda: gzip.compress(b"a,b\n1,2\n")[:-8] + bytes(8), "file_truncated", ("gzip",)),
    Bad("gzip twice", lambda: gzip.compress(gzip.compress(b"a,b\n1,2\n")), "file_archive", ("twice",)),
    Bad("truncated Parquet", lambda: _parquet(pa.table({"a": [1, 2]}))[:-30], "file_truncated", ("Parquet",)),
    Bad("Parquet head only", lambda: b"PAR1" + bytes(200), "file_truncated", ("Parquet",)),
    Bad(
        "Parquet with duplicate names",
        lambda: _parquet(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])),
        "column_duplicate",
        ("'a'",),
    ),
    Bad(
        "Parquet without rows",
        lambda: _parquet(pa.table({"a": pa.array([], pa.int64())})),
        "file_empty",
        ("no rows",),
    ),
    Bad("broken JSON line", lambda: b'{"a":1}\n{"a":2,}\n{"a":3}\n', "json_invalid", ("line 2",), "t.jsonl"),
    Bad("JSON array", lambda: b'[{"a":1},\n{"a":2}]\n', "json_invalid", ("array",), "t.json"),
    Bad("JSON over several lines", lambda: b'{\n  "a": 1\n}\n', "json_invalid", ("line 1",), "t.json"),
    Bad("JSON list among objects", lambda: b'{"a":1}\n[1,2]\n', "json_invalid", ("line 2",), "t.jsonl"),
    Bad("deep JSON", lambda: b'{"a":' + b"[" * 200_000 + b"\n", "json_invalid", ("line 1",), "t.jsonl"),
    Bad("JSON without fields", lambda: b"{}\n{}\n", "file_empty", ("no object",), "t.jsonl"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_file_is_refused_with_its_code_and_says_what_and_where(bad: Bad, tmp_path: Path) -> None:
    path = tmp_path / bad.file
    path.write_bytes(bad.make())
    with pytest.raises(TenantryError) as caught:
        read_table(ACME, path, DuckDBReader(), limits=bad.limits)
    error = caught.value
    assert error.code == bad.code, error.message
    for words in bad.says:
        assert words in error.message
    assert error.hint
    assert list(tmp_path.iterdir()) == [path]


def test_the_table_of_bad_files_has_at_least_thirty_entries() -> None:
    assert len(BAD) >= 30


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(TenantryError) as caught:
        read_table(ACME, tmp_path / "no.csv", DuckDBReader())
    assert caught.value.code == "file_not_found"
    assert "no.csv" in caught.value.message


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(TenantryError) as caught:
        read_table(ACME, tmp_path, DuckDBReader())
    assert caught.value.code == "file_unreadable"
    assert "folder" in caught.value.message


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(TenantryError) as caught:
        read_table(ACME, tmp_path / "pipe.csv", DuckDBReader())
    assert caught.value.code == "file_unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("a,b\n1,2\n")
    path.chmod(0)
    with pytest.raises(TenantryError) as caught:
        read_table(ACME, path, DuckDBReader())
    assert caught.value.code == "file_unreadable"


def test_a_name_longer_than_a_file_system_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TenantryError) as caught:
        read_table(ACME, tmp_path / ("x" * 400), DuckDBReader())
    assert caught.value.code in ("file_unreadable", "file_not_found")


@pytest.mark.soak
def test_a_sparse_line_of_two_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sparse.csv"
    with path.open("wb") as sink:
        sink.write(b"a,b\n1,x")
        sink.truncate(2 << 30)
    with pytest.raises(TenantryError) as caught:
        read_table(ACME, path, DuckDBReader())
    assert caught.value.code == "file_binary"


@pytest.mark.soak
def test_a_written_line_of_two_gigabytes_is_refused_in_little_memory(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "long.csv"
    with path.open("wb") as sink:
        sink.write(b"a,b\n")
        for _ in range(2 << 10):
            sink.write(b"x" * (1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TenantryError) as caught:
        read_table(ACME, path, DuckDBReader())
    assert caught.value.code == "line_too_long"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB
