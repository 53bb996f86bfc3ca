"""What the commands need about deployments, rules, SLO classes and quotas; see ``cli.backend``."""

from typing import Any, Protocol

from tenantry.access import Tenant
from tenantry.admission import Policy, Quota
from tenantry.api.residency import Residency
from tenantry.deployments import Asked, Deployment, Routes, Runtime
from tenantry.routing import Explanation
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId

Place = tuple[TenantId, str] | None
"""Whose rules: a model's of a tenant, or, ``None``, the platform's."""


class DeploymentBackend(Protocol):
    """All methods raise :class:`~tenantry.errors.TenantryError`."""

    def tenant_of(self, tenant: TenantId) -> Tenant:
        """One tenant."""
        ...

    def change_tenant(self, tenant: TenantId, attributes: dict[str, Any]) -> Tenant:
        """Set attributes; ``None`` removes one."""
        ...

    def quota(self, tenant: TenantId) -> Quota:
        """What a tenant may use."""
        ...

    def set_quota(self, tenant: TenantId, quota: Quota) -> Quota:
        """Replace what a tenant may use."""
        ...

    def policies(self) -> dict[str, Policy]:
        """The SLO classes by name."""
        ...

    def set_policy(self, name: str, policy: Policy) -> Policy:
        """Add or replace an SLO class."""
        ...

    def remove_policy(self, name: str) -> None:
        """Remove an SLO class, or set a built-in one back."""
        ...

    def routes(self, place: Place) -> Routes:
        """The rules of a deployment or of the platform."""
        ...

    def put_routes(self, place: Place, rules: tuple[Rule, ...], expected: int | None) -> Routes:
        """Replace them."""
        ...

    def explain_route(self, tenant: TenantId, asked: Asked) -> Explanation:
        """What would become of a request."""
        ...

    def why(self, tenant: TenantId, model: str) -> Residency:
        """Why a model is in memory, or is not."""
        ...

    def deployment(self, tenant: TenantId, model: str) -> Deployment:
        """How a model is deployed."""
        ...

    def set_deployment(
        self,
        tenant: TenantId,
        model: str,
        *,
        policy: str | None,
        pinned: bool | None,
        runtime: Runtime | None,
    ) -> Deployment:
        """Set what is given."""
        ...

    def set_tags(self, tenant: TenantId, model: str, ref: str, tags: dict[str, str]) -> Deployment:
        """Replace a version's tags."""
        ...
