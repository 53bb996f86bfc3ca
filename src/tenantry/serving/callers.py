"""Who asks: from a request's headers to a caller with a tenant and a role."""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from tenantry.access import may, roles_that_may
from tenantry.errors import Forbidden, InvalidRequest, TenantryError, Unauthenticated
from tenantry.routing import EndpointTable
from tenantry.tenancy import TenantId, tenant_id


class Caller(NamedTuple):
    """A caller whose key is good. ``tenant`` is None for an operator who acts for nobody."""

    key_id: str
    role: str
    tenant: TenantId | None


_UNAUTHENTICATED = "the request carries no key, or one that is unknown, revoked or expired"


def identify(table: EndpointTable, headers: Mapping[bytes, bytes], now: float) -> Caller:
    """The caller. Raises ``Unauthenticated`` (the same words whatever is wrong with the key).

    ``X-Tenant`` lets an operator's key act for a tenant; from any other key it means nothing.
    """
    scheme, _, secret = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer":
        raise Unauthenticated("unauthenticated", _UNAUTHENTICATED)
    key = table.key(sha256(secret.strip()).hexdigest(), now)
    if key is None:
        raise Unauthenticated("unauthenticated", _UNAUTHENTICATED)
    if key.tenant is not None:
        return Caller(key.id, key.role, key.tenant)
    named = headers.get(b"x-tenant")
    if named is None:
        return Caller(key.id, key.role, None)
    try:
        return Caller(key.id, key.role, tenant_id(named.decode("ascii", "replace")))
    except TenantryError as error:
        raise InvalidRequest("header_value", f"the header X-Tenant is wrong: {error.message}") from error


def permit(caller: Caller, actions: tuple[str, ...]) -> None:
    """Deny unless the caller's role may do one of the actions. Raises ``Forbidden``."""
    role = caller.role
    for action in actions:
        if may(role, action):
            return
    roles = sorted({str(able) for action in actions for able in roles_that_may(action)})
    raise Forbidden("forbidden", f"a key with the role {role!r} may not do this; it takes {', '.join(roles)}")


def tenant_of(caller: Caller) -> TenantId:
    """The tenant that the request is about. Raises ``InvalidRequest("tenant_required")``."""
    if caller.tenant is None:
        raise InvalidRequest(
            "tenant_required", "an operator's key belongs to no tenant; name one in the header X-Tenant"
        )
    return caller.tenant
