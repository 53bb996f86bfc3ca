"""The control process dead under load: scoring goes on as if nothing were."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.house import ACME, House
from tests.soak.scoring import RECORD, Load, ask, facts, pid_of, wait_until_ready

from tenantry.access import Role
from tenantry.loadtest import Target
from tenantry.plan import Plan
from tenantry.routing import load_current

SECONDS = {"sample": 5.0, "full": 60.0}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A home folder with ``tenantry up`` on it, and a scorer's key."""
    home = tmp_path / "home"
    house = House(home)
    secret = house.keys[ACME, Role.SCORER]
    house.close()
    shutil.rmtree(home / "run", ignore_errors=True)
    words = ["--home", str(home), "up", "--port", "0", "--control-port", "0", "--workers", "2"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tenantry.cli", *words], stdout=subprocess.DEVNULL, stderr=log
        )
    wait_until_ready(home, process)
    yield home, secret
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_no_score_fails_while_the_control_process_is_dead(
    server: tuple[Path, str], request: pytest.FixtureRequest
) -> None:
    home, secret = server
    seconds = SECONDS[request.config.getoption("--soak")]
    found = load_current(home / "endpoints")
    assert found is not None
    target = found.resolve(ACME, "churn")
    assert target is not None
    with Plan.open(home / target.ref.path) as plan:
        expected = plan.score(RECORD)[0]
    told = facts(home)
    eventually_answers(told["control_url"])
    one = Target(tenant=ACME, model="churn", key=secret)
    with Load(str(told["data_url"]), [one]) as load:
        kills, answered = keep_dead(home, told["control_url"], seconds)
    outcomes = load.watch.outcomes
    assert [one for one in outcomes if one.status != 200] == []
    assert {one.score for one in outcomes} == {expected}
    assert kills
    assert answered == 0, "the control API answered while it was to be dead"
    eventually_answers(told["control_url"])
    print({"seconds": seconds, "kills": kills, "scores": len(outcomes)})


def keep_dead(home: Path, control: object, seconds: float) -> tuple[int, int]:
    """Kill the control process as often as the supervisor starts it; returns the kills, and how often the control API
    answered.
    """
    kills = answered = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pid = pid_of(home, "web")
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
        time.sleep(0.02)
        answered += answers(control) if kills % 10 == 1 else 0
    return kills, answered


def answers(url: object) -> bool:
    connection = http.client.HTTPConnection(str(url).removeprefix("http://"), timeout=0.2)
    try:
        connection.request("GET", "/api/v1")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def eventually_answers(url: object) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            if ask(url, "GET", "/api/v1")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        assert time.monotonic() < until
        time.sleep(0.1)
