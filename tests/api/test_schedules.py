"""Schedules over the control API, beyond who may ask (``test_isolation``)."""

import httpx
import pytest
from tests.api.house import House

DAILY = {"every_seconds": 86_400}


def _refused(reply: httpx.Response, status: int, code: str) -> None:
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
    assert reply.json()["hint"]


def test_a_schedule_is_put_replaced_listed_and_removed(house: House) -> None:
    path = "/api/v1/schedules/nightly"
    wanted = {**DAILY, "prediction": "churn", "offset_seconds": 7_200}
    kept = house.admin("PUT", path, json=wanted)
    assert kept.status_code == 200
    due = kept.json()["next_due"]
    assert kept.json() == {**wanted, "name": "nightly", "dataset": "churn", "next_due": due}
    assert (due - 7_200) % 86_400 == 0
    again = house.admin("PUT", path, json={**wanted, "every_seconds": 21_600}).json()
    listed = house.admin("GET", "/api/v1/schedules").json()
    assert [one["name"] for one in listed["items"]] == ["churn", "nightly"]
    assert listed["items"][1] == again
    gone = house.admin("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    _refused(house.admin("DELETE", path), 404, "not_found")


@pytest.mark.parametrize(
    ("every", "offset"),
    [(0, 0), (-60, 0), (30, 0), (90, 0), (3600, 3600), (3600, -1), (400 * 86_400, 0), (10**30, 0)],
)
def test_times_that_cannot_be_kept_are_refused(house: House, every: int, offset: int) -> None:
    body = {"every_seconds": every, "offset_seconds": offset}
    _refused(house.admin("PUT", "/api/v1/schedules/churn", json=body), 400, "schedule_invalid")


def test_a_schedule_needs_a_prediction_and_a_data_set_that_are_there(house: House) -> None:
    path = "/api/v1/schedules/other"
    _refused(house.admin("PUT", path, json=DAILY), 404, "not_found")
    churn = {**DAILY, "prediction": "churn"}
    _refused(house.admin("PUT", path, json={**churn, "dataset": "nowhere"}), 404, "not_found")
    _refused(house.admin("PUT", path, json={"prediction": "churn"}), 400, "body_value")
    _refused(house.admin("PUT", "/api/v1/schedules/a%20b", json=churn), 400, "bad_name")
