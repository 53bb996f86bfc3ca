"""Real worker processes over one database: every job is done once, and a killed worker's job is taken over once."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenantry.adapters.sql import Database, SqlDirectory, SqlJobs, open_database
from tenantry.ports.jobs import Job, Schedule
from tenantry.tenancy import TenantId

TENANTS = [TenantId(f"tenant-{number}") for number in range(5)]

# Claims and finishes jobs until none are left, and says what it did.
WORKER = """
import json, sys
from tenantry.adapters.sql import SqlJobs, open_database
jobs = SqlJobs(open_database(sys.argv[1]))
sys.stdin.readline()
idle = 0
while idle < 50:
    claim = jobs.claim(sys.argv[2], ["train"], 30.0)
    if claim is None:
        idle += 1
        continue
    idle = 0
    done = jobs.report(claim, "work", 0.5, "") and jobs.succeed(claim, {"by": sys.argv[2]})
    print(json.dumps([claim.job.id, done]), flush=True)
"""

# Claims one job and then goes silent, as a stopped process does.
SILENT = """
import sys, time
from tenantry.adapters.sql import SqlJobs, open_database
claim = SqlJobs(open_database(sys.argv[1])).claim("silent", ["train"], float(sys.argv[2]))
print(claim.job.id, flush=True)
time.sleep(600)
"""


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tenantry.db'}"


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    opened = open_database(address)
    for tenant in TENANTS:
        SqlDirectory(opened).create_tenant(tenant)
    yield opened
    opened.close()


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def await_state(jobs: SqlJobs, job: Job, state: str) -> Job:
    """Call ``expire`` until the job is in the state; the test's own time limit ends a wait in vain."""
    while jobs.get(job.tenant, job.id).state != state:
        jobs.expire()
        time.sleep(0.02)
    return jobs.get(job.tenant, job.id)


def test_two_workers_do_every_job_once(address: str, database: Database) -> None:
    jobs = SqlJobs(database)
    made = {jobs.enqueue(tenant, "train", {}).id for tenant in TENANTS for _ in range(20)}
    workers = [start(WORKER, address, f"worker-{number}") for number in range(2)]
    said = [worker.communicate("go\n")[0] for worker in workers]
    done = [json.loads(line) for text in said for line in text.splitlines()]
    assert Counter(job_id for job_id, _ in done) == Counter(made)
    assert all(accepted for _, accepted in done)
    assert all(jobs.count(tenant, state="succeeded") == 20 for tenant in TENANTS)


def test_a_killed_workers_job_is_taken_over_once_and_only_after_its_lease(
    address: str, database: Database
) -> None:
    jobs = SqlJobs(database)
    job = jobs.enqueue(TENANTS[0], "train", {})
    waiting = jobs.enqueue(TENANTS[0], "train", {})
    holder = start(SILENT, address, "2.0")
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == job.id
    holder.kill()
    holder.communicate()
    held = jobs.get(job.tenant, job.id)
    assert (jobs.expire(), jobs.claim("other", ["train"], 30.0)) == ([], None)
    back = await_state(jobs, job, "queued")
    assert held.lease_until is not None
    assert back.attempt == 1
    assert time.time() >= held.lease_until
    taken = jobs.claim("other", ["train"], 30.0)
    assert taken is not None
    assert (taken.job.id, taken.attempt) == (job.id, 2)
    assert jobs.claim("third", ["train"], 30.0) is None
    assert jobs.succeed(taken, {})
    assert jobs.get(waiting.tenant, waiting.id).state == "queued"


def test_a_worker_that_comes_back_too_late_changes_nothing(database: Database) -> None:
    jobs = SqlJobs(database)
    job = jobs.enqueue(TENANTS[0], "train", {})
    late = jobs.claim("late", ["train"], 0.05)
    assert late is not None
    await_state(jobs, job, "queued")
    taken = jobs.claim("quick", ["train"], 30.0)
    assert taken is not None
    assert not jobs.succeed(late, {"by": "late"})
    assert not jobs.report(late, "late", 0.5, "")
    assert jobs.succeed(taken, {"by": "quick"})
    assert jobs.get(job.tenant, job.id).result == {"by": "quick"}


def test_many_dispatchers_give_one_job_a_due_time(address: str, database: Database) -> None:
    program = (
        "import sys; from tenantry.adapters.sql import SqlJobs, open_database\n"
        "jobs = SqlJobs(open_database(sys.argv[1]))\n"
        "sys.stdin.readline()\n"
        "[jobs.dispatch_due(4_000_000_000.0 + 60 * minute) for minute in range(10)]"
    )
    SqlJobs(database).put_schedule(
        Schedule(tenant=TENANTS[0], name="often", kind="train", payload={}, every_seconds=60)
    )
    for process in [start(program, address) for _ in range(3)]:
        process.communicate("go\n")
        assert process.returncode == 0
    assert SqlJobs(database).count(TENANTS[0]) == 10
