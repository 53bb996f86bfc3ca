"""Tenants and keys in dictionaries."""

import threading
from typing import Any

import msgspec

from tenantry.access import (
    Key,
    Role,
    Tenant,
    changed_attributes,
    check_key,
    new_key,
    new_key_id,
    no_such_key,
    no_such_tenant,
)
from tenantry.errors import Conflict
from tenantry.ports.clock import Clock, SystemClock
from tenantry.tenancy import TenantId, tenant_id


class MemoryDirectory:
    """The port ``Directory``."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._tenants: dict[TenantId, Tenant] = {}
        self._keys: dict[str, Key] = {}

    def create_tenant(self, tenant: TenantId, attributes: dict[str, Any] | None = None) -> Tenant:
        """See ``Directory.create_tenant``."""
        made = Tenant(id=tenant_id(tenant), created=self._clock.now(), attributes=dict(attributes or {}))
        with self._lock:
            if tenant in self._tenants:
                raise Conflict("tenant_exists", f"there is a tenant {tenant!r} already")
            self._tenants[tenant] = made
        return made

    def change_attributes(self, tenant: TenantId, changes: dict[str, Any]) -> Tenant:
        """See ``Directory.change_attributes``."""
        with self._lock:
            known = self.tenant(tenant)
            kept = changed_attributes(known.attributes, changes)
            self._tenants[tenant] = msgspec.structs.replace(known, attributes=kept)
            return self._tenants[tenant]

    def tenants(self) -> list[Tenant]:
        """See ``Directory.tenants``."""
        return [tenant for _, tenant in sorted(self._tenants.items())]

    def tenant(self, tenant: TenantId) -> Tenant:
        """See ``Directory.tenant``."""
        try:
            return self._tenants[tenant]
        except KeyError:
            raise no_such_tenant(tenant) from None

    def create_key(
        self, tenant: TenantId | None, role: Role, label: str = "", expires: float | None = None
    ) -> tuple[Key, str]:
        """See ``Directory.create_key``."""
        now = self._clock.now()
        check_key(tenant, role, expires, now)
        if tenant is not None:
            self.tenant(tenant)
        key = Key(id=new_key_id(), tenant=tenant, role=role, label=label, created=now, expires=expires)
        secret, digest = new_key()
        self._keys[digest] = key
        return key, secret

    def keys(self, tenant: TenantId | None) -> list[Key]:
        """See ``Directory.keys``."""
        mine = [key for key in self._keys.values() if key.tenant == tenant]
        return sorted(mine, key=lambda key: (key.created, key.id))

    def revoke(self, tenant: TenantId | None, key_id: str) -> Key:
        """See ``Directory.revoke``."""
        with self._lock:
            for digest, key in self._keys.items():
                if key.tenant == tenant and key.id == key_id:
                    if key.revoked is None:
                        self._keys[digest] = msgspec.structs.replace(key, revoked=self._clock.now())
                    return self._keys[digest]
        raise no_such_key(key_id)

    def find(self, digest: str) -> Key | None:
        """See ``Directory.find``."""
        key = self._keys.get(digest)
        return key if key is not None and key.alive(self._clock.now()) else None

    def live_keys_of(self, tenant: TenantId | None) -> list[tuple[str, Key]]:
        """See ``Directory.live_keys_of``."""
        return [(digest, key) for digest, key in self.live_keys() if key.tenant == tenant]

    def live_keys(self) -> list[tuple[str, Key]]:
        """See ``Directory.live_keys``."""
        now = self._clock.now()
        live = [(digest, key) for digest, key in self._keys.items() if key.alive(now)]
        return sorted(live, key=lambda item: item[1].id)
