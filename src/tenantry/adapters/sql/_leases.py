"""Leases as rows: which row a claim holds, and what is written where it ends, is given back or runs out."""

from typing import Any

import msgspec
import sqlalchemy as sa

from tenantry.adapters.sql.tables import RUNNING, jobs
from tenantry.ports.jobs import Claim, Job, JobState, job_lost


def owned(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    """The row of a claim, as long as nobody else has taken the job over."""
    return (
        jobs.c.id == claim.job.id,
        jobs.c.tenant == claim.job.tenant,
        jobs.c.state == RUNNING,
        jobs.c.owner == claim.owner,
        jobs.c.attempt == claim.attempt,
    )


def held(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    """The same, as long as the job is not to be cancelled either."""
    return (*owned(claim), ~jobs.c.cancel_requested)


def end(state: JobState, now: float) -> dict[str, Any]:
    """What a job's end writes: nobody has it any more."""
    return {"state": state, "finished": now, "owner": None, "lease_until": None}


def requeue(not_before: float) -> dict[str, Any]:
    """What gives a job back to the queue."""
    return {"state": "queued", "not_before": not_before, "owner": None, "lease_until": None}


def lapse(job: Job, now: float) -> dict[str, Any]:
    """What becomes of a job whose worker fell silent."""
    if job.cancel_requested:
        return end("cancelled", now)
    if job.attempt < job.max_attempts:
        return requeue(now) | {"detail": f"taken back from a silent worker after attempt {job.attempt}"}
    error = job_lost(job)
    return end("failed", now) | {"detail": error["error"], "error": json_text(error)}


def json_text(value: dict[str, Any]) -> str:
    """A JSON column's value."""
    return msgspec.json.encode(value).decode()
