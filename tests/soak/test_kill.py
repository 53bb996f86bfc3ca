"""kill -9 at random points of train → register → promote: what is stored stays whole, and what serves goes on
serving.

Each round queues a training, starts a worker on it, and kills the worker, or the process that does the work,
at a random moment: after a random time, or a few milliseconds after a random stage was reached (most of the
time passes in learning, most of the danger lies after it). After each kill everything that is registered is
verified byte by byte, and the endpoint table's champion must score. In the end a worker is left alone, and
every job must have ended: well, or with a code. The first job and the last are left alone throughout: they must end
well, and are not counted.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.workflows.installation import table

from tenantry.app.services import Services, open_services
from tenantry.apps import PredictionDefinition
from tenantry.bundle import verify
from tenantry.plan import Plan
from tenantry.ports.jobs import FINAL_STATES, Job
from tenantry.routing import load_current
from tenantry.settings import load_settings
from tenantry.tenancy import tenant_id
from tenantry.workflows import request_training

ACME = tenant_id("acme")
KILLS = {"sample": 20, "full": 200}
SECONDS = 6.0
"""About how long one training takes here, from the start of its worker to its end."""
STAGES = ("ingest", "learn", "compile", "register", "gate", "promote", "publish")
RECORD = {"months": "3", "plan": "basic"}
_started: list[subprocess.Popen[bytes]] = []


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    overrides = {"home": str(tmp_path / "home"), "lease_seconds": "1", "log_level": "error"}
    opened = open_services(load_settings({}, overrides=overrides))
    opened.directory.create_tenant(ACME)
    yield opened
    while _started:
        worker = _started.pop()
        worker.kill()
        worker.wait()
    opened.close()


def _queue(services: Services, seed: int) -> Job:
    snapshot = services.datasets.save(ACME, "churn", table(120, seed), "soak").digest
    definition = PredictionDefinition(name="churn", target="churned", budget_cpu_seconds=1.0, seed=seed)
    return request_training(services, ACME, definition, snapshot=snapshot)


def _start_worker(services: Services) -> subprocess.Popen[bytes]:
    home = str(services.settings.home)
    environment = os.environ | {
        "TENANTRY_LEASE_SECONDS": "1",
        "TENANTRY_POLL_SECONDS": "0.05",
        "TENANTRY_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "tenantry.app.work", "--home", home]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _started.append(worker)
    return worker


def _task_of(worker: int) -> int | None:
    """The process that does the work, by its parent."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(words[1]) == worker and words[0] != "Z":
            return int(status.parent.name)
    return None


def _await_moment(services: Services, worker: subprocess.Popen[bytes], chance: random.Random) -> None:
    """Sleep until it is time to kill."""
    end = time.monotonic() + 60
    if chance.random() < 0.3:
        time.sleep(chance.uniform(0, SECONDS))
        return
    stage = chance.choice(STAGES)
    mark = {job.id: len(services.jobs.events(ACME, job.id)) for job in services.jobs.list(ACME, limit=5)}
    while time.monotonic() < end and worker.poll() is None:
        for job in services.jobs.list(ACME, limit=5):
            new = services.jobs.events(ACME, job.id)[mark.get(job.id, 0) :]
            if any(event.stage == stage for event in new):
                time.sleep(chance.uniform(0, 0.05))
                return
        if all(job.state in FINAL_STATES for job in services.jobs.list(ACME, limit=5)):
            return
        time.sleep(0.002)


def _check(services: Services) -> None:
    """Registry and store agree, and the champion that the table names scores."""
    registry = services.registry
    versions = {version.number: version for version in registry.versions(ACME, "churn")}
    assert sorted(versions) == list(range(1, len(versions) + 1))
    jobs = [version.summary["job"] for version in versions.values()]
    assert len(set(jobs)) == len(jobs), "a job registered two versions"
    for version in versions.values():
        manifest = verify(services.blobs, ACME, version.bundle)
        assert manifest.receipt == version.receipt
        assert services.datasets.load(ACME, version.snapshot).num_rows == manifest.data.rows
    aliases = registry.aliases(ACME, "churn")
    assert set(aliases.values()) <= set(versions)
    endpoints = load_current(services.settings.endpoints)
    assert endpoints is not None
    target = endpoints.resolve(ACME, "churn")
    assert target is not None
    assert int(target.version) in versions
    with_plan = Plan.open(services.settings.home / target.ref.path)
    (score,) = with_plan.score(RECORD)
    with_plan.close()
    assert 0.0 <= score <= 1.0


def _until_quiet(services: Services) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if all(job.state in FINAL_STATES for job in services.jobs.list(ACME, limit=1000)):
            return
        time.sleep(0.1)
    raise AssertionError("a job neither resumed nor failed")


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_kill_at_any_point_leaves_everything_whole(
    services: Services, request: pytest.FixtureRequest, record_property: object
) -> None:
    kills = KILLS[request.config.getoption("--soak")]
    chance = random.Random(20_240_305)
    unharmed = {_queue(services, 0).id}
    worker = _start_worker(services)
    _until_quiet(services)
    _check(services)
    for round_ in range(1, kills + 1):
        if all(job.state in FINAL_STATES for job in services.jobs.list(ACME, limit=1000)):
            _queue(services, round_)
        if worker.poll() is not None:
            worker = _start_worker(services)
        _await_moment(services, worker, chance)
        victim = _task_of(worker.pid) if chance.random() < 0.4 else worker.pid
        if victim is not None:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            if victim == worker.pid:
                worker.wait()
        _check(services)
    if worker.poll() is not None:
        worker = _start_worker(services)
    _until_quiet(services)
    # A worker that was started a moment ago need not listen to signals yet; one that has done a job does.
    unharmed.add(_queue(services, kills + 1).id)
    _until_quiet(services)
    worker.terminate()
    assert worker.wait(30) == 0
    services.publisher.publish()
    _check(services)
    _check_endings(services.jobs.list(ACME, limit=1000), unharmed, kills)


def _check_endings(jobs: Sequence[Job], unharmed: set[str], kills: int) -> None:
    """What nobody touched succeeded; of the others each did, or was killed in its last attempt, too."""
    assert {job.state for job in jobs if job.id in unharmed} == {"succeeded"}
    harmed = [job for job in jobs if job.id not in unharmed]
    for job in harmed:
        if job.state != "succeeded":
            assert (job.error or {}).get("code") in ("job_lost", "job_crashed")
            assert job.attempt == job.max_attempts, "a job was given up early"
    endings = {state: sum(job.state == state for job in harmed) for state in ("succeeded", "failed")}
    print(json.dumps({"kills": kills, **endings, "retried": sum(job.attempt > 1 for job in harmed)}))
    assert any(job.attempt > 1 for job in harmed)
