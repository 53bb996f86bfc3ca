"""``tenantry tenant create|list|show|set``."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter

from tenantry.cli.commands.policies import changed, limit
from tenantry.cli.rules import listed, pair
from tenantry.cli.session import Injected, Session
from tenantry.cli.show import pairs, table, when
from tenantry.tenancy import tenant_id

group = App(name="tenant", help="Make tenants, and say what each is and may use.", help_format="plaintext")

if TYPE_CHECKING:
    from tenantry.access import Tenant
    from tenantry.admission import Quota


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Figures:
    """What may be set of a quota; what is not given stays as it is."""

    weight: Annotated[float | None, Parameter(help="Share of the time under strain, against others.")] = None
    concurrency: Annotated[int | None, Parameter(help="Most requests at a time in one worker.")] = None
    requests_per_second: Annotated[float | None, Parameter(help="Most requests a second; 0: no limit.")] = (
        None
    )
    rows_per_second: Annotated[float | None, Parameter(help="Most rows a second; 0: no limit.")] = None
    burst_seconds: Annotated[float | None, Parameter(help="Seconds' worth of a rate at once.")] = None
    memory_share: Annotated[float | None, Parameter(help="Largest share of a worker's model memory.")] = None


_FIGURES = Figures()


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(group)


@group.command
def create(name: str, /, *, session: Injected) -> None:
    """Make a tenant.

    Parameters
    ----------
    name
        Lower-case letters, digits and hyphens, as in a host name.
    """
    made = session.backend.create_tenant(tenant_id(name))
    session.emit(made, lambda: session.out.print(f"tenant {made.id} created", markup=False))


@group.command(name="list")
def list_(*, session: Injected) -> None:
    """List all tenants."""
    tenants = session.backend.tenants()
    rows = [(tenant.id, when(tenant.created)) for tenant in tenants]
    session.emit(tenants, lambda: table(session.out, ("tenant", "created"), rows))


@group.command
def show(name: str, /, *, session: Injected) -> None:
    """Show a tenant's attributes and quota.

    Parameters
    ----------
    name
        The tenant's name.
    """
    tenant = tenant_id(name)
    found = session.backend.tenant_of(tenant)
    _tell(session, found, session.backend.quota(tenant))


@group.command(name="set")
def set_(
    name: str,
    /,
    *,
    session: Injected,
    attribute: Annotated[tuple[str, ...], listed("NAME=VALUE for rules to ask about.")] = (),
    no_attribute: Annotated[tuple[str, ...], listed("NAME of an attribute to remove.")] = (),
    quota: Figures = _FIGURES,
) -> None:
    """Set attributes of a tenant, and what it may use.

    Parameters
    ----------
    name
        The tenant's name.
    """
    tenant = tenant_id(name)
    changes: dict[str, Any] = dict(pair("--attribute", one) for one in attribute)
    changes |= dict.fromkeys(no_attribute)
    found = session.backend.change_tenant(tenant, changes) if changes else session.backend.tenant_of(tenant)
    kept = session.backend.quota(tenant)
    fresh = changed(kept, asdict(quota))
    if fresh != kept:
        kept = session.backend.set_quota(tenant, fresh)
    _tell(session, found, kept)


def _tell(session: Session, tenant: "Tenant", quota: "Quota") -> None:
    def shown() -> None:
        rows = [
            ("tenant", tenant.id),
            ("created", when(tenant.created)),
            *((name, _word(value)) for name, value in sorted(tenant.attributes.items())),
            ("weight", f"{quota.weight:g}"),
            ("at a time", f"{quota.concurrency} requests in a worker"),
            ("requests", f"{limit(quota.requests_per_second)} a second"),
            ("rows", f"{limit(quota.rows_per_second)} a second"),
            ("memory", f"{quota.memory_share:.0%} of a worker's"),
        ]
        pairs(session.out, rows)

    session.emit({"tenant": tenant, "quota": quota}, shown)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
