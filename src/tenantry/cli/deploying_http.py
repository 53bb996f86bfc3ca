"""Deployments, rules, SLO classes and quotas through a server."""

from typing import Any

import httpx

from tenantry.access import Tenant
from tenantry.admission import Policy, Quota
from tenantry.api.residency import Residency
from tenantry.cli.deploying import Place
from tenantry.cli.transport import Transport, word
from tenantry.deployments import Asked, Deployment, Routes, Runtime
from tenantry.routing import Explanation
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId

EXPORT_SECONDS = 600.0
"""How long a server may take to export every version of a model."""


class HttpDeployments:
    """This part of the backend."""

    _http: Transport

    def tenant_of(self, tenant: TenantId) -> Tenant:
        """See ``DeploymentBackend``."""
        return self._http.get(f"/tenants/{word(tenant)}", Tenant)

    def change_tenant(self, tenant: TenantId, attributes: dict[str, Any]) -> Tenant:
        """See ``DeploymentBackend``."""
        path = f"/tenants/{word(tenant)}"
        return self._http.post(path, Tenant, None, {"attributes": attributes}, method="PATCH")

    def quota(self, tenant: TenantId) -> Quota:
        """See ``DeploymentBackend``."""
        return self._http.get(f"/tenants/{word(tenant)}/quota", Quota)

    def set_quota(self, tenant: TenantId, quota: Quota) -> Quota:
        """See ``DeploymentBackend``."""
        return self._http.post(f"/tenants/{word(tenant)}/quota", Quota, None, quota, method="PUT")

    def policies(self) -> dict[str, Policy]:
        """See ``DeploymentBackend``."""
        return self._http.get("/policies", dict[str, Policy])

    def set_policy(self, name: str, policy: Policy) -> Policy:
        """See ``DeploymentBackend``."""
        return self._http.post(f"/policies/{word(name)}", Policy, None, policy, method="PUT")

    def remove_policy(self, name: str) -> None:
        """See ``DeploymentBackend``."""
        self._http.send("DELETE", f"/policies/{word(name)}")

    def routes(self, place: Place) -> Routes:
        """See ``DeploymentBackend``."""
        path, tenant = _routes(place)
        return self._http.get(path, Routes, tenant)

    def put_routes(self, place: Place, rules: tuple[Rule, ...], expected: int | None) -> Routes:
        """See ``DeploymentBackend``."""
        path, tenant = _routes(place)
        return self._http.post(path, Routes, tenant, {"rules": rules, "expected": expected}, method="PUT")

    def explain_route(self, tenant: TenantId, asked: Asked) -> Explanation:
        """See ``DeploymentBackend``."""
        return self._http.post("/routes:explain", Explanation, tenant, asked)

    def why(self, tenant: TenantId, model: str) -> Residency:
        """See ``DeploymentBackend``."""
        return self._http.get(f"/models/{word(model)}/why", Residency, tenant)

    def deployment(self, tenant: TenantId, model: str) -> Deployment:
        """See ``DeploymentBackend``."""
        return self._http.get(f"/models/{word(model)}/deployment", Deployment, tenant)

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
        return self._http.post(
            f"/models/{word(model)}/deployment",
            Deployment,
            tenant,
            {"policy": policy, "pinned": pinned, "runtime": runtime},
            method="PUT",
            timeout=httpx.Timeout(EXPORT_SECONDS, connect=5),
        )

    def set_tags(self, tenant: TenantId, model: str, ref: str, tags: dict[str, str]) -> Deployment:
        """See ``DeploymentBackend``."""
        path = f"/models/{word(model)}/versions/{word(ref)}/tags"
        return self._http.post(path, Deployment, tenant, {"tags": tags}, method="PUT")


def _routes(place: Place) -> tuple[str, TenantId | None]:
    if place is None:
        return "/routes", None
    tenant, model = place
    return f"/models/{word(model)}/routes", tenant
