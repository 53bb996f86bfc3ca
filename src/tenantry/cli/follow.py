"""A job's stages on stderr, as they happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tenantry.cli.session import Session
from tenantry.errors import (
    Cancelled,
    Conflict,
    TenantryError,
)
from tenantry.ports.jobs import FINAL_STATES, Job, JobEvent
from tenantry.tenancy import TenantId


class _Display(Protocol):
    def show(self, event: JobEvent) -> None: ...


def follow(session: Session, tenant: TenantId, job_id: str) -> Job:
    """Follow a job to its end and return it. Raises the job's own error where it failed,
    ``Cancelled("job_cancelled")`` where it was cancelled, ``Conflict("job_running")`` where another job
    of the tenant keeps it waiting."""
    with _display(session) as display, session.backend.follow(tenant, job_id) as events:
        for event in events:
            display.show(event)
    job = session.backend.job(tenant, job_id)
    if job.state == "succeeded":
        return job
    if job.state == "cancelled":
        raise Cancelled("job_cancelled", f"job {job_id} was cancelled")
    if job.state not in FINAL_STATES:
        raise Conflict(
            "job_running", f"job {job_id} is {job.state}: another one of this tenant's may be running"
        )
    raise error_of(job)


def error_of(job: Job) -> TenantryError:
    """The error that a failed job ended with."""
    error: dict[str, Any] = job.error or {}
    return TenantryError(
        error.get("code", "internal"),
        error.get("error", f"job {job.id} failed"),
        hint=error.get("hint", ""),
        details=error.get("details"),
    )


@contextmanager
def _display(session: Session) -> Iterator[_Display]:
    """A live bar on a terminal; one line a stage elsewhere; nothing where JSON was asked for and nobody
    looks."""
    if session.err.is_terminal:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
        )
        with Progress(*columns, console=session.err) as progress:
            yield _Bar(progress)
    else:
        yield _Lines(session)


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("queued", total=1.0, detail="")

    def show(self, event: JobEvent) -> None:
        self._progress.update(
            self._task,
            description=event.stage or event.state,
            completed=1.0 if event.state == "succeeded" else event.progress,
            detail=event.detail[:100],
        )


class _Lines:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._said = ""

    def show(self, event: JobEvent) -> None:
        stage = event.stage or event.state
        if stage != self._said:
            self._said = stage
            self._session.note(f"{event.progress:4.0%} {stage} {event.detail}".rstrip())
