"""The leases table: durable jobs in the database (the contract is in ``ports.jobs``).

Each write of a worker names the owner and the attempt that it holds in its WHERE clause; a write that finds
no row was stale. Polling reads first, so that idle workers never take the write lock.
"""

import builtins
import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from tenantry.adapters.sql import _schedules
from tenantry.adapters.sql._job_rows import (
    change_job,
    chosen_jobs,
    events_after,
    find_job,
    job_of,
    next_ready,
    note_waiting,
    take_turn,
    write_event,
)
from tenantry.adapters.sql._leases import end, held, json_text, lapse, owned, requeue
from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.directory import require_tenant
from tenantry.adapters.sql.tables import QUEUED, RUNNING, jobs
from tenantry.ports.clock import Clock, SystemClock
from tenantry.ports.jobs import RELEASED, Claim, Job, JobEvent, JobState, Schedule
from tenantry.tenancy import TenantId

_EVENTS_AT_ONCE = 1000
_PRUNE_AT_ONCE = 500


class SqlJobs:
    """The port ``Jobs`` over a database."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def enqueue(
        self,
        tenant: TenantId,
        kind: str,
        payload: dict[str, Any],
        *,
        key: str | None = None,
        not_before: float | None = None,
        max_attempts: int = 3,
    ) -> Job:
        """See ``Jobs.enqueue``."""
        with self._database.write() as connection:
            require_tenant(connection, tenant)
            job, _ = self._enqueue(connection, tenant, kind, payload, key, not_before, max_attempts)
        return job

    def claim(self, owner: str, kinds: Sequence[str], lease_seconds: float) -> Claim | None:
        """See ``Jobs.claim``."""
        with self._database.read() as connection:
            if next_ready(connection, kinds, self._clock.now()) is None:
                return None
        try:
            with self._database.write() as connection:
                chosen = next_ready(connection, kinds, self._clock.now())
                return None if chosen is None else self._claim(connection, owner, chosen, lease_seconds)
        except (
            sa.exc.IntegrityError
        ):  # PostgreSQL only: another worker took a job of this tenant at the same time
            return None

    def claim_job(self, owner: str, tenant: TenantId, job_id: str, lease_seconds: float) -> Claim | None:
        """See ``Jobs.claim_job``."""
        busy = sa.select(sa.exists().where(jobs.c.tenant == tenant, jobs.c.state == RUNNING))
        try:
            with self._database.write() as connection:
                job = find_job(connection, tenant, job_id)
                ready = job.state == "queued" and job.not_before <= self._clock.now()
                if not ready or connection.execute(busy).scalar():
                    return None
                return self._claim(connection, owner, job_id, lease_seconds)
        except sa.exc.IntegrityError:  # as above
            return None

    def heartbeat(self, claim: Claim) -> bool:
        """See ``Jobs.heartbeat``."""
        with self._database.write() as connection:
            change = (
                jobs.update().where(*held(claim)).values(lease_until=self._clock.now() + claim.lease_seconds)
            )
            return connection.execute(change).rowcount == 1

    def report(self, claim: Claim, stage: str, progress: float, detail: str) -> bool:
        """See ``Jobs.report``."""
        lease = self._clock.now() + claim.lease_seconds
        share = min(max(progress, 0.0), 1.0)
        return self._write(claim, stage=stage, progress=share, detail=detail, lease_until=lease)

    def succeed(self, claim: Claim, result: dict[str, Any]) -> bool:
        """See ``Jobs.succeed``."""
        return self._write(
            claim, **end("succeeded", self._clock.now()), progress=1.0, detail="", result=json_text(result)
        )

    def fail(self, claim: Claim, error: dict[str, Any], retry_in: float | None = None) -> bool:
        """See ``Jobs.fail``."""
        now = self._clock.now()
        again = retry_in is not None and claim.attempt < claim.job.max_attempts
        values = requeue(now + (retry_in or 0.0)) if again else end("failed", now)
        return self._write(claim, **values, detail=str(error.get("error", ""))[:500], error=json_text(error))

    def release(self, claim: Claim) -> bool:
        """See ``Jobs.release``."""
        values = requeue(self._clock.now()) | {"max_attempts": jobs.c.max_attempts + 1}
        return self._write(claim, **values, detail=RELEASED)

    def stop(self, claim: Claim) -> bool:
        """See ``Jobs.stop``."""
        now = self._clock.now()
        with self._database.write() as connection:
            mine = (*owned(claim), jobs.c.cancel_requested)
            return change_job(connection, mine, end("cancelled", now), now) is not None

    def cancel(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Jobs.cancel``."""
        now = self._clock.now()
        mine = (jobs.c.tenant == tenant, jobs.c.id == job_id)
        with self._database.write() as connection:
            values = end("cancelled", now) | {"cancel_requested": True}
            if change_job(connection, (*mine, jobs.c.state == QUEUED), values, now):
                note_waiting(self._database, connection, tenant)
            running = (*mine, jobs.c.state == RUNNING, ~jobs.c.cancel_requested)
            change_job(connection, running, {"cancel_requested": True, "detail": "cancelling"}, now)
            return find_job(connection, tenant, job_id)

    def get(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Jobs.get``."""
        with self._database.read() as connection:
            return find_job(connection, tenant, job_id)

    def list(
        self,
        tenant: TenantId,
        *,
        kind: str | None = None,
        state: JobState | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> builtins.list[Job]:
        """See ``Jobs.list``."""
        chosen = (
            jobs.select()
            .where(*chosen_jobs(tenant, kind, state))
            .order_by(jobs.c.created.desc(), jobs.c.seq.desc())
        )
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(chosen.limit(limit).offset(offset))]

    def count(self, tenant: TenantId, *, kind: str | None = None, state: JobState | None = None) -> int:
        """See ``Jobs.count``."""
        chosen = sa.select(sa.func.count()).select_from(jobs).where(*chosen_jobs(tenant, kind, state))
        with self._database.read() as connection:
            return int(connection.execute(chosen).scalar_one())

    def events(self, tenant: TenantId, job_id: str, after_seq: int = 0) -> builtins.list[JobEvent]:
        """See ``Jobs.events``."""
        with self._database.read() as connection:
            find_job(connection, tenant, job_id)
            return events_after(connection, job_id, after_seq, _EVENTS_AT_ONCE)

    def expire(self) -> builtins.list[Job]:
        """See ``Jobs.expire``."""
        now = self._clock.now()
        lapsed = sa.and_(jobs.c.state == RUNNING, jobs.c.lease_until <= now)
        with self._database.read() as connection:
            if connection.execute(sa.select(jobs.c.id).where(lapsed).limit(1)).first() is None:
                return []
        with self._database.write() as connection:
            found = [job_of(row) for row in connection.execute(jobs.select().where(lapsed))]
            changed = [
                change_job(connection, (jobs.c.id == job.id, lapsed), lapse(job, now), now) for job in found
            ]
            for job in found:
                note_waiting(self._database, connection, job.tenant)
        return [job for job in changed if job is not None]

    def prune(self, finished_before: float) -> int:
        """See ``Jobs.prune``. In slices, so that no other writer waits for long."""
        total = 0
        old = sa.select(jobs.c.seq).where(jobs.c.finished < finished_before).limit(_PRUNE_AT_ONCE)
        while True:
            with self._database.write() as connection:
                removed = connection.execute(
                    jobs.delete().where(jobs.c.seq.in_(old.scalar_subquery()))
                ).rowcount
            total += removed
            if removed < _PRUNE_AT_ONCE:
                return total

    def put_schedule(self, schedule: Schedule) -> Schedule:
        """See ``Jobs.put_schedule``."""
        with self._database.write() as connection:
            require_tenant(connection, schedule.tenant)
            return _schedules.put(self._database, connection, schedule, self._clock.now())

    def remove_schedule(self, tenant: TenantId, name: str) -> None:
        """See ``Jobs.remove_schedule``."""
        with self._database.write() as connection:
            _schedules.remove(connection, tenant, name)

    def list_schedules(self, tenant: TenantId) -> builtins.list[Schedule]:
        """See ``Jobs.list_schedules``."""
        with self._database.read() as connection:
            return _schedules.of_tenant(connection, tenant)

    def dispatch_due(self, now: float | None = None) -> builtins.list[Job]:
        """See ``Jobs.dispatch_due``."""
        moment = self._clock.now() if now is None else now
        with self._database.read() as connection:
            if not _schedules.due(connection, moment):
                return []
        made = []
        with self._database.write() as connection:
            for schedule in _schedules.due(connection, moment):
                key = _schedules.advance(connection, schedule, moment)
                job, new = self._enqueue(
                    connection, schedule.tenant, schedule.kind, schedule.payload, key, None, 3
                )
                if new:
                    made.append(job)
        return made

    def _enqueue(
        self,
        connection: sa.Connection,
        tenant: TenantId,
        kind: str,
        payload: dict[str, Any],
        key: str | None,
        not_before: float | None,
        max_attempts: int,
    ) -> tuple[Job, bool]:
        now = self._clock.now()
        values = {
            "id": f"job-{secrets.token_hex(8)}",
            "tenant": tenant,
            "kind": kind,
            "key": key,
            "payload": json_text(payload),
            "state": "queued",
            "attempt": 0,
            "max_attempts": max(1, max_attempts),
            "stage": "",
            "progress": 0.0,
            "detail": "",
            "created": now,
            "not_before": now if not_before is None else not_before,
            "cancel_requested": False,
        }
        statement = self._database.insert(jobs).values(values).on_conflict_do_nothing().returning(*jobs.c)
        row = connection.execute(statement).one_or_none()
        if row is None:
            same = jobs.select().where(jobs.c.tenant == tenant, jobs.c.kind == kind, jobs.c.key == key)
            return job_of(connection.execute(same).one()), False
        job = job_of(row)
        write_event(connection, job, now)
        note_waiting(self._database, connection, tenant)
        return job, True

    def _claim(
        self, connection: sa.Connection, owner: str, job_id: str, lease_seconds: float
    ) -> Claim | None:
        now = self._clock.now()
        values = {
            "state": "running",
            "owner": owner,
            "lease_until": now + lease_seconds,
            "attempt": jobs.c.attempt + 1,
            "started": sa.func.coalesce(jobs.c.started, now),
            "error": None,
        }
        job = change_job(connection, (jobs.c.id == job_id, jobs.c.state == QUEUED), values, now)
        if job is None:  # PostgreSQL only: taken in between
            return None
        take_turn(connection, job.tenant)
        note_waiting(self._database, connection, job.tenant)
        return Claim(job=job, owner=owner, attempt=job.attempt, lease_seconds=lease_seconds)

    def _write(self, claim: Claim, **values: Any) -> bool:
        now = self._clock.now()
        with self._database.write() as connection:
            job = change_job(connection, held(claim), values, now)
            if job is not None and job.state == "queued":
                note_waiting(self._database, connection, job.tenant)
        return job is not None
