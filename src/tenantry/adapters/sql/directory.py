"""Tenants and keys in the database."""

from typing import Any

import msgspec
import sqlalchemy as sa

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
from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.tables import keys, tenants
from tenantry.errors import Conflict
from tenantry.ports.clock import Clock, SystemClock
from tenantry.tenancy import TenantId, tenant_id


class SqlDirectory:
    """The port ``Directory`` over a database."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def create_tenant(self, tenant: TenantId, attributes: dict[str, Any] | None = None) -> Tenant:
        """See ``Directory.create_tenant``."""
        made = Tenant(id=tenant_id(tenant), created=self._clock.now(), attributes=attributes or {})
        values = {"id": made.id, "created": made.created, "attributes": _json(made.attributes)}
        with self._database.write() as connection:
            statement = self._database.insert(tenants).values(values).on_conflict_do_nothing()
            if connection.execute(statement.returning(tenants.c.id)).first() is None:
                raise Conflict("tenant_exists", f"there is a tenant {tenant!r} already")
        return made

    def change_attributes(self, tenant: TenantId, changes: dict[str, Any]) -> Tenant:
        """See ``Directory.change_attributes``."""
        with self._database.write() as connection:
            known = _tenant(connection, tenant, lock=True)
            kept = changed_attributes(known.attributes, changes)
            change = tenants.update().where(tenants.c.id == tenant).values(attributes=_json(kept))
            connection.execute(change)
            return msgspec.structs.replace(known, attributes=kept)

    def tenants(self) -> list[Tenant]:
        """See ``Directory.tenants``."""
        with self._database.read() as connection:
            return [_tenant_of(row) for row in connection.execute(tenants.select().order_by(tenants.c.id))]

    def tenant(self, tenant: TenantId) -> Tenant:
        """See ``Directory.tenant``."""
        with self._database.read() as connection:
            return _tenant(connection, tenant)

    def create_key(
        self, tenant: TenantId | None, role: Role, label: str = "", expires: float | None = None
    ) -> tuple[Key, str]:
        """See ``Directory.create_key``."""
        now = self._clock.now()
        check_key(tenant, role, expires, now)
        key = Key(id=new_key_id(), tenant=tenant, role=role, label=label, created=now, expires=expires)
        secret, digest = new_key()
        with self._database.write() as connection:
            if tenant is not None:
                _tenant(connection, tenant)
            connection.execute(
                keys.insert().values(msgspec.structs.asdict(key) | {"role": role.value, "digest": digest})
            )
        return key, secret

    def keys(self, tenant: TenantId | None) -> list[Key]:
        """See ``Directory.keys``."""
        chosen = keys.select().where(_owned(tenant)).order_by(keys.c.created, keys.c.id)
        with self._database.read() as connection:
            return [_key_of(row) for row in connection.execute(chosen)]

    def revoke(self, tenant: TenantId | None, key_id: str) -> Key:
        """See ``Directory.revoke``."""
        mine = sa.and_(_owned(tenant), keys.c.id == key_id)
        with self._database.write() as connection:
            change = keys.update().where(mine, keys.c.revoked.is_(None)).values(revoked=self._clock.now())
            connection.execute(change)
            row = connection.execute(keys.select().where(mine)).one_or_none()
        if row is None:
            raise no_such_key(key_id)
        return _key_of(row)

    def find(self, digest: str) -> Key | None:
        """See ``Directory.find``."""
        with self._database.read() as connection:
            row = connection.execute(keys.select().where(keys.c.digest == digest)).one_or_none()
        key = None if row is None else _key_of(row)
        return key if key is not None and key.alive(self._clock.now()) else None

    def live_keys_of(self, tenant: TenantId | None) -> list[tuple[str, Key]]:
        """See ``Directory.live_keys_of``."""
        return self._live(_owned(tenant))

    def live_keys(self) -> list[tuple[str, Key]]:
        """See ``Directory.live_keys``."""
        return self._live(sa.true())

    def _live(self, condition: sa.ColumnElement[bool]) -> list[tuple[str, Key]]:
        now = self._clock.now()
        chosen = keys.select().where(condition, keys.c.revoked.is_(None)).order_by(keys.c.id)
        with self._database.read() as connection:
            found = [(row.digest, _key_of(row)) for row in connection.execute(chosen)]
        return [(digest, key) for digest, key in found if key.alive(now)]


def require_tenant(connection: sa.Connection, tenant: TenantId) -> None:
    """Raises ``NotFound`` for a tenant that does not exist; for the stores of what tenants own."""
    if connection.execute(sa.select(tenants.c.id).where(tenants.c.id == tenant)).first() is None:
        raise no_such_tenant(tenant)


def _owned(tenant: TenantId | None) -> sa.ColumnElement[bool]:
    return keys.c.tenant.is_(None) if tenant is None else keys.c.tenant == tenant


def _tenant(connection: sa.Connection, tenant: TenantId, *, lock: bool = False) -> Tenant:
    mine = tenants.select().where(tenants.c.id == tenant)
    row = connection.execute(mine.with_for_update() if lock else mine).one_or_none()
    if row is None:
        raise no_such_tenant(tenant)
    return _tenant_of(row)


def _tenant_of(row: sa.Row[Any]) -> Tenant:
    return Tenant(id=row.id, created=row.created, attributes=msgspec.json.decode(row.attributes))


def _key_of(row: sa.Row[Any]) -> Key:
    return Key(
        id=row.id,
        tenant=row.tenant,
        role=Role(row.role),
        label=row.label,
        created=row.created,
        expires=row.expires,
        revoked=row.revoked,
    )


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
