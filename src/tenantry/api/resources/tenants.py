"""Tenants: operators make and list them, and say what each is and may use."""

from typing import Any

import msgspec

from tenantry import deployments
from tenantry.access import Tenant
from tenantry.admission import Quota
from tenantry.api.route import Call, Page, Paging, Route, Scope
from tenantry.tenancy import tenant_id

_TENANT = "/api/v1/tenants/{tenant}"


class NewTenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant to be made. ``id``: lower-case letters, digits and hyphens, as in a host name;
    ``attributes`` are plain JSON values that rules may ask about."""

    id: str
    attributes: dict[str, Any] = {}


class TenantChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes to be set; null removes one, and what is not named stays."""

    attributes: dict[str, Any]


def list_tenants(call: Call) -> Page[Tenant]:
    """List all tenants by name."""
    return Page.of(call.control.tenants(), call.query)


def create_tenant(call: Call) -> Tenant:
    """Make a tenant."""
    return call.control.create_tenant(tenant_id(call.body.id), call.body.attributes)


def show_tenant(call: Call) -> Tenant:
    """Show one tenant."""
    return call.control.stores.directory.tenant(tenant_id(call.path["tenant"]))


def change_tenant(call: Call) -> Tenant:
    """Set attributes of a tenant, for routing rules to ask about; scoring follows within a second."""
    tenant = tenant_id(call.path["tenant"])
    return deployments.change_attributes(call.control.stores, tenant, call.body.attributes)


def show_quota(call: Call) -> Quota:
    """Show what a tenant may use."""
    return call.control.stores.policies.quota(tenant_id(call.path["tenant"]))


def put_quota(call: Call) -> Quota:
    """Replace what a tenant may use. What is left out has its usual figure."""
    return deployments.set_quota(call.control.stores, tenant_id(call.path["tenant"]), call.body)


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
        path=_TENANT,
        scope=Scope.OPERATOR,
        action="tenants:read",
        handler=show_tenant,
        reply=Tenant,
    ),
    Route(
        method="PATCH",
        path=_TENANT,
        scope=Scope.OPERATOR,
        action="tenants:write",
        handler=change_tenant,
        body=TenantChange,
        reply=Tenant,
    ),
    Route(
        method="GET",
        path=f"{_TENANT}/quota",
        scope=Scope.OPERATOR,
        action="tenants:read",
        handler=show_quota,
        reply=Quota,
    ),
    Route(
        method="PUT",
        path=f"{_TENANT}/quota",
        scope=Scope.OPERATOR,
        action="tenants:write",
        handler=put_quota,
        body=Quota,
        reply=Quota,
    ),
)
