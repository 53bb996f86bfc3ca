"""Checks that hold columns and rows against the outcome: the target in disguise, its parts, words that decide."""

import numpy as np
import pyarrow as pa
import pytest
from tests.automl.tables import customers, houses

from tenantry.apps import PredictionDefinition
from tenantry.automl.checks.category_decides import cramers_v
from tenantry.automl.checks.label_noise import find_ceiling
from tenantry.automl.prepare import prepare
from tenantry.automl.splits import choose_split
from tenantry.automl.target import Target
from tenantry.schema import Task


def checked(table, target, **fields):
    return prepare(table, PredictionDefinition(name="p", target=target, **fields), 20.0, 0)


def found(prepared, code):
    return [f for f in prepared.findings if f.code == code]


@pytest.fixture(scope="module")
def base():
    return customers(900)


@pytest.fixture(scope="module")
def homes():
    return houses(800)


def left(table):
    return np.array([v == "yes" for v in table["left"].to_pylist()])


def plus(table, **columns):
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return table


def test_the_target_in_another_unit_or_form_is_left_out(homes):
    price = np.array(homes["price"].to_pylist())
    prepared = checked(plus(homes, cents=100 * price + 7, log=np.log(price), back=-price), "price")
    told = {f.columns[0]: f.message for f in found(prepared, "target_in_disguise")}
    assert set(told) == {"cents", "log", "back"} == set(prepared.checked.left_out)
    assert "another unit" in told["cents"]
    assert "rank correlation -1.0000" not in told["back"]
    assert "rank correlation 1.0000" in told["log"]


def test_a_disguise_that_is_included_is_kept_and_told_once(homes):
    price = np.array(homes["price"].to_pylist())
    prepared = checked(plus(homes, cents=100 * price), "price", include=("cents",))
    assert prepared.checked.left_out == {}
    assert [f.code for f in prepared.findings if "cents" in f.columns] == ["target_in_disguise"]
    assert "includes it" in found(prepared, "target_in_disguise")[0].action


def test_with_few_rows_a_disguise_only_warns():
    small = houses(300)
    prepared = checked(plus(small, cents=[100 * v for v in small["price"].to_pylist()]), "price")
    assert "cents" not in prepared.checked.left_out
    assert "Kept" in found(prepared, "target_in_disguise")[0].action


def test_what_orders_the_rows_with_noise_is_no_disguise(homes):
    price = np.array(homes["price"].to_pylist())
    near = price * np.exp(np.random.default_rng(0).normal(0, 0.1, 800))
    assert found(checked(plus(homes, near=near), "price"), "target_in_disguise") == []


def test_words_that_name_the_outcome_where_they_stand_are_a_disguise(base):
    rng = np.random.default_rng(0)
    some = rng.random(900) < 0.3
    status = [
        ("Closed - yes" if y else "Closed - no") if s else None for y, s in zip(left(base), some, strict=True)
    ]
    copy = [("YES" if y else "No") if s else None for y, s in zip(left(base), some, strict=True)]
    prepared = checked(plus(base, copy=copy), "left")
    assert [f.columns for f in found(prepared, "target_in_disguise")] == [("copy",)]
    assert (
        found(checked(plus(base, partner=rng.choice(["yes", "no"], 900)), "left"), "target_in_disguise") == []
    )
    # "no" is too short to be looked for within other words, "yes" is not
    assert found(checked(plus(base, status=status), "left"), "target_in_disguise") == []


def test_the_parts_of_the_target_are_left_out():
    rng = np.random.default_rng(0)
    rent, food, other = rng.gamma(2, 100, 800), rng.gamma(2, 50, 800), rng.normal(size=800)
    table = pa.table({"rent": rent, "food": food, "other": other, "total": (rent + food).round(2)})
    prepared = checked(table, "total")
    (finding,) = found(prepared, "target_computed")
    assert set(finding.columns) == {"rent", "food"} == set(prepared.checked.left_out)
    assert "the sum of" in finding.message
    (kept,) = found(checked(table, "total", include=("rent", "food")), "target_computed")
    assert "includes it" in kept.action


def test_factors_of_a_product_and_weighted_sums_are_told_apart():
    rng = np.random.default_rng(0)
    count, price, other = rng.integers(1, 50, 800), rng.gamma(3, 10, 800) + 1, rng.normal(size=800)
    product = checked(pa.table({"count": count, "price": price, "other": other, "y": count * price}), "y")
    assert set(product.checked.left_out) == {"count", "price"}
    assert "the product of" in found(product, "target_computed")[0].message
    weighted = checked(pa.table({"a": price, "b": count, "other": other, "y": 3 * price + 0.2 * count}), "y")
    assert weighted.checked.left_out == {}
    assert "weighted sum" in found(weighted, "target_computed")[0].message


