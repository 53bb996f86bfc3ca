"""The leases table in dictionaries, under one lock."""

import builtins
import secrets
import threading
from collections.abc import Sequence
from typing import Any

import msgspec

from tenantry.access import Directory
from tenantry.ports.clock import Clock, SystemClock
from tenantry.ports.jobs import (
    RELEASED,
    Claim,
    Job,
    JobEvent,
    JobState,
    Schedule,
    check_schedule,
    due_key,
    job_lost,
    next_due,
    no_such_job,
    no_such_schedule,
)
from tenantry.tenancy import TenantId


class MemoryJobs:
    """The port ``Jobs``, for the tenants of a directory."""

    def __init__(self, directory: Directory, clock: Clock | None = None) -> None:
        self._directory = directory
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}  # in the order of enqueueing
        self._keys: dict[tuple[TenantId, str, str], str] = {}
        self._events: dict[str, list[JobEvent]] = {}
        self._served: dict[TenantId, int] = {}
        self._schedules: dict[tuple[TenantId, str], Schedule] = {}

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
        self._directory.tenant(tenant)
        with self._lock:
            if key is not None and (tenant, kind, key) in self._keys:
                return self._jobs[self._keys[tenant, kind, key]]
            now = self._clock.now()
            job = Job(
                id=f"job-{secrets.token_hex(8)}",
                tenant=tenant,
                kind=kind,
                payload=msgspec.to_builtins(payload),
                state="queued",
                attempt=0,
                max_attempts=max(1, max_attempts),
                stage="",
                progress=0.0,
                detail="",
                created=now,
                started=None,
                finished=None,
                not_before=now if not_before is None else not_before,
                owner=None,
                lease_until=None,
                cancel_requested=False,
                error=None,
                result=None,
            )
            if key is not None:
                self._keys[tenant, kind, key] = job.id
            self._served.setdefault(tenant, 0)
            return self._change(job)

    def claim(self, owner: str, kinds: Sequence[str], lease_seconds: float) -> Claim | None:
        """See ``Jobs.claim``."""
        with self._lock:
            ready = [job for job in self._jobs.values() if job.kind in kinds and self._ready(job)]
            if not ready:
                return None
            queued = [job.tenant for job in self._jobs.values() if job.state == "queued"]
            # min keeps the first of equals, which is the tenant's oldest ready job.
            turn = min(ready, key=lambda job: (self._served[job.tenant], queued.index(job.tenant)))
            return self._claim(owner, turn, lease_seconds)

    def claim_job(self, owner: str, tenant: TenantId, job_id: str, lease_seconds: float) -> Claim | None:
        """See ``Jobs.claim_job``."""
        with self._lock:
            job = self.get(tenant, job_id)
            return self._claim(owner, job, lease_seconds) if self._ready(job) else None

    def heartbeat(self, claim: Claim) -> bool:
        """See ``Jobs.heartbeat``."""
        with self._lock:
            job = self._held(claim)
            if job is not None:
                lease = self._clock.now() + claim.lease_seconds
                self._jobs[job.id] = msgspec.structs.replace(job, lease_until=lease)
            return job is not None

    def report(self, claim: Claim, stage: str, progress: float, detail: str) -> bool:
        """See ``Jobs.report``."""
        lease = self._clock.now() + claim.lease_seconds
        share = min(max(float(progress), 0.0), 1.0)
        return self._write(claim, stage=stage, progress=share, detail=detail, lease_until=lease)

    def succeed(self, claim: Claim, result: dict[str, Any]) -> bool:
        """See ``Jobs.succeed``."""
        return self._write(claim, **self._end("succeeded"), progress=1.0, detail="", result=result)

    def fail(self, claim: Claim, error: dict[str, Any], retry_in: float | None = None) -> bool:
        """See ``Jobs.fail``."""
        again = retry_in is not None and claim.attempt < claim.job.max_attempts
        values = self._requeue(retry_in or 0.0) if again else self._end("failed")
        return self._write(claim, **values, detail=str(error.get("error", ""))[:500], error=error)

    def release(self, claim: Claim) -> bool:
        """See ``Jobs.release``."""
        allowed = claim.job.max_attempts + 1
        return self._write(claim, **self._requeue(0.0), max_attempts=allowed, detail=RELEASED)

    def stop(self, claim: Claim) -> bool:
        """See ``Jobs.stop``."""
        with self._lock:
            job = self._owned(claim)
            if job is None or not job.cancel_requested:
                return False
            self._change(job, **self._end("cancelled"))
            return True

    def cancel(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Jobs.cancel``."""
        with self._lock:
            job = self.get(tenant, job_id)
            if job.state == "queued":
                return self._change(job, **self._end("cancelled"), cancel_requested=True)
            if job.state == "running" and not job.cancel_requested:
                return self._change(job, cancel_requested=True, detail="cancelling")
            return job

    def get(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Jobs.get``."""
        job = self._jobs.get(job_id)
        if job is None or job.tenant != tenant:
            raise no_such_job(job_id)
        return job

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
        with self._lock:
            return self._chosen(tenant, kind, state)[::-1][offset : offset + limit]

    def count(self, tenant: TenantId, *, kind: str | None = None, state: JobState | None = None) -> int:
        """See ``Jobs.count``."""
        with self._lock:
            return len(self._chosen(tenant, kind, state))

    def events(self, tenant: TenantId, job_id: str, after_seq: int = 0) -> builtins.list[JobEvent]:
        """See ``Jobs.events``."""
        with self._lock:
            self.get(tenant, job_id)
            return [event for event in self._events[job_id] if event.seq > after_seq][:1000]

    def expire(self) -> builtins.list[Job]:
        """See ``Jobs.expire``."""
        with self._lock:
            now = self._clock.now()
            running = [job for job in self._jobs.values() if job.state == "running"]
            return [self._lapse(job) for job in running if (job.lease_until or 0.0) <= now]

    def prune(self, finished_before: float) -> int:
        """See ``Jobs.prune``."""
        with self._lock:
            old = [
                job.id
                for job in self._jobs.values()
                if job.finished is not None and job.finished < finished_before
            ]
            for job_id in old:
                del self._jobs[job_id], self._events[job_id]
            self._keys = {key: job_id for key, job_id in self._keys.items() if job_id in self._jobs}
            return len(old)

    def put_schedule(self, schedule: Schedule) -> Schedule:
        """See ``Jobs.put_schedule``."""
        self._directory.tenant(schedule.tenant)
        check_schedule(schedule)
        with self._lock:
            place = (schedule.tenant, schedule.name)
            old = self._schedules.get(place)
            same = old is not None and _times(old) == _times(schedule)
            due = old.next_due if old is not None and same else next_due(schedule, self._clock.now())
            self._schedules[place] = msgspec.structs.replace(schedule, next_due=due)
            return self._schedules[place]

    def remove_schedule(self, tenant: TenantId, name: str) -> None:
        """See ``Jobs.remove_schedule``."""
        if self._schedules.pop((tenant, name), None) is None:
            raise no_such_schedule(name)

    def list_schedules(self, tenant: TenantId) -> builtins.list[Schedule]:
        """See ``Jobs.list_schedules``."""
        return [found for (owner, _), found in sorted(self._schedules.items()) if owner == tenant]

    def dispatch_due(self, now: float | None = None) -> builtins.list[Job]:
        """See ``Jobs.dispatch_due``."""
        moment = self._clock.now() if now is None else now
        with self._lock:
            before = set(self._jobs)
            due = [item for item in self._schedules.items() if item[1].next_due <= moment]
            for place, schedule in sorted(due, key=lambda item: (item[1].next_due, item[0])):
                later = next_due(schedule, moment)
                self._schedules[place] = msgspec.structs.replace(schedule, next_due=later)
                key = due_key(schedule, later - schedule.every_seconds)
                self.enqueue(schedule.tenant, schedule.kind, schedule.payload, key=key)
            return [job for job_id, job in self._jobs.items() if job_id not in before]

    def _ready(self, job: Job) -> bool:
        busy = any(other.state == "running" and other.tenant == job.tenant for other in self._jobs.values())
        return job.state == "queued" and job.not_before <= self._clock.now() and not busy

    def _claim(self, owner: str, job: Job, lease_seconds: float) -> Claim:
        now = self._clock.now()
        self._served[job.tenant] = max(self._served.values()) + 1
        taken = self._change(
            job,
            state="running",
            owner=owner,
            lease_until=now + lease_seconds,
            attempt=job.attempt + 1,
            started=now if job.started is None else job.started,
            error=None,
        )
        return Claim(job=taken, owner=owner, attempt=taken.attempt, lease_seconds=lease_seconds)

    def _owned(self, claim: Claim) -> Job | None:
        job = self._jobs.get(claim.job.id)
        mine = job is not None and (job.state, job.owner, job.attempt) == (
            "running",
            claim.owner,
            claim.attempt,
        )
        return job if mine else None

    def _held(self, claim: Claim) -> Job | None:
        job = self._owned(claim)
        return None if job is None or job.cancel_requested else job

    def _write(self, claim: Claim, **values: Any) -> bool:
        with self._lock:
            job = self._held(claim)
            if job is not None:
                self._change(job, **values)
            return job is not None

    def _change(self, job: Job, **values: Any) -> Job:
        changed = msgspec.structs.replace(job, **values)
        self._jobs[job.id] = changed
        events = self._events.setdefault(job.id, [])
        event = JobEvent(
            seq=len(events) + 1,
            at=self._clock.now(),
            state=changed.state,
            stage=changed.stage,
            progress=changed.progress,
            detail=changed.detail,
        )
        events.append(event)
        return changed

    def _end(self, state: JobState) -> dict[str, Any]:
        return {"state": state, "finished": self._clock.now(), "owner": None, "lease_until": None}

    def _requeue(self, retry_in: float) -> dict[str, Any]:
        return {
            "state": "queued",
            "not_before": self._clock.now() + retry_in,
            "owner": None,
            "lease_until": None,
        }

    def _lapse(self, job: Job) -> Job:
        if job.cancel_requested:
            return self._change(job, **self._end("cancelled"))
        if job.attempt < job.max_attempts:
            detail = f"taken back from a silent worker after attempt {job.attempt}"
            return self._change(job, **self._requeue(0.0), detail=detail)
        error = job_lost(job)
        return self._change(job, **self._end("failed"), detail=error["error"], error=error)

    def _chosen(self, tenant: TenantId, kind: str | None, state: JobState | None) -> builtins.list[Job]:
        return [
            job
            for job in self._jobs.values()
            if job.tenant == tenant and kind in {None, job.kind} and state in {None, job.state}
        ]


def _times(schedule: Schedule) -> tuple[int, int]:
    return schedule.every_seconds, schedule.offset_seconds
