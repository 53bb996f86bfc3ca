"""KServe's clients, unmodified, in an environment of their own: they bring sixty packages with pins of theirs.

Part of the soak sample, which CI runs: the environment comes from the package index.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.clients.conftest import Served
from tests.serving.plans import small_plan

from tenantry.plan import Plan

VERSION = "0.21.0"
ROWS = [
    {"tenure": 1.0, "Contract": "One year"},
    {"tenure": 24.0, "Contract": "Zwölf"},
    {"tenure": 70.0, "Contract": ""},
]
pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of an environment with kserve, kept between runs."""
    cache = request.config.cache
    assert cache is not None
    folder = Path(cache.mkdir(f"kserve-{VERSION}"))
    found, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", found]
        subprocess.run([*install, f"kserve=={VERSION}"], check=True)
        done.touch()
    return found


def test_kserve_clients(served: Served, python: Path) -> None:
    script = Path(__file__).with_name("kserve_asks.py")
    run = subprocess.run(
        [python, "-W", "ignore", script, f"http://{served.http}", served.grpc],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    plan = Plan.from_bytes(small_plan())
    scores = [plan.score(row)[0] for row in ROWS]
    labels = ["Yes" if score >= 0.5 else "No" for score in scores]
    answer = {"model": "churn", "id": "r-7", "score": scores, "label": labels}
    # Of a reply over REST this client forgets the version, though it is there.
    for edge, version in (("rest", None), ("rpc", "1")):
        assert (told[edge]["live"], told[edge]["ready"], told[edge]["model_ready"]) == (True, True, True)
        for form in ("typed", "raw"):
            assert told[edge][form] == {**answer, "version": version}, (edge, form)
        assert "no such model" in told[edge]["error"][1]
    assert told["rpc"]["not_ready"] is False
    assert (told["rest"]["error"][0], told["rpc"]["error"][0]) == (404, "NOT_FOUND")
