"""A table scores as its rows do, whatever Arrow keeps them in."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.plan.specs import random_spec

from tenantry.bundle.tables import plan_columns
from tenantry.plan import Plan, compile_plan

COLUMNS: dict[str, Any] = {
    "text": pa.array([" Two year", None, "", "good bad", "1.234,5", "2024-03-05", "東京", "999"]),
    "large text": pa.array(["true", "1", None, "a b c", "?", "--1", "late", "x"], pa.large_string()),
    "codes": pa.array(["not late", None, "good", "good", "", "12", "bad", "bad"]).dictionary_encode(),
    "floats": pa.array([1.5, None, float("nan"), 1e16, -0.0, 0.1, 999.0, float("inf")]),
    "single": pa.array([1.5, None, 0.1, 3.0, -1.0, 7.0, 999.0, 1e30], pa.float32()),
    "whole": pa.array([1, None, -1, 999, 2**60, 0, 12, 3]),
    "small": pa.array([1, None, -1, 99, 7, 0, 12, 3], pa.int8()),
    "truth": pa.array([True, None, False, True, True, False, None, True]),
    "nothing": pa.nulls(8),
    "days": pa.array([dt.date(2024, 3, day) for day in range(1, 9)]),
    "money": pa.array([Decimal("1.50"), None, *[Decimal("7.25")] * 6]),
}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("cut", [0, 3])
def test_a_column_of_any_type_scores_as_its_values(kind: str, cut: int) -> None:
    values = pa.chunked_array([COLUMNS[kind], COLUMNS[kind][2:]]).slice(cut)
    for seed in range(12):
        plan = Plan.from_bytes(compile_plan(random_spec(seed)))
        table = pa.table(dict.fromkeys(plan.columns[1:], values) | {"unknown": values})
        wanted = np.array(plan.score_rows(table.to_pylist()))
        columns = plan_columns(plan, table)
        assert columns[0] is None
        assert plan.score_columns(columns, len(table), 2) == wanted.tobytes()


def test_no_rows_make_no_scores() -> None:
    plan = Plan.from_bytes(compile_plan(random_spec(3)))
    for kind in (pa.string(), pa.large_string(), pa.float64(), pa.int64(), pa.bool_()):
        table = pa.table({name: pa.chunked_array([], kind) for name in plan.columns})
        assert plan.score_columns(plan_columns(plan, table), 0) == b""


def test_text_and_numbers_go_to_the_plan_without_a_python_object_a_value() -> None:
    plan = Plan.from_bytes(compile_plan(random_spec(3)))
    table = pa.table({name: ["ab", None] for name in plan.columns})
    for ends, text in plan_columns(plan, table):
        assert ends.tolist() == [0, 2, 2]
        assert bytes(text)[:2] == b"ab"
    table = pa.table({name: [1.5, None] for name in plan.columns})
    for entry, number in zip(plan_columns(plan, table), plan.reads_numbers, strict=True):
        assert isinstance(entry, tuple) if number is False else entry.dtype == np.float64
