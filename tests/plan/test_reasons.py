from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.plan.worded import make

from tenantry.plan import Plan, compile_plan
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import CategoryColumn
from tenantry.plan.reasons import reasons
from tenantry.schema import Task


def texts(plan: Plan, record: dict[str, Any], k: int = 9, output: int | None = None) -> list[str]:
    return [reason.text for reason in reasons(plan, record, k, output)]


def test_the_strongest_come_first_and_say_which_way_they_push() -> None:
    found = reasons(make(), {"Contract": "Month-to-month", "tenure": 1, "notes": "late"}, 2)
    assert [(r.column, r.direction) for r in found] == [("tenure", "up"), ("Contract", "up")]
    assert found[0].contribution == pytest.approx(39 / 32, abs=1e-6)
    assert found[0].text == "tenure is 1 (lower than 99 % of records): raises the chance of Yes"
    assert found[1].text == "Contract is Month-to-month (like 55 % of records): raises the chance of Yes"


def test_a_falling_contribution_lowers() -> None:
    assert texts(make(), {"Contract": "Two year", "tenure": 40}) == [
        "Contract is Two year (like 24 % of records): lowers the chance of Yes"
    ]


def test_missing_and_unreadable_values_are_named_as_such() -> None:
    plan = make()
    assert texts(plan, {}) == ["tenure is missing (like under 1 % of records): lowers the chance of Yes"]
    assert texts(plan, {"tenure": " "}) == [
        "tenure is missing (like under 1 % of records): lowers the chance of Yes"
    ]
    assert texts(plan, {"tenure": "soon"}) == [
        "tenure is soon, which reads as missing (like under 1 % of records): lowers the chance of Yes"
    ]


@pytest.mark.parametrize(
    ("tenure", "place"),
    [
        (-1, " (lower than every record learnt from)"),
        (500, " (higher than every record learnt from)"),
        ("$3.00", " (lower than 96 % of records)"),
        (76, " (higher than 90 % of records)"),
        (0, " (lower than 95 % of records)"),
        (70, " (higher than 88 % of records)"),
        (35, ""),
    ],
)
def test_a_number_is_placed_among_the_records_learnt_from(tenure: Any, place: str) -> None:
    assert texts(make(), {"tenure": tenure})[0].startswith(f"tenure is {tenure}{place}:")


@pytest.mark.parametrize(
    ("tenure", "said"),
    [
        (1.0507355040526947, "1.05074"),
        (70.35, "70.35"),
        (1234567.891, "1234567.891"),
        (1e-9 / 3, "3.33333e-10"),
    ],
)
def test_a_computed_number_is_said_in_six_digits(tenure: float, said: str) -> None:
    assert texts(make(), {"tenure": tenure})[0].startswith(f"tenure is {said} (")
    assert reasons(make(), {"tenure": tenure}, 1)[0].value == tenure


def test_reasons_carry_the_rank_of_a_number_and_the_share_of_a_word_or_a_gap() -> None:
    plan = make()
    found = {r.column: r for r in reasons(plan, {"Contract": "Two year", "tenure": 10}, 9)}
    assert (found["tenure"].rank, found["tenure"].share) == (0.125, None)
    assert (found["Contract"].rank, found["Contract"].share) == (None, 0.24)
    assert found["Contract"].text == "Contract is Two year (like 24 % of records): lowers the chance of Yes"
    [gap] = reasons(plan, {"tenure": "soon"}, 9)
    assert (gap.rank, gap.share) == (None, 0.004)
    assert gap.text.startswith("tenure is soon, which reads as missing (like under 1 % of records): ")
    [middle] = reasons(plan, {"tenure": 35}, 9)
    assert (middle.text, middle.rank) == ("tenure is 35: raises the chance of Yes", 0.4375)


def test_a_plan_of_an_earlier_release_tells_no_shares() -> None:
    plan = make(shares=False)
    found = reasons(plan, {"Contract": "Two year"}, 9)
    assert {(r.column, r.share, r.text) for r in found} == {
        ("Contract", None, "Contract is Two year: lowers the chance of Yes"),
        ("tenure", None, "tenure is missing: lowers the chance of Yes"),
    }


def test_dates_are_earlier_or_later() -> None:
    [text] = texts(make(), {"tenure": 40, "signup": "2022-03-20"})
    assert text == "signup is 2022-03-20 (higher than 89 % of records): raises the chance of Yes".replace(
        "higher", "later"
    )


def test_a_word_without_an_entry_is_told_as_new() -> None:
    plan = make()
    assert [plan.unseen(0, word) for word in ("zzz", "Two year", "x" * 5000)] == [True, False, True]
    assert not plan.unseen(1, "zzz")
    with pytest.raises(ValueError, match="no column 4"):
        plan.unseen(4, "zzz")
    weighed = make_unseen()
    assert texts(weighed, {"Contract": " zzz "}) == [
        "Contract is 'zzz' (hardly or never seen in training): raises the chance of Yes"
    ]
    assert texts(weighed, {"Contract": "Two year"})[0].startswith(
        "Contract is Two year (like 24 % of records): lowers"
    )


