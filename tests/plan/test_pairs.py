"""Categories made of two."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.plan.test_views import NUMBER_AND_WORD, plan_of, words

from tenantry.errors import Corrupt, Unsupported
from tenantry.plan import Plan, compile_plan, expected_margins, layout
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import Derived, NumberColumn, Pair
from tenantry.plan.twin import Twin

F = np.float32
PAIR = Pair(
    left=0,
    right=1,
    keys=np.array(
        [[0, 0], [0, 1], [1, 2]], np.int32
    ),  # the last: blue, and a missing size (row 2 of its table)
    rows=np.array([0, 1, 2], np.int32),
    unseen_row=3,
    slots=(2,),
    values=np.array([[10], [11], [12], [np.nan]], F),
    weights=np.array([[1], [2], [4], [0]], F),
    mean_weight=np.array([0.5], F),
)
SPEC = plan_of(
    words("color", {"red": 0.0, "blue": 0.0}, 0),
    words("size", {"s": 0.0, "l": 0.0}, 1),
    slots=3,
    pairs=(PAIR,),
)
DATA = compile_plan(SPEC)


@pytest.mark.parametrize(
    ("record", "value", "weight"),
    [
        ({"color": "red", "size": "s"}, 10, 1),
        ({"color": "red", "size": "l"}, 11, 2),
        ({"color": "blue"}, 12, 4),
        ({"color": "blue", "size": "s"}, np.nan, 0),
        ({"color": "green", "size": "s"}, np.nan, 0),
        ({}, np.nan, 0),
    ],
)
def test_a_pair_is_looked_up_by_the_rows_of_its_categories(
    record: dict[str, Any], value: float, weight: float
) -> None:
    plan, twin = Plan.from_bytes(DATA), Twin(DATA)
    for slots in (np.frombuffer(plan.encode(record), F), twin.encode_rows([record])[0]):
        np.testing.assert_array_equal(slots[2], F(value))
    margin = weight + 0.5 * twin.encode_rows([record])[0, 0]  # the helper's plans add half of slot 0
    assert plan.margins(record) == (margin,)
    assert twin.margins_rows([record])[0] == margin


def test_what_a_pair_moves_is_halved_between_its_inputs() -> None:
    record = {"color": "red", "size": "l"}
    for values in (Plan.from_bytes(DATA).explain(record), Twin(DATA).explain_rows([record])[0]):
        assert list(values) == [0.75, 0.75]
    assert expected_margins(SPEC) == (0.5,)


def test_both_sides_may_read_one_input() -> None:
    pair = replace(
        PAIR, left=1, right=1, keys=np.array([[0, 0]], np.int32), rows=np.zeros(1, np.int32), slots=(3,)
    )
    spec = replace(NUMBER_AND_WORD, pairs=(pair,), n_slots=4)
    plan = Plan.from_bytes(compile_plan(spec))
    before = Plan.from_bytes(compile_plan(NUMBER_AND_WORD)).explain({"code": 7})
    assert plan.explain({"code": 7}) == (before[0] + 0.5, before[1])


def test_a_pair_comes_back_out_of_the_file() -> None:
    [pair] = spec_of(DATA).pairs
    assert (pair.left, pair.right, pair.unseen_row, pair.slots) == (0, 1, 3, (2,))
    for name in ("keys", "rows", "values", "weights", "mean_weight"):
        np.testing.assert_array_equal(getattr(pair, name), getattr(PAIR, name))
    assert compile_plan(spec_of(DATA)) == DATA


REFUSED = {
    "a column that is not there": (replace(PAIR, left=2), "column 2, which is no category"),
    "a row that is not there": (
        replace(PAIR, keys=np.array([[9, 0]] * 3, np.int32)),
        "beyond the table of column 'color'",
    ),
    "a key twice": (replace(PAIR, keys=np.zeros((3, 2), np.int32)), "lists a word twice"),
    "an unseen row beyond the table": (replace(PAIR, unseen_row=4), "row 4 of a table of 4"),
    "a slot that a column fills": (replace(PAIR, slots=(0,)), "fills slot 0, which another"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_and_named(case: str) -> None:
    pair, message = REFUSED[case]
    with pytest.raises(Unsupported, match=message):
        compile_plan(replace(SPEC, pairs=(pair,)))


def test_no_slot_is_derived_from_a_pair_and_no_pair_reads_a_number() -> None:
    derived = Derived(slot=3, left=2, right=0)
    with pytest.raises(Unsupported, match="no column fills"):
        compile_plan(replace(SPEC, n_slots=4, derived=(derived,)))
    number = NumberColumn(name="color", slot=0)
    with pytest.raises(Unsupported, match="no category"):
        compile_plan(replace(SPEC, columns=(number, SPEC.columns[1])))


@pytest.mark.parametrize(("at", "value"), [(0, 0), (16, 2), (20, 2), (24, 2), (28, 2), (64, 4), (68, 4)])
def test_a_damaged_pair_is_refused(at: int, value: int) -> None:
    """Its kind, left and right column, their inputs, missing and unseen row."""
    data = bytearray(DATA)
    start = int(np.frombuffer(DATA, layout.HEADER, 1)[0]["section"][layout.Section.PAIRS]["offset"]) + at
    data[start : start + 4] = value.to_bytes(4, "little")
    with pytest.raises(Corrupt):
        Plan(bytes(data), verify=False)
