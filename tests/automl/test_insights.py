"""Insights of models with known answers: what the score goes with, where it fails, who is kept."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from tests.automl.tables import TENANT, customers, houses, tickets

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.automl.insights.bins import bin_column
from tenantry.automl.insights.dependence import sample_size
from tenantry.automl.insights.segments import failing_segments, scored_of
from tenantry.automl.typing import type_table
from tenantry.bundle import pack_sample
from tenantry.bundle.insights import read_insights, read_sample
from tenantry.errors import Corrupt, NotFound
from tenantry.insights import find_similar
from tenantry.plan import Plan
from tenantry.schema import Task


def trained(table, target, **changes):
    definition = PredictionDefinition(name="it", target=target, **changes)
    return train(TENANT, table, definition, budget_cpu_seconds=3)


@pytest.fixture(scope="module")
def left():
    return trained(customers(rows=700), "left", key="customer_id")


def test_dependence_is_the_plan_s_own_mean_score_with_the_bin_s_value_in_every_record(left):
    found = {one.column: one for one in left.insights.dependence}["plan"]
    table = customers(rows=700)
    rows = np.sort(np.random.default_rng(0).permutation(700)[: found.records])
    records = table.take(pa.array(rows)).to_pylist()
    plan = Plan.from_bytes(left.plan)
    for part, score, low, high in zip(
        found.bins, found.series[0].score, found.series[0].low, found.series[0].high, strict=True
    ):
        scores = np.array(plan.score_rows([{**record, "plan": part.value} for record in records]))[:, 0]
        assert score == pytest.approx(scores.mean(), rel=1e-4)
        assert (low, high) == pytest.approx(tuple(np.quantile(scores, (0.1, 0.9))), rel=1e-4)


def test_bins_count_records_and_tell_what_happened_in_them(left):
    table = customers(rows=700)
    for one in left.insights.dependence:
        assert sum(part.count for part in one.bins) == 700
    found = {one.column: one for one in left.insights.dependence}
    for name in ("basic", None):
        label = name or "missing"
        place = [part.label for part in found["plan"].bins].index(label)
        members = [
            out == "yes"
            for p, out in zip(table["plan"].to_pylist(), table["left"].to_pylist(), strict=True)
            if p == name
        ]
        assert found["plan"].bins[place].count == len(members)
        assert found["plan"].series[0].outcome[place] == pytest.approx(np.mean(members), rel=1e-4)
    months = found["months"].series[0].score
    assert months[0] > 0.2 + months[len(months) - 2]  # the last is the gaps'
    assert found["price"].bins[3].value.startswith("$")  # as it stands in the table


def test_impact_is_in_order_and_the_leading_columns_are_drawn(left):
    shares = [share for _, share in left.insights.impact]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=1e-4)
    assert [one.column for one in left.insights.dependence] == [
        name for name, share in left.insights.impact if share > 0
    ]
    assert left.insights.score == "probability that left is yes"


def test_insights_and_sample_survive_their_files_and_depend_on_the_seed_alone(left):
    assert read_insights(msgspec.json.encode(left.insights)) == left.insights
    packed = pack_sample(left.similar)
    assert read_sample(packed) == left.similar
    with pytest.raises(NotFound) as missing:
        read_insights(None)
    assert missing.value.code == "insights_missing"
    for broken in (b"", b"{}", packed[:-9], packed[:40] + b"\0" + packed[41:]):
        with pytest.raises(Corrupt):
            read_sample(broken)
    uneven = msgspec.structs.replace(left.similar, outcomes=left.similar.outcomes[1:])
    with pytest.raises(Corrupt, match="does not fit"):
        read_sample(pack_sample(uneven))


def test_similar_records_of_a_training_record_begin_with_itself(left):
    plan = Plan.from_bytes(left.plan)
    rows = customers(rows=700).to_pylist()
    for record in rows[:5]:
        found = find_similar(plan, left.similar, record, 3)
        nearest = found.neighbours[0]
        assert nearest.key == record["customer_id"]
        assert (nearest.similarity, nearest.differs) == (1.0, ())
        assert nearest.outcome == record["left"]
        assert [n.similarity for n in found.neighbours] == sorted(
            (n.similarity for n in found.neighbours), reverse=True
        )


def test_neighbours_outcomes_tell_the_outcome_of_records_that_were_not_learnt_from(left):
    plan = Plan.from_bytes(left.plan)
    fresh = customers(rows=200, seed=9).to_pylist()
    shares = {"yes": [], "no": []}
    for record in fresh:
        shares[record["left"]].append(find_similar(plan, left.similar, record, 20).outcomes["yes"])
    assert np.mean(shares["yes"]) > np.mean(shares["no"]) + 0.15


def test_protected_columns_and_texts_are_not_kept_and_the_sample_can_be_turned_off():
    table = customers(rows=300).append_column("note", pa.array([f"case {i} of {i % 7}" for i in range(300)]))
    model = trained(table, "left", protected=("plan",), include=("plan",))
    kept = {column.name for column in model.similar.columns}
    assert "plan" not in kept
    assert "plan" not in model.similar.explained
    assert "note" not in kept
    assert "plan" in model.similar.left_out
    assert model.similar.key is None
    assert "basic" not in msgspec.json.encode(model.similar).decode()
    assert trained(customers(rows=300), "left", similar_records=False).similar is None


def test_several_classes_have_a_series_each_and_values_have_one():
    teams = trained(tickets(rows=400), "team")
    [urgency] = [one for one in teams.insights.dependence if one.column == "urgency"] or [None]
    if urgency is not None:
        assert [one.name for one in urgency.series] == ["access", "billing", "network"]
        assert sum(one.score[0] for one in urgency.series) == pytest.approx(1.0, abs=1e-3)
    assert teams.similar.left_out == ("body",)
    plan = Plan.from_bytes(teams.plan)
    found = find_similar(plan, teams.similar, {"body": "router latency signal", "urgency": "2"}, 20)
    assert (
        max(found.outcomes, key=found.outcomes.get) == "network"
    )  # by why it is scored so: the text is not kept
    prices = trained(houses(rows=300), "price")
    assert all(one.series[0].name is None and len(one.series) == 1 for one in prices.insights.dependence)
    assert find_similar(Plan.from_bytes(prices.plan), prices.similar, {"area": 100}).mean is not None


def planted(seed, rows=4000, bias=0.3):
    """True probabilities, but for one subgroup of two conditions whose outcomes come more often."""
    rng = np.random.default_rng(seed)
    plan, months = rng.choice(["basic", "plus", "gold"], rows), rng.integers(1, 72, rows)
    p = rng.uniform(0.1, 0.6, rows)
    hidden = (plan == "gold") & (months > 50)
    y = (rng.random(rows) < p + bias * hidden).astype(np.int64)
    columns = type_table(
        pa.table({"plan": plan, "months": months, "noise": rng.normal(size=rows)}),
        ["plan", "months", "noise"],
    )
    return tuple(columns), scored_of(Task.BINARY, y, np.stack([1 - p, p], axis=1)), hidden


def test_a_planted_failure_is_found_in_words_with_its_counts():
    columns, scored, hidden = planted(seed=1)
    segments, tried = failing_segments(columns, {}, scored, Task.BINARY, 4000, seed=0)
    assert tried > 100
    first = segments[0]
    assert first.kind == "too_low"
    assert {condition.column for condition in first.conditions} == {"plan", "months"}
    assert "plan is gold" in first.text
    assert first.rest > first.value + 0.2
    assert first.p_value < 1e-4
    assert first.rows == pytest.approx(hidden.sum(), rel=0.4)  # the bins have edges of their own


def test_true_scores_hardly_ever_have_segments_that_are_off():
    """5 % of false discoveries at most: 40 tables without any failure, of which two or three may show one."""
    shown = 0
    for seed in range(40):
        columns, scored, _ = planted(seed, rows=1500, bias=0.0)
        segments, _ = failing_segments(columns, {}, scored, Task.BINARY, 1500, seed=seed)
        shown += any(segment.kind != "error" for segment in segments)
    assert shown <= 5


def test_too_few_rows_have_no_segments():
    columns, scored, _ = planted(seed=0, rows=60)
    assert failing_segments(columns, {}, scored, Task.BINARY, 60, seed=0) == ((), 0)


def binned(values, most=10):
    [column] = type_table(pa.table({"x": values}), ["x"])
    return bin_column(column, most)


def test_bins_of_numbers_words_and_dates_are_named_as_people_would():
    few = binned([float(i % 3) for i in range(90)])
    assert [part.label for part in few.bins] == ["0", "1", "2"]
    many = binned([float(i // 2) for i in range(200)] + [None] * 5, most=4)
    assert [part.label for part in many.bins] == ["≤ 24", "25 – 49", "50 – 74", "≥ 75", "missing"]
    assert [part.count for part in many.bins] == [50, 50, 50, 50, 5]
    assert many.bins[0].value == 12.0
    words = binned([f"w{i % 12}" for i in range(240)] + ["w0"] * 9, most=3)
    assert words.bins[0].label == "w0"
    assert words.bins[-1].label == "9 others"
    assert words.bins[-1].value is None
    days = np.datetime64("2024-01-15") + np.arange(0, 300, 3).astype("timedelta64[D]")
    months = binned([str(day) for day in days])
    assert months.bins[0].label == "2024-01"
    assert sum(part.count for part in months.bins) == len(days)
    assert all(part.value.startswith(part.label) for part in months.bins)


def test_free_texts_and_empty_columns_have_no_bins():
    assert binned([f"some words about case {i} and {i * 7 % 13} more of them" for i in range(200)]) is None


def test_the_sample_s_size_follows_the_budget_alone():
    assert [sample_size(seconds, 10) for seconds in (0.1, 10, 20, 500)] == [50, 227, 454, 500]
