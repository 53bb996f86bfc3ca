"""Versions and aliases in the database.

Bundles are checked before the transaction that refers to them (checking reads every byte); since blobs never
change and a version is never taken back, what held before still holds inside.
"""

from typing import Any

import msgspec
import sqlalchemy as sa

from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.directory import require_tenant
from tenantry.adapters.sql.tables import alias_changes, aliases, models, snapshots, versions
from tenantry.bundle import ParityReceipt
from tenantry.datasets import no_such_snapshot
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


class SqlRegistry:
    """The port ``Registry`` over a database. ``complete`` says whether a bundle is wholly stored."""

    def __init__(self, database: Database, complete: BundleCheck, clock: Clock | None = None) -> None:
        self._database = database
        self._complete = complete
        self._clock = clock or SystemClock()

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
        with self._database.write() as connection:
            require_tenant(connection, tenant)
            _require_snapshot(connection, tenant, snapshot)
            created = self._clock.now()
            new_model = self._database.insert(models).values(tenant=tenant, name=model, created=created)
            connection.execute(new_model.on_conflict_do_nothing())
            _require_model(connection, tenant, model, lock=True)
            same = sa.and_(_of(versions, tenant, model), versions.c.bundle == bundle)
            row = connection.execute(versions.select().where(same)).one_or_none()
            if row is not None:
                return _version_of(row)
            version = Version(
                tenant=tenant,
                model=model,
                number=_latest(connection, tenant, model) + 1,
                bundle=bundle,
                snapshot=snapshot,
                receipt=receipt,
                created=created,
                summary=summary,
                parent=_alias(connection, tenant, model, CHAMPION),
            )
            connection.execute(versions.insert().values(_row_of(version)))
        return version

    def models(self, tenant: TenantId) -> list[Model]:
        """See ``Registry.models``."""
        with self._database.read() as connection:
            return _models(connection, tenant)

    def all_models(self) -> list[Model]:
        """See ``Registry.all_models``."""
        with self._database.read() as connection:
            return _models(connection, None)

    def model(self, tenant: TenantId, model: str) -> Model:
        """See ``Registry.model``."""
        with self._database.read() as connection:
            row = _require_model(connection, tenant, model)
            latest = _latest(connection, tenant, model)
            return Model(
                tenant=tenant,
                name=model,
                created=row.created,
                latest=latest,
                aliases=_aliases(connection, tenant, model),
            )

    def versions(self, tenant: TenantId, model: str) -> list[Version]:
        """See ``Registry.versions``."""
        mine = versions.select().where(_of(versions, tenant, model)).order_by(versions.c.number.desc())
        with self._database.read() as connection:
            _require_model(connection, tenant, model)
            return [_version_of(row) for row in connection.execute(mine)]

    def version(self, tenant: TenantId, model: str, ref: str = CHAMPION) -> Version:
        """See ``Registry.version``."""
        with self._database.read() as connection:
            _require_model(connection, tenant, model)
            number = ref_number(ref)
            if number is None:
                number = _alias(connection, tenant, model, ref)
            return _find(connection, tenant, model, number, ref)

    def set_alias(
        self, tenant: TenantId, model: str, alias: str, number: int, *, expected: int | None = None
    ) -> Version:
        """See ``Registry.set_alias``."""
        check_alias(alias)
        version = self.version(tenant, model, str(number))
        if not self._complete(tenant, version.bundle):
            raise bundle_incomplete(model, version.bundle)
        with self._database.write() as connection:
            _require_model(connection, tenant, model, lock=True)
            current = _alias(connection, tenant, model, alias)
            if expected is not None and (current or 0) != expected:
                raise alias_moved(model, alias, expected, current)
            if current != number:
                self._move(connection, version, alias, current, rollback=False)
        return version

    def remove_alias(self, tenant: TenantId, model: str, alias: str) -> None:
        """See ``Registry.remove_alias``."""
        with self._database.write() as connection:
            _require_model(connection, tenant, model)
            mine = sa.and_(_of(aliases, tenant, model), aliases.c.alias == alias)
            if connection.execute(aliases.delete().where(mine)).rowcount == 0:
                raise no_such_alias(model, alias)

    def aliases(self, tenant: TenantId, model: str) -> dict[str, int]:
        """See ``Registry.aliases``."""
        with self._database.read() as connection:
            _require_model(connection, tenant, model)
            return _aliases(connection, tenant, model)

    def alias_history(self, tenant: TenantId, model: str, alias: str = CHAMPION) -> list[AliasChange]:
        """See ``Registry.alias_history``."""
        with self._database.read() as connection:
            _require_model(connection, tenant, model)
            return _history(connection, tenant, model, alias)

    def rollback(self, tenant: TenantId, model: str, alias: str = CHAMPION) -> Version:
        """See ``Registry.rollback``."""
        with self._database.read() as connection:
            _require_model(connection, tenant, model)
            current = _alias(connection, tenant, model, alias)
            if current is None:
                raise no_such_alias(model, alias)
            target = earlier_number(_history(connection, tenant, model, alias), current)
            if target is None:
                raise Conflict(
                    "no_rollback", f"{alias!r} of {model!r} never pointed anywhere before version {current}"
                )
            version = _find(connection, tenant, model, target, target)
        if not self._complete(tenant, version.bundle):
            raise bundle_incomplete(model, version.bundle)
        with self._database.write() as connection:
            _require_model(connection, tenant, model, lock=True)
            now = _alias(connection, tenant, model, alias)
            if now != current:
                raise alias_moved(model, alias, current, now)
            self._move(connection, version, alias, current, rollback=True)
        return version

    def _move(
        self, connection: sa.Connection, version: Version, alias: str, previous: int | None, *, rollback: bool
    ) -> None:
        place = {"tenant": version.tenant, "model": version.model, "alias": alias}
        statement = self._database.insert(aliases).values(**place, number=version.number)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant", "model", "alias"], set_={"number": version.number}
        )
        connection.execute(statement)
        change = {
            "number": version.number,
            "previous": previous,
            "at": self._clock.now(),
            "rollback": rollback,
        }
        connection.execute(alias_changes.insert().values(place | change))


