"""Two real trainings after one another, and what the gate makes of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from tests.workflows.installation import ACME, DEFINITION, open_home

from tenantry.app.services import Services
from tenantry.automl import train
from tenantry.bundle import load_manifest
from tenantry.bundle.held_out import HELD_OUT
from tenantry.workflows import request_training, train_prediction

BUDGET = 4.0


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_home(tmp_path / "home", ACME)
    yield opened
    opened.close()


def _table(first: int, last: int) -> pa.Table:
    """Some rows of one table of a thousand, in which ``months`` and ``plan`` tell who churns, mostly."""
    rng = np.random.default_rng(0)
    months, plan = rng.integers(1, 60, 1000), rng.integers(0, 3, 1000)
    risk = 1 / (1 + np.exp(0.12 * months - 1.5 * (plan == 0) - 1.5))
    churned = np.where(rng.random(1000) < risk, "yes", "no")
    table = pa.table(
        {
            "months": [str(m) for m in months],
            "plan": [("basic", "plus", "pro")[p] for p in plan],
            "paid": [f"{v:.2f}" for v in rng.normal(50, 9, 1000)],
            "churned": churned.tolist(),
        }
    )
    return table.slice(first, last - first)


def _train(services: Services, table: pa.Table, **changes: Any) -> dict[str, Any]:
    snapshot = services.datasets.save(ACME, "churn", table, "test").digest
    definition = msgspec.structs.replace(DEFINITION, budget_cpu_seconds=BUDGET, **changes)
    job = request_training(services, ACME, definition, snapshot=snapshot)
    return train_prediction(services, job, lambda *_step: None, train)


def test_versions_are_compared_on_the_same_rows_known_and_new(services: Services) -> None:
    first = _train(services, _table(0, 400))
    assert first["gate"]["rows"] is None
    second = _train(services, _table(100, 600), seed=1)
    gate = second["gate"]
    assert second["promoted"], gate["reason"]
    assert gate["rows"] == 500
    assert "on the same 500 rows, 300 of which the champion had in training" in gate["reason"]
    assert gate["gain_low"] <= gate["gain"] <= gate["gain_high"]
    assert gate["gain_high"] - gate["gain_low"] < 0.06  # either version's own interval is wider

    worse = _train(services, _table(100, 600), exclude=("months",), unproven="keep")
    assert not worse["promoted"]
    assert "worse beyond noise" in worse["gate"]["reason"]
    assert worse["gate"]["rows"] == 500
    version = services.registry.version(ACME, "churn", "2")
    assert HELD_OUT in load_manifest(services.blobs, ACME, version.bundle).files


def test_a_champion_is_not_flattered_by_rows_that_it_has_learnt(services: Services) -> None:
    table = _table(0, 500)
    _train(services, table)
    again = _train(services, table, seed=3)
    assert "500 of which the champion had in training" in again["gate"]["reason"]
    # Its plan scores these rows, which it was fitted on, far better than any honest version could.
    assert abs(again["gate"]["gain"]) < 0.02
    assert again["promoted"]


def test_without_the_champions_columns_the_scorecards_are_asked(services: Services) -> None:
    _train(services, _table(0, 400))
    other = _train(
        services, _table(0, 600).drop_columns(["paid"]).append_column("paid", pa.nulls(600, pa.string()))
    )
    assert (
        other["gate"]["rows"] is not None
    )  # the column is there, though empty: rows are new to the champion
    gone = _train(services, _table(0, 500).drop_columns(["paid"]))
    assert gone["gate"]["metric"] == "auroc"
