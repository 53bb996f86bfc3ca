import pytest
from tests.plan.worded import make

from tenantry.errors import InvalidData, InvalidRequest
from tenantry.insights import what_if
from tenantry.insights.answers import answer_of
from tenantry.plan.reasons import reasons
from tenantry.schema import Task

RECORD = {"Contract": "Month-to-month", "tenure": 10, "note": "of no column"}


def test_both_records_are_scored_and_the_difference_is_told() -> None:
    plan = make()
    found = what_if(plan, RECORD, {"Contract": "Two year"})
    assert found.before.score == plan.score(RECORD)[0]
    assert found.after.score == plan.score({**RECORD, "Contract": "Two year"})[0]
    assert found.moved == found.after.score - found.before.score < 0
    assert [(c.column, c.old, c.new) for c in found.changes] == [("Contract", "Month-to-month", "Two year")]
    assert found.text == "if Contract were 'Two year': the chance of Yes 0.81 → 0.61"


def test_reasons_say_what_each_column_s_part_becomes_the_most_moved_first() -> None:
    plan = make()
    found = what_if(plan, RECORD, {"Contract": "Two year", "tenure": 74, "notes": None})
    assert [reason.column for reason in found.reasons] == ["tenure", "Contract"]
    assert [reason.moved for reason in found.reasons] == pytest.approx([-2.0, -1.0], abs=1e-6)
    before = {reason.column: reason.contribution for reason in reasons(plan, RECORD, 9)}
    assert {reason.column: reason.before for reason in found.reasons} == pytest.approx(before, abs=1e-6)


def test_changing_nothing_changes_nothing() -> None:
    found = what_if(make(), RECORD, {"tenure": 10})
    assert (found.changes, found.reasons, found.moved) == ((), (), 0.0)
    assert found.text.startswith("nothing changes: ")


def test_of_several_classes_the_first_answer_s_class_is_followed() -> None:
    plan = make(Task.MULTICLASS, outputs=3, positive=None)
    record = {"Contract": "Month-to-month", "tenure": 40}
    found = what_if(plan, record, {"Contract": "Two year"})
    assert (found.before.label, found.after.label) == ("No", "Yes")
    assert found.moved == plan.score({**record, "Contract": "Two year"})[0] - plan.score(record)[0]
    assert found.text.startswith("if Contract were 'Two year': the chance of No ")
    assert found.after.probabilities is not None
    assert sum(found.after.probabilities.values()) == pytest.approx(1.0)


def test_an_estimate_and_its_reasons_are_in_the_target_s_unit() -> None:
    plan = make(Task.REGRESSION, positive=None, scale=700.0)
    found = what_if(plan, {"tenure": 40, "Contract": "Two year"}, {"Contract": "Month-to-month"})
    assert found.moved == pytest.approx(700.0, rel=1e-6)
    assert found.reasons[0].moved == pytest.approx(700.0, rel=1e-6)
    assert (found.before.label, found.before.probabilities) == (None, None)
    assert found.text == "if Contract were 'Month-to-month': the estimate -350 → 350"


def test_the_label_follows_the_threshold_whichever_class_is_positive() -> None:
    signature = make().meta.signature
    assert answer_of(signature, (0.5,)).label == "Yes"
    negative = make(positive="No").meta.signature
    answer = answer_of(negative, (0.3,))
    assert (answer.label, answer.probabilities) == ("Yes", {"No": 0.3, "Yes": 0.7})


def test_unknown_columns_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidRequest, match=r"'tenur'.*did you mean 'tenure'") as caught:
        what_if(make(), RECORD, {"tenur": 3})
    assert caught.value.code == "record_unknown"
    with pytest.raises(InvalidRequest, match="none of the model's columns"):
        what_if(make(), {"zzz": 1}, {"tenure": 3})
    with pytest.raises(InvalidData):
        what_if(make(), RECORD, {"tenure": [1]})
