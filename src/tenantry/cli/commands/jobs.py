"""``tenantry job list|show|cancel``."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from tenantry.cli.follow import follow
from tenantry.cli.session import Injected, Session
from tenantry.cli.show import pairs, table, when
from tenantry.ports.jobs import FINAL_STATES, Job

_app = App(name="job", help="Look at trainings and other long work.", help_format="plaintext")
_State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(_app)


@_app.command(name="list")
def list_(*, session: Injected, state: _State | None = None) -> None:
    """List jobs, newest first.

    Parameters
    ----------
    state
        Only the jobs in this state.
    """
    jobs = session.backend.jobs(session.tenant, state)
    columns = ("job", "kind", "state", "stage", "progress", "created")
    rows = [
        (job.id, job.kind, job.state, job.stage, f"{job.progress:.0%}", when(job.created)) for job in jobs
    ]
    session.emit(jobs, lambda: table(session.out, columns, rows))


@_app.command
def show(
    job_id: str,
    /,
    *,
    session: Injected,
    wait: Annotated[bool, Parameter(name="--follow", negative="")] = False,
) -> None:
    """Show one job.

    Parameters
    ----------
    job_id
        The job's id, as 'tenantry job list' shows it.
    wait
        Follow the job until it ends, first. Where no server runs, a queued job is run.
    """
    job = session.backend.job(session.tenant, job_id)
    if wait and job.state not in FINAL_STATES:
        job = follow(session, session.tenant, job_id)
    session.emit(job, lambda: _show(session, job))


@_app.command
def cancel(job_id: str, /, *, session: Injected) -> None:
    """Ask for a job's end; a running one stops within seconds.

    Parameters
    ----------
    job_id
        The job's id.
    """
    job = session.backend.cancel_job(session.tenant, job_id)
    if job.state == "cancelled":
        said = "cancelled"
    elif job.state in FINAL_STATES:
        said = f"had ended before: {job.state}"
    else:
        said = f"{job.state}, cancel asked for"
    session.emit(job, lambda: session.out.print(f"{job.id} {said}", markup=False))


def _show(session: Session, job: Job) -> None:
    shown = [
        ("job", job.id),
        ("kind", job.kind),
        ("state", job.state),
        # A failed job's detail is its error, which follows.
        ("stage", f"{job.stage} {job.progress:.0%} {'' if job.error else job.detail}".strip()),
        ("attempt", f"{job.attempt} of {job.max_attempts}"),
        ("created", when(job.created)),
        ("started", "" if job.started is None else when(job.started)),
        ("finished", "" if job.finished is None else when(job.finished)),
    ]
    if job.error:
        shown += [("error", f"{job.error.get('error')} [{job.error.get('code')}]")]
        shown += [("hint", str(job.error.get("hint", "")))]
    for name, value in (job.result or {}).items():
        shown.append((name, str(value)))
    pairs(session.out, shown)
