"""What the endpoint table holds: keys, tenants, and deployments with their versions.

The structs carry no collector header (``gc=False``): a table is a tree of plain values without cycles, and ten
thousand tenants' entries would otherwise be walked at every collection.
"""

from typing import NamedTuple

import msgspec

from tenantry.admission import DEFAULT_POLICY, Quota
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId

DEFAULT_ALIAS = "champion"
"""The version that answers where neither a request nor a rule names one."""


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One API key, stored under the SHA-256 (hex) of its secret.

    ``tenant`` is None for an operator's key; ``role`` is a role of ``access`` by its name; ``expires`` is in
    seconds since the epoch, None for never. A revoked key is simply not in the table.
    """

    id: str
    role: str
    tenant: TenantId | None = None
    expires: float | None = None


class VersionRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
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


class Target(NamedTuple):
    """What a name and a version come to."""

    version: str
    ref: VersionRef


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One deployment: its versions by number (as text), aliases that point to them, its rules in order, its SLO class
    by name, and whether its versions in use stay in memory (``pinned``).
    """

    versions: dict[str, VersionRef]
    aliases: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()
    policy: str = DEFAULT_POLICY
    pinned: bool = False

    def target(self, ref: str) -> Target | None:
        """The version that an alias or a number names, or None. Where an alias looks like a number, the alias wins;
        an alias to a version that is not there names nothing.
        """
        number = self.aliases.get(ref, ref)
        version = self.versions.get(number)
        return None if version is None else Target(number, version)


class TenantEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is known of a tenant beyond its endpoints: attributes as text, for rules, and its quota."""

    attributes: dict[str, str] = {}
    quota: Quota = Quota()
