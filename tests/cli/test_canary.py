"""``tenantry canary`` in this process and through a server."""

import json
import shutil
import time
from pathlib import Path

import httpx
import pytest
from tests.cli.conftest import Run


@pytest.fixture
def home(furnished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(furnished, tmp_path / "home"))


def _canary(tenantry: Run, home: Path, *words: str) -> list[str]:
    return ["--home", str(home), "--tenant", "acme", "canary", *words]


def test_a_canary_without_a_server(tenantry: Run, home: Path) -> None:
    _check(tenantry, home)


def test_a_canary_through_a_server(tenantry: Run, served: Path) -> None:
    _check(tenantry, served)


def _check(tenantry: Run, home: Path) -> None:
    options = ("--challenger", "1", "--share", "0.2", "--objective", "latency", "--max-shift", "0.5")
    started = tenantry(*_canary(tenantry, home, "start", "churn", *options, "--json"))
    assert started.status == 0, started.err
    rollout = started.json["id"]
    assert started.json["plan"]["objective"] == "latency"
    assert (started.json["share"], started.json["plan"]["max_shift"]) == (0.2, 0.5)

    shown = tenantry(*_canary(tenantry, home, "status", "churn"))
    assert shown.status == 0
    for text in (rollout, "canary of 20 %", "better at latency", "champion 2", "challenger 1", "guard rail"):
        assert text in shown.out
    listed = tenantry(*_canary(tenantry, home, "list", "churn"))
    assert rollout in listed.out
    assert "1 against 2" in listed.out

    again = tenantry(*_canary(tenantry, home, "start", "churn", "--challenger", "1"))
    assert (again.status, "rollout_running" in again.err) == (1, True)
    stopped = tenantry(*_canary(tenantry, home, "stop", "churn", "--json"))
    assert (stopped.status, stopped.json["id"], stopped.json["state"]) == (0, rollout, "stopped")
    named = tenantry(*_canary(tenantry, home, "status", "churn", rollout, "--json"))
    assert named.json == stopped.json


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["start", "churn"], "challenger"),
        (["start", "churn", "--challenger", "1", "--share", "2"], "--share"),
        (["start", "churn", "--challenger", "1", "--min-requests", "0"], "--min-requests"),
        (["start", "churn", "--challenger", "1", "--sticky", "weather"], "--sticky"),
        (["start", "churn", "--challenger", "1", "--objective", "profit"], "--objective"),
    ],
)
def test_wrong_usage_names_the_option(tenantry: Run, home: Path, words: list[str], said: str) -> None:
    done = tenantry(*_canary(tenantry, home, *words))
    assert done.status == 2
    assert said in done.err


def test_no_rollout_is_said_in_words(tenantry: Run, home: Path) -> None:
    unknown = tenantry(*_canary(tenantry, home, "status", "churn", "rollout-none"))
    assert (unknown.status, "not_found" in unknown.err) == (1, True)
    assert tenantry(*_canary(tenantry, home, "status", "nothing")).status == 1


def test_a_servers_traffic_comes_into_the_report(tenantry: Run, served: Path) -> None:
    started = tenantry(
        *_canary(tenantry, served, "start", "churn", "--challenger", "1", "--share", "0.5", "--json")
    )
    rollout = started.json["id"]
    facts = json.loads((served / "run" / "server.json").read_text())
    key = (served / "operator.key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}", "X-Tenant": "acme"}
    rules = set()
    until = time.monotonic() + 20
    with httpx.Client(base_url=facts["data_url"], headers=headers, trust_env=False) as client:
        while time.monotonic() < until:
            reply = client.post("/predict/churn", json={"tenure": 3})
            assert reply.status_code == 200, reply.text
            rules.add(reply.headers["x-tenantry-rule"])
            shown = tenantry(*_canary(tenantry, served, "status", "churn", "--json")).json
            if shown["champion"]["requests"] and shown["challenger"]["requests"]:
                break
            time.sleep(0.05)
    assert rules == {rollout, "default"}
    assert shown["champion"]["latency_p50_ms"] > 0
    assert shown["challenger"]["score_mean"] > 0
    assert tenantry(*_canary(tenantry, served, "stop", "churn", "--json")).json["state"] == "stopped"
