"""Builds the parts of the endpoint table from the records as they are now.

What a table says already of a version is taken over, since versions never change: only versions that are new to it
cost a look into their bundle.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from tenantry.access import Directory
from tenantry.bundle import PLAN, load_manifest
from tenantry.deployments.entries import key_entry, merged, metrics_of, tenant_entry
from tenantry.deployments.ports import Deployments, Policies, RolloutRules
from tenantry.deployments.records import Deployment
from tenantry.errors import NotFound, TenantryError
from tenantry.ports.blobs import Blobs
from tenantry.registry import Model, Registry, Version
from tenantry.routing import Endpoint, EndpointTable, KeyEntry, TenantEntry, VersionRef
from tenantry.routing.rules import Rule
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

_log = get_logger("tenantry.deployments")
Missing = tuple[TenantId, str, int]
"""A version (tenant, model, number) that is to be opened by ONNX Runtime, and has no export yet."""
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the endpoint table comes from. ``home`` is what paths in it are relative to."""

    home: Path
    directory: Directory
    registry: Registry
    deployments: Deployments
    policies: Policies
    blobs: Blobs
    rollouts: RolloutRules | None = None
    told: set[str] = field(default_factory=set)
    """Bundles whose fault was logged: once is enough, however often a table is built."""


@dataclass
class Build:
    """One look at the records, against the table that is published now. ``missing`` collects exports to be made."""

    sources: Sources
    known: EndpointTable
    missing: list[Missing] = field(default_factory=list)

    def everything(self) -> EndpointTable:
        """The whole table."""
        table = msgspec.structs.replace(
            self.known, keys=self._all_keys(), tenants=self._all_tenants(), endpoints=self._all_endpoints()
        )
        return self.platform(table)

    def platform(self, table: EndpointTable) -> EndpointTable:
        """With the SLO classes and the platform's rules as they are now."""
        policies = merged(table.policies, self.sources.policies.policies())
        rules = self.sources.deployments.platform_rules().rules
        same = rules == table.rules
        return msgspec.structs.replace(table, policies=policies, rules=table.rules if same else rules)

    def keys_of(self, table: EndpointTable, owner: TenantId | None) -> EndpointTable:
        """With one owner's keys as they are now."""
        live = {digest: key_entry(key) for digest, key in self.sources.directory.live_keys_of(owner)}
        listed = {digest: entry for digest, entry in table.keys.items() if entry.tenant == owner}
        if live == listed:
            return table
        keys = dict(table.keys)
        for digest in listed:
            del keys[digest]
        return msgspec.structs.replace(table, keys=keys | merged(listed, live))

    def tenant(self, table: EndpointTable, tenant: TenantId) -> EndpointTable:
        """With one tenant's attributes and quota as they are now."""
        attributes = self.sources.directory.tenant(tenant).attributes
        entry = tenant_entry(attributes, self.sources.policies.quota(tenant))
        if entry == table.tenants.get(tenant):
            return table
        return msgspec.structs.replace(table, tenants=_put(table.tenants, tenant, entry))

    def model(self, table: EndpointTable, tenant: TenantId, name: str) -> EndpointTable:
        """With one deployment as it is now."""
        sources = self.sources
        try:
            model = sources.registry.model(tenant, name)
        except NotFound:
            return _with_endpoints(table, tenant, [(name, None)])
        rollout = () if sources.rollouts is None else sources.rollouts.rules(tenant, name)
        endpoint = self._endpoint(model, sources.deployments.deployment(tenant, name), rollout)
        return _with_endpoints(table, tenant, [(name, endpoint)])

    def models(self, table: EndpointTable, tenant: TenantId) -> EndpointTable:
        """With all deployments of one tenant as they are now."""
        settings = {one.model: one for one in self.sources.deployments.all_deployments(tenant)}
        rollouts = self.sources.rollouts
        endpoints = []
        for model in self.sources.registry.models(tenant):
            deployment = settings.get(model.name) or Deployment(tenant=tenant, model=model.name)
            rollout = () if rollouts is None else rollouts.rules(tenant, model.name)
            endpoints.append((model.name, self._endpoint(model, deployment, rollout)))
        return _with_endpoints(table, tenant, endpoints)

    def _all_keys(self) -> dict[str, KeyEntry]:
        live = {digest: key_entry(key) for digest, key in self.sources.directory.live_keys()}
        return merged(self.known.keys, live)

    def _all_tenants(self) -> dict[TenantId, TenantEntry]:
        quotas = self.sources.policies.quotas()
        entries: dict[TenantId, TenantEntry] = {}
        for tenant in self.sources.directory.tenants():
            if tenant.attributes or tenant.id in quotas:
                entry = tenant_entry(tenant.attributes, quotas.get(tenant.id) or _ANYBODY.quota)
                if entry is not None:
                    entries[tenant.id] = entry
        return merged(self.known.tenants, entries)

    def _all_endpoints(self) -> dict[TenantId, dict[str, Endpoint]]:
        sources = self.sources
        settings = {(one.tenant, one.model): one for one in sources.deployments.all_deployments()}
        rollouts = {} if sources.rollouts is None else sources.rollouts.all_rules()
        fresh: dict[TenantId, dict[str, Endpoint]] = {}
        for model in sources.registry.all_models():
            place = (model.tenant, model.name)
            deployment = settings.get(place) or Deployment(tenant=model.tenant, model=model.name)
            endpoint = self._endpoint(model, deployment, rollouts.get(place, ()))
            if endpoint is not None:
                fresh.setdefault(model.tenant, {})[model.name] = endpoint
        known = self.known.endpoints
        return merged(known, {tenant: merged(known.get(tenant, {}), of) for tenant, of in fresh.items()})

    def _endpoint(self, model: Model, deployment: Deployment, rollout: tuple[Rule, ...]) -> Endpoint | None:
        """A deployment, or None where no version of it can be read."""
        known = self.known.endpoint(model.tenant, model.name)
        versions = self._versions(model, deployment, known.versions if known else {})
        if not versions:
            return None
        aliases = {alias: str(number) for alias, number in model.aliases.items() if str(number) in versions}
        fresh = Endpoint(
            versions=versions,
            aliases=aliases,
            # A rollout decides before the deployment's own rules, or its share would depend on theirs.
            rules=(*rollout, *deployment.routes.rules),
            policy=deployment.policy,
            pinned=deployment.pinned,
        )
        return known if known == fresh else fresh

    def _versions(
        self, model: Model, deployment: Deployment, known: dict[str, VersionRef]
    ) -> dict[str, VersionRef]:
        found: dict[str, VersionRef] = {}
        listed: dict[str, Version] | None = None
        for number in map(str, range(1, model.latest + 1)):
            ref = self._kept(deployment, number, known.get(number))
            if ref is None:
                if listed is None:  # only a version that is new here costs this question
                    versions = self.sources.registry.versions(model.tenant, model.name)
                    listed = {str(version.number): version for version in versions}
                ref = self._looked_up(deployment, listed[number]) if number in listed else None
            if ref is not None:
                tags = deployment.tags.get(number, {})
                found[number] = ref if ref.tags == tags else msgspec.structs.replace(ref, tags=tags)
        return found

    def _kept(self, deployment: Deployment, number: str, known: VersionRef | None) -> VersionRef | None:
        """What the table says of a version already, where that is what it shall say."""
        if known is None or not known.size:  # tables of old did not tell sizes and metrics
            return None
        exported = deployment.runtime == "onnx" and number in deployment.exports
        if deployment.runtime == "onnx" and not exported:
            self.missing.append((deployment.tenant, deployment.model, int(number)))
        return known if known.runtime == ("onnx" if exported else "plan") else None

    def _looked_up(self, deployment: Deployment, version: Version) -> VersionRef | None:
        export = deployment.exports.get(str(version.number))
        metrics = metrics_of(version.summary)
        if deployment.runtime == "onnx":
            if export is not None:
                path = self._path(version.tenant, export.sha256)
                return VersionRef(
                    path=path, sha256=export.sha256, size=export.size, runtime="onnx", metrics=metrics
                )
            place = (version.tenant, version.model, version.number)
            if place not in self.missing:
                self.missing.append(place)
        return self._plan(version, metrics)

    def _plan(self, version: Version, metrics: dict[str, float]) -> VersionRef | None:
        """A version whose bundle cannot be read is left out, and logged: one tenant's broken file must not keep
        another's key from being revoked.
        """
        blobs = self.sources.blobs
        try:
            entry = load_manifest(blobs, version.tenant, version.bundle).files[PLAN]
            if not blobs.has(version.tenant, entry.sha256):
                raise NotFound("not_found", f"the plan {entry.sha256[:12]} is not stored")
            path = self._path(version.tenant, entry.sha256)
        except TenantryError as error:
            if error.transient:
                raise
            if version.bundle not in self.sources.told:
                self.sources.told.add(version.bundle)
                place = {"tenant": version.tenant, "model": version.model, "version": version.number}
                _log.error("version left out", reason=error.message, **place)
            return None
        return VersionRef(path=path, sha256=entry.sha256, size=entry.bytes, metrics=metrics)

    def _path(self, tenant: TenantId, digest: str) -> str:
        path, home = self.sources.blobs.path(tenant, digest), self.sources.home
        # A blob store outside the home folder gives an absolute path, which joins to itself.
        return str(path.relative_to(home) if path.is_relative_to(home) else path)


_ANYBODY = TenantEntry()


def _with_endpoints(
    table: EndpointTable, tenant: TenantId, changes: Iterable[tuple[str, Endpoint | None]]
) -> EndpointTable:
    """The table with endpoints of one tenant put in place; None leaves one out."""
    known = table.endpoints.get(tenant, {})
    fresh = dict(known)
    for name, endpoint in changes:
        if endpoint is None:
            fresh.pop(name, None)
        else:
            fresh[name] = endpoint
    if merged(known, fresh) is known:
        return table
    return msgspec.structs.replace(table, endpoints=_put(table.endpoints, tenant, fresh or None))


def _put(values: dict[K, V], name: K, value: V | None) -> dict[K, V]:
    """A copy with one entry put in place, or left out for None."""
    copy = dict(values)
    copy.pop(name, None)
    return copy if value is None else copy | {name: value}
