"""The whole life of one model, by HTTP only, and a second tenant who sees nothing of it (A1, A6, A16, B12, B20)."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenantry.demo.client import Client
from tenantry.demo.server import Address, Server


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with Server(tmp_path_factory.mktemp("home"), workers=2) as address:
        yield address


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance = random.Random(7)
    rows = ["customer,plan,monthly,joined,left"]
    for number in range(600):
        plan, monthly = chance.choice(["basic", "plus", "pro"]), chance.uniform(5, 95)
        risk = 0.15 + 0.4 * (plan == "basic") + 0.4 * (monthly > 60)
        left = "yes" if chance.random() < risk else "no"
        rows.append(f'C{number:05d},{plan},"$ {monthly:.2f}",2024-{number % 12 + 1:02d}-15,{left}')
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def _tenant(at: Address, name: str) -> tuple[str, str]:
    with Client(at.control_url, at.operator_key) as operator:
        operator.post("/api/v1/tenants", {"id": name})
    with Client(at.control_url, at.operator_key, name) as admin:
        keys = [admin.post("/api/v1/keys", {"role": role})["key"] for role in ("builder", "scorer")]
    return keys[0], keys[1]


def _train(control: Client, seed: int) -> str:
    wanted = {
        "target": "left",
        "positive_class": "yes",
        "key": "customer",
        "budget_cpu_seconds": 5,
        "seed": seed,
    }
    control.put("/api/v1/predictions/churn", wanted)
    job = control.post("/api/v1/predictions/churn/train", {})
    stages = [event["stage"] for event in control.events(f"/api/v1/jobs/{job['id']}/events")]
    assert len(set(stages)) >= 4, stages
    return str(control.get(f"/api/v1/jobs/{job['id']}")["state"])


def _until(true: Callable[[], bool]) -> bool:
    """Workers look for a new endpoint table four times a second."""
    until = time.monotonic() + 10
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    return true()


def test_a_model_is_born_served_renewed_rolled_back_and_never_seen_by_another_tenant(
    at: Address, table: Path
) -> None:
    builder, scorer = _tenant(at, "acme")
    other_builder, other_scorer = _tenant(at, "globex")
    record = {"plan": "basic", "monthly": "$ 80.00", "joined": "2024-03-15"}

    with Client(at.control_url, builder) as control, Client(at.data_url, scorer) as scoring:
        control.upload("/api/v1/datasets/churn", table)
        assert _train(control, seed=1) == "succeeded"
        card = control.get("/api/v1/models/churn/versions/champion/scorecard")
        roles = {column["name"]: column["role"] for column in card["columns"]}
        assert roles["customer"] == "key"
        assert roles["left"] == "target"
        assert roles["plan"] == roles["monthly"] == "feature"

        assert _until(lambda: scoring.status("/predict/churn", record)[0] == 200)
        high = scoring.post("/predict/churn?explain=2", record)["predictions"][0]
        low = scoring.post("/predict/churn", {"plan": "pro", "monthly": 10})["predictions"][0]
        assert high["score"] > 0.6
        assert low["score"] < 0.4
        assert high["label"] == "yes"
        assert {reason["column"] for reason in high["reasons"]} == {"plan", "monthly"}
        assert high["model_version"] == "1"

        assert _train(control, seed=2) == "succeeded"
        versions = control.get("/api/v1/models/churn/versions")["items"]
        assert [version["number"] for version in versions] == [2, 1]
        control.put("/api/v1/models/churn/aliases/champion", {"version": 2})
        assert _until(lambda: '"model_version":"2"' in scoring.status("/predict/churn", record)[1])
        control.post("/api/v1/models/churn/aliases/champion/rollback", {})
        assert _until(lambda: '"model_version":"1"' in scoring.status("/predict/churn", record)[1])

    with Client(at.control_url, other_builder) as control, Client(at.data_url, other_scorer) as scoring:
        assert control.get("/api/v1/models")["total"] == 0
        assert control.get("/api/v1/datasets")["total"] == 0
        assert control.get("/api/v1/jobs")["total"] == 0
        foreign = scoring.status("/predict/churn", record)
        assert foreign[0] == 404
        assert foreign == scoring.status("/predict/nothing-here", record)
