"""The port of tenants and keys. The store is in ``adapters``; the twin in memory in ``testing``."""

from typing import Any, Protocol

from tenantry.access._keys import Key, Tenant
from tenantry.access._roles import Role
from tenantry.tenancy import TenantId


class Directory(Protocol):
    """Tenants and keys. ``tenant=None`` means the operators' own keys, never "any tenant".

    Secrets are not kept: ``create_key`` is the only time that anybody sees one. Every method is safe to call
    from several threads and processes at once.
    """

    def create_tenant(self, tenant: TenantId, attributes: dict[str, Any] | None = None) -> Tenant:
        """Raises ``Conflict("tenant_exists")``."""
        ...

    def change_attributes(self, tenant: TenantId, changes: dict[str, Any]) -> Tenant:
        """Set the attributes that are named, remove those that are ``None``, keep the rest. Raises ``NotFound``,
        ``InvalidRequest("attribute_invalid")``.
        """
        ...

    def tenants(self) -> list[Tenant]:
        """All tenants by name."""
        ...

    def tenant(self, tenant: TenantId) -> Tenant:
        """Raises ``NotFound``."""
        ...

    def create_key(
        self, tenant: TenantId | None, role: Role, label: str = "", expires: float | None = None
    ) -> tuple[Key, str]:
        """A new key and its secret. Raises ``NotFound`` for an unknown tenant,
        ``InvalidRequest("key_role")``.
        """
        ...

    def keys(self, tenant: TenantId | None) -> list[Key]:
        """The keys of one tenant, or of the operators; oldest first, revoked ones too."""
        ...

    def revoke(self, tenant: TenantId | None, key_id: str) -> Key:
        """End a key; a revoked one is returned as it is. Raises ``NotFound`` for a key of anybody else."""
        ...

    def find(self, digest: str) -> Key | None:
        """The key with this digest if it is alive now; ``None`` for an unknown, revoked or expired one."""
        ...

    def live_keys_of(self, tenant: TenantId | None) -> list[tuple[str, Key]]:
        """As ``live_keys``, of one tenant or of the operators."""
        ...

    def live_keys(self) -> list[tuple[str, Key]]:
        """(digest, key) of every key that is alive now, of all tenants and operators: for the endpoint table."""
        ...
