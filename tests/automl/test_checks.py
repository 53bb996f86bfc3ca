import numpy as np
import pyarrow as pa
import pytest
from tests.automl.tables import customers, houses

from tenantry.apps import PredictionDefinition
from tenantry.automl.checks import judge_alone
from tenantry.automl.checks.duplicate_rows import row_groups
from tenantry.automl.prepare import prepare
from tenantry.automl.typing import distinct_values, type_column
from tenantry.errors import InvalidRequest


def checked(table, target="left", **fields):
    return prepare(table, PredictionDefinition(name="p", target=target, **fields), 20.0, 0)


def reasons(prepared):
    return prepared.checked.left_out


def with_column(table, name, values):
    return table.append_column(name, pa.array(values))


@pytest.fixture(scope="module")
def base():
    return customers(900)


def outcomes(table):
    return [v == "yes" for v in table["left"].to_pylist()]


def test_a_clean_table_gives_no_leak_and_leaves_only_the_id_out(base):
    found = checked(base)
    assert set(reasons(found)) == {"customer_id"}
    assert [c.name for c in found.features] == ["plan", "months", "price", "since"]
    assert not [f for f in found.findings if f.code.startswith("leak")]


def test_a_column_that_knows_the_outcome_is_left_out_with_figures(base):
    rng = np.random.default_rng(0)
    status = ["closed" if y and rng.random() < 0.9 else "open" for y in outcomes(base)]
    found = checked(with_column(base, "status", status))
    assert "leakage" in reasons(found)["status"]
    finding = next(f for f in found.findings if f.code == "leakage")
    assert finding.columns == ("status",)
    assert finding.evidence["score"] > 0.85
    assert "include" in finding.action


def test_being_filled_in_only_after_the_outcome_is_a_leak(base):
    notes = [f"reason {i % 50}" if y else None for i, y in enumerate(outcomes(base))]
    assert "leakage" in reasons(checked(with_column(base, "reason", notes)))["reason"]


def step_of(base, leak_share, *, honest):
    """A status that knows the outcome in part of the rows, and a note written with it (or, if honest, by chance)."""
    rng = np.random.default_rng(1)
    late = rng.random(900) < leak_share
    status = [("won" if y else "lost") if f else None for y, f in zip(outcomes(base), late, strict=True)]
    beside = rng.random(900) < 0.5 if honest else late & (rng.random(900) < 0.6)
    note = [f"n{k}" if f else None for k, f in zip(rng.integers(0, 4, 900), beside, strict=True)]
    return with_column(with_column(base, "status", status), "note", note)


def test_what_is_filled_in_only_where_a_leak_is_goes_with_it(base):
    found = checked(step_of(base, 0.8, honest=False))
    assert "leakage" in reasons(found)["status"]
    assert reasons(found)["note"] == "leakage: filled in only where status is"
    finding = next(f for f in found.findings if f.code == "filled_after_leak")
    assert finding.columns == ("status", "note")
    assert "note" not in reasons(checked(step_of(base, 0.8, honest=True)))


def test_a_leak_that_is_included_takes_nothing_with_it(base):
    assert "note" not in reasons(checked(step_of(base, 0.8, honest=False), include=("status",)))


def test_columns_that_one_step_fills_are_asked_about(base):
    rng = np.random.default_rng(2)
    there = rng.random(900) < 0.5
    table = base
    for name in ("score a", "score b", "score c"):
        table = with_column(
            table, name, [round(v, 2) if f else None for v, f in zip(rng.random(900), there, strict=True)]
        )
    found = checked(table)
    asked = next(f for f in found.findings if f.code == "filled_together")
    assert asked.columns == ("score a", "score b", "score c")
    assert asked.evidence["filled"] == pytest.approx(there.mean(), abs=1e-3)
    assert "score a" not in reasons(found)
    assert not [f for f in checked(table, exclude=("score c",)).findings if f.code == "filled_together"]


def test_an_include_keeps_what_the_checks_would_leave_out(base):
    table = with_column(base, "status", ["closed" if y else "open" for y in outcomes(base)])
    found = checked(table, include=("status", "customer_id"))
    assert reasons(found) == {}
    assert any("includes it" in f.action for f in found.findings if f.code == "leakage")


def test_with_few_rows_a_suspected_leak_is_kept_with_a_warning():
    table = customers(200)
    table = with_column(table, "status", ["closed" if y else "open" for y in outcomes(table)])
    found = checked(table)
    assert "status" not in reasons(found)
    assert "leakage_suspected" in {f.code for f in found.findings}


def test_when_everything_looks_like_a_leak_nothing_is_left_out(base):
    table = pa.table({"a": [str(int(y)) for y in outcomes(base)], "left": base["left"]})
    assert reasons(checked(table)) == {}


def test_a_strong_but_honest_column_is_no_leak():
    rng = np.random.default_rng(1)
    y = rng.random(2000) < 0.4
    strong = rng.normal(size=2000) + 1.6 * y  # AUROC about 0.87
    weak = rng.normal(size=2000) + 0.5 * y
    table = pa.table({"strong": strong, "weak": weak, "left": ["yes" if v else "no" for v in y]})
    assert reasons(checked(table)) == {}


