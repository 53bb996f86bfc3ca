"""``tenantry policy list|set|remove``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, TypeVar

import msgspec
from cyclopts import App, Parameter

from tenantry.admission import Policy
from tenantry.cli.session import Injected, UsageError, wrong_option
from tenantry.cli.show import table

T = TypeVar("T", bound=msgspec.Struct)

_app = App(
    name="policy",
    help="SLO classes: how the requests of a deployment are treated. 'tenantry model policy' gives a model its class.",
    help_format="plaintext",
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Figures:
    """What may be set; what is not given stays as it is."""

    priority: Annotated[int | None, Parameter(help="1 is the highest of 4; the lowest is shed first.")] = None
    objective_ms: Annotated[float | None, Parameter(help="99 of 100 requests are answered in this time.")] = (
        None
    )
    deadline_ms: Annotated[float | None, Parameter(help="An answer after this time is worth nothing.")] = None
    concurrency: Annotated[int | None, Parameter(help="Most requests at a time, waiting ones too.")] = None
    requests_per_second: Annotated[float | None, Parameter(help="Most requests a second; 0: no limit.")] = (
        None
    )
    rows_per_second: Annotated[float | None, Parameter(help="Most rows a second; 0: no limit.")] = None
    burst_seconds: Annotated[float | None, Parameter(help="Seconds' worth of a rate at once.")] = None
    memory_share: Annotated[float | None, Parameter(help="Largest share of a worker's model memory.")] = None
    log_share: Annotated[float | None, Parameter(help="Share of requests in the inference log.")] = None


_FIGURES = Figures()


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(_app)


@_app.command(name="list")
def list_(*, session: Injected) -> None:
    """List the SLO classes."""
    found = session.backend.policies()
    columns = (
        "class",
        "priority",
        "objective",
        "deadline",
        "at a time",
        "requests/s",
        "rows/s",
        "memory",
        "log",
    )
    session.emit(found, lambda: table(session.out, columns, [_row(*one) for one in found.items()]))


@_app.command(name="set")
def set_(name: str, /, *, session: Injected, figures: Figures = _FIGURES) -> None:
    """Add an SLO class, or change figures of one.

    Parameters
    ----------
    name
        The class's name.
    """
    known = session.backend.policies().get(name, Policy())
    kept = session.backend.set_policy(name, changed(known, asdict(figures)))
    session.emit(kept, lambda: session.out.print(f"class {name} set", markup=False))


@_app.command
def remove(name: str, /, *, session: Injected) -> None:
    """Remove an SLO class, or set a built-in one back to the figures that it began with.

    Parameters
    ----------
    name
        The class's name.
    """
    session.backend.remove_policy(name)
    session.emit({"removed": name}, lambda: session.out.print(f"class {name} removed", markup=False))


def changed(known: T, given: Mapping[str, float | None]) -> T:
    """Figures with those that were given; a rate of 0 is no limit. Raises :class:`UsageError`."""
    changes = {
        name: None if value == 0 and name.endswith("_per_second") else value
        for name, value in given.items()
        if value is not None
    }
    fresh = msgspec.structs.replace(known, **changes)
    try:
        return msgspec.convert(msgspec.to_builtins(fresh), type(known))
    except msgspec.ValidationError as error:
        raise UsageError(wrong_option(error)) from error


def _row(name: str, policy: Policy) -> tuple[str, ...]:
    return (
        name,
        str(policy.priority),
        f"{policy.objective_ms:g} ms",
        f"{policy.deadline_ms:g} ms",
        str(policy.concurrency),
        limit(policy.requests_per_second),
        limit(policy.rows_per_second),
        f"{policy.memory_share:.0%}",
        f"{policy.log_share:.0%}",
    )


def limit(rate: float | None) -> str:
    """A rate, or that there is none."""
    return "no limit" if rate is None else f"{rate:g}"
