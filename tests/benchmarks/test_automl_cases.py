"""The AutoML benchmark's arithmetic: what it says of a difference must be what the rows say."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.automl_cases import Kept, Run, Table, judge, load_tables, paired
from benchmarks.automl_report import calibration, report

from tenantry.schema import Task

ROWS = 2_000


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Table]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=ROWS)
    frame = pd.DataFrame(
        {"x": x, "yes": rng.random(ROWS) < 1 / (1 + np.exp(-x)), "value": 3 * x + rng.normal(size=ROWS)}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    entries = {
        "two": {"file": "t.csv", "target": "yes", "task": "binary", "leaky_columns": ["value"]},
        "number": {"file": "t.csv", "target": "value", "task": "regression"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    return {t.name: t for t in load_tables(tmp_path)}


def _run(table: Table, seed: int, noise: float) -> Run:
    """A learner that sees x through noise."""
    test = table.parts(seed)[1]
    x = table.frame["x"].to_numpy()[test] + noise * np.random.default_rng(seed).normal(size=len(test))
    if table.task is Task.REGRESSION:
        return Run(3 * x, test, [], {"cpu": 1.0, "inner": 0.9, "kb": 10.0, "row_us": 3.0})
    p = 1 / (1 + np.exp(-x))
    return Run(
        np.column_stack((1 - p, p)),
        test,
        ["False", "True"],
        {"cpu": 1.0, "inner": 0.7, "kb": 10.0, "row_us": 3.0},
    )


@pytest.mark.parametrize("name", ["two", "number"])
@pytest.mark.parametrize("which", ["score", "loss"])
def test_standard_errors_are_those_of_a_bootstrap(tables: dict[str, Table], name: str, which: str) -> None:
    table = tables[name]
    better, worse = _run(table, 42, 0.1), _run(table, 42, 0.8)
    gap, error = paired([judge(table, better)], [judge(table, worse)], which)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(300):
        take = rng.integers(0, len(better.test), len(better.test))
        parts = [judge(table, Run(r.predicted[take], r.test[take], r.classes, {})) for r in (better, worse)]
        draws.append(getattr(parts[0], which) - getattr(parts[1], which))
    assert gap > 3 * error
    assert error == pytest.approx(np.std(draws), rel=0.15)


def test_a_row_that_two_seeds_test_counts_once(tables: dict[str, Table]) -> None:
    table = tables["two"]
    better, worse = judge(table, _run(table, 42, 0.1)), judge(table, _run(table, 42, 0.8))
    once = paired([better], [worse], "score")
    assert paired([better, better], [worse, worse], "score") == pytest.approx(once)
    assert paired([worse], [better], "loss")[0] == pytest.approx(-paired([better], [worse], "loss")[0])


def test_predictions_of_other_rows_are_not_paired(tables: dict[str, Table]) -> None:
    table = tables["two"]
    with pytest.raises(AssertionError, match="other rows"):
        paired([judge(table, _run(table, 42, 0.1))], [judge(table, _run(table, 43, 0.1))], "score")


def test_calibration_tells_a_liar_from_chance(tables: dict[str, Table]) -> None:
    table = tables["two"]
    true = _run(table, 42, 0.0)
    liar = Run(
        np.clip(true.predicted**4 / (true.predicted**4).sum(axis=1, keepdims=True), 0, 1),
        true.test,
        true.classes,
        {},
    )
    for run, calibrated in ((true, True), (liar, False)):
        error, bar = calibration(table, run)
        assert (error <= bar) is calibrated


def test_what_is_kept_comes_back_and_belongs_to_the_content(tables: dict[str, Table], tmp_path: Path) -> None:
    table, kept = tables["two"], Kept(tmp_path / "kept")
    path = kept.path(table, "autogluon", "1.0", 10, 42)
    run = _run(table, 42, 0.3)
    kept.save(path, run)
    again = kept.load(path)
    assert again is not None
    assert (again.predicted == run.predicted).all()
    assert (again.classes, again.facts) == (run.classes, run.facts)
    (tmp_path / "t.csv").write_text(table.path.read_text() + "9,True,1\n")
    changed = next(t for t in load_tables(tmp_path) if t.name == "two")
    assert kept.load(kept.path(changed, "autogluon", "1.0", 10, 42)) is None


def test_the_report_judges_against_the_better_rival_and_names_missing_seeds(
    tables: dict[str, Table], tmp_path: Path
) -> None:
    table, kept = tables["two"], Kept(tmp_path / "kept")
    for seed in (42, 43):
        kept.save(kept.path(table, "ours", "v", 10, seed), _run(table, seed, 0.5))
        kept.save(kept.path(table, "autogluon", "1.0", 10, seed), _run(table, seed, 2.0))
    kept.save(kept.path(table, "autogluon", "1.0", 60, 42), _run(table, 42, 0.0))
    text = report({"Known": [table]}, kept, 10, (42, 43), "v")
    assert "0 of 1 tables meet the bar." in text
    assert "AutoGluon 60 s: two 1 of 2" in text
    kept.path(table, "autogluon", "1.0", 60, 42).unlink()
    assert "met (of AutoGluon 10 s alone)" in report({"Known": [table]}, kept, 10, (42, 43), "v")