def test_a_number_that_copies_the_target_is_a_leak():
    table = houses(800)
    rng = np.random.default_rng(0)
    paid = [f"${v * rng.normal(0.99, 0.03):,.0f}" for v in table["price"].to_pylist()]
    found = checked(with_column(table, "paid", paid), target="price")
    assert "leakage" in reasons(found)["paid"]
    assert set(reasons(found)) == {"paid"}


def test_constant_empty_and_duplicate_columns_are_left_out_with_reasons(base):
    table = with_column(base, "country", ["DE"] * 900)
    table = with_column(table, "fax", [None] * 895 + ["1", "2", "3", "4", "5"])
    table = with_column(table, "plan_again", base["plan"].to_pylist())
    table = with_column(table, "rare", ["x"] * 897 + ["y"] * 3)
    out = reasons(checked(table))
    assert out["country"] == "constant"
    assert out["fax"].startswith("nearly empty")
    assert out["plan_again"] == "equals plan"
    assert out["rare"].startswith("nearly constant")


def test_columns_without_any_value_twice_are_not_each_other_in_other_words(base):
    rng = np.random.default_rng(0)
    drawn = {name: rng.normal(size=base.num_rows) for name in ("first", "second")}
    table = base
    for name, values in (*drawn.items(), ("again", drawn["second"])):
        table = with_column(table, name, values)
    found = checked(table)
    assert "same_information" not in {f.code for f in found.findings}
    assert reasons(found)["again"] == "equals second"


def test_a_renamed_column_is_told_but_kept(base):
    short = {None: None, "basic": "B", "plus": "P", "gold": "G"}
    table = with_column(base, "plan_code", [short[v] for v in base["plan"].to_pylist()])
    found = checked(table)
    assert "plan_code" not in reasons(found)
    assert "same_information" in {f.code for f in found.findings}


def test_exclude_only_and_key_are_obeyed(base):
    assert reasons(checked(base, exclude=("price",)))["price"] == "the definition excludes it"
    assert [c.name for c in checked(base, only=("price", "months")).features] == ["months", "price"]
    keyed = checked(base, key="price")
    assert "price" not in {c.name for c in keyed.features}
    assert next(c.role for c in keyed.report({}, "price") if c.name == "price") == "key"


def test_protected_and_group_columns_are_no_features_unless_included(base):
    found = checked(base, protected=("plan",), group="since")
    assert {name: why.split(":")[0] for name, why in reasons(found).items() if name != "customer_id"} == {
        "plan": "protected",
        "since": "names the group",
    }
    assert "plan" not in reasons(checked(base, protected=("plan",), include=("plan",)))


def test_what_the_definition_says_of_use_is_held_against_the_classes(base):
    with pytest.raises(InvalidRequest, match="'maybe' is none of the outcomes 'no', 'yes'"):
        checked(base, class_weights={"maybe": 2.0})
    with pytest.raises(InvalidRequest, match="rmse is no figure of a binary task"):
        checked(base, metric="rmse")
    with pytest.raises(InvalidRequest, match="'wealth'"):
        checked(base, monotone={"wealth": "increasing"})


def test_copied_rows_share_a_group_and_lookalikes_do_not():
    rng = np.random.default_rng(0)
    amount = [f"{v:.4f}" for v in rng.random(300)]
    other = [f"{v:.4f}" for v in rng.random(300)]
    copied = [*range(300), *range(50)]

    def column(values):
        return type_column("x", distinct_values(pa.array(values)))

    groups = row_groups((column([amount[i] for i in copied]), column([other[i] for i in copied])), 350)
    assert np.array_equal(groups[300:], groups[:50])
    assert len(np.unique(groups)) == 300
    words = column(["a", "b"] * 175)
    assert len(np.unique(row_groups((words,), 350))) == 350


def test_many_copies_are_told(base):
    twice = pa.concat_tables([base.drop_columns(["customer_id"])] * 2)
    finding = next(f for f in checked(twice).findings if f.code == "duplicate_rows")
    assert finding.evidence["repeats"] >= 600


def test_small_tables_and_rare_outcomes_are_told():
    found = checked(customers(120))
    assert "small_data" in {f.code for f in found.findings}
    table = pa.table({"x": np.arange(3000.0) % 97, "left": ["no"] * 2960 + ["yes"] * 40})
    assert "rare_outcome" in {f.code for f in checked(table).findings}


def test_random_words_do_not_look_clever_alone():
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "word": [f"w{i}" for i in rng.integers(0, 400, 1000)],
            "left": ["yes" if v else "no" for v in rng.random(1000) < 0.5],
        }
    )
    found = checked(table)
    alone = judge_alone(found.features[0], found.target, found.groups)
    assert 0.4 < alone.score < 0.6
    assert alone.certain == 0.0


def test_filters_choose_the_rows(base):
    from tenantry.apps import Filter

    found = checked(base, segment=(Filter(column="plan", op="==", value="gold"),))
    assert set(found.columns[1].words()[1]) == {"gold"}
    assert len(found.target.rows) < 400
