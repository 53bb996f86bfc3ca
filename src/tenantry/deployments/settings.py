"""How a model is deployed, what a tenant may use, and which SLO classes there are (A24, B7, B16)."""

from typing import Any

from tenantry.access import Tenant
from tenantry.admission import Policy, Quota
from tenantry.deployments.records import STARTERS, Deployment, Runtime
from tenantry.deployments.stores import DeploymentStores
from tenantry.errors import Conflict
from tenantry.tenancy import TenantId


def set_deployment(
    stores: DeploymentStores,
    tenant: TenantId,
    model: str,
    *,
    policy: str | None = None,
    pinned: bool | None = None,
    runtime: Runtime | None = None,
) -> Deployment:
    """Set what is given; workers follow within a second. ``runtime="onnx"`` makes the exports that are missing first.

    Raises ``NotFound`` for a model or an SLO class that there is not, and as ``plan.onnx_export``.
    """
    stores.deployments.deployment(tenant, model)
    if policy is not None:
        stores.policies.policy(policy)
    if runtime == "onnx":
        stores.publisher.export(tenant, model)
    kept = stores.deployments.configure(tenant, model, policy=policy, pinned=pinned, runtime=runtime)
    stores.publisher.publish(tenant, model)
    return kept


def set_tags(
    stores: DeploymentStores, tenant: TenantId, model: str, ref: str, tags: dict[str, str]
) -> Deployment:
    """Replace the tags of a version, named by number or alias. Raises ``NotFound``,
    ``InvalidRequest("tag_invalid")``.
    """
    number = stores.registry.version(tenant, model, ref).number
    kept = stores.deployments.set_tags(tenant, model, number, tags)
    stores.publisher.publish(tenant, model)
    return kept


def set_policy(stores: DeploymentStores, name: str, policy: Policy) -> Policy:
    """Add or replace an SLO class, for every deployment that names it. Raises ``InvalidRequest("bad_name")``."""
    kept = stores.policies.set_policy(name, policy)
    stores.publisher.publish_platform()
    return kept


def remove_policy(stores: DeploymentStores, name: str) -> None:
    """Forget an SLO class, or set a built-in one back. Raises ``Conflict("policy_in_use")``, and as
    ``Policies.remove_policy``.
    """
    users = [one for one in stores.deployments.all_deployments() if one.policy == name]
    if users and name not in STARTERS:
        shown = ", ".join(f"{one.model} of {one.tenant}" for one in users[:3])
        raise Conflict(
            "policy_in_use", f"the class {name!r} is in use: {shown}{' …' if len(users) > 3 else ''}"
        )
    stores.policies.remove_policy(name)
    stores.publisher.publish_platform()


def set_quota(stores: DeploymentStores, tenant: TenantId, quota: Quota) -> Quota:
    """Replace what a tenant may use. Raises ``NotFound``."""
    kept = stores.policies.set_quota(tenant, quota)
    stores.publisher.publish_tenant(tenant)
    return kept


def change_attributes(stores: DeploymentStores, tenant: TenantId, changes: dict[str, Any]) -> Tenant:
    """Set attributes of a tenant; ``None`` removes one. Raises ``NotFound``,
    ``InvalidRequest("attribute_invalid")``.
    """
    kept = stores.directory.change_attributes(tenant, changes)
    stores.publisher.publish_tenant(tenant)
    return kept
