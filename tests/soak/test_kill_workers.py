"""kill -9 of scoring workers under load: only what was on its way to the dead one fails, and nobody gets a wrong
answer.
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from tests.soak.scoring import RECORD, Installation, Load, ask, gone, key, pid_of, supervised, targets

KILLS = {"sample": 6, "full": 50}
APART = (1.0, 5.0)
"""Seconds from a kill to the next, at random, and so is the victim: now and then it is one that has just begun."""
RATE = 500.0
"""Requests a second: a load that leaves a new process the CPU to start."""
RECOVERED_SECONDS = 2.0
BODY = str(RECORD).replace("'", '"').encode()


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_only_requests_on_their_way_to_a_killed_worker_fail(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    size = request.config.getoption("--soak")
    house = Installation(tmp_path)
    house.publish(1)
    chance = random.Random(7)
    dead: list[tuple[float, float]] = []
    recovered: list[float] = []
    with supervised(tmp_path) as url, Load(url, targets(), rate=RATE) as load:
        known = both_workers(url)
        for _ in range(KILLS[size]):
            victim = pid_of(tmp_path, f"serve-{chance.randrange(2)}")
            assert victim is not None
            killed = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            while not gone(victim):
                time.sleep(0.001)
            dead.append((killed, time.monotonic()))
            recovered.append(until_a_new_worker_answers(url, known, killed))
            time.sleep(max(0.0, killed + chance.uniform(*APART) - time.monotonic()))
    outcomes = load.watch.outcomes
    wrong = [
        one for one in outcomes if one.status == 200 and one.score != house.expected(one.tenant, one.version)
    ]
    assert wrong == []
    assert {one.version for one in outcomes if one.status == 200} == {1}
    assert {one.status for one in outcomes} <= {200, 0}, "a worker's death must not show as an error reply"
    lost = [one for one in outcomes if one.status == 0]
    assert {one.why for one in lost} <= {"connection_lost"}
    for one in lost:
        # On its way: sent before the process was gone, and given up as soon as it was.
        assert any(one.sent <= end + 0.02 and killed <= one.done <= end + 1.0 for killed, end in dead), one
    assert len(lost) <= 16 * len(dead)
    print(
        {
            "kills": len(dead),
            "requests": len(outcomes),
            "lost": len(lost),
            "slowest": round(max(recovered), 2),
        }
    )
    assert max(recovered) < RECOVERED_SECONDS


def both_workers(url: str) -> set[str]:
    """What tells the two processes apart in their request ids."""
    known: set[str] = set()
    until = time.monotonic() + 30
    while len(known) < 2:
        assert time.monotonic() < until
        known.add(answering(url))
    return known


def answering(url: str) -> str:
    """The process that scores a request on a new connection."""
    status, request_id = ask(url, "POST", "/predict/m", key(0), BODY)
    assert status == 200
    return request_id.rpartition("-")[0]


def until_a_new_worker_answers(url: str, known: set[str], since: float) -> float:
    """Seconds from the kill until a process that nobody had heard of scores: on new connections, which the workers
    take in turn as they come.
    """
    while True:
        worker = answering(url)
        now = time.monotonic()
        if worker not in known:
            known.add(worker)
            return now - since
        assert now - since < 30
        time.sleep(0.005)