def _of(table: sa.Table, tenant: TenantId, model: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.tenant == tenant, table.c.model == model)


def _models(connection: sa.Connection, tenant: TenantId | None) -> list[Model]:
    """One tenant's models, or everybody's, in three queries however many there are."""

    def mine(table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.true() if tenant is None else table.c.tenant == tenant

    newest = sa.select(versions.c.tenant, versions.c.model, sa.func.max(versions.c.number).label("latest"))
    newest = newest.where(mine(versions)).group_by(versions.c.tenant, versions.c.model)
    latest = {(row.tenant, row.model): row.latest for row in connection.execute(newest)}
    named: dict[tuple[str, str], dict[str, int]] = {}
    for row in connection.execute(aliases.select().where(mine(aliases)).order_by(aliases.c.alias)):
        named.setdefault((row.tenant, row.model), {})[row.alias] = row.number
    listed = models.select().where(mine(models)).order_by(models.c.tenant, models.c.name)
    return [
        Model(
            tenant=row.tenant,
            name=row.name,
            created=row.created,
            latest=latest[row.tenant, row.name],
            aliases=named.get((row.tenant, row.name), {}),
        )
        for row in connection.execute(listed)
    ]


def _require_model(
    connection: sa.Connection, tenant: TenantId, model: str, *, lock: bool = False
) -> sa.Row[Any]:
    """The row of a model; locked, it lets one writer of the model's versions and aliases in at a time."""
    mine = models.select().where(models.c.tenant == tenant, models.c.name == model)
    row = connection.execute(mine.with_for_update() if lock else mine).one_or_none()
    if row is None:
        raise no_such_model(model)
    return row


def _require_snapshot(connection: sa.Connection, tenant: TenantId, digest: str) -> None:
    mine = sa.select(snapshots.c.digest).where(snapshots.c.tenant == tenant, snapshots.c.digest == digest)
    if connection.execute(mine).first() is None:
        raise no_such_snapshot(digest)


def _latest(connection: sa.Connection, tenant: TenantId, model: str) -> int:
    return (
        connection.execute(
            sa.select(sa.func.max(versions.c.number)).where(_of(versions, tenant, model))
        ).scalar()
        or 0
    )


def _alias(connection: sa.Connection, tenant: TenantId, model: str, alias: str) -> int | None:
    mine = sa.select(aliases.c.number).where(_of(aliases, tenant, model), aliases.c.alias == alias)
    number: int | None = connection.execute(mine).scalar()
    return number


def _aliases(connection: sa.Connection, tenant: TenantId, model: str) -> dict[str, int]:
    mine = aliases.select().where(_of(aliases, tenant, model)).order_by(aliases.c.alias)
    return {row.alias: row.number for row in connection.execute(mine)}


def _find(
    connection: sa.Connection, tenant: TenantId, model: str, number: int | None, ref: str | int
) -> Version:
    mine = versions.select().where(_of(versions, tenant, model), versions.c.number == number)
    row = connection.execute(mine).one_or_none()
    if row is None:
        raise no_such_version(model, ref)
    return _version_of(row)


def _history(connection: sa.Connection, tenant: TenantId, model: str, alias: str) -> list[AliasChange]:
    mine = alias_changes.select().where(_of(alias_changes, tenant, model), alias_changes.c.alias == alias)
    return [
        AliasChange(
            seq=row.seq,
            alias=alias,
            number=row.number,
            previous=row.previous,
            at=row.at,
            rollback=row.rollback,
        )
        for row in connection.execute(mine.order_by(alias_changes.c.seq.desc()))
    ]


def _row_of(version: Version) -> dict[str, Any]:
    return msgspec.structs.asdict(version) | {
        "receipt": msgspec.json.encode(version.receipt).decode(),
        "summary": msgspec.json.encode(version.summary).decode(),
    }


def _version_of(row: sa.Row[Any]) -> Version:
    return Version(
        tenant=row.tenant,
        model=row.model,
        number=row.number,
        bundle=row.bundle,
        snapshot=row.snapshot,
        receipt=msgspec.json.decode(row.receipt, type=ParityReceipt),
        created=row.created,
        summary=msgspec.json.decode(row.summary),
        parent=row.parent,
    )
