"""Tables published under full load: no error, no version that was not to answer, revoked keys refused in time."""

import bisect
import time
from pathlib import Path

import pytest
from tests.soak.scoring import Installation, Load, Outcome, supervised, targets

CHANGES = {"sample": 60, "full": 1000}
PAUSE_SECONDS = 0.05
BOUND_SECONDS = 2.0
"""Within which every worker must go by a published table."""


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_answer_is_of_a_version_that_the_rules_allowed(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    house = Installation(tmp_path)
    house.publish(1)
    begun, ended = [0.0], [0.0]  # of each version's publication; version n is at n - 1
    with supervised(tmp_path) as url, Load(url, targets()) as load:
        for version in range(2, 2 + CHANGES[request.config.getoption("--soak")]):
            begun.append(time.monotonic())
            house.publish(version)
            ended.append(time.monotonic())
            time.sleep(PAUSE_SECONDS)
        time.sleep(BOUND_SECONDS)
        settled = time.monotonic()
        time.sleep(0.3)
    outcomes = load.watch.outcomes
    assert [one for one in outcomes if one.status != 200] == []
    assert [one for one in outcomes if one.score != house.expected(one.tenant, one.version)] == []
    assert [one for one in outcomes if not allowed(one, begun, ended)] == []
    last = len(begun)
    assert {one.version for one in outcomes if one.sent > settled} == {last}
    seen = len({one.version for one in outcomes})
    print({"changes": last - 1, "requests": len(outcomes), "versions seen": seen})
    assert seen > (ended[-1] - begun[1]) / BOUND_SECONDS, "tables were not taken while they came"


def allowed(one: Outcome, begun: list[float], ended: list[float]) -> bool:
    """Published before the answer, and not replaced for longer than the bound when the request was sent."""
    newest = bisect.bisect_right(begun, one.done)
    oldest = max(1, bisect.bisect_right(ended, one.sent - BOUND_SECONDS))
    return oldest <= one.version <= newest


@pytest.mark.soak
def test_a_revoked_key_is_refused_within_two_seconds_under_load(tmp_path: Path) -> None:
    house = Installation(tmp_path)
    house.publish(1)
    with supervised(tmp_path) as url, Load(url, targets()) as load:
        time.sleep(0.5)
        house.revoked = {3}
        revoked = time.monotonic()
        house.publish(2)
        time.sleep(BOUND_SECONDS + 1.0)
    theirs = [one for one in load.watch.outcomes if one.tenant == 3]
    late = [one for one in theirs if one.status == 200 and one.sent > revoked + BOUND_SECONDS]
    assert late == []
    assert {one.status for one in theirs} == {200, 401}
    assert not any(one.status == 401 for one in theirs if one.done < revoked)
    assert {one.status for one in load.watch.outcomes if one.tenant != 3} == {200}
    last = max(one.sent for one in theirs if one.status == 200)
    print({"last answer after": round(last - revoked, 3)})
