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
    check_use,
    cost_matrix,
    definition_of,
    load_definition,
    weights_of_classes,
)
from tenantry.errors import InvalidRequest, NotFound, TenantryError
from tenantry.schema import SemanticType, Task

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
    types={"tenure": SemanticType.NUMBER, "Note": SemanticType.TEXT},
    metric="average_precision",
    costs={"false_positive": 1.0, "false_negative": 20.0, "true_positive": -5.0},
    class_weights={"Yes": 3.0},
    monotone={"tenure": "decreasing"},
    protected=("gender",),
    group="household",
    split="group",
    effort="deep",
    similar_records=False,
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
        ("{name: p, target: t, types: {a: numbr}}", "types"),
        ("{name: p, target: t, types: {t: number}}", "types"),
        ("{name: p, target: t, types: {a: empty}}", "types"),
        ("{name: p, target: t, types: [a]}", "types"),
        ("{name: p, target: t, metric: auc}", "metric"),
        ("{name: p, target: t, task: regression, metric: auroc}", "metric"),
        ("{name: p, target: t, task: binary, metric: rmse}", "metric"),
        ("{name: p, target: t, costs: {false_positive: 1}}", "costs"),
        ("{name: p, target: t, costs: {false_positive: 1, false_negative: 0}}", "costs"),
        ("{name: p, target: t, costs: {false_positive: 1, false_negative: 2, true_negative: 1}}", "costs"),
        ("{name: p, target: t, costs: {false_positive: 1, false_negativ: 2}}", "costs"),
        ("{name: p, target: t, costs: {false_positive: 1, false_negative: .inf}}", "costs"),
        ("{name: p, target: t, costs: {a: {b: 1}, false_positive: 1}}", "costs"),
        ("{name: p, target: t, task: regression, costs: {a: {b: 1}}}", "costs"),
        ("{name: p, target: t, metric: r2, class_weights: balanced}", "class_weights"),
        ("{name: p, target: t, task: multiclass, costs: {false_positive: 1, false_negative: 2}}", "costs"),
        ("{name: p, target: t, class_weights: even}", "class_weights"),
        ("{name: p, target: t, class_weights: {a: 0}}", "class_weights"),
        ("{name: p, target: t, monotone: {a: up}}", "monotone"),
        ("{name: p, target: t, monotone: {t: increasing}}", "monotone"),
        ("{name: p, target: t, monotone: {a: increasing}, exclude: [a]}", "monotone"),
        ("{name: p, target: t, monotone: {a: increasing}, only: [b]}", "monotone"),
        ("{name: p, target: t, monotone: {a: increasing}, key: a}", "monotone"),
        ("{name: p, target: t, monotone: {a: increasing}, protected: [a]}", "monotone"),
        ("{name: p, target: t, monotone: {a: increasing}, types: {a: category}}", "monotone"),
        ("{name: p, target: t, protected: [t]}", "protected"),
        ("{name: p, target: t, protected: [a], only: [a]}", "protected"),
        ("{name: p, target: t, protected: [a], key: a}", "protected"),
        ("{name: p, target: t, group: t}", "group"),
        ("{name: p, target: t, time: t}", "time"),
        ("{name: p, target: t, group: a, split: random}", "group"),
        ("{name: p, target: t, group: a, time: b, split: time}", "group"),
        ("{name: p, target: t, group: a, time: b}", "split"),
        ("{name: p, target: t, split: time}", "split"),
        ("{name: p, target: t, split: kfold}", "split"),
        ("{name: p, target: t, time: a, types: {a: text}}", "time"),
        ("{name: p, target: t, effort: much}", "effort"),
        ("{name: p, target: t, similar_records: maybe}", "similar_records"),
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
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "name",
                        "target",
                        "segment",
                        "task",
                        "only",
                        "seed",
                        "column",
                        "op",
                        "value",
                        "x",
                        "types",
                        "metric",
                        "costs",
                        "class_weights",
                        "monotone",
                        "group",
                        "time",
                        "split",
                        "false_positive",
                        "false_negative",
                    ]
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
    names = [*FULL.named_columns, "Churn"]
    check_columns(FULL, names)
    with pytest.raises(InvalidRequest, match="did you mean 'Churn'") as caught:
        check_columns(PredictionDefinition(name="p", target="churn"), names)
    assert caught.value.code == "target_missing"
    with pytest.raises(InvalidRequest, match=r"'tenur' .did you mean 'tenure'") as caught:
        check_columns(PredictionDefinition(name="p", target="Churn", exclude=("tenur",), key="id"), names)
    assert caught.value.code == "column_missing"
    assert caught.value.details["columns"] == ["tenur", "id"]


