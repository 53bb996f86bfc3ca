"""Durable jobs, by tenant: the contract that every job store keeps.

**Life of a job.** ``queued`` → ``running`` → ``succeeded`` | ``failed`` | ``cancelled``. A running job goes
back to ``queued`` when its worker fails it with ``retry_in``, or when its lease runs out; both only while
``attempt`` is below ``max_attempts``. It goes back too when its worker releases it, which costs no attempt:
``max_attempts`` rises by one, since ``attempt`` tells claims apart and never falls. The last three states are
final: nothing changes a finished job.

**Ownership.** ``claim`` hands a job to one worker until ``lease_until``, and raises ``attempt`` by one;
``heartbeat`` extends the lease by its length. Every write of a worker carries its ``Claim``, and takes effect
only where the job is still running under that owner *and* that attempt and no cancel was asked for; otherwise
nothing changes and the call returns ``False``: the worker then must stop its work (kill its process group)
and call ``stop``. So the work of a dead worker is taken over once, and what it still writes afterwards is
refused. Work may be done twice, hence each effect of a job must be idempotent.

**Fairness.** One job of a tenant runs at a time. Among tenants with ready work, the one served longest ago is
next (of those never served, the one whose oldest queued job is oldest); within a tenant, the oldest ready job.

**Cancel.** A queued job is cancelled at once. A running one is marked; its worker learns it at the next
heartbeat or report, stops the work and calls ``stop``, which makes it ``cancelled``. Where the worker is
dead, ``expire`` does. Until then the tenant's next job waits, since the work may still run.

**Schedules.** A schedule enqueues a job at fixed times; ``dispatch_due`` is called about once a minute by any
number of processes, and each due time gives one job, ever. Times missed while nothing ran are made up by one
job, not by many.

All methods are safe to call from several threads and processes at once. Times are seconds since the epoch
(UTC) by the store's clock. Payloads, results and errors are plain JSON values. Names of another tenant behave
as if nonexistent: ``NotFound("not_found")``.
"""

import builtins
import random
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from tenantry.errors import InvalidRequest, NotFound, Unavailable
from tenantry.tenancy import TenantId, name_of

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
RELEASED = "given back by a worker that was stopped"
"""The detail of a job after ``release``."""
FINAL_STATES: frozenset[JobState] = frozenset({"succeeded", "failed", "cancelled"})


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work and all that is known of it. ``progress`` is 0–1; ``error`` has the keys of
    ``TenantryError.as_dict``."""

    id: str
    tenant: TenantId
    kind: str
    payload: dict[str, Any]
    state: JobState
    attempt: int
    max_attempts: int
    stage: str
    progress: float
    detail: str
    created: float
    started: float | None
    finished: float | None
    not_before: float
    owner: str | None
    lease_until: float | None
    cancel_requested: bool
    error: dict[str, Any] | None
    result: dict[str, Any] | None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to write to a job: it holds while the job runs under this owner and this attempt."""

    job: Job
    owner: str
    attempt: int
    lease_seconds: float


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a job. ``seq`` counts from 1 within its job, so it tells nothing of any other job;
    ``Last-Event-ID`` carries it."""

    seq: int
    at: float
    state: JobState
    stage: str
    progress: float
    detail: str


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Enqueue ``kind`` with ``payload`` whenever ``(time - offset_seconds)`` is a multiple of
    ``every_seconds``.

    Times are UTC: daily at 02:00 is ``every_seconds=86400, offset_seconds=7200``. ``next_due`` is set by the
    store.
    """

    tenant: TenantId
    name: str
    kind: str
    payload: dict[str, Any]
    every_seconds: int
    offset_seconds: int = 0
    next_due: float = 0.0