def test_a_noisy_sum_is_no_formula():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 2))
    y = x.sum(axis=1) + rng.normal(0, 0.2, 800)
    assert found(checked(pa.table({"a": x[:, 0], "b": x[:, 1], "y": y}), "y"), "target_computed") == []


def test_words_that_settle_the_outcome_are_asked_about(base):
    rng = np.random.default_rng(0)
    lost = left(base) & (rng.random(900) < 0.3)
    note = np.where(lost, "gave notice", rng.choice(["a", "b"], 900))
    prepared = checked(plus(base, note=note), "left")
    (finding,) = found(prepared, "category_decides")
    assert finding.columns == ("note",)
    assert finding.evidence["confidence"] == 1.0
    assert finding.evidence["support"] == lost.sum()
    assert "note" not in prepared.checked.left_out
    assert found(checked(base, "left"), "category_decides") == []


def test_cramers_v_is_corrected_for_bias():
    rng = np.random.default_rng(0)
    chance = np.array([np.bincount(rng.integers(0, 2, 20), minlength=2) for _ in range(40)], dtype=float)
    assert cramers_v(chance) < 0.15
    assert cramers_v(np.array([[50.0, 0.0], [0.0, 70.0]])) == pytest.approx(1.0, abs=1e-6)


def test_equal_rows_with_other_outcomes_set_a_ceiling():
    table = pa.table({"x": ["a", "b", "c", "d"] * 100, "y": (["n"] * 4 + ["n", "n", "y", "y"]) * 50})
    (finding,) = found(checked(table, "y"), "label_noise")
    assert finding.evidence == {"conflicts": 200, "rows": 400, "ceiling": 0.75}
    assert "75.0%" in finding.message
    groups = np.array([0, 0, 1, 2])
    values = Target(Task.REGRESSION, np.arange(4), np.array([1.0, 3.0, 5.0, 7.0]))
    ceiling = find_ceiling(groups, values)
    assert ceiling.conflicts == 2
    assert ceiling.best == pytest.approx(0.9)  # 2 of 20 squares are within the pair


def test_dates_after_the_named_time_are_asked_about(base):
    rng = np.random.default_rng(0)
    day = np.datetime64("2022-01-01") + rng.integers(0, 600, 900)
    dates = {
        "seen": day,
        "closed": day + rng.integers(1, 40, 900),
        "born": day - rng.integers(7000, 20000, 900),
    }
    table = plus(base.drop_columns(["since"]), **{name: [str(d) for d in v] for name, v in dates.items()})
    (finding,) = found(checked(table, "left", time="seen"), "date_after_event")
    assert finding.columns == ("closed",)
    assert found(checked(table, "left"), "date_after_event") == []


def test_a_date_that_is_filled_in_with_the_outcome_and_follows_another_is_asked_about(base):
    rng = np.random.default_rng(0)
    start = np.datetime64("2022-01-01") + rng.integers(0, 600, 900)
    ends = left(base) & (rng.random(900) < 0.5)
    closed = [str(d + 30) if e else None for d, e in zip(start, ends, strict=True)]
    by_chance = [str(d + 30) if e else None for d, e in zip(start, rng.random(900) < 0.4, strict=True)]
    table = plus(
        base.drop_columns(["since"]), start=[str(d) for d in start], closed=closed, visited=by_chance
    )
    (finding,) = found(checked(table, "left"), "date_after_event")
    assert finding.columns == ("closed",)


def test_copies_on_both_sides_of_the_split_are_told(base):
    plain = base.select(["plan", "left"])
    definition = PredictionDefinition(name="p", target="left")
    split = choose_split(prepare(plain, definition, 20.0, 0), definition, 0)
    (finding,) = [f for f in split.findings if f.code == "copies_across_split"]
    assert finding.evidence["copies"] == 900
    whole = choose_split(prepare(base, definition, 20.0, 0), definition, 0)
    assert "copies_across_split" not in {f.code for f in whole.findings}


def test_numbers_alike_and_hardly_varying_and_tiny_classes_are_told(base):
    rng = np.random.default_rng(0)
    x = rng.normal(size=900)
    again = [
        None if gone else v
        for v, gone in zip(2 * x + rng.normal(0, 0.01, 900), rng.random(900) < 0.3, strict=True)
    ]
    still = 1e6 + rng.normal(0, 1e-3, 900)
    prepared = checked(plus(base, x=x, again=again, other=rng.normal(size=900), still=still), "left")
    (alike,) = found(prepared, "numbers_alike")
    assert alike.columns == ("x", "again")
    assert found(prepared, "hardly_varies")[0].columns == ("still",)
    assert {"again", "still"} <= {c.name for c in prepared.features}
    team = ["a"] * 500 + ["b"] * 380 + ["c"] * 20
    (tiny,) = found(checked(plus(base, team=team), "team"), "tiny_classes")
    assert tiny.evidence["rows"] == {"c": 20}
