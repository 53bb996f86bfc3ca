import io

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console
from tests.automl.tables import codes, learn

from tenantry.cli.scorecard import show


def applicants(rows=1500, seed=0):
    """Granted by income, which differs by group; ``town`` tells the group, ``pets`` does not."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], rows, p=[0.7, 0.3])
    few = rng.random(rows) < 0.01
    income = rng.normal(0, 1, rows) + 1.2 * (group == "a")
    granted = rng.random(rows) < 1 / (1 + np.exp(-2.5 * (income - 0.6)))
    town = [f"{g}{rng.integers(0, 3)}" if rng.random() < 0.9 else "c0" for g in group]
    return pa.table(
        {
            "income": income.round(3),
            "town": town,
            "pets": rng.integers(0, 4, rows),
            "age": rng.integers(18, 80, rows),
            "group": ["c" if f else g for f, g in zip(few, group, strict=True)],
            "granted": ["yes" if y else "no" for y in granted],
            "limit": np.exp(income + rng.normal(0, 0.3, rows)).round(3),
        }
    )


@pytest.fixture(scope="module")
def model():
    return learn(applicants(), "granted", budget=6.0, exclude=("limit",), protected=("group", "age"))


def by_group(model, place=0):
    return {g.group: g for g in model.scorecard.fairness[place].groups}


def test_a_protected_column_is_no_feature_and_is_reported_by_group(model):
    report = model.scorecard.fairness[0]
    assert (report.column, report.feature) == ("group", False)
    assert "group" not in {c.name for c in model.signature.inputs}
    assert sum(g.rows for g in report.groups) == model.scorecard.rows
    groups = by_group(model)
    assert groups["c"].small
    assert not groups["a"].small


def test_shares_and_rates_are_those_of_the_rows(model):
    table = applicants()
    members = np.array(table["group"].to_pylist())
    outcome = np.array(table["granted"].to_pylist()) == "yes"
    for name, group in by_group(model).items():
        assert group.observed.value == pytest.approx(outcome[members == name].mean())
        selected, actual = group.selected, group.observed.value
        mixed = group.true_positive_rate.value * actual + group.false_positive_rate.value * (1 - actual)
        assert selected.value == pytest.approx(mixed)
        assert selected.low <= selected.value <= selected.high
        assert group.calibration.value == pytest.approx(group.score.value - actual)


def test_intervals_of_few_rows_are_wider(model):
    groups = by_group(model)
    width = {name: g.selected.high - g.selected.low for name, g in groups.items()}
    assert width["c"] > 2 * width["a"]


def test_the_four_fifths_rule_is_told_and_a_small_group_does_not_break_it(model):
    report, groups = model.scorecard.fairness[0], by_group(model)
    assert "## Fairness\n\n- group: " in model.model_card
    assert report.ratio == pytest.approx(groups["b"].selected.value / groups["a"].selected.value)
    assert report.ratio < 0.8
    finding = next(f for f in model.scorecard.findings if f.code == "four_fifths")
    assert finding.columns == ("group",)
    assert finding.evidence["proxies"][0] == "town"
    assert any("too few rows to compare: c" in words for words in report.words)


def test_features_that_tell_the_group_are_listed(model):
    proxies = {p.column: p.auroc for p in model.scorecard.fairness[0].proxies}
    assert proxies["town"] > 0.9
    assert proxies["town"] > proxies["income"] > 0.65
    assert "pets" not in proxies


def test_a_number_is_reported_in_quarters(model):
    groups = model.scorecard.fairness[1].groups
    assert len(groups) == 4
    assert groups[0].group.startswith("up to ")
    assert model.scorecard.fairness[1].ratio > 0.8


def test_values_are_compared_by_error_and_bias():
    found = learn(applicants(), "limit", budget=6.0, exclude=("granted",), protected=("group",))
    report = found.scorecard.fairness[0]
    assert report.ratio is None
    assert set(report.spread) == {"calibration", "error"}
    assert by_group(found)["a"].observed.value > by_group(found)["b"].observed.value
    assert all(g.selected is None and g.error.value > 0 for g in report.groups)
    assert "four_fifths" not in codes(found)


def test_the_terminal_shows_the_groups(model):
    out = io.StringIO()
    show(Console(file=out, width=160), model.scorecard, "1")
    text = out.getvalue()
    for words in ("Fairness by group (not a feature)", "c (few rows)", "called yes", "four-fifths"):
        assert words in text


def test_without_protected_columns_there_is_no_report():
    assert learn(applicants(300), "granted", budget=4.0).scorecard.fairness == ()
