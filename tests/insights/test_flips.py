from typing import Any

import msgspec
import pytest
from tests.plan.worded import make

from tenantry.errors import InvalidRequest
from tenantry.insights import Flip, Goal, find_flips
from tenantry.insights.steps import steps_of
from tenantry.plan import Plan
from tenantry.schema import Task

RECORD: dict[str, Any] = {"Contract": "Month-to-month", "tenure": 40, "signup": "2022-02-19"}


def told(flips: tuple[Flip, ...]) -> list[list[tuple[str, Any]]]:
    return [[(change.column, change.new) for change in flip.changes] for flip in flips]


def test_the_smallest_change_of_each_column_that_flips_the_label_is_found() -> None:
    found = find_flips(make(), RECORD, Goal())
    assert (found.goal, found.before.label) == ("label No", "Yes")
    assert told(found.found[:2]) == [[("tenure", 60)], [("Contract", "Two year")]]
    first = found.found[0]
    # 56 is not enough: margin 0.5 - 16/32 = 0 is a chance of 0.5, which is still called Yes.
    assert first.after.label == "No"
    assert first.size == pytest.approx(0.25 + 0.05, abs=0.051)
    assert first.text == "if tenure were 60: the chance of Yes 0.62 → 0.47"
    assert found.nearest is None
    assert found.tried < 500


def test_every_flip_is_what_the_plan_says_and_none_is_larger_than_needed() -> None:
    plan = make()
    found = find_flips(plan, RECORD, Goal())
    sizes = [flip.size for flip in found.found]
    assert sizes == sorted(sizes)
    for flip in found.found:
        changed = {**RECORD, **{change.column: change.new for change in flip.changes}}
        assert plan.score(changed)[0] == flip.after.score < plan.meta.signature.threshold
    enough = [
        step.size
        for step in steps_of(plan, RECORD, ["tenure"])
        if plan.score({**RECORD, "tenure": step.value})[0] < plan.meta.signature.threshold
    ]
    assert found.found[0].size == pytest.approx(min(enough), abs=1e-4)


def test_columns_that_must_not_change_do_not() -> None:
    held = find_flips(make(), RECORD, Goal(), fixed=["tenure"])
    only = find_flips(make(), RECORD, Goal(), columns=["Contract"])
    for flips in (held, only):
        assert ("tenure" in {c.column for flip in flips.found for c in flip.changes}) is False
    assert told(only.found) == [[("Contract", "Two year")]]


def test_where_one_column_is_not_enough_two_are_tried() -> None:
    found = find_flips(make(), RECORD, Goal(at_most=0.2))
    assert found.goal == "the chance of Yes at most 0.2"
    assert all(flip.after.score <= 0.2 for flip in found.found)
    assert {change.column for change in found.found[0].changes} == {"Contract", "tenure"}


def test_what_cannot_be_reached_is_said_with_what_comes_nearest() -> None:
    found = find_flips(make(), RECORD, Goal(at_least=0.999))
    assert found.found == ()
    assert found.nearest is not None
    assert found.before.score < found.nearest.after.score < 0.999
    nothing = find_flips(make(), RECORD, Goal(), columns=["notes"])
    assert (nothing.found, nothing.nearest, nothing.tried) == ((), None, 0)


def test_a_goal_that_is_reached_needs_no_change() -> None:
    found = find_flips(make(), RECORD, Goal(label="Yes"))
    assert (found.reached, found.found, found.tried) == (True, (), 0)


def test_an_estimate_is_moved_by_so_much() -> None:
    plan = make(Task.REGRESSION, positive=None, scale=700.0)
    found = find_flips(plan, RECORD, Goal(by=-350))
    assert found.goal.startswith("the estimate at most ")
    assert found.found[0].after.score <= found.before.score - 350
    up = find_flips(plan, RECORD, Goal(by=100))
    assert all(flip.after.score >= up.before.score + 100 for flip in up.found)


def test_of_several_classes_any_other_or_the_one_named() -> None:
    plan = make(Task.MULTICLASS, outputs=3, positive=None)
    record = {"Contract": "Month-to-month", "tenure": 40}
    found = find_flips(plan, record, Goal())
    assert told(found.found)[0] == [("Contract", "Two year")]
    assert found.found[0].text.endswith(", and it would be Yes")
    assert find_flips(plan, record, Goal(label="Yes")).found[0].after.label == "Yes"


@pytest.mark.parametrize(
    ("task", "goal", "said"),
    [
        (Task.BINARY, Goal(label="zzz"), "'zzz' is none of the classes No, Yes"),
        (Task.BINARY, Goal(at_least=0.1, by=0.2), "both 'at_least' and 'by'"),
        (Task.REGRESSION, Goal(), "no label to flip"),
        (Task.REGRESSION, Goal(label="Yes"), "no label to flip"),
    ],
)
def test_goals_that_make_no_sense_are_refused(task: Task, goal: Goal, said: str) -> None:
    plan = make(task, positive=None if task is Task.REGRESSION else "Yes")
    with pytest.raises(InvalidRequest, match=said) as caught:
        find_flips(plan, RECORD, goal)
    assert caught.value.code == "goal_invalid"


@pytest.mark.parametrize("names", [{"columns": ["zzz"]}, {"fixed": ["zzz"]}])
def test_unknown_columns_are_refused(names: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidRequest, match="'zzz', which is no column of the model"):
        find_flips(make(), RECORD, Goal(), **names)


def test_steps_are_values_that_occur_and_read_as_what_they_are() -> None:
    plan: Plan = make()
    steps = steps_of(plan, RECORD, plan.columns)
    by_column = {name: [s.value for s in steps if s.column == name] for name in plan.columns}
    assert by_column["Contract"] == ["Two year"]
    assert by_column["tenure"] == [float(q) for q in range(0, 84, 4) if q != 40]
    assert by_column["signup"][:2] == ["2022-01-08", "2022-01-12"]
    assert by_column["notes"] == []
    assert all(0 < s.size <= 1 for s in steps)
    for step in steps:
        assert plan.score({**RECORD, step.column: step.value}) != plan.score(RECORD)
    msgspec.json.encode([step.value for step in steps])


def test_a_missing_value_can_be_filled_in() -> None:
    steps = steps_of(make(), {}, ["tenure", "Contract"])
    assert {step.size for step in steps} == {0.5}
    assert len(steps) == 23
