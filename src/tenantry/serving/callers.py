"""Who asks: from a request's headers to a caller with a tenant and a role."""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from tenantry.access import Role, may, roles_that_may
from tenantry.errors import Forbidden, InvalidRequest, TenantryError, Unauthenticated
from tenantry.routing import EndpointTable, KeyEntry
from tenantry.tenancy import TenantId, tenant_id

REMEMBERED = 20_000
"""Most keys whose look-up is remembered."""
REMEMBERED_BYTES = 256
"""A header longer than this is looked up anew each time: padded with spaces, one key makes as many as one likes."""


class Caller(NamedTuple):
    """A caller whose key is good. ``tenant`` is None for an operator who acts for nobody.

    ``expires``: when the key does, in seconds since the epoch. ``own``: the tenant is the key's own, and does not
    depend on what else the request says.
    """

    key_id: str
    role: str
    tenant: TenantId | None
    expires: float | None = None
    own: bool = False


_UNAUTHENTICATED = "the request carries no key, or one that is unknown, revoked or expired"


class Callers:
    """Tells callers by one endpoint table; remembers good keys, so that a request is not hashed again and again.

    The memory is the table's: a newer table comes with a new one, so a revoked key is forgotten with its table.
    """

    __slots__ = ("_known", "_table")

    def __init__(self, table: EndpointTable) -> None:
        self._table = table
        self._known: dict[bytes, KeyEntry] = {}

    def identify(self, headers: Mapping[bytes, bytes], now: float) -> Caller:
        """The caller. Raises ``Unauthenticated`` (the same words whatever is wrong with the key).

        ``X-Tenant`` lets an operator's key act for a tenant; from any other key it means nothing.
        """
        given = headers.get(b"authorization", b"")
        key = self._known.get(given)
        if key is None:
            key = self._look_up(given, now)
        elif key.expires is not None and key.expires <= now:
            raise Unauthenticated("unauthenticated", _UNAUTHENTICATED)
        if key.tenant is not None:
            return Caller(key.id, key.role, key.tenant, key.expires, own=True)
        named = headers.get(b"x-tenant")
        if named is None:
            return Caller(key.id, key.role, None)
        try:
            return Caller(key.id, key.role, tenant_id(named.decode("ascii", "replace")))
        except TenantryError as error:
            raise InvalidRequest("header_value", f"the header X-Tenant is wrong: {error.message}") from error

    def _look_up(self, given: bytes, now: float) -> KeyEntry:
        scheme, _, secret = given.partition(b" ")
        if scheme.lower() != b"bearer":
            raise Unauthenticated("unauthenticated", _UNAUTHENTICATED)
        key = self._table.key(sha256(secret.strip()).hexdigest(), now)
        if key is None:
            raise Unauthenticated("unauthenticated", _UNAUTHENTICATED)
        if len(given) <= REMEMBERED_BYTES:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[given] = key
        return key


def allowed(actions: tuple[str, ...]) -> frozenset[str]:
    """The roles that may do one of the actions."""
    return frozenset(role.value for role in Role if any(may(role, action) for action in actions))


def forbidden(role: str, actions: tuple[str, ...]) -> Forbidden:
    """The refusal of a role."""
    roles = sorted({str(able) for action in actions for able in roles_that_may(action)})
    return Forbidden(
        "forbidden", f"a key with the role {role!r} may not do this; it takes {', '.join(roles)}"
    )


def tenant_of(caller: Caller) -> TenantId:
    """The tenant that the request is about. Raises ``InvalidRequest("tenant_required")``."""
    if caller.tenant is None:
        raise InvalidRequest(
            "tenant_required", "an operator's key belongs to no tenant; name one in the header X-Tenant"
        )
    return caller.tenant
