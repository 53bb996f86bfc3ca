from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tenantry.apps import (
    Filter,
    PredictionDefinition,
    check_columns,
    definition_of,
    load_definition,
)
from tenantry.errors import InvalidRequest, NotFound, TenantryError
from tenantry.schema import Task

FULL = PredictionDefinition(
    name="churn",
    target="Churn",
    task=Task.BINARY,
    positive_class="Yes",
    segment=(Filter(column="Contract", op="in", value=["One year", "Two year"]),),
    examples=(Filter(column="tenure", op=">=", value=3.0), Filter(column="Churn", op="is not null")),
    only=("tenure", "Contract"),
    include=("tenure",),
    exclude=("customerID",),
    key="customerID",
    budget_cpu_seconds=12.5,
    seed=7,
)


def test_a_definition_goes_through_yaml_unchanged(tmp_path: Path) -> None:
    text = yaml.safe_dump(msgspec.to_builtins(FULL))
    assert load_definition(text) == FULL
    path = tmp_path / "churn.yaml"
    path.write_text(text)
    assert load_definition(path) == FULL


def test_json_is_taken_too() -> None:
    assert load_definition('{"name": "churn", "target": "Churn"}') == PredictionDefinition(
        name="churn", target="Churn"
    )


def test_words_that_old_yaml_takes_for_booleans_stay_words() -> None:
    found = load_definition("name: p\ntarget: on\npositive_class: yes\nkey: no\n")
    assert (found.target, found.positive_class, found.key) == ("on", "yes", "no")


def test_numbers_and_dates_in_place_of_words_become_words() -> None:
    found = load_definition("name: p\ntarget: 2024\npositive_class: 1\nexclude: [2024-01-05, 3]\n")
    assert (found.target, found.positive_class, found.exclude) == ("2024", "1", ("2024-01-05", "3"))


@pytest.mark.parametrize(
    ("text", "place"), [("name: [\n", "line 2, column 1"), ("name: p\na: b: c\n", "line 2, column 5")]
)
def test_text_that_is_no_yaml_is_told_with_its_place_in_one_line(text: str, place: str) -> None:
    with pytest.raises(InvalidRequest, match=place) as caught:
        load_definition(text)
    assert "unicode string" not in caught.value.message
    assert "\n" not in caught.value.message


def test_every_fault_is_named_at_once_with_the_nearest_known_field() -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_definition(
            "name: a/b\ntask: binray\nbudget_cpu_secs: 3\nseed: -1\nsegment: [{column: a, op: like}]\n"
        )
    error = caught.value
    assert error.code == "definition_invalid"
    assert set(error.details["fields"]) == {"name", "task", "budget_cpu_secs", "seed", "segment", "target"}
    for words in ("'budget_cpu_seconds'", "'binary'", "target: is missing", "'like' is none of"):
        assert words in error.message


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{name: p, target: t, key: t}", "key"),
        ("{name: p, target: t, exclude: [t]}", "exclude"),
        ("{name: p, target: t, only: [a], exclude: [a]}", "exclude"),
        ("{name: p, target: t, only: a}", "only"),
        ("{name: p, target: t, task: regression, positive_class: x}", "positive_class"),
        ("{name: p, target: t, budget_cpu_seconds: 0}", "budget_cpu_seconds"),
        ("{name: p, target: t, budget_cpu_seconds: .nan}", "budget_cpu_seconds"),
        ("{name: p, target: t, budget_cpu_seconds: true}", "budget_cpu_seconds"),
        ("{name: p, target: '  '}", "target"),
        ("{name: p, target: [t]}", "target"),
        ("{name: p, target: t, segment: {column: a}}", "segment"),
        ("{name: p, target: t, segment: [a]}", "segment"),
        ("{name: p, target: t, segment: [{column: a}]}", "segment"),
        ("{name: p, target: t, segment: [{column: a, op: '==', valu: 3}]}", "segment"),
        ("{name: p, target: t, segment: [{column: a, op: in, value: 3}]}", "segment"),
        ("{name: p, target: t, segment: [{column: a, op: '<'}]}", "segment"),
        ("{name: p, target: t, segment: [{column: a, op: is null, value: 3}]}", "segment"),
    ],
)
def test_a_faulty_field_is_named(text: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_definition(text)
    assert list(caught.value.details["fields"]) == [field]


@pytest.mark.parametrize(
    "text", ["", "- a", "a: b: c", "{", "name: &a x\ntarget: *a\n", "\x00", "!!python/object:os.system x"]
)
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_definition(text)
    assert caught.value.code == "definition_invalid"


def test_a_missing_or_foreign_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_definition(tmp_path / "no.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(InvalidRequest):
        load_definition(tmp_path / "latin.yaml")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["name", "target", "segment", "task", "only", "seed", "column", "op", "value", "x"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_no_value_gives_anything_but_a_definition_or_a_known_error(value: object) -> None:
    try:
        found = definition_of(value)
    except TenantryError as error:
        assert error.code == "definition_invalid"  # noqa: PT017 (either way is fine, but only these two)
    else:
        assert isinstance(found, PredictionDefinition)


def test_missing_columns_are_named_with_the_nearest() -> None:
    names = ["customerID", "tenure", "Contract", "Churn"]
    check_columns(FULL, names)
    with pytest.raises(InvalidRequest, match="did you mean 'Churn'") as caught:
        check_columns(PredictionDefinition(name="p", target="churn"), names)
    assert caught.value.code == "target_missing"
    with pytest.raises(InvalidRequest, match=r"'tenur' .did you mean 'tenure'") as caught:
        check_columns(PredictionDefinition(name="p", target="Churn", exclude=("tenur",), key="id"), names)
    assert caught.value.code == "column_missing"
    assert caught.value.details["columns"] == ["tenur", "id"]
