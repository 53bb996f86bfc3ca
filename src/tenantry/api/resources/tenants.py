"""Tenants: operators make and list them."""

from typing import Any

import msgspec

from tenantry.access import Tenant
from tenantry.api.route import Call, Page, Paging, Route, Scope
from tenantry.tenancy import tenant_id


class NewTenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant to be made. ``id``: lower-case letters, digits and hyphens, as in a host name;
    ``attributes`` are plain JSON values that rules may ask about."""

    id: str
    attributes: dict[str, Any] = {}


def list_tenants(call: Call) -> Page[Tenant]:
    """List all tenants by name."""
    return Page.of(call.control.tenants(), call.query)


def create_tenant(call: Call) -> Tenant:
    """Make a tenant."""
    return call.control.create_tenant(tenant_id(call.body.id), call.body.attributes)


def show_tenant(call: Call) -> Tenant:
    """Show one tenant."""
    return call.control.stores.directory.tenant(tenant_id(call.path["tenant"]))


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/tenants",
        scope=Scope.OPERATOR,
        action="tenants:read",
        handler=list_tenants,
        query=Paging,
        reply=Page[Tenant],
    ),
    Route(
        method="POST",
        path="/api/v1/tenants",
        scope=Scope.OPERATOR,
        action="tenants:write",
        handler=create_tenant,
        body=NewTenant,
        reply=Tenant,
        status=201,
    ),
    Route(
        method="GET",
        path="/api/v1/tenants/{tenant}",
        scope=Scope.OPERATOR,
        action="tenants:read",
        handler=show_tenant,
        reply=Tenant,
    ),
)
