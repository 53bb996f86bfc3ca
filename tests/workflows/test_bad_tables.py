"""Files that read well and from which nothing can be learnt: what training says of each (A9)."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tenantry.adapters.duckdb import DuckDBReader
from tenantry.apps import PredictionDefinition, check_columns
from tenantry.automl import train
from tenantry.errors import TenantryError
from tenantry.ingest import read_table
from tenantry.tenancy import tenant_id

ACME = tenant_id("acme")


@dataclass(frozen=True)
class Bad:
    """A readable file, the code that it must be refused with, and words that the message must hold."""

    name: str
    make: Callable[[], str]
    code: str
    says: tuple[str, ...]
    target: str = "y"


def _csv(header: str, rows: int, line: Callable[[int, Random], str]) -> Callable[[], str]:
    def make() -> str:
        chance = Random(5)
        return "\n".join([header, *(line(number, chance) for number in range(rows))]) + "\n"

    return make


def _class(number: int) -> str:
    return "yes" if number % 3 else "no"


BAD = [
    Bad("12 rows", _csv("x,y", 12, lambda n, _: f"{n % 5},{_class(n)}"), "too_few_rows", ("12",)),
    Bad("49 rows", _csv("x,y", 49, lambda n, _: f"{n % 5},{_class(n)}"), "too_few_rows", ("49",)),
    Bad(
        "nine of one outcome",
        _csv("x,y", 200, lambda n, _: f"{n % 5},{'yes' if n < 9 else 'no'}"),
        "too_few_rows",
        ("9",),
    ),
    Bad(
        "target missing",
        _csv("x,y", 90, lambda n, _: f"{n},{_class(n)}"),
        "target_missing",
        ("'Y'", "'y'"),
        "Y",
    ),
    Bad("target all null", _csv("x,y", 90, lambda n, _: f"{n % 5},"), "target_all_null", ("'y'",)),
    Bad("target all null words", _csv("x,y", 90, lambda n, _: f"{n % 5},N/A"), "target_all_null", ("'y'",)),
    Bad("one class", _csv("x,y", 90, lambda n, _: f"{n % 5},yes"), "target_one_class", ("'y'", "yes")),
    Bad(
        "few known outcomes",
        _csv("x,y", 900, lambda n, _: f"{n % 5},{_class(n) if n < 20 else ''}"),
        "too_few_rows",
        ("20",),
    ),
    Bad("target is the only column", _csv("y", 90, lambda n, _: _class(n)), "no_usable_columns", ("'y'",)),
    Bad(
        "all columns constant",
        _csv("a,b,y", 90, lambda n, _: f"1,x,{_class(n)}"),
        "no_usable_columns",
        ("a", "b"),
    ),
    Bad(
        "all columns empty", _csv("a,b,y", 90, lambda n, _: f",,{_class(n)}"), "no_usable_columns", ("a", "b")
    ),
    Bad(
        "all columns ids",
        _csv("a,b,y", 300, lambda n, c: f"{uuid.UUID(int=c.getrandbits(128))},CUST-{n:06d},{_class(n)}"),
        "no_usable_columns",
        ("a", "b"),
    ),
    Bad(
        "one column beside an unusual delimiter",
        _csv("a§y", 90, lambda n, _: f"{n}§{_class(n)}"),
        "target_missing",
        ("'y'",),
    ),
    Bad(
        "the target is an id",
        _csv("x,y", 300, lambda n, _: f"{n % 5},CUST-{n:06d}"),
        "too_few_rows",
        ("'y'",),
    ),
]


def _learn(path: Path, definition: PredictionDefinition) -> None:
    table = read_table(ACME, path, DuckDBReader())
    check_columns(definition, table.column_names)
    train(ACME, table, definition, budget_cpu_seconds=5.0)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_table_to_learn_nothing_from_is_refused_with_its_code(bad: Bad, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(bad.make())
    definition = PredictionDefinition(name="p", target=bad.target, budget_cpu_seconds=5.0)
    with pytest.raises(TenantryError) as caught:
        _learn(path, definition)
    error = caught.value
    assert error.code == bad.code, error.message
    for words in bad.says:
        assert words in error.message
    assert error.hint
