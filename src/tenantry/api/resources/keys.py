"""Keys: a tenant's, or the operators' own. A secret is shown once, when it is made."""

from typing import Annotated

import msgspec

from tenantry.access import Key, Role
from tenantry.api.answers import KeyCreated
from tenantry.api.route import Call, Page, Paging, Route, Scope

YEAR = 366 * 24 * 3600.0


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made. ``expires_in``: seconds from now, at most ten years; without it the key does not
    expire."""

    role: Role
    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    expires_in: Annotated[float, msgspec.Meta(ge=1, le=10 * YEAR)] | None = None


def list_keys(call: Call) -> Page[Key]:
    """List keys, oldest first, revoked ones too; never a secret."""
    return Page.of(call.control.keys(call.acting_for), call.query)


def create_key(call: Call) -> KeyCreated:
    """Make a key.

    The reply holds the secret in ``key``; it cannot be had again. An operator's key that names no tenant
    makes an operator's key."""
    wanted: NewKey = call.body
    return call.control.create_key(call.acting_for, wanted.role, wanted.label, wanted.expires_in)


def revoke_key(call: Call) -> Key:
    """End a key.

    Every worker refuses it within two seconds. A key that was revoked before is returned as it is.
    """
    return call.control.revoke_key(call.acting_for, call.path["key"])


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/keys",
        scope=Scope.CALLER,
        action="keys:read",
        handler=list_keys,
        query=Paging,
        reply=Page[Key],
    ),
    Route(
        method="POST",
        path="/api/v1/keys",
        scope=Scope.CALLER,
        action="keys:write",
        handler=create_key,
        body=NewKey,
        reply=KeyCreated,
        status=201,
    ),
    Route(
        method="DELETE",
        path="/api/v1/keys/{key}",
        scope=Scope.CALLER,
        action="keys:write",
        handler=revoke_key,
        reply=Key,
    ),
)
