"""Versions and aliases in dictionaries."""

import threading
from typing import Any

from tenantry.access import Directory
from tenantry.bundle import ParityReceipt
from tenantry.datasets import Datasets
from tenantry.errors import Conflict
from tenantry.ports.clock import Clock, SystemClock
from tenantry.registry import (
    CHAMPION,
    AliasChange,
    BundleCheck,
    Model,
    Version,
    alias_moved,
    bundle_incomplete,
    check_alias,
    check_receipt,
    earlier_number,
    no_such_alias,
    no_such_model,
    no_such_version,
    ref_number,
)
from tenantry.tenancy import TenantId, name_of


class MemoryRegistry:
    """The port ``Registry``, for the tenants of a directory and their snapshots."""

    def __init__(
        self, directory: Directory, datasets: Datasets, complete: BundleCheck, clock: Clock | None = None
    ) -> None:
        self._directory = directory
        self._datasets = datasets
        self._complete = complete
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._versions: dict[tuple[TenantId, str], list[Version]] = {}
        self._aliases: dict[tuple[TenantId, str], dict[str, int]] = {}
        self._changes: list[tuple[tuple[TenantId, str], AliasChange]] = []

    def register(
        self,
        tenant: TenantId,
        model: str,
        bundle: str,
        receipt: ParityReceipt,
        snapshot: str,
        summary: dict[str, Any],
    ) -> Version:
        """See ``Registry.register``."""
        name_of(model)
        check_receipt(receipt, model)
        if not self._complete(tenant, bundle):
            raise bundle_incomplete(model, bundle)
        self._directory.tenant(tenant)
        self._datasets.snapshot(tenant, snapshot)
        with self._lock:
            line = self._versions.get((tenant, model), [])
            for same in line:
                if same.bundle == bundle:
                    return same
            version = Version(
                tenant=tenant,
                model=model,
                number=len(line) + 1,
                bundle=bundle,
                snapshot=snapshot,
                receipt=receipt,
                created=self._clock.now(),
                summary=summary,
                parent=self._aliases.get((tenant, model), {}).get(CHAMPION),
            )
            self._versions[tenant, model] = [*line, version]
        return version

    def models(self, tenant: TenantId) -> list[Model]:
        """See ``Registry.models``."""
        return [self.model(tenant, name) for owner, name in sorted(self._versions) if owner == tenant]

    def all_models(self) -> list[Model]:
        """See ``Registry.all_models``."""
        return [self.model(owner, name) for owner, name in sorted(self._versions)]

    def model(self, tenant: TenantId, model: str) -> Model:
        """See ``Registry.model``."""
        line = self._line(tenant, model)
        return Model(
            tenant=tenant,
            name=model,
            created=line[0].created,
            latest=line[-1].number,
            aliases=self.aliases(tenant, model),
        )

    def versions(self, tenant: TenantId, model: str) -> list[Version]:
        """See ``Registry.versions``."""
        return self._line(tenant, model)[::-1]

    def version(self, tenant: TenantId, model: str, ref: str = CHAMPION) -> Version:
        """See ``Registry.version``."""
        line = self._line(tenant, model)
        number = ref_number(ref)
        if number is None:
            number = self._aliases.get((tenant, model), {}).get(ref)
        for version in line:
            if version.number == number:
                return version
        raise no_such_version(model, ref)

    def set_alias(
        self, tenant: TenantId, model: str, alias: str, number: int, *, expected: int | None = None
    ) -> Version:
        """See ``Registry.set_alias``."""
        check_alias(alias)
        with self._lock:
            version = self.version(tenant, model, str(number))
            if not self._complete(tenant, version.bundle):
                raise bundle_incomplete(model, version.bundle)
            current = self._aliases.get((tenant, model), {}).get(alias)
            if expected is not None and (current or 0) != expected:
                raise alias_moved(model, alias, expected, current)
            if current != number:
                self._move(version, alias, current, rollback=False)
        return version

    def remove_alias(self, tenant: TenantId, model: str, alias: str) -> None:
        """See ``Registry.remove_alias``."""
        self._line(tenant, model)
        if self._aliases.get((tenant, model), {}).pop(alias, None) is None:
            raise no_such_alias(model, alias)

    def aliases(self, tenant: TenantId, model: str) -> dict[str, int]:
        """See ``Registry.aliases``."""
        self._line(tenant, model)
        return dict(sorted(self._aliases.get((tenant, model), {}).items()))

    def alias_history(self, tenant: TenantId, model: str, alias: str = CHAMPION) -> list[AliasChange]:
        """See ``Registry.alias_history``."""
        self._line(tenant, model)
        mine = [
            change for place, change in self._changes if place == (tenant, model) and change.alias == alias
        ]
        return mine[::-1]

    def rollback(self, tenant: TenantId, model: str, alias: str = CHAMPION) -> Version:
        """See ``Registry.rollback``."""
        with self._lock:
            current = self.aliases(tenant, model).get(alias)
            if current is None:
                raise no_such_alias(model, alias)
            target = earlier_number(self.alias_history(tenant, model, alias), current)
            if target is None:
                raise Conflict("no_rollback", f"{alias!r} of {model!r} has only been at version {current}")
            version = self.version(tenant, model, str(target))
            if not self._complete(tenant, version.bundle):
                raise bundle_incomplete(model, version.bundle)
            self._move(version, alias, current, rollback=True)
        return version

    def _line(self, tenant: TenantId, model: str) -> list[Version]:
        try:
            return self._versions[tenant, model]
        except KeyError:
            raise no_such_model(model) from None

    def _move(self, version: Version, alias: str, previous: int | None, *, rollback: bool) -> None:
        place = (version.tenant, version.model)
        self._aliases.setdefault(place, {})[alias] = version.number
        change = AliasChange(
            seq=len(self._changes) + 1,
            alias=alias,
            number=version.number,
            previous=previous,
            at=self._clock.now(),
            rollback=rollback,
        )
        self._changes.append((place, change))
