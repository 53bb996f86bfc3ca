"""``tenantry schedule set|list|remove``."""

import re
from typing import Annotated

from cyclopts import App, Parameter

from tenantry.cli.session import Injected, UsageError
from tenantry.cli.show import table, when
from tenantry.cli.spans import seconds_of, span

_app = App(
    name="schedule",
    help="Train again by the clock, on the latest data. The workers of 'tenantry up' do it.",
    help_format="plaintext",
)
_DAY = 86_400


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(_app)


@_app.command(name="set")
def set_(
    name: str,
    /,
    *,
    session: Injected,
    every: Annotated[str, Parameter(help="How often: 1d, 6h or 30m; at least a minute.")],
    at: Annotated[str | None, Parameter(help="A time of day at which it is due, HH:MM in UTC.")] = None,
    prediction: str | None = None,
    dataset: str | None = None,
) -> None:
    """Create or replace a schedule. Each due time gives one training job.

    Parameters
    ----------
    name
        The schedule's name.
    prediction
        The prediction to train; by default the one that has the schedule's name.
    dataset
        The data set whose latest snapshot is trained on; by default the one that has the prediction's name.
    """
    period = seconds_of("--every", every)
    offset = 0 if at is None else _offset(at, every, period)
    kept = session.backend.put_schedule(session.tenant, name, period, offset, prediction, dataset)
    said = f"{kept.name}: {kept.prediction} on the latest {kept.dataset}, next at {when(kept.next_due)}"
    session.emit(kept, lambda: session.out.print(said, markup=False, soft_wrap=True))


@_app.command(name="list")
def list_(*, session: Injected) -> None:
    """List the tenant's schedules."""
    schedules = session.backend.schedules(session.tenant)
    columns = ("schedule", "prediction", "data set", "every", "next")
    rows = [
        (one.name, one.prediction, one.dataset, span(one.every_seconds), when(one.next_due))
        for one in schedules
    ]
    session.emit(schedules, lambda: table(session.out, columns, rows))


@_app.command
def remove(name: str, /, *, session: Injected) -> None:
    """End a schedule. Jobs that it made already go on.

    Parameters
    ----------
    name
        The schedule's name.
    """
    session.backend.remove_schedule(session.tenant, name)
    session.emit({"removed": name}, lambda: session.out.print(f"{name} removed", markup=False))


def _offset(at: str, every: str, period: int) -> int:
    """Seconds into the period at which the time of day lies."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", at, re.ASCII)
    if found is None:
        raise UsageError(f"--at {at!r} is not a time of day such as 02:00")
    if period <= 0 or (_DAY % period and period % _DAY):
        raise UsageError(f"--at takes a period that divides the day, or whole days: {every!r} drifts")
    return (int(found[1]) * 3600 + int(found[2]) * 60) % period
