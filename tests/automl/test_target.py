import numpy as np
import pyarrow as pa
import pytest

from tenantry.apps import PredictionDefinition
from tenantry.automl.target import read_target
from tenantry.automl.typing import distinct_values, type_column
from tenantry.errors import InvalidData
from tenantry.schema import Task


def target(values, **fields):
    column = type_column("y", distinct_values(pa.array(values)))
    return read_target(column, PredictionDefinition(name="p", target="y", **fields))


def test_two_values_are_binary_and_the_one_that_says_yes_is_positive():
    found = target(["yes", "no", "no", None] * 30)
    assert (found.task, found.classes, found.positive) == (Task.BINARY, ("no", "yes"), "yes")
    assert len(found.rows) == 90
    assert found.y.mean() == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["1", "0", "0"], "1"),
        ([1, 0, 0], "1"),
        ([1.0, 0.0, 0.0], "1"),
        ([True, False, False], "true"),
        (["<=50K", "<=50K", ">50K"], ">50K"),
        (["good", "bad", "good"], "bad"),
        (["N", "Y", "Y"], "Y"),
    ],
)
def test_without_a_word_for_yes_the_rarer_is_positive(values, positive):
    assert target(values * 40).positive == positive


def test_the_users_positive_class_wins():
    found = target(["yes", "no", "no"] * 40, positive_class="no")
    assert found.classes == ("yes", "no")
    assert found.y.mean() == pytest.approx(2 / 3)


def test_words_are_multiclass_and_rare_ones_are_dropped_with_a_finding():
    found = target(["a", "b", "c"] * 40 + ["z"] * 3)
    assert found.classes == ("a", "b", "c")
    assert len(found.rows) == 120
    assert [f.code for f in found.findings] == ["rare_classes"]


def test_classes_that_are_numbers_stand_by_size():
    assert target([2, 10, 1] * 40).classes == ("1", "2", "10")


def test_many_numbers_are_values_even_as_text():
    found = target([f"${i * 37 % 1000:,}.50" for i in range(200)])
    assert found.task is Task.REGRESSION
    assert found.y[0] == 0.5
    assert target([str(i % 7) for i in range(100)]).task is Task.REGRESSION  # too few rows of each
    assert target([str(i % 7) for i in range(400)]).task is Task.MULTICLASS


def test_the_definition_decides_the_task():
    assert target([i % 4 for i in range(400)], task=Task.REGRESSION).task is Task.REGRESSION


REFUSED = {
    "target_all_null": ([None] * 100, {}),
    "target_one_class": (["yes"] * 100, {}),
    "too_few_rows": (["yes", "no"] * 6, {}),
    "too_few_rows of one": (["yes"] * 100 + ["no"] * 3, {}),
    "target_type": ([f"the {i}th text of several words" for i in range(100)], {}),
    "target_type of words": (["a", "b", "c"] * 50, {"task": Task.REGRESSION}),
    "target_type of three": (["a", "b", "c"] * 50, {"task": Task.BINARY}),
    "too_many_classes": ([f"w{i % 60}" for i in range(1200)], {}),
    "positive_class": (["a", "b"] * 50, {"positive_class": "c"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_learnt_is_refused_with_a_code_and_a_hint(case):
    values, fields = REFUSED[case]
    with pytest.raises(InvalidData) as refused:
        target(values, **fields)
    assert refused.value.code == case.split()[0]
    assert refused.value.hint


def test_rows_point_into_the_table():
    found = target([None, "a", "b"] * 40)
    assert np.array_equal(found.rows[:4], [1, 2, 4, 5])
