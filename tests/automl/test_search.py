"""What the search does for a table: constraints, weights, views, scales and the deep tier, on trained models."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from tests.automl.tables import TENANT, customers, houses

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.automl.portfolio import PORTFOLIO, TINY_LEAF, candidates
from tenantry.errors import InvalidRequest, Unsupported
from tenantry.plan import Plan


def trained(table, target, budget=20.0, **wanted):
    definition = PredictionDefinition(name="probe", target=target, unproven="keep", **wanted)
    return train(TENANT, table, definition, budget_cpu_seconds=budget, seed=1)


def scores(model, records):
    plan = Plan.from_bytes(model.plan)
    try:
        return np.array(plan.score_rows(records))[:, 0]
    finally:
        plan.close()


def bumpy(rows=1500):
    """A value that mostly rises with ``dose``, but for a dip that a free model would learn."""
    rng = np.random.default_rng(3)
    dose = rng.uniform(0, 10, rows)
    age = rng.integers(20, 80, rows)
    effect = dose - 6.0 * ((dose > 4) & (dose < 6)) + 0.05 * age + rng.normal(0, 0.5, rows)
    return pa.table({"dose": dose.round(3), "age": age, "effect": effect.round(3)})


def ladder(age):
    return [{"dose": float(d), "age": age} for d in np.linspace(0, 10, 60)]


def test_a_score_only_rises_where_the_definition_says_so():
    free = trained(bumpy(), "effect")
    held = trained(bumpy(), "effect", monotone={"dose": "increasing"})
    assert np.diff(scores(free, ladder(50))).min() < -1
    for age in (25, 50, 75):
        assert np.diff(scores(held, ladder(age))).min() >= -1e-9
    assert "linear" not in held.scorecard.members["weights"]


def test_a_direction_of_a_text_is_refused():
    with pytest.raises(InvalidRequest) as told:
        trained(customers(), "left", monotone={"plan": "increasing"})
    assert told.value.code == "definition_invalid"
    assert "plan" in told.value.message


def test_a_weight_of_no_class_is_refused():
    with pytest.raises(InvalidRequest) as told:
        trained(customers(), "left", class_weights={"maybe": 2.0})
    assert "maybe" in told.value.message


@pytest.mark.parametrize("weights", ["balanced", {"yes": 5.0}])
def test_weighted_classes_keep_honest_probabilities(weights):
    table = customers(1200)
    model = trained(table, "left", class_weights=weights)
    shown = scores(model, table.drop_columns(["left"]).to_pylist())
    assert shown.mean() == pytest.approx(np.mean([v == "yes" for v in table["left"].to_pylist()]), abs=0.05)


def titles(rows=1500, seed=0):
    """Pay by the words of a title; many titles are rare."""
    rng = np.random.default_rng(seed)
    ranks = {"Junior": -20, "Senior": 20, "Chief": 60, "Deputy": 40, "Assistant": -30}
    fields = {f"Field{i}": 3 * i for i in range(40)}
    rank, field = rng.choice(list(ranks), rows), rng.choice(list(fields), rows)
    pay = np.array([100 + ranks[r] + fields[f] for r, f in zip(rank, field, strict=True)])
    named = [f"{r} {f} Officer" for r, f in zip(rank, field, strict=True)]
    return pa.table({"title": named, "years": rng.integers(0, 30, rows), "pay": pay + rng.normal(0, 2, rows)})


def test_an_unseen_word_is_read_by_its_tokens():
    table = titles()
    known = table.filter(pa.array([t != "Chief Field39 Officer" for t in table["title"].to_pylist()]))
    found = scores(
        trained(known, "pay"),
        [{"title": "Chief Field39 Officer", "years": 10}, {"title": "Assistant Field1 Officer", "years": 10}],
    )
    assert found[0] > 200  # in truth 277; the mean of all is 165
    assert found[1] < 110  # in truth 73


def test_the_seed_decides_what_is_tried_and_found():
    first, again = (trained(houses(), "price", budget=60.0) for _ in range(2))
    assert first.plan == again.plan
    assert first.scorecard.members == again.scorecard.members


def test_a_tiny_table_may_have_smaller_leaves():
    assert max(params.min_data for params in candidates(120).values()) <= TINY_LEAF
    assert candidates(5000) == PORTFOLIO


def test_the_deep_tier_goes_on_with_proposals():
    table = customers(400)
    usual = trained(table, "left", budget=8.0).scorecard.members["tried"]
    model = trained(table, "left", budget=8.0, effort="deep")
    assert model.scorecard.members["tried"] > usual
    assert model.scorecard.cpu_seconds < 9.5


def test_without_optuna_the_deep_tier_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)  # an import of it fails
    with pytest.raises(Unsupported) as told:
        trained(customers(), "left", effort="deep")
    assert told.value.code == "deep_not_installed"
    assert "tenantry[deep]" in told.value.hint
