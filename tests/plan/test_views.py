"""Several columns that read one input, and slots derived from others."""

from typing import Any

import numpy as np
import pytest

from tenantry.plan import Plan, compile_plan, expected_margins
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    Derived,
    Linear,
    NumberColumn,
    PlanColumn,
    PlanSpec,
    TextColumn,
)
from tenantry.plan.twin import Twin
from tenantry.schema import Task

F = np.float32


def words(name: str, weights: dict[str, float], slot: int, **how: Any) -> CategoryColumn:
    """A category whose slot takes the row's number, and that adds the word's weight to the margin."""
    rows = len(weights)
    return CategoryColumn(
        name=name,
        words=tuple(weights),
        rows=np.arange(rows, dtype=np.int32),
        missing_row=rows,
        unseen_row=rows + 1,
        slots=(slot,),
        values=np.arange(rows + 2, dtype=F)[:, None],
        weights=np.array([*weights.values(), 0, 0], F)[:, None],
        mean_weight=np.zeros(1, F),
        **how,
    )


def plan_of(*columns: PlanColumn, slots: int, **more: Any) -> PlanSpec:
    """A linear plan: its margin is what the columns add, and half of slot 0."""
    linear = Linear(
        intercept=np.zeros(1),
        slot=np.zeros(1, np.int32),
        mean=np.zeros(1, F),
        inv_scale=np.ones(1, F),
        fill=np.zeros(1, F),
        center=np.zeros(1, F),
        weight=np.full((1, 1), 0.5, F),
    )
    return PlanSpec(
        task=Task.REGRESSION,
        n_outputs=1,
        n_slots=slots,
        columns=columns,
        trees=(),
        linear=linear,
        base=np.zeros(1),
        forest_weight=0.0,
        linear_weight=1.0,
        calibration=Calibration(kind="linear"),
        meta={},
        **more,
    )


NUMBER_AND_WORD = plan_of(
    NumberColumn(name="code", slot=0),
    words("code", {"7": 2.0, "7.5": 3.0, "x": 4.0}, 1),
    words("other", {"yes": 10.0}, 2),
    slots=3,
)


@pytest.mark.parametrize(
    ("value", "number", "row", "margin"),
    [
        (7, 7, 0, 5.5),
        (7.5, 7.5, 1, 6.75),
        ("7", 7, 0, 5.5),
        ("x", np.nan, 2, 4.0),
        (None, np.nan, 3, 0.0),
        (2, 2, 4, 1.0),
    ],
)
def test_a_number_is_also_read_as_a_category(value: Any, number: float, row: int, margin: float) -> None:
    plan, twin = (made(compile_plan(NUMBER_AND_WORD)) for made in (Plan.from_bytes, Twin))
    record = {"code": value}
    for slots in (np.frombuffer(plan.encode(record), F), twin.encode_rows([record])[0]):
        np.testing.assert_array_equal(slots, [number, row, 1])
    assert plan.score(record) == (margin,)
    assert twin.score_rows([record])[0] == margin


def test_inputs_attributions_and_columns_of_a_batch_count_once_an_input() -> None:
    data = compile_plan(NUMBER_AND_WORD)
    plan = Plan.from_bytes(data)
    assert plan.columns == NUMBER_AND_WORD.inputs == Twin(data).columns == ("code", "other")
    assert plan.value_slots == (0, -1)
    record = {"code": 7, "other": "yes"}
    assert plan.explain(record) == (5.5, 10.0)
    assert Twin(data).explain_rows([record]).tolist() == [[5.5, 10.0]]
    scores = np.frombuffer(plan.score_columns([np.array([7.0, 7.5]), ["yes", None]], 2))
    assert scores.tolist() == [15.5, 6.75]
    assert [column.name for column in spec_of(data).columns] == ["code", "code", "other"]


def test_a_word_is_unseen_only_where_its_input_is_read_as_categories_alone() -> None:
    text = TextColumn(
        name="note",
        tokens=("good",),
        idf=np.ones(1, F),
        token_slots=np.array([0], np.int32),
        weights=np.zeros((1, 1), F),
        mean_weight=np.zeros(1, F),
    )
    spec = plan_of(
        text,
        words("note", {"good": 1.0}, 1),
        words("city", {"a": 1.0}, 2),
        words("city", {"b": 1.0}, 3),
        slots=4,
    )
    plan = Plan.from_bytes(compile_plan(spec))
    assert not plan.unseen(0, "never")
    assert [plan.unseen(1, word) for word in ("a", "b", "never")] == [False, False, True]


@pytest.mark.parametrize(
    ("left", "right", "ratio"),
    [
        (6, 3, 2.0),
        (1, 3, float(F(1) / F(3))),
        (1, 0, np.nan),
        (0, 0, np.nan),
        (1, "-0", np.nan),
        (None, 2, np.nan),
        (2, None, np.nan),
        (-1e38, 1e-30, -float(np.finfo(F).max)),
        (1e30, 1e-30, float(np.finfo(F).max)),
    ],
)
def test_a_ratio_is_missing_over_nothing_and_limited(left: Any, right: Any, ratio: float) -> None:
    spec = plan_of(
        NumberColumn(name="a", slot=0),
        NumberColumn(name="b", slot=1),
        slots=3,
        derived=(Derived(slot=2, left=0, right=1, op="ratio"),),
    )
    data, record = compile_plan(spec), {"a": left, "b": right}
    for slots in (
        np.frombuffer(Plan.from_bytes(data).encode(record), F),
        Twin(data).encode_rows([record])[0],
    ):
        np.testing.assert_array_equal(slots[2], F(ratio))
    assert spec_of(data).derived == spec.derived


def test_what_a_ratio_moves_is_halved_between_its_inputs() -> None:
    spec = plan_of(
        NumberColumn(name="a", slot=1),
        NumberColumn(name="b", slot=2),
        slots=3,
        derived=(Derived(slot=0, left=1, right=2, op="ratio"),),
    )
    plan = Plan.from_bytes(compile_plan(spec))
    assert plan.explain({"a": 12, "b": 3}) == (1.0, 1.0)
    assert expected_margins(spec) == (0.0,)
