"""Rollouts from start to decision: real stores, a real scoring worker, real segments, real tables."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.house import ACME, House

from tenantry.access import Role
from tenantry.app.scoring import Place, ScoringWorker
from tenantry.deployments.rollouts_keeper import RolloutKeeper
from tenantry.routing.observed import KIND
from tenantry.serving import Response, Scheduler
from tenantry.serving.work import Work

ROLLOUTS = "/api/v1/models/churn/rollouts"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "home")
    made.services.publisher.publish()
    yield made
    made.close()


@pytest.fixture
def keeper(house: House) -> RolloutKeeper:
    services = house.services
    spool = services.settings.home / "spool"
    return RolloutKeeper(services.rollouts, services.registry, services.publisher, services.clock, spool)


def score(house: House, requests: int, workers: int = 8) -> dict[str, int]:
    """Requests through worker after worker, each of which hands over what it saw; rule and version, counted."""
    rules: dict[str, int] = {}
    for number in range(workers):
        for reply in asyncio.run(_worker(house, number, requests // workers)):
            assert reply.status == 200, reply.body
            told = dict(reply.headers)
            rule = f"{told[b'x-tenantry-rule'].decode()} {told[b'x-tenantry-version'].decode()}"
            rules[rule] = rules.get(rule, 0) + 1
    return rules


async def _worker(house: House, number: int, requests: int) -> list[Response]:
    worker = ScoringWorker(Place(home=house.services.settings.home, worker=number, workers=8))
    scheduler = worker.start()
    replies = [await _one(worker, scheduler, house, f"{number}-{one}") for one in range(requests)]
    while len(scheduler) or scheduler.waiting_for_models:  # shadows, when nobody else wants the worker
        await asyncio.sleep(0.001)
    await worker.close()
    return replies


async def _one(worker: ScoringWorker, scheduler: Scheduler, house: House, request: str) -> Response:
    headers = {
        b"authorization": b"Bearer " + house.keys[ACME, Role.SCORER].encode(),
        b"x-request-id": request.encode(),
    }
    work = worker.core.begin("POST", "/predict/churn", b"", headers)
    assert isinstance(work, Work), work.body
    reply: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    scheduler.submit(work, b'{"tenure": %d}' % (len(request) * 7), reply.set_result)
    return await reply


def test_a_canary_that_is_not_worse_becomes_champion(house: House, keeper: RolloutKeeper) -> None:
    wanted = {
        "challenger": 1,
        "share": 0.5,
        "objective": "errors",
        "promote": "not-worse",
        "margin": 0.05,
        "max_shift": 0.99,
        "min_requests": 300,
        "latency_factor": 50,
    }
    started = house.admin("POST", ROLLOUTS, json=wanted)
    assert started.status_code == 201, started.text
    rollout = started.json()["id"]

    rules = score(house, 800)
    assert set(rules) == {f"{rollout} 1", "default 2"}
    assert 320 <= rules[f"{rollout} 1"] <= 480
    assert [one.id for one in keeper.step()] == [rollout]

    shown = house.admin("GET", f"{ROLLOUTS}/{rollout}").json()
    assert (shown["state"], shown["lacking"]) == ("promoted", "")
    assert shown["challenger"]["requests"] == rules[f"{rollout} 1"]
    assert shown["champion"]["requests"] == rules["default 2"]
    assert shown["challenger"]["latency_p50_ms"] > 0
    assert shown["reason"].startswith("shown to be not worse: errors 0 % of ")
    assert house.services.registry.aliases(ACME, "churn")["champion"] == 1
    # The alias moved and the rule went in one publication.
    assert score(house, 40) == {"default 1": 40}


def test_a_shadow_is_compared_answer_by_answer_and_nobody_gets_its_answers(
    house: House, keeper: RolloutKeeper
) -> None:
    wanted = {"challenger": 1, "shadow": True, "promote": "not-worse"}
    rollout = house.admin("POST", ROLLOUTS, json=wanted).json()["id"]
    assert score(house, 160) == {"default 2": 160}
    keeper.step()
    shown = house.admin("GET", f"{ROLLOUTS}/{rollout}").json()
    assert shown["champion"]["requests"] == shown["challenger"]["requests"] == 160
    assert 0 <= shown["agreement"] <= 1
    assert shown["worst_difference"] >= shown["mean_difference"] >= 0
    assert {one["name"] for one in shown["guards"]} == {"errors", "latency", "shift", "agreement", "reward"}


def test_a_stopped_rollouts_rule_is_gone_from_the_table(house: House) -> None:
    rollout = house.admin("POST", ROLLOUTS, json={"challenger": 1, "share": 0.9}).json()["id"]
    assert f"{rollout} 1" in score(house, 16, workers=1)
    assert house.admin("POST", f"{ROLLOUTS}/{rollout}/stop").json()["state"] == "stopped"
    assert score(house, 16, workers=1) == {"default 2": 16}


def test_nothing_is_left_in_the_spool(house: House, keeper: RolloutKeeper) -> None:
    house.admin("POST", ROLLOUTS, json={"challenger": 1})
    score(house, 16, workers=2)
    spool = house.services.settings.home / "spool" / KIND
    assert len(list(spool.iterdir())) == 2
    keeper.step()
    assert list(spool.iterdir()) == []
