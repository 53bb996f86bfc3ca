"""From a schedule to a new version: real jobs, a real worker, a real training.

A daily schedule for a minute ago is due by now if it was made by a clock that is behind.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from tests.workflows.installation import ACME, DEFINITION, open_home, table

from tenantry.app.services import Services, open_services
from tenantry.app.work import Worker
from tenantry.ports.jobs import FINAL_STATES, Job
from tenantry.tenancy import tenant_id
from tenantry.workflows import schedule_retraining

BETA = tenant_id("beta")


class Behind:
    """A clock ten minutes behind."""

    def now(self) -> float:
        return time.time() - 600


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_home(tmp_path / "home", ACME, BETA)
    for tenant in (ACME, BETA):
        opened.definitions.save(tenant, DEFINITION)
        opened.datasets.save(tenant, "customers", table(), "monday.csv")
    yield opened
    opened.close()


@contextmanager
def _working(services: Services) -> Iterator[None]:
    worker = Worker(services)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(30)


def _schedule_that_is_due(services: Services, *tenants: str) -> None:
    early = open_services(services.settings, clock=Behind())
    times = {"every_seconds": 86_400, "offset_seconds": int(time.time() - 60) % 86_400}
    try:
        for tenant in tenants:
            schedule_retraining(
                early, tenant_id(tenant), "daily", prediction="churn", dataset="customers", **times
            )
    finally:
        early.close()


def _ended(services: Services, tenant: str, seconds: float = 240.0) -> Job:
    """The tenant's first job, when it has come and ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        jobs = services.jobs.list(tenant_id(tenant))
        if jobs and jobs[-1].state in FINAL_STATES:
            return jobs[-1]
        time.sleep(0.05)
    raise AssertionError("no job ended in time")


def test_a_due_schedule_makes_a_version_of_todays_definition_and_data(services: Services) -> None:
    _schedule_that_is_due(services, ACME)
    services.definitions.save(ACME, msgspec.structs.replace(DEFINITION, exclude=("plan",)))
    latest = services.datasets.save(ACME, "customers", table(rows=90, seed=1), "tuesday.csv")
    with _working(services):
        job = _ended(services, ACME)
    assert job.state == "succeeded", job.error
    assert job.kind == "train"
    (version,) = services.registry.versions(ACME, "churn")
    assert (version.snapshot, version.summary["job"]) == (latest.digest, job.id)
    assert version.summary["rows"] == 90
    assert services.registry.aliases(ACME, "churn") == {"champion": 1}
    (kept,) = services.jobs.list_schedules(ACME)
    assert kept.next_due > job.created


def test_a_schedule_whose_prediction_is_gone_fails_its_job_and_hurts_nobody(services: Services) -> None:
    _schedule_that_is_due(services, ACME, BETA)
    services.definitions.delete(ACME, "churn")
    with _working(services):
        lost, other = _ended(services, ACME), _ended(services, BETA)
    assert (lost.state, lost.attempt) == ("failed", 1)
    assert lost.error is not None
    assert lost.error["code"] == "schedule_target_gone"
    assert "'daily'" in lost.error["error"]
    assert "'churn'" in lost.error["error"]
    assert "schedule remove" in lost.error["hint"]
    assert other.state == "succeeded", other.error
