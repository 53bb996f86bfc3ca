"""Deployments' settings in a dictionary."""

import threading
from typing import Any

import msgspec

from tenantry.deployments.records import (
    Deployment,
    Export,
    RuleList,
    Runtime,
    check_policy_name,
    check_tags,
    next_rules,
)
from tenantry.registry import Registry
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId


class MemoryDeployments:
    """The port ``Deployments``, for the models of a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._kept: dict[tuple[TenantId, str], Deployment] = {}
        self._platform = RuleList()

    def deployment(self, tenant: TenantId, model: str) -> Deployment:
        """See ``Deployments.deployment``."""
        self._registry.model(tenant, model)
        return self._kept.get((tenant, model), Deployment(tenant=tenant, model=model))

    def all_deployments(self, tenant: TenantId | None = None) -> list[Deployment]:
        """See ``Deployments.all_deployments``."""
        return [kept for place, kept in sorted(self._kept.items()) if tenant in (None, place[0])]

    def set_rules(
        self, tenant: TenantId, model: str, rules: tuple[Rule, ...], *, expected: int | None = None
    ) -> Deployment:
        """See ``Deployments.set_rules``."""
        with self._lock:
            known = self.deployment(tenant, model)
            return self._keep(known, routes=next_rules(known.routes, rules, expected))

    def configure(
        self,
        tenant: TenantId,
        model: str,
        *,
        policy: str | None = None,
        pinned: bool | None = None,
        runtime: Runtime | None = None,
    ) -> Deployment:
        """See ``Deployments.configure``."""
        if policy is not None:
            check_policy_name(policy)
        given = {"policy": policy, "pinned": pinned, "runtime": runtime}
        with self._lock:
            known = self.deployment(tenant, model)
            return self._keep(known, **{name: value for name, value in given.items() if value is not None})

    def set_tags(self, tenant: TenantId, model: str, number: int, tags: dict[str, str]) -> Deployment:
        """See ``Deployments.set_tags``."""
        check_tags(tags)
        with self._lock:
            known = self._of_version(tenant, model, number)
            return self._keep(known, tags=_with(known.tags, number, dict(tags)))

    def set_export(self, tenant: TenantId, model: str, number: int, export: Export) -> Deployment:
        """See ``Deployments.set_export``."""
        with self._lock:
            known = self._of_version(tenant, model, number)
            return self._keep(known, exports=_with(known.exports, number, export))

    def platform_rules(self) -> RuleList:
        """See ``Deployments.platform_rules``."""
        return self._platform

    def set_platform_rules(self, rules: tuple[Rule, ...], *, expected: int | None = None) -> RuleList:
        """See ``Deployments.set_platform_rules``."""
        with self._lock:
            self._platform = next_rules(self._platform, rules, expected)
            return self._platform

    def _of_version(self, tenant: TenantId, model: str, number: int) -> Deployment:
        known = self.deployment(tenant, model)
        self._registry.version(tenant, model, str(number))
        return known

    def _keep(self, known: Deployment, **changes: Any) -> Deployment:
        kept = msgspec.structs.replace(known, **changes)
        self._kept[kept.tenant, kept.model] = kept
        return kept


def _with(values: dict[str, Any], number: int, value: Any) -> dict[str, Any]:
    """The values with one more, by number."""
    return dict(sorted({**values, str(number): value}.items(), key=lambda item: int(item[0])))
