"""The table's shape: keys by digest, tenants with their attributes and quotas, and each tenant's endpoints."""

from typing import NamedTuple

import msgspec

from tenantry.admission import DEFAULT_POLICY, Policy, Quota
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId

DEFAULT_ALIAS = "champion"
"""The version that answers where neither a request nor a rule names one."""

TABLE_FORMAT = 2
"""Format number of the stored table; a reader refuses any other."""


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One API key, stored under the SHA-256 (hex) of its secret.

    ``tenant`` is None for an operator's key; ``role`` is a role of ``access`` by its name; ``expires`` is in
    seconds since the epoch, None for never. A revoked key is simply not in the table.
    """

    id: str
    role: str
    tenant: TenantId | None = None
    expires: float | None = None


class VersionRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a version's file lies and what rules may ask of it.

    ``path`` is relative to the home folder, ``sha256`` the file's digest (hex), ``size`` its bytes (0: not known),
    ``runtime`` what opens it (``plan``, ``onnx``).
    """

    path: str
    sha256: str
    size: int = 0
    runtime: str = "plan"
    tags: dict[str, str] = {}
    metrics: dict[str, float] = {}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One deployment: its versions by number (as text), aliases that point to them, its rules in order, its SLO class
    by name, and whether its versions in use stay in memory (``pinned``).
    """

    versions: dict[str, VersionRef]
    aliases: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()
    policy: str = DEFAULT_POLICY
    pinned: bool = False


class TenantEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a tenant beyond its endpoints: attributes as text, for rules, and its quota."""

    attributes: dict[str, str] = {}
    quota: Quota = Quota()


class Target(NamedTuple):
    """What a name and a version come to."""

    version: str
    ref: VersionRef


class EndpointTable(msgspec.Struct, frozen=True, kw_only=True):
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
        if endpoint is None:
            return None
        wanted = version or DEFAULT_ALIAS
        number = endpoint.aliases.get(wanted, wanted)
        ref = endpoint.versions.get(number)
        return None if ref is None else Target(number, ref)
