"""The table's shape: keys by digest, tenants with their attributes and quotas, and each tenant's endpoints."""

from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec

from tenantry.admission import Policy
from tenantry.routing.compiled import CompiledEndpoint
from tenantry.routing.entries import DEFAULT_ALIAS, Endpoint, KeyEntry, Target, TenantEntry
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId

TABLE_FORMAT = 2
"""Format number of the stored table; a reader refuses any other."""

NO_ATTRIBUTES: Mapping[str, str] = {}
Compiled = dict[tuple[str, str], CompiledEndpoint]


class EndpointTable(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One immutable snapshot, numbered upwards; a higher number is newer.

    ``keys``: SHA-256 hex of the secret → key. ``endpoints``: tenant → name → endpoint. ``tenants``: tenants that have
    attributes or a quota of their own. ``policies``: SLO classes by name; a name that is missing is the default
    policy. ``rules``: the platform's own, before every deployment's. ``created``: seconds since the epoch.
    """

    number: int
    created: float
    keys: dict[str, KeyEntry] = {}
    endpoints: dict[TenantId, dict[str, Endpoint]] = {}
    tenants: dict[TenantId, TenantEntry] = {}
    policies: dict[str, Policy] = {}
    rules: tuple[Rule, ...] = ()
    format: int = TABLE_FORMAT

    def key(self, digest: str, now: float) -> KeyEntry | None:
        """The key with this digest, or None where it is unknown, revoked or expired at ``now``.

        A look-up by the digest of a 256-bit random secret gives its timing away only about the digest, which
        is of no use to a caller.
        """
        entry = self.keys.get(digest)
        if entry is None or (entry.expires is not None and entry.expires <= now):
            return None
        return entry

    def endpoint(self, tenant: TenantId, name: str) -> Endpoint | None:
        """A tenant's endpoint; another tenant's is as absent as one that never was."""
        endpoints = self.endpoints.get(tenant)
        return None if endpoints is None else endpoints.get(name)

    def resolve(self, tenant: TenantId, name: str, version: str | None = None) -> Target | None:
        """The file that answers for ``name`` at a version number, an alias, or the default alias; no rules."""
        endpoint = self.endpoint(tenant, name)
        return None if endpoint is None else endpoint.target(version or DEFAULT_ALIAS)

    def attributes(self, tenant: TenantId) -> Mapping[str, str]:
        """A tenant's attributes; empty where it has none."""
        entry = self.tenants.get(tenant)
        return NO_ATTRIBUTES if entry is None else entry.attributes

    def compiled(self, tenant: TenantId, name: str) -> CompiledEndpoint | None:
        """The endpoint with its rules made ready to decide, or None where there is no such endpoint. Made at the
        first call and kept for as long as the table is.
        """
        # A dict lookup in the way of every request: .get and not a try, since a miss is no exception.
        found = self._compiled.get((tenant, name))
        return self._compile(tenant, name) if found is None else found

    def inherit(self, older: "EndpointTable", touched: Iterable[TenantId] | None = None) -> None:
        """Take over what ``older`` has compiled of endpoints that are the same objects here, under the same rules and
        the same tenant's entry, so that a change of one tenant costs the others nothing. ``touched``: the only tenants
        whose endpoints or entry may differ, where that is known.
        """
        if self.rules is not older.rules and self.rules != older.rules:
            return
        mine = self._compiled
        mine.update(older._compiled)  # noqa: SLF001 - of the same class
        for tenant in older.endpoints if touched is None else touched:
            same_tenant = self.tenants.get(tenant) is older.tenants.get(tenant)
            for name, endpoint in older.endpoints.get(tenant, {}).items():
                if not same_tenant or self.endpoint(tenant, name) is not endpoint:
                    mine.pop((tenant, name), None)

    # In the instance's __dict__: no field, hence neither stored nor compared.
    @cached_property
    def _compiled(self) -> Compiled:
        return {}

    def _compile(self, tenant: TenantId, name: str) -> CompiledEndpoint | None:
        endpoint = self.endpoint(tenant, name)
        if endpoint is None:
            return None
        compiled = CompiledEndpoint(tenant, name, endpoint, self.attributes(tenant), self.rules)
        self._compiled[tenant, name] = compiled
        return compiled
