"""``tenantry key create|list|revoke``."""

import time
from typing import Annotated

from cyclopts import App, Parameter

from tenantry.access import Key, Role
from tenantry.cli.session import Injected, Session, UsageError
from tenantry.cli.show import table, when
from tenantry.cli.spans import seconds_of
from tenantry.tenancy import TenantId

_app = App(
    name="key",
    help="Make, list and end keys. Without --tenant: the operators' own.",
    help_format="plaintext",
)


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(_app)


@_app.command
def create(
    *,
    session: Injected,
    role: Role,
    label: str = "",
    expires: Annotated[str | None, Parameter(help="Life of the key, such as 30d, 12h, 45m or 90s.")] = None,
) -> None:
    """Make a key. Its secret is shown once, and cannot be had again.

    Parameters
    ----------
    role
        What the key is for: scorer, viewer, builder or admin of a tenant; or operator, of no tenant.
    label
        A note for people, such as who has the key.
    """
    owner = _owner(session, role)
    life = None if expires is None else float(seconds_of("--expires", expires))
    made = session.backend.create_key(owner, role, label, life)
    session.emit(made, lambda: session.out.print(made.key, markup=False, soft_wrap=True))
    if not session.json:
        session.note(f"key {made.id}, role {made.role.value}; the secret is not shown again")


@_app.command(name="list")
def list_(*, session: Injected) -> None:
    """List keys, oldest first; never a secret."""
    keys = session.backend.keys(session.tenant_if_any)
    columns = ("key", "tenant", "role", "label", "created", "expires", "state")
    session.emit(keys, lambda: table(session.out, columns, [_row(key) for key in keys]))


@_app.command
def revoke(key_id: str, /, *, session: Injected) -> None:
    """End a key; every worker refuses it within two seconds.

    Parameters
    ----------
    key_id
        The key's id, as 'tenantry key list' shows it.
    """
    key = session.backend.revoke_key(session.tenant_if_any, key_id)
    session.emit(key, lambda: session.out.print(f"{key.id} revoked", markup=False))


def _owner(session: Session, role: Role) -> TenantId | None:
    if role is not Role.OPERATOR:
        return session.tenant
    if session.tenant_if_any is not None:
        raise UsageError("an operator's key belongs to no tenant: leave --tenant out")
    return None


def _row(key: Key) -> tuple[str, ...]:
    state = "live" if key.expires is None or key.expires > time.time() else "expired"
    state = "revoked" if key.revoked is not None else state
    ends = "" if key.expires is None else when(key.expires)
    return key.id, key.tenant or "", key.role.value, key.label, when(key.created), ends, state
