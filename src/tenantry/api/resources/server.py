"""The server itself, and who is asking."""

import msgspec

from tenantry import __version__
from tenantry.access import Role
from tenantry.api.route import Call, Route, Scope
from tenantry.tenancy import TenantId


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What runs here. ``data_port`` is the port of the scoring API on the same host; ``None``: not known. ``data_tls``:
    it speaks https.
    """

    name: str
    version: str
    data_port: int | None
    data_tls: bool


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The key that is asking. ``tenant`` is ``None`` for operators."""

    id: str
    tenant: TenantId | None
    role: Role
    label: str
    expires: float | None


def show_server(call: Call) -> ServerInfo:
    """Say what runs here.

    Needs no key, so that it also serves as a health check.
    """
    control = call.control
    return ServerInfo(
        name="tenantry", version=__version__, data_port=control.data_port, data_tls=control.data_tls
    )


def show_caller(call: Call) -> Caller:
    """Say whose key this is."""
    key = call.caller
    return Caller(id=key.id, tenant=key.tenant, role=key.role, label=key.label, expires=key.expires)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1",
        scope=Scope.PUBLIC,
        action=None,
        handler=show_server,
        reply=ServerInfo,
    ),
    Route(
        method="GET",
        path="/api/v1/me",
        scope=Scope.CALLER,
        action=None,
        handler=show_caller,
        reply=Caller,
    ),
)