def make_unseen() -> Plan:
    """A plan in which an unknown Contract says something."""
    spec = spec_of(make().data)
    contract = spec.columns[0]
    assert isinstance(contract, CategoryColumn)
    weights = contract.weights.copy()
    weights[contract.unseen_row] = 1.0
    told = spec.linear
    assert told is not None
    silent = replace(told, weight=np.zeros_like(told.weight))
    columns = (replace(contract, weights=weights), *spec.columns[1:])
    return Plan.from_bytes(compile_plan(replace(spec, columns=columns, linear=silent)))


def test_long_values_are_not_sent_back_whole() -> None:
    reason = reasons(make(), {"tenure": 40, "notes": "late " * 400}, 1)[0]
    assert isinstance(reason.value, str)
    assert len(reason.value) == 200
    assert reason.value.endswith("…")
    plan = make_unseen()
    reason = reasons(plan, {"Contract": "z" * 5000}, 1)[0]
    assert reason.value == "z" * 199 + "…"
    assert len(reason.text) < 150
    whole = reasons(plan, {"Contract": 10**400}, 1)[0]
    assert len(str(whole.value)) == 200


def test_text_is_quoted_and_cut() -> None:
    [text] = texts(make(), {"tenure": 40, "notes": "late " * 40})
    assert text.startswith("notes says “late late")
    assert "…”: raises" in text
    assert len(text) < 110


def test_regression_speaks_of_the_estimate_and_unnamed_classes_of_the_chance() -> None:
    record = {"Contract": "Two year", "tenure": 40}
    assert texts(make(Task.REGRESSION, positive=None), record) == [
        "Contract is Two year (like 24 % of records): lowers the estimate by about 0.5"
    ]
    assert texts(make(positive=None), record) == [
        "Contract is Two year (like 24 % of records): lowers the chance"
    ]


@pytest.mark.parametrize(
    ("kind", "scale", "word", "size"),
    [
        ("linear", 700.0, "Month-to-month", "raises the estimate by about 350"),
        ("linear", 24690.0, "Two year", "lowers the estimate by about 12,300"),
        ("linear", 0.00126, "Two year", "lowers the estimate by about 0.00063"),
        ("linear", -700.0, "Two year", "raises the estimate by about 350"),
        ("exp", 0.2266, "Month-to-month", "raises the estimate by about 12 %"),
        ("exp", 2.0, "Two year", "lowers the estimate by about 63 %"),
        ("exp", 2.0, "Month-to-month", "raises the estimate by about 172 %"),
        ("exp", 8.0, "Month-to-month", "raises the estimate about 55-fold"),
        ("exp", 1e6, "Month-to-month", "raises the estimate about 1.4e+217-fold"),
    ],
)
def test_an_estimates_reasons_are_in_its_own_unit(kind: str, scale: float, word: str, size: str) -> None:
    plan = make(Task.REGRESSION, positive=None, calibration=kind, scale=scale)
    [reason] = reasons(plan, {"Contract": word, "tenure": 40}, 9)
    assert (
        reason.text
        == f"Contract is {word} (like {55 if word == 'Month-to-month' else 24} % of records): {size}"
    )
    assert reason.contribution == pytest.approx(scale * (0.5 if word == "Month-to-month" else -0.5))
    assert reason.direction == ("up" if reason.contribution > 0 else "down")


def test_an_estimate_that_does_not_hang_on_the_margin_has_no_reasons() -> None:
    plan = make(Task.REGRESSION, positive=None, scale=0.0)
    assert reasons(plan, {"Contract": "Two year", "tenure": 40}, 9) == []


def test_an_estimates_contributions_add_up_to_what_it_is_more_than_the_average() -> None:
    plan = make(Task.REGRESSION, positive=None, scale=3.5)
    record = {"Contract": "Two year", "tenure": 7, "signup": "2022-03-20", "notes": "late"}
    moved = sum(reason.contribution for reason in reasons(plan, record, 9))
    assert moved == pytest.approx(plan.score(record)[0] - 3.5 * plan.meta.expected[0], abs=1e-5)


def test_of_several_classes_the_likeliest_is_explained_unless_one_is_named() -> None:
    plan = make(Task.MULTICLASS, outputs=3, positive=None)
    record = {"Contract": "Month-to-month", "tenure": 40}
    assert texts(plan, record) == [
        "Contract is Month-to-month (like 55 % of records): raises the chance of No"
    ]
    assert texts(plan, record, output=1) == [
        "Contract is Month-to-month (like 55 % of records): lowers the chance of Yes"
    ]


def test_contributions_of_nothing_are_left_out_and_ties_stand_in_column_order() -> None:
    plan = make()
    assert reasons(plan, {"tenure": 40}, 5) == []
    assert reasons(plan, {"Contract": "Two year", "tenure": 56}, 0) == []
    tied = reasons(plan, {"Contract": "Two year", "tenure": 56}, 5)
    assert [r.column for r in tied] == ["Contract", "tenure"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, b"x", np.float32(2), "é" * 100])
def test_reasons_are_json_whatever_the_values(value: Any) -> None:
    for reason in reasons(make(), dict.fromkeys(("Contract", "tenure", "signup", "notes"), value), 9):
        msgspec.json.decode(msgspec.json.encode(reason))
