"""Promotion and rollback: move the alias, then let the workers know (A16)."""

from tenantry.registry import CHAMPION, Version
from tenantry.tenancy import TenantId
from tenantry.workflows.stores import Stores


def promote(stores: Stores, tenant: TenantId, model: str, ref: str, *, alias: str = CHAMPION) -> Version:
    """Point an alias to a version, named by number or alias, and publish. Raises as
    ``Registry.set_alias``.
    """
    version = stores.registry.version(tenant, model, ref)
    stores.registry.set_alias(tenant, model, alias, version.number)
    stores.publisher.publish(tenant, model)
    return version


def roll_back(stores: Stores, tenant: TenantId, model: str, *, alias: str = CHAMPION) -> Version:
    """Point an alias to where it pointed before, and publish. Raises as ``Registry.rollback``."""
    version = stores.registry.rollback(tenant, model, alias)
    stores.publisher.publish(tenant, model)
    return version
