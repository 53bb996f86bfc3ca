"""Delimiters: common ones first, then any sign that cuts every row alike; a named one wins."""

from pathlib import Path

import pytest

from tenantry.adapters.duckdb import DuckDBReader
from tenantry.errors import TenantryError
from tenantry.ingest import Reading, read
from tenantry.tenancy import tenant_id

ACME = tenant_id("acme")


def _read(path: Path, text: str, **named: str) -> Reading:
    path.write_text(text, encoding="utf-8")
    return read(ACME, path, DuckDBReader(), **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("sign", [*"@ $%&*+<=>?`~#!^:_/-\\", "\x1f"])
def test_any_sign_that_cuts_every_row_alike_is_found(tmp_path: Path, sign: str) -> None:
    lines = ["id,place,spend", "1,Oslo,1.5", "2,Bern,2.25", '3,"a,b",4']
    text = "\n".join(sign.join(line.split(",", 2)) for line in lines[:3]) + "\n"
    found = _read(tmp_path / "t.csv", text)
    assert found.table.to_pydict() == {"id": ["1", "2"], "place": ["Oslo", "Bern"], "spend": ["1.5", "2.25"]}
    assert found.notes == ()


def test_a_common_delimiter_goes_before_the_others(tmp_path: Path) -> None:
    found = _read(tmp_path / "t.csv", "a b,c d\n1 2,3 4\n5 6,7 8\n")
    assert found.table.column_names == ["a b", "c d"]


@pytest.mark.parametrize(
    "text",
    [
        "full name\nJohn Smith\nJane Doe\n",
        "Sepal.Length\n5.1\n4.9\n",
        "start/day/month\n1/2/2024\n3/4/2024\n",
        "customer_id\nc_1\nc_2\n",
    ],
)
def test_signs_inside_values_do_not_cut_a_lone_column(tmp_path: Path, text: str) -> None:
    found = _read(tmp_path / "t.csv", text)
    assert found.table.num_columns == 1
    (note,) = found.notes
    assert note.code == "delimiter_missing"
    assert "name the sign" in note.text


@pytest.mark.parametrize("named", [" ", "space"])
def test_a_named_delimiter_wins(tmp_path: Path, named: str) -> None:
    found = _read(tmp_path / "t.csv", "a,x b,y\n1,2 3,4\n", delimiter=named)
    assert found.table.to_pydict() == {"a,x": ["1,2"], "b,y": ["3,4"]}
    assert _read(tmp_path / "t.csv", "a§b\n1§2\n", delimiter="§").table.column_names == ["a", "b"]
    assert _read(tmp_path / "t.csv", "a\tb\n1\t2\n", delimiter="tab").table.column_names == ["a", "b"]


@pytest.mark.parametrize("named", ["ab", "x", '"', "\n", "7"])
def test_what_cannot_be_a_delimiter_is_refused(tmp_path: Path, named: str) -> None:
    with pytest.raises(TenantryError) as caught:
        _read(tmp_path / "t.csv", "a,b\n1,2\n", delimiter=named)
    assert caught.value.code == "delimiter_invalid"


def test_a_ragged_row_under_one_column_speaks_of_the_delimiter(tmp_path: Path) -> None:
    with pytest.raises(TenantryError) as caught:
        _read(tmp_path / "t.csv", "words\nshort\nlong, and longer\n")
    assert caught.value.code == "row_ragged"
    assert "no delimiter was found" in caught.value.message
    assert "(delimiter)" in caught.value.hint
