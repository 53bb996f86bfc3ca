"""Who may enter where: what follows from a key, a path and the endpoint table, worked out once for many requests."""

from collections.abc import Callable, Mapping

from tenantry.admission import Policy, Quota
from tenantry.errors import Forbidden, Unauthenticated
from tenantry.routing import EndpointTable
from tenantry.serving.callers import REMEMBERED_BYTES, forbidden, tenant_of
from tenantry.serving.routes import Route, match
from tenantry.serving.state import State
from tenantry.tenancy import TenantId

REMEMBERED = 50_000
"""Most entrances of one worker; at the next one the memory starts afresh."""
_NOBODY = TenantId("")
_POLICY = Policy()
_QUOTA = Quota()


class Entrance:
    """A caller at a path: its checked tenant, the route and the names in the path, the limits that hold there.

    ``expires``: when its key does, in seconds since the epoch. ``body_bytes``: the longest body. ``known``: whether
    there is a deployment of that name, whose limits these are.
    """

    __slots__ = (
        "body_bytes",
        "expires",
        "known",
        "name",
        "names",
        "policy",
        "quota",
        "route",
        "seconds",
        "tenant",
    )

    def __init__(self, route: Route, names: Mapping[str, str], tenant: TenantId, body_bytes: int) -> None:
        self.route = route
        self.names = names
        self.tenant = tenant
        self.body_bytes = body_bytes
        self.name = names.get("model", "")
        self.expires: float | None = None
        self.policy = _POLICY
        self.quota = _QUOTA
        self.known = False
        self.seconds = float("inf")
        """Time to the deadline."""


class Entrances:
    """The entrances of one worker. All that is remembered is the current table's: with a newer one a revoked key is
    forgotten, and so is every limit that may have changed.
    """

    __slots__ = ("_known", "_state", "_table")

    def __init__(self, state: State) -> None:
        self._state = state
        self._table: EndpointTable | None = None
        self._known: dict[tuple[bytes | None, str, str], Entrance] = {}

    def find(
        self, method: str, path: str, headers: Mapping[bytes, bytes], now: Callable[[], float]
    ) -> Entrance | None:
        """An entrance that is remembered, or None. ``now``: seconds since the epoch."""
        if self._table is not self._state.table:
            self._known.clear()
            self._table = self._state.table
        entrance = self._known.get((headers.get(b"authorization"), path, method))
        if entrance is None or (entrance.expires is not None and entrance.expires <= now()):
            return None
        return entrance

    def enter(
        self, method: str, path: str, headers: Mapping[bytes, bytes], now: Callable[[], float]
    ) -> Entrance:
        """The entrance of a request. Key first, then the path, then the role. Raises what these are refused with."""
        state = self._state
        try:
            caller = state.known.identify(headers, now())
            route, names = match(method, path)
            if caller.role not in route.roles:
                raise forbidden(caller.role, route.actions)
        except (Unauthenticated, Forbidden) as error:
            if state.merged is not None:
                state.merged.own.count("unauthenticated", error.code)
            raise
        tenant = tenant_of(caller) if route.tenant else _NOBODY
        entrance = Entrance(route, names, tenant, state.limits.body_bytes if method == "POST" else 0)
        entrance.expires = caller.expires
        if route.scores:
            self._limit(entrance, state.current)
        given = headers.get(b"authorization", b"")
        short = len(given) <= REMEMBERED_BYTES and len(path) <= REMEMBERED_BYTES
        if entrance.known and caller.own and short:  # names that callers made up are not remembered
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[given, path, method] = entrance
        return entrance

    @staticmethod
    def _limit(entrance: Entrance, table: EndpointTable) -> None:
        """Set policy and quota, where there is such a deployment; where not, the handler says so."""
        endpoint = table.endpoint(entrance.tenant, entrance.name)
        if endpoint is None:
            return
        entrance.known = True
        entry = table.tenants.get(entrance.tenant)
        if entry is not None:
            entrance.quota = entry.quota
        entrance.policy = table.policies.get(endpoint.policy, _POLICY)
        entrance.seconds = entrance.policy.deadline_ms / 1000.0