class Jobs(Protocol):
    """See the module for the contract."""

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
        """Queue a job. With an idempotency ``key``, a second call for the same tenant and kind returns the
        first job, whatever its state is by then.
        """
        ...

    def claim(self, owner: str, kinds: Sequence[str], lease_seconds: float) -> Claim | None:
        """Take the next ready job of these kinds, or ``None``. ``owner`` must be unique to the worker
        process.
        """
        ...

    def claim_job(self, owner: str, tenant: TenantId, job_id: str, lease_seconds: float) -> Claim | None:
        """Take this one job where it is ready and its tenant has no other running; for work done in the
        foreground.
        """
        ...

    def heartbeat(self, claim: Claim) -> bool:
        """Extend the lease. ``False``: lost or cancelled; stop the work."""
        ...

    def report(self, claim: Claim, stage: str, progress: float, detail: str) -> bool:
        """Say how far the work is; extends the lease too. Callers limit the rate (each call is a durable
        event).
        """
        ...

    def succeed(self, claim: Claim, result: dict[str, Any]) -> bool:
        """End the job well."""
        ...

    def fail(self, claim: Claim, error: dict[str, Any], retry_in: float | None = None) -> bool:
        """End the attempt. With ``retry_in`` seconds, and attempts left, the job is queued again; else it
        failed.
        """
        ...

    def release(self, claim: Claim) -> bool:
        """Give an unfinished job back: it is queued again at once, with as many attempts left as before."""
        ...

    def stop(self, claim: Claim) -> bool:
        """The work of this claim has stopped after a refused write. Ends a job whose cancel was asked for as
        ``cancelled``; ``False`` where the claim was lost to somebody else."""
        ...

    def cancel(self, tenant: TenantId, job_id: str) -> Job:
        """Ask for the end of a job; a finished one is returned as it is."""
        ...

    def get(self, tenant: TenantId, job_id: str) -> Job:
        """Raises ``NotFound``."""
        ...

    def list(
        self,
        tenant: TenantId,
        *,
        kind: str | None = None,
        state: JobState | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> builtins.list[Job]:
        """Newest first."""
        ...

    def count(self, tenant: TenantId, *, kind: str | None = None, state: JobState | None = None) -> int:
        """How many ``list`` would give without its limit."""
        ...

    def events(self, tenant: TenantId, job_id: str, after_seq: int = 0) -> builtins.list[JobEvent]:
        """What happened after ``after_seq``, oldest first; at most 1,000."""
        ...

    def expire(self) -> builtins.list[Job]:
        """Take back jobs whose lease has run out: cancelled where that was asked for, queued again while
        attempts are left, else failed with code ``job_lost``. Returns them in their new state.
        """
        ...

    def prune(self, finished_before: float) -> int:
        """Forget finished jobs and their events; returns how many."""
        ...

    def put_schedule(self, schedule: Schedule) -> Schedule:
        """Create or replace by (tenant, name). Raises ``InvalidRequest("schedule_invalid")``."""
        ...

    def remove_schedule(self, tenant: TenantId, name: str) -> None:
        """Raises ``NotFound``."""
        ...

    def list_schedules(self, tenant: TenantId) -> builtins.list[Schedule]:
        """By name."""
        ...

    def dispatch_due(self, now: float | None = None) -> builtins.list[Job]:
        """Enqueue a job for each schedule whose time has come; returns the new jobs."""
        ...


def retry_delay(attempt: int, *, base: float = 2.0, limit: float = 300.0) -> float:
    """Seconds to wait before the next try: ``base × 2^(attempt-1)`` up to ``limit``, of which a random half
    is taken off ("equal jitter"), so that many jobs that failed together do not come back together.

    >>> 1.0 <= retry_delay(1) <= 2.0 and 4.0 <= retry_delay(3) <= 8.0 and retry_delay(99) <= 300.0
    True
    """
    full = min(limit, base * 2.0 ** min(max(attempt, 1) - 1, 30))
    return full / 2 + random.random() * full / 2


def next_due(schedule: Schedule, now: float) -> float:
    """The first due time after ``now``."""
    periods = int((now - schedule.offset_seconds) // schedule.every_seconds) + 1
    return float(periods * schedule.every_seconds + schedule.offset_seconds)


def check_schedule(schedule: Schedule) -> None:
    """Raises ``InvalidRequest("schedule_invalid")`` or ``InvalidRequest("bad_name")``."""
    name_of(schedule.name)
    every, offset = schedule.every_seconds, schedule.offset_seconds
    if every < 60 or every % 60:
        raise InvalidRequest(
            "schedule_invalid", f"schedule {schedule.name!r} has a period of {every} seconds"
        )
    if not 0 <= offset < every:
        raise InvalidRequest(
            "schedule_invalid", f"schedule {schedule.name!r} has an offset of {offset} of {every} seconds"
        )


def due_key(schedule: Schedule, due: float) -> str:
    """The idempotency key of one due time of a schedule."""
    return f"schedule:{schedule.name}:{int(due)}"


def job_lost(job: Job) -> dict[str, Any]:
    """The error of a job whose last attempt ended in silence."""
    message = f"the worker of job {job.id} fell silent in attempt {job.attempt} of {job.max_attempts}"
    return Unavailable("job_lost", message).as_dict()


def no_such_schedule(name: str) -> NotFound:
    """The one error for a schedule that is not this tenant's, be it another's or nobody's."""
    return NotFound(
        "not_found",
        f"there is no schedule {name[:80]!r}",
        unnamed="there is no schedule of that name for this tenant",
    )


def no_such_job(job_id: str) -> NotFound:
    """The one error for a job that is not this tenant's, be it another's or nobody's."""
    return NotFound(
        "not_found",
        f"there is no job {job_id[:80]!r}",
        unnamed="there is no job with that id for this tenant",
    )