def test_null_means_the_default_of_every_field_but_name_and_target() -> None:
    fields = [field for field in PredictionDefinition.__struct_fields__ if field not in ("name", "target")]
    fields = [field for field in fields if field not in ("budget_cpu_seconds", "seed")]
    empty = {"name": "p", "target": "t", **dict.fromkeys(fields)}
    assert definition_of(empty) == PredictionDefinition(name="p", target="t")


def test_a_protected_column_may_be_included_and_then_bound_to_a_direction() -> None:
    found = load_definition(
        "{name: p, target: t, protected: [a], include: [a], monotone: {a: increasing}, types: {a: number}}"
    )
    assert (found.protected, found.monotone) == (("a",), {"a": "increasing"})


def test_every_column_that_the_definition_names_must_be_in_the_table() -> None:
    definition = load_definition(
        "{name: p, target: t, types: {a: text}, monotone: {b: increasing}, protected: [c], group: d}"
    )
    with pytest.raises(InvalidRequest) as caught:
        check_columns(definition, ["t", "x"])
    assert caught.value.details["columns"] == ["a", "b", "c", "d"]


TWO, THREE = ("no", "yes"), ("high", "low", "mid")


def test_costs_become_a_matrix_of_true_by_predicted_class() -> None:
    two = definition_of({"name": "p", "target": "t", "costs": {"false_positive": 1, "false_negative": 9}})
    assert cost_matrix(two, TWO) == ((0.0, 1.0), (9.0, 0.0))
    rows = {
        "high": {"low": 9, "mid": 3},
        "low": {"high": 2, "mid": 1, "low": -1},
        "mid": {"high": 1, "low": 1},
    }
    three = definition_of({"name": "p", "target": "t", "costs": rows})
    check_use(three, Task.MULTICLASS, THREE)
    assert cost_matrix(three, THREE) == ((0.0, 9.0, 3.0), (2.0, -1.0, 1.0), (1.0, 1.0, 0.0))
    assert cost_matrix(PredictionDefinition(name="p", target="t"), TWO) is None


def test_balanced_weights_make_every_class_weigh_the_same() -> None:
    counts = (90, 10)
    balanced = weights_of_classes(
        definition_of({"name": "p", "target": "t", "class_weights": "balanced"}), TWO, counts
    )
    assert balanced is not None
    assert balanced[0] * counts[0] == pytest.approx(balanced[1] * counts[1]) == pytest.approx(50)
    named = definition_of({"name": "p", "target": "t", "class_weights": {"yes": 4}})
    assert weights_of_classes(named, TWO, counts) == (1.0, 4.0)
    assert weights_of_classes(PredictionDefinition(name="p", target="t"), TWO, counts) is None


@pytest.mark.parametrize(
    ("fields", "task", "classes", "field"),
    [
        ({"metric": "auroc"}, Task.MULTICLASS, THREE, "metric"),
        ({"metric": "r2"}, Task.BINARY, TWO, "metric"),
        ({"class_weights": {"Yes": 2}}, Task.BINARY, TWO, "class_weights"),
        ({"class_weights": "balanced"}, Task.REGRESSION, (), "class_weights"),
        ({"costs": {"false_positive": 1, "false_negative": 2}}, Task.MULTICLASS, THREE, "costs"),
        ({"costs": {"false_positive": 1, "false_negative": 2}}, Task.REGRESSION, (), "costs"),
        ({"costs": {"yes": {"no": 1}}}, Task.BINARY, TWO, "costs"),
        ({"costs": {"yes": {"no": 1}, "no": {"yes": 1, "maybe": 1}}}, Task.BINARY, TWO, "costs"),
        ({"costs": {"yes": {"no": 1}, "no": {"no": 0}}}, Task.BINARY, TWO, "costs"),
        ({"costs": {"yes": {"no": 1}, "no": {"yes": 0}}}, Task.BINARY, TWO, "costs"),
    ],
)
def test_what_does_not_fit_the_target_is_named(
    fields: dict[str, object], task: Task, classes: tuple[str, ...], field: str
) -> None:
    definition = definition_of({"name": "p", "target": "t", **fields})
    with pytest.raises(InvalidRequest) as caught:
        check_use(definition, task, classes)
    assert caught.value.code == "definition_invalid"
    assert list(caught.value.details["fields"]) == [field]
