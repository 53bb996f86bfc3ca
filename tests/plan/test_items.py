"""Lists and places: read by the kernel and by its reference."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plan.test_views import plan_of

from tenantry.errors import Corrupt, InvalidData, Unsupported
from tenantry.plan import Plan, compile_plan, layout
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import GeoColumn, ListDelimiter, TextColumn
from tenantry.plan.parts import geo_point, list_items
from tenantry.plan.twin import Twin

F = np.float32


def listing(*items: str, delimiter: ListDelimiter = "|", **changes: Any) -> TextColumn:
    """A list whose items take the slots from 0 on, and its length the one behind them."""
    figures: dict[str, Any] = {
        "idf": np.ones(len(items), F),
        "token_slots": np.arange(len(items), dtype=np.int32),
        "weights": np.arange(1, len(items) + 1, dtype=F)[:, None],
        "mean_weight": np.zeros(1, F),
        "words_slot": len(items),
    }
    return TextColumn(name="tags", tokens=items, delimiter=delimiter, **(figures | changes))


def slots(data: bytes, value: Any) -> list[float]:
    """What both readers encode, which must be the same."""
    kernel = np.frombuffer(Plan.from_bytes(data).encode({"tags": value}), F)
    np.testing.assert_array_equal(kernel, Twin(data).encode_rows([{"tags": value}])[0])
    return [float(x) for x in kernel]


TAGS = compile_plan(plan_of(listing("red", "two words", "1", "true"), slots=5))
PLACE = compile_plan(plan_of(GeoColumn(name="tags", lat=0, lon=1), slots=2))


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("red|two words", ["red", "two words"]),
        (" red | |  1|", ["red", "1"]),
        ("red|red|red", ["red", "red", "red"]),
        ("Red|blue", ["Red", "blue"]),
        ("|", []),
        ("red;1", ["red;1"]),
        ('["red", "1|true"]', ["red", "1|true"]),
        ('[ "red" ,"two words" ]', ["red", "two words"]),
        ("[]", []),
        ("[ ]", []),
        ('["red",]', ['["red",]']),
        ('["a\\"b"|red]', ['["a\\"b"', "red]"]),
        ('["red"] x|1', ['["red"] x', "1"]),
        (["red", " two words ", None, "", 1, True, 1.0], ["red", "two words", "1", "true", "1"]),
        ((), []),
        ([], []),
        (b"red|1", ["red", "1"]),
        (1, ["1"]),
        (None, None),
        ("", None),
        (math.nan, None),
    ],
)
def test_lists_are_split_into_items(value: Any, items: list[str] | None) -> None:
    assert list_items(value, "|") == items
    known = ("red", "two words", "1", "true")
    wanted = [float(word in (items or ())) for word in known]
    np.testing.assert_array_equal(slots(TAGS, value), [*wanted, math.nan if items is None else len(items)])
    weights = sum(i for i, word in enumerate(known, 1) if word in (items or ()))
    assert Plan.from_bytes(TAGS).margins({"tags": value}) == (weights + 0.5 * wanted[0],)


@pytest.mark.parametrize("delimiter", ["|", ";", ","])
@settings(max_examples=100, deadline=None)
@given(text=st.text('[]",\\ |;ré1', max_size=20))
def test_the_kernel_splits_as_the_reference_does(delimiter: ListDelimiter, text: str) -> None:
    found = list_items(text, delimiter)
    known = tuple(dict.fromkeys(found or ("none",)))
    data = compile_plan(plan_of(listing(*known, delimiter=delimiter), slots=len(known) + 1))
    wanted = [0.0, math.nan] if found is None else [*[1.0] * len(known), len(found)] if found else [0.0, 0.0]
    np.testing.assert_array_equal(slots(data, text), wanted)


@pytest.mark.parametrize(
    ("value", "point"),
    [
        ("52.5, 13.4", (52.5, 13.4)),
        ("52.5;13.4", (52.5, 13.4)),
        (" ( -33.9 151.2 ) ", (-33.9, 151.2)),
        ("[52.5,13.4]", (52.5, 13.4)),
        ("POINT(13.4 52.5)", (52.5, 13.4)),
        ("point ( 1e1 -2 )", (-2, 10)),
        ([52.5, 13.4], (52.5, 13.4)),
        ((52, "13.4"), (52, 13.4)),
        ("90, -180", (90, -180)),
        ("90.1, 0", None),
        ("0, 180.1", None),
        ("POINT(52.5, 13.4)", None),
        ("POINT Z (1 2 3)", None),
        ("(52.5, 13.4", None),
        ("1,2,3", None),
        ("52,5, 13,4", None),
        ("$1, 2", None),
        ("nan, 2", None),
        (",", None),
        ([1], None),
        ([1, 2, 3], None),
        ([None, 2], None),
        ([1, "x"], None),
        (5, None),
        (None, None),
        ("(", None),
        ("()", None),
    ],
)
def test_places_are_read(value: Any, point: tuple[float, float] | None) -> None:
    np.testing.assert_array_equal(geo_point(value), point or (math.nan, math.nan))
    np.testing.assert_array_equal(slots(PLACE, value), np.array(point or (math.nan, math.nan), F))


@settings(max_examples=200, deadline=None)
@given(text=st.text("POINTpoint0123456789.,;+-eE ()[]é", max_size=20))
def test_the_kernel_reads_places_as_the_reference_does(text: str) -> None:
    np.testing.assert_array_equal(slots(PLACE, text), np.array(geo_point(text), F))


@pytest.mark.parametrize("value", [[["red"]], [{}], ["\ud800"], {"red": 1}, {"red"}])
def test_a_list_in_a_list_is_refused_by_the_column_name(value: Any) -> None:
    for data in (TAGS, PLACE):
        for use in (Plan.from_bytes(data).score, lambda record, data=data: Twin(data).score_rows([record])):
            with pytest.raises(InvalidData, match="tags"):
                use({"tags": value})


def test_an_item_may_score_with_the_plan_that_reads_it() -> None:
    plan = Plan.from_bytes(TAGS)

    class Nested:
        def __str__(self) -> str:
            assert plan.score({"tags": "red|1"})
            return "1"

    assert plan.score({"tags": ["red", Nested(), "true"]}) == plan.score({"tags": "red|1|true"})


def test_lists_come_in_batches_too() -> None:
    plan = Plan.from_bytes(TAGS)
    values = [["red"], "red|1", None, ("true",)] * 20
    scores = np.frombuffer(plan.score_columns([values], len(values)))
    assert scores.tolist() == [plan.score({"tags": value})[0] for value in values]


def test_lists_and_places_come_back_out_of_the_file() -> None:
    [column] = spec_of(TAGS).columns
    assert isinstance(column, TextColumn)
    assert (column.tokens, column.delimiter, column.words_slot) == (("red", "two words", "1", "true"), "|", 4)
    assert compile_plan(spec_of(TAGS)) == TAGS
    assert spec_of(PLACE).columns == (GeoColumn(name="tags", lat=0, lon=1),)


def test_a_list_has_neither_bytes_nor_weights_of_items() -> None:
    for changes in ({"chars_slot": 2}, {"idf": np.full(1, 2, F)}):
        with pytest.raises(Unsupported, match="is a list"):
            compile_plan(plan_of(listing("red", **changes), slots=3))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "at", "value"),
    [(TAGS, 12, 1), (TAGS, 12, ord("|") + 256), (PLACE, 12, 1), (PLACE, 0, 5), (PLACE, 16, 2)],
)
def test_an_unknown_list_or_place_is_refused(data: bytes, at: int, value: int) -> None:
    """The format, the kind, a slot."""
    changed = bytearray(data)
    at += int(np.frombuffer(data, layout.HEADER, 1)[0]["section"][layout.Section.COLUMNS]["offset"])
    changed[at : at + 4] = value.to_bytes(4, "little")
    with pytest.raises(Corrupt):
        Plan(bytes(changed), verify=False)
