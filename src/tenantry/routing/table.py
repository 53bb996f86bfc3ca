"""The table's shape: keys by digest, and each tenant's endpoints."""

from typing import NamedTuple

import msgspec

from tenantry.tenancy import TenantId

DEFAULT_ALIAS = "champion"
"""The version that answers where a request names none."""

TABLE_FORMAT = 1
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


class PlanRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version's plan lies: a path relative to the home folder, and the file's SHA-256 (hex)."""

    path: str
    sha256: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One served prediction: its versions by number (as text), and aliases that point to them."""

    versions: dict[str, PlanRef]
    aliases: dict[str, str] = {}


class Target(NamedTuple):
    """What a name and a version come to."""

    version: str
    plan: PlanRef


class EndpointTable(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable snapshot, numbered upwards; a higher number is newer.

    ``keys``: SHA-256 hex of the secret → key. ``endpoints``: tenant → name → endpoint. ``created``: seconds
    since the epoch.
    """

    number: int
    created: float
    keys: dict[str, KeyEntry] = {}
    endpoints: dict[TenantId, dict[str, Endpoint]] = {}
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
        """The plan that answers for ``name`` at a version number, an alias, or the default alias."""
        endpoint = self.endpoint(tenant, name)
        if endpoint is None:
            return None
        wanted = version or DEFAULT_ALIAS
        number = endpoint.aliases.get(wanted, wanted)
        plan = endpoint.versions.get(number)
        return None if plan is None else Target(number, plan)
