"""Jobs: trainings and other long work, followed by server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from tenantry.api.control import ControlPlane
from tenantry.api.route import Call, Page, Paging, Route, Scope
from tenantry.errors import InvalidRequest
from tenantry.ports.jobs import FINAL_STATES, Job, JobEvent, JobState
from tenantry.tenancy import TenantId

POLL_SECONDS = 0.2
QUIET_SECONDS = 15.0
"""A comment is sent after this long without an event, so that proxies keep the connection open."""


class JobsQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the jobs, all or those in one state."""

    state: JobState | None = None


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events after this number; the header ``Last-Event-ID`` wins."""

    after: Annotated[int, msgspec.Meta(ge=0)] = 0


def list_jobs(call: Call) -> Page[Job]:
    """List the jobs, newest first."""
    query: JobsQuery = call.query
    jobs, total = call.control.list_jobs(call.tenant, query.state, query.limit, query.offset)
    return Page(items=tuple(jobs), total=total, limit=query.limit, offset=query.offset)


def show_job(call: Call) -> Job:
    """Show one job."""
    return call.control.job(call.tenant, call.path["job"])


def cancel_job(call: Call) -> Job:
    """Ask for a job's end.

    A queued job is cancelled at once, a running one within a few seconds; a finished one is returned as
    it is."""
    return call.control.cancel_job(call.tenant, call.path["job"])


async def stream_job_events(call: Call) -> Response:
    """Follow a job by server-sent events, until it ends.

    Each event's id is its number, its name the job's state, its data the event as JSON. A client that comes
    back with ``Last-Event-ID`` misses nothing.
    """
    tenant, job_id, control = call.tenant, call.path["job"], call.control
    last = call.request.headers.get("last-event-id", "")
    if last and not (last.isascii() and last.isdigit() and len(last) < 19):
        raise InvalidRequest("header_value", "Last-Event-ID is not an event's number")
    after = int(last) if last else call.query.after
    await run_in_threadpool(control.job, tenant, job_id)  # a 404 before the stream begins
    return StreamingResponse(
        _events(control, tenant, job_id, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _events(control: ControlPlane, tenant: TenantId, job_id: str, after: int) -> AsyncIterator[bytes]:
    quiet = 0.0
    while True:
        # The state is read before the events: what ended by then has all its events listed.
        job = await run_in_threadpool(control.job, tenant, job_id)
        events = await run_in_threadpool(control.job_events, tenant, job_id, after)
        for event in events:
            after = event.seq
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (
                event.seq,
                event.state.encode(),
                msgspec.json.encode(event),
            )
        if job.state in FINAL_STATES and not events:
            return
        quiet = 0.0 if events else quiet + POLL_SECONDS
        if quiet >= QUIET_SECONDS:
            quiet = 0.0
            yield b": waiting\n\n"
        if not events:
            await asyncio.sleep(POLL_SECONDS)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/jobs",
        scope=Scope.TENANT,
        action="jobs:read",
        handler=list_jobs,
        query=JobsQuery,
        reply=Page[Job],
    ),
    Route(
        method="GET",
        path="/api/v1/jobs/{job}",
        scope=Scope.TENANT,
        action="jobs:read",
        handler=show_job,
        reply=Job,
    ),
    Route(
        method="POST",
        path="/api/v1/jobs/{job}/cancel",
        scope=Scope.TENANT,
        action="jobs:write",
        handler=cancel_job,
        reply=Job,
    ),
    Route(
        method="GET",
        path="/api/v1/jobs/{job}/events",
        scope=Scope.TENANT,
        action="jobs:read",
        handler=stream_job_events,
        query=EventsQuery,
        reply=JobEvent,
        media="text/event-stream",
    ),
)
