"""Deployments, rules, SLO classes and quotas without a server."""

from typing import Any

from tenantry import deployments
from tenantry.access import Tenant
from tenantry.admission import Policy, Quota
from tenantry.api.control import ControlPlane
from tenantry.api.residency import Residency
from tenantry.cli.deploying import Place
from tenantry.deployments import Asked, Deployment, Routes, Runtime
from tenantry.routing import Explanation
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId


class EmbeddedDeployments:
    """This part of the backend; who owns the home folder is an operator of it."""

    _control: ControlPlane

    def tenant_of(self, tenant: TenantId) -> Tenant:
        """See ``DeploymentBackend``."""
        return self._control.stores.directory.tenant(tenant)

    def change_tenant(self, tenant: TenantId, attributes: dict[str, Any]) -> Tenant:
        """See ``DeploymentBackend``."""
        return deployments.change_attributes(self._control.stores, tenant, attributes)

    def quota(self, tenant: TenantId) -> Quota:
        """See ``DeploymentBackend``."""
        return self._control.stores.policies.quota(tenant)

    def set_quota(self, tenant: TenantId, quota: Quota) -> Quota:
        """See ``DeploymentBackend``."""
        return deployments.set_quota(self._control.stores, tenant, quota)

    def policies(self) -> dict[str, Policy]:
        """See ``DeploymentBackend``."""
        return self._control.stores.policies.policies()

    def set_policy(self, name: str, policy: Policy) -> Policy:
        """See ``DeploymentBackend``."""
        return deployments.set_policy(self._control.stores, name, policy)

    def remove_policy(self, name: str) -> None:
        """See ``DeploymentBackend``."""
        deployments.remove_policy(self._control.stores, name)

    def routes(self, place: Place) -> Routes:
        """See ``DeploymentBackend``."""
        stores = self._control.stores
        return deployments.platform_routes(stores) if place is None else deployments.routes(stores, *place)

    def put_routes(self, place: Place, rules: tuple[Rule, ...], expected: int | None) -> Routes:
        """See ``DeploymentBackend``."""
        stores = self._control.stores
        if place is None:
            return deployments.put_platform_routes(stores, rules, expected)
        return deployments.put_routes(stores, *place, rules, expected)

    def explain_route(self, tenant: TenantId, asked: Asked) -> Explanation:
        """See ``DeploymentBackend``: by the table as it is published, brought up to date first."""
        # No server keeps it so, and another command may have been killed before it published.
        self._control.stores.publisher.publish()
        return deployments.explain_route(self._control.stores, tenant, asked, operator=True)

    def why(self, tenant: TenantId, model: str) -> Residency:
        """See ``DeploymentBackend``: from what workers that ran here have left."""
        return self._control.why(tenant, model, whole=True)

    def deployment(self, tenant: TenantId, model: str) -> Deployment:
        """See ``DeploymentBackend``."""
        return self._control.stores.deployments.deployment(tenant, model)

    def set_deployment(
        self,
        tenant: TenantId,
        model: str,
        *,
        policy: str | None,
        pinned: bool | None,
        runtime: Runtime | None,
    ) -> Deployment:
        """See ``DeploymentBackend``."""
        return deployments.set_deployment(
            self._control.stores, tenant, model, policy=policy, pinned=pinned, runtime=runtime
        )

    def set_tags(self, tenant: TenantId, model: str, ref: str, tags: dict[str, str]) -> Deployment:
        """See ``DeploymentBackend``."""
        return deployments.set_tags(self._control.stores, tenant, model, ref, tags)
