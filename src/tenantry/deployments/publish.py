"""The publisher: builds the endpoint table from the state as it is now, and swaps it in.

Call it after every change of a key or an alias. A change is committed before its ``publish`` begins, and
publishers take turns around *reading the state and writing the table*; so whichever publisher is last has
seen every change, and none is lost. What is killed before its ``publish`` is made up for by the next one, or
by the next start.
"""

from pathlib import Path

from tenantry.access import Directory
from tenantry.bundle import PLAN, load_manifest
from tenantry.deployments.turns import turn
from tenantry.errors import Corrupt, NotFound, TenantryError
from tenantry.ports.blobs import Blobs
from tenantry.ports.clock import Clock
from tenantry.registry import Model, Registry, Version
from tenantry.routing import (
    Endpoint,
    EndpointTable,
    KeyEntry,
    VersionRef,
    load_current,
    next_number,
    prune,
    save,
)
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

_LOCK = ".publish"
_KEEP = 3
_log = get_logger("tenantry.deployments")


class Publisher:
    """Publishes endpoint tables into ``<home>/endpoints``. Safe to call from several threads and processes at
    once.
    """

    def __init__(
        self, home: Path, directory: Directory, registry: Registry, blobs: Blobs, clock: Clock
    ) -> None:
        self._home = home
        self._folder = home / "endpoints"
        self._directory = directory
        self._registry = registry
        self._blobs = blobs
        self._clock = clock

    def publish(self) -> EndpointTable:
        """Bring the endpoint table up to date; returns it. Where nothing changed, nothing is written.

        A version whose bundle cannot be read is left out, and logged: one tenant's broken file must not keep
        another's key from being revoked. A version that is served already stays as it is, since versions
        never change.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with turn(self._folder / _LOCK):
            current, number = self._current()
            fresh = EndpointTable(
                number=number,
                created=self._clock.now(),
                keys=self._keys(),
                endpoints=self._endpoints(current),
            )
            if current is not None and (current.keys, current.endpoints) == (fresh.keys, fresh.endpoints):
                return current
            save(self._folder, fresh)
            prune(self._folder, _KEEP)
        _log.info(
            "endpoint table published",
            number=fresh.number,
            keys=len(fresh.keys),
            tenants=len(fresh.endpoints),
        )
        return fresh

    def _current(self) -> tuple[EndpointTable | None, int]:
        """The published table, and the number of the next."""
        try:
            return load_current(self._folder), next_number(self._folder)
        except Corrupt as error:
            # Everything in the table can be built again; the numbers go on from the files that are there. Workers
            # keep what they have until the new one is there.
            _log.error("endpoint table replaced", reason=error.message)
            numbers = [int(path.stem) for path in self._folder.glob("*.table") if path.stem.isdigit()]
            (self._folder / "current").unlink(missing_ok=True)
            return None, max(numbers, default=0) + 1

    def _keys(self) -> dict[str, KeyEntry]:
        return {
            digest: KeyEntry(id=key.id, role=key.role.value, tenant=key.tenant, expires=key.expires)
            for digest, key in self._directory.live_keys()
        }

    def _endpoints(self, current: EndpointTable | None) -> dict[TenantId, dict[str, Endpoint]]:
        endpoints: dict[TenantId, dict[str, Endpoint]] = {}
        for model in self._registry.all_models():
            known = current.endpoint(model.tenant, model.name) if current else None
            versions = self._versions(model, known.versions if known else {})
            aliases = {
                alias: str(number) for alias, number in model.aliases.items() if str(number) in versions
            }
            if versions:
                endpoint = Endpoint(versions=versions, aliases=aliases)
                endpoints.setdefault(model.tenant, {})[model.name] = endpoint
        return endpoints

    def _versions(self, model: Model, known: dict[str, VersionRef]) -> dict[str, VersionRef]:
        """The plans of a model's versions; only those that are new since the last table are looked up."""
        if all(str(number) in known for number in range(1, model.latest + 1)):
            return known
        found: dict[str, VersionRef] = {}
        for version in self._registry.versions(model.tenant, model.name):
            plan = known.get(str(version.number)) or self._plan(version)
            if plan is not None:
                found[str(version.number)] = plan
        return found

    def _plan(self, version: Version) -> VersionRef | None:
        try:
            manifest = load_manifest(self._blobs, version.tenant, version.bundle)
            digest = manifest.files[PLAN].sha256
            if not self._blobs.has(version.tenant, digest):
                raise NotFound("not_found", f"the plan {digest[:12]} is not stored")
            path = self._blobs.path(version.tenant, digest)
        except TenantryError as error:
            if error.transient:
                raise
            _log.error(
                "version left out",
                tenant=version.tenant,
                model=version.model,
                version=version.number,
                reason=error.message,
            )
            return None
        # A blob store outside the home folder gives an absolute path, which joins to itself.
        shown = path.relative_to(self._home) if path.is_relative_to(self._home) else path
        return VersionRef(path=str(shown), sha256=digest)
