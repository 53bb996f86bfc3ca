"""``tenantry tenant create|list``."""

from cyclopts import App

from tenantry.cli.session import Injected
from tenantry.cli.show import table, when
from tenantry.tenancy import tenant_id

_app = App(name="tenant", help="Make and list tenants.", help_format="plaintext")


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(_app)


@_app.command
def create(name: str, /, *, session: Injected) -> None:
    """Make a tenant.

    Parameters
    ----------
    name
        Lower-case letters, digits and hyphens, as in a host name.
    """
    made = session.backend.create_tenant(tenant_id(name))
    session.emit(made, lambda: session.out.print(f"tenant {made.id} created", markup=False))


@_app.command(name="list")
def list_(*, session: Injected) -> None:
    """List all tenants."""
    tenants = session.backend.tenants()
    rows = [(tenant.id, when(tenant.created)) for tenant in tenants]
    session.emit(tenants, lambda: table(session.out, ("tenant", "created"), rows))
