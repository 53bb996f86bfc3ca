"""Values of ten megabytes, and values in values without end: read to their end or left, and answered rightly.

None of these would end in the test's time if reading took more than a few looks at each byte.
"""

import math
from typing import Any

import numpy as np
import pytest
from tests.plan.test_items import PLACE, TAGS
from tests.plan.test_views import plan_of, words

from tenantry.errors import InvalidData
from tenantry.plan import Plan, compile_plan
from tenantry.plan.ir import DateColumn, NumberColumn, NumberFormat, TextColumn, WordPart

F = np.float32
BYTES = 10_000_000
UNITS = NumberFormat(unit_tail=True, clock=True, units=(("kg", 1.0), ("g", 0.001)))
NUMBER = compile_plan(plan_of(NumberColumn(name="tags", slot=0, format=UNITS), slots=1))
DATE = compile_plan(plan_of(DateColumn(name="tags", order="dmy", digits="seconds", days=0), slots=1))
TEXT = compile_plan(
    plan_of(
        TextColumn(
            name="tags",
            tokens=("late", "good late"),
            idf=np.ones(2, F),
            token_slots=np.array([0, 1], np.int32),
            weights=np.ones((2, 1), F),
            mean_weight=np.zeros(1, F),
            chars_slot=2,
            words_slot=3,
        ),
        slots=4,
    )
)


def repr_part(value: object) -> str:
    """An id without the ten megabytes."""
    return str(value)[:12]


def fill(part: str) -> str:
    return part * (BYTES // len(part))


def slots(data: bytes, value: Any) -> list[float]:
    """Of the value in a record, and in a column beside others."""
    plan = Plan.from_bytes(data)
    one = np.frombuffer(plan.encode({"tags": value}), F)
    column = plan.score_columns([[None, value]], 2)
    assert np.frombuffer(column, np.float64)[plan.n_outputs] == plan.score({"tags": value})[0]
    return [float(x) for x in one]


@pytest.mark.parametrize(
    "part",
    ["9", "1,", "1.", "(", "-", "$", "1 ", "1kg ", "1:", "e", "1e9", "%", "\u00a0", "\u0661", "\u20ac", "x"],
)
@pytest.mark.parametrize("plan", [NUMBER, DATE], ids=["number", "date"])
def test_a_long_text_is_no_number_and_no_date(plan: bytes, part: str) -> None:
    assert math.isnan(slots(plan, fill(part))[0])


@pytest.mark.parametrize("part", ["1/", "2024-", "Mar ", "Mon, ", "12:", "T", "Z", "+01:00"])
def test_a_long_text_of_a_date_s_parts_is_no_date(part: str) -> None:
    assert math.isnan(slots(DATE, "2024-03-05 " + fill(part))[0])


def test_white_space_around_a_value_may_be_long() -> None:
    space = fill(" \t\n")
    assert slots(NUMBER, f"{space}7 kg{space}") == [7.0]
    assert slots(DATE, f"{space}5/3/2024{space}") == [19787.0]
    assert slots(PLACE, f"{space}52.5, 13.5{space}") == [52.5, 13.5]
    assert slots(PLACE, f"POINT({space}13.5{space}52.5)") == [52.5, 13.5]


GOOD, MISSING, UNSEEN = [0.0], [1.0], [2.0]
"""The rows of a category that knows one word."""


@pytest.mark.parametrize(
    ("part", "value", "row"),
    [
        *(("word", fill(part), UNSEEN) for part in ("good", "@", "a@b.", "//", "www.", "[", "\u6771")),
        ("prefix", fill("good"), GOOD),
        ("email_domain", fill("@") + "good", GOOD),
        ("email_domain", fill("a@"), MISSING),
        ("email_domain", "a@" + fill("a."), MISSING),
        ("url_domain", "http://good/" + fill("/x"), GOOD),
        ("url_domain", "http://" + fill("u@") + "good", GOOD),
        ("url_domain", fill("a."), MISSING),
        ("url_domain", fill("/"), MISSING),
    ],
    ids=repr_part,
)
def test_a_category_looks_up_no_more_than_it_knows(part: WordPart, value: str, row: list[float]) -> None:
    column = words("tags", {"good": 1.0}, slot=0, part=part, prefix_bytes=4 if part == "prefix" else 0)
    assert slots(compile_plan(plan_of(column, slots=1)), value) == row


def test_the_tokens_of_a_long_text_are_counted_to_its_end() -> None:
    text = fill("good late ")
    late, pair, length, count = slots(TEXT, text)
    assert (length, count) == (
        len(text) - 1,
        2 * text.count("late"),
    )  # the white space behind it does not count
    assert late == pair > 0
    assert slots(TEXT, fill("x") + " late")[0] == 1.0
    assert slots(TEXT, fill("\u20ac"))[3] == 0.0


def test_the_items_of_a_long_list_are_counted_to_its_end() -> None:
    assert slots(TAGS, fill("red|"))[4] == BYTES // 4
    assert slots(TAGS, fill("|") + "1") == [0.0, 0.0, 1.0, 0.0, 1.0]
    array = "[" + ",".join(['"red"'] * (BYTES // 6)) + "]"
    assert slots(TAGS, array) == [1.0, 0.0, 0.0, 0.0, BYTES // 6]
    assert slots(TAGS, array[:-1])[4] == 1.0  # no array: one item without a delimiter
    assert slots(TAGS, ["x", "red"] * 500_000) == [1.0, 0.0, 0.0, 0.0, 1_000_000.0]
    assert slots(TAGS, [fill("red"), "1"]) == [0.0, 0.0, 1.0, 0.0, 2.0]


@pytest.mark.parametrize("part", ["[", "(", "POINT(", "1,", "-", "1;1 "])
def test_a_long_text_is_no_place(part: str) -> None:
    assert all(math.isnan(degree) for degree in slots(PLACE, "POINT(" + fill(part) + "1 2)"))
    assert all(math.isnan(degree) for degree in slots(PLACE, ["1", fill(part)]))


@pytest.mark.parametrize("part", ["[", '["', "{", '[["red"],', "("])
def test_brackets_in_text_open_nothing(part: str) -> None:
    for plan in (NUMBER, DATE, PLACE):
        assert math.isnan(slots(plan, fill(part))[0])
    assert slots(TAGS, fill(part).replace("|", ""))[4] == 1.0


@pytest.mark.parametrize("plan", [NUMBER, DATE, TEXT, TAGS, PLACE])
def test_lists_in_lists_are_refused_at_once(plan: bytes) -> None:
    deep: Any = "red"
    for _ in range(100_000):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    for value in (deep, endless, [deep, endless]):
        with pytest.raises(InvalidData, match="tags"):
            Plan.from_bytes(plan).score({"tags": value})
