"""Rows of jobs: reading them, writing their events, and whose turn it is. Each function runs in its caller's
transaction.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.tables import QUEUED, RUNNING, job_events, job_turns, jobs
from tenantry.ports.jobs import Job, JobEvent, JobState, no_such_job
from tenantry.tenancy import TenantId


def job_of(row: sa.Row[Any]) -> Job:
    """A row as a value."""
    values = {name: getattr(row, name) for name in Job.__struct_fields__}
    values["progress"] = float(values["progress"])  # SQLite's RETURNING gives a whole number as an int
    for name in ("payload", "error", "result"):
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name])
    return Job(**values)


def find_job(connection: sa.Connection, tenant: TenantId, job_id: str) -> Job:
    """Raises ``NotFound`` for a job that is not this tenant's."""
    row = connection.execute(jobs.select().where(jobs.c.tenant == tenant, jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise no_such_job(job_id)
    return job_of(row)


def change_job(
    connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]], values: dict[str, Any], now: float
) -> Job | None:
    """Change the one job that the conditions hold for, and write the event; ``None`` where they hold for
    none.
    """
    change = jobs.update().where(*where).values(**values).returning(*jobs.c)
    row = connection.execute(change).one_or_none()
    if row is None:
        return None
    job = job_of(row)
    write_event(connection, job, now)
    return job


def write_event(connection: sa.Connection, job: Job, now: float) -> None:
    """Remember how a job stands. The caller has written the job's row: so events of one job come one by one."""
    event = {"job": job.id, "at": now, "state": job.state, "stage": job.stage, "progress": job.progress}
    connection.execute(_NEW_EVENT, event | {"detail": job.detail, "of": job.id})


def events_after(connection: sa.Connection, job_id: str, after_seq: int, limit: int) -> list[JobEvent]:
    """A job's events, oldest first."""
    later = job_events.select().where(job_events.c.job == job_id, job_events.c.seq > after_seq)
    return [
        JobEvent(
            seq=row.seq, at=row.at, state=row.state, stage=row.stage, progress=row.progress, detail=row.detail
        )
        for row in connection.execute(later.order_by(job_events.c.seq).limit(limit))
    ]


def note_waiting(database: Database, connection: sa.Connection, tenant: TenantId) -> None:
    """Keep ``job_turns`` true to the jobs, after any change of what is queued."""
    # PostgreSQL: one writer of a tenant at a time counts what is queued (SQLite has one writer anyhow).
    connection.execute(job_turns.select().where(job_turns.c.tenant == tenant).with_for_update())
    queued = sa.select(sa.func.min(jobs.c.seq)).where(jobs.c.tenant == tenant, jobs.c.state == QUEUED)
    oldest = connection.execute(queued).scalar()
    if oldest is None:
        connection.execute(job_turns.update().where(job_turns.c.tenant == tenant).values(waiting=False))
        return
    statement = database.insert(job_turns).values(tenant=tenant, served=0, waiting=True, since=oldest)
    changed = {"waiting": True, "since": oldest}
    connection.execute(statement.on_conflict_do_update(index_elements=["tenant"], set_=changed))


def take_turn(connection: sa.Connection, tenant: TenantId) -> None:
    """Put a tenant at the end of the line."""
    last = sa.select(sa.func.max(job_turns.c.served)).scalar_subquery()
    connection.execute(job_turns.update().where(job_turns.c.tenant == tenant).values(served=last + 1))


def next_ready(connection: sa.Connection, kinds: Sequence[str], now: float) -> str | None:
    """The id of the job that is next: of the tenant served longest ago, with none running, the oldest ready
    one.
    """
    values: dict[str, Any] = {"kinds": list(kinds), "now": now}
    tenant = connection.execute(_NEXT_TENANT, values).scalar()
    if tenant is None:
        return None
    found: str | None = connection.execute(_OLDEST_READY, values | {"of": tenant}).scalar()
    return found


# Built once: workers ask several times a second, and building takes longer than running.
_EARLIER = job_events.alias("earlier")
_NUMBER = (
    sa.select(sa.func.coalesce(sa.func.max(_EARLIER.c.seq), 0) + 1)
    .where(_EARLIER.c.job == sa.bindparam("of"))
    .scalar_subquery()
)
_NEW_EVENT = job_events.insert().values(seq=_NUMBER)
_READY = sa.and_(
    jobs.c.state == QUEUED,
    jobs.c.not_before <= sa.bindparam("now"),
    jobs.c.kind.in_(sa.bindparam("kinds", expanding=True)),
)
_RUNNING_JOBS = jobs.alias("running")
_NEXT_TENANT = (
    sa.select(job_turns.c.tenant)
    .where(
        job_turns.c.waiting,
        sa.exists().where(jobs.c.tenant == job_turns.c.tenant, _READY),
        ~sa.exists().where(_RUNNING_JOBS.c.tenant == job_turns.c.tenant, _RUNNING_JOBS.c.state == RUNNING),
    )
    .order_by(job_turns.c.served, job_turns.c.since, job_turns.c.tenant)
    .limit(1)
)
_OLDEST_READY = (
    sa.select(jobs.c.id).where(jobs.c.tenant == sa.bindparam("of"), _READY).order_by(jobs.c.seq).limit(1)
)


def chosen_jobs(tenant: TenantId, kind: str | None, state: JobState | None) -> list[sa.ColumnElement[bool]]:
    """The conditions of a list of jobs."""
    chosen = [jobs.c.tenant == tenant]
    if kind is not None:
        chosen.append(jobs.c.kind == kind)
    if state is not None:
        chosen.append(jobs.c.state == state)
    return chosen
