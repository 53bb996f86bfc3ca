"""Rollouts over the control API, beyond who may ask (``test_isolation``)."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.api.house import House

from tenantry.api.resources.rollouts import MOST_OUTCOMES

PATH = "/api/v1/models/churn/rollouts"


def _refused(reply: httpx.Response, status: int, code: str) -> None:
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
    assert reply.json()["hint"]


@pytest.fixture
def rollout(house: House) -> Iterator[str]:
    """One that runs while the test does."""
    started = house.admin("POST", PATH, json={"challenger": 1, "share": 0.2})
    assert started.status_code == 201, started.text
    yield f"{PATH}/{started.json()['id']}"
    house.admin("POST", f"{PATH}/{started.json()['id']}/stop")


def test_a_rollout_is_started_shown_listed_and_stopped(house: House, rollout: str) -> None:
    shown = house.admin("GET", rollout).json()
    assert (shown["state"], shown["share"], shown["plan"]["promote"]) == ("running", 0.2, "better")
    assert (shown["champion"]["version"], shown["challenger"]["version"]) == (2, 1)
    assert shown["lacking"] == "the challenger has answered 0 of 500 requests"
    listed = house.admin("GET", PATH).json()
    assert listed["items"][0] == shown
    assert listed["total"] == len(listed["items"]) >= 2
    _refused(house.admin("POST", PATH, json={"challenger": 1}), 409, "rollout_running")
    stopped = house.admin("POST", f"{rollout}/stop").json()
    assert (stopped["state"], stopped["reason"]) == ("stopped", "stopped by request")
    assert house.admin("POST", f"{rollout}/stop").json() == stopped


def test_outcomes_are_kept_once_a_request(house: House, rollout: str) -> None:
    sent = [
        {"version": 1, "reward": 1, "request_id": "a"},
        {"version": 2, "reward": 0.25, "request_id": "b"},
        {"version": 2, "reward": 0.5},
    ]
    assert house.admin("POST", f"{rollout}/outcomes", json=sent).json() == {"kept": 3, "repeated": 0}
    assert house.admin("POST", f"{rollout}/outcomes", json=sent).json() == {"kept": 1, "repeated": 2}
    shown = house.admin("GET", rollout).json()
    assert (shown["challenger"]["rewards"], shown["challenger"]["reward_mean"]) == (1, 1.0)
    assert shown["champion"]["rewards"] == 3
    assert shown["champion"]["reward_mean"] == pytest.approx((0.25 + 0.5 + 0.5) / 3)
    assert shown["champion"]["reward_low"] < 0.4 < shown["champion"]["reward_high"]


@pytest.mark.parametrize(
    "outcomes",
    [
        [],
        {},
        [{"version": 1}],
        [{"version": 1, "reward": 1.5}],
        [{"version": 1, "reward": -0.1}],
        [{"version": "champion", "reward": 1}],
        [{"version": 1, "reward": 1, "why": "x"}],
        [{"version": 1, "reward": 1, "request_id": ""}],
        [{"version": 1, "reward": 1}] * (MOST_OUTCOMES + 1),
    ],
    ids=["none", "no list", "no reward", "too much", "too little", "an alias", "more", "no id", "too many"],
)
def test_outcomes_of_another_shape_are_refused_whole(house: House, rollout: str, outcomes: Any) -> None:
    _refused(house.admin("POST", f"{rollout}/outcomes", json=outcomes), 400, "body_value")


def test_outcomes_of_other_versions_or_too_late_are_refused(house: House, rollout: str) -> None:
    good, other = {"version": 1, "reward": 1}, {"version": 7, "reward": 1}
    _refused(house.admin("POST", f"{rollout}/outcomes", json=[good, other]), 400, "rollout_invalid")
    assert house.admin("GET", rollout).json()["challenger"]["rewards"] == 0
    house.admin("POST", f"{rollout}/stop")
    _refused(house.admin("POST", f"{rollout}/outcomes", json=[good]), 409, "rollout_ended")


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ({}, "body_value"),
        ({"challenger": 1, "share": 0}, "body_value"),
        ({"challenger": 1, "share": 1.1}, "body_value"),
        ({"challenger": 1, "objective": "profit"}, "body_value"),
        ({"challenger": 1, "promote": "always"}, "body_value"),
        ({"challenger": 1, "sticky": "weather"}, "body_value"),
        ({"challenger": 1, "horizon_hours": 0}, "body_value"),
        ({"challenger": 1, "min_requests": 0}, "body_value"),
        ({"challenger": 1, "margn": 0.1}, "body_value"),
        ({"challenger": 1, "share": 0.95}, "rollout_invalid"),
        ({"challenger": 2}, "rollout_invalid"),
        ({"challenger": "champion"}, "rollout_invalid"),
        ({"challenger": 1, "shadow": True, "objective": "errors"}, "rollout_invalid"),
    ],
)
def test_what_could_not_be_decided_is_refused(house: House, plan: dict[str, Any], code: str) -> None:
    _refused(house.admin("POST", PATH, json=plan), 400, code)


def test_versions_and_models_that_are_not_there_are_not_found(house: House) -> None:
    _refused(house.admin("POST", PATH, json={"challenger": 9}), 404, "not_found")
    _refused(house.admin("POST", "/api/v1/models/none/rollouts", json={"challenger": 1}), 404, "not_found")
    _refused(house.admin("GET", "/api/v1/models/none/rollouts"), 404, "not_found")


def test_the_rule_stands_before_the_deployments_own(house: House, rollout: str) -> None:
    own = {"rules": [{"name": "mine", "action": {"kind": "alias", "alias": "champion"}}]}
    assert house.admin("PUT", "/api/v1/models/churn/routes", json=own).status_code == 200
    table = house.services.publisher.publish()
    names = [rule.name for rule in table.endpoints[house.services.directory.tenants()[0].id]["churn"].rules]
    assert names == [rollout.rpartition("/")[2], "mine"]
    assert house.admin("PUT", "/api/v1/models/churn/routes", json={"rules": []}).status_code == 200
