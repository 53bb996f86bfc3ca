"""Snapshots: their rows in the database, their bytes in the blobs."""

from typing import Any

import msgspec
import pyarrow as pa
import sqlalchemy as sa

from tenantry.adapters.sql.database import Database
from tenantry.adapters.sql.directory import require_tenant
from tenantry.adapters.sql.tables import snapshots
from tenantry.datasets import (
    ColumnProfile,
    Snapshot,
    SnapshotColumn,
    load_snapshot_manifest,
    load_table,
    no_such_dataset,
    no_such_snapshot,
    save_table,
)
from tenantry.ports.blobs import Blobs
from tenantry.ports.clock import Clock, SystemClock
from tenantry.tenancy import TenantId, name_of


class SqlDatasets:
    """The port ``Datasets`` over a database and a blob store."""

    def __init__(self, database: Database, blobs: Blobs, clock: Clock | None = None) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock or SystemClock()

    def save(self, tenant: TenantId, name: str, table: pa.Table, source: str) -> Snapshot:
        """See ``Datasets.save``."""
        name_of(name)
        with self._database.read() as connection:
            require_tenant(connection, tenant)
        digest, manifest = save_table(self._blobs, tenant, name, table)
        values = {
            "tenant": tenant,
            "digest": digest,
            "name": name,
            "data_digest": manifest.data_digest,
            "rows": manifest.rows,
            "columns": msgspec.json.encode(manifest.columns).decode(),
            "source": source,
            "created": self._clock.now(),
        }
        with self._database.write() as connection:
            last = sa.select(sa.func.max(snapshots.c.turn)).where(snapshots.c.tenant == tenant)
            turn = (connection.execute(last).scalar() or 0) + 1
            statement = self._database.insert(snapshots).values(values | {"turn": turn})
            statement = statement.on_conflict_do_update(
                index_elements=["tenant", "digest"], set_={"turn": turn}
            )
            connection.execute(statement)
            return _find(connection, tenant, digest)

    def snapshots(self, tenant: TenantId, name: str | None = None) -> list[Snapshot]:
        """See ``Datasets.snapshots``."""
        chosen = snapshots.select().where(snapshots.c.tenant == tenant).order_by(snapshots.c.turn.desc())
        if name is not None:
            chosen = chosen.where(snapshots.c.name == name)
        with self._database.read() as connection:
            return [_snapshot_of(row) for row in connection.execute(chosen)]

    def latest(self, tenant: TenantId, name: str) -> Snapshot:
        """See ``Datasets.latest``."""
        mine = snapshots.select().where(snapshots.c.tenant == tenant, snapshots.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(mine.order_by(snapshots.c.turn.desc()).limit(1)).one_or_none()
        if row is None:
            raise no_such_dataset(name)
        return _snapshot_of(row)

    def snapshot(self, tenant: TenantId, digest: str) -> Snapshot:
        """See ``Datasets.snapshot``."""
        with self._database.read() as connection:
            return _find(connection, tenant, digest)

    def profile(self, tenant: TenantId, digest: str) -> tuple[ColumnProfile, ...]:
        """See ``Datasets.profile``."""
        found = self.snapshot(tenant, digest)
        return load_snapshot_manifest(self._blobs, tenant, found.digest).profile

    def load(self, tenant: TenantId, digest: str) -> pa.Table:
        """See ``Datasets.load``."""
        found = self.snapshot(tenant, digest)
        return load_table(self._blobs, tenant, found.digest)


def _find(connection: sa.Connection, tenant: TenantId, digest: str) -> Snapshot:
    mine = snapshots.select().where(snapshots.c.tenant == tenant, snapshots.c.digest == digest)
    row = connection.execute(mine).one_or_none()
    if row is None:
        raise no_such_snapshot(digest)
    return _snapshot_of(row)


def _snapshot_of(row: sa.Row[Any]) -> Snapshot:
    return Snapshot(
        tenant=row.tenant,
        name=row.name,
        digest=row.digest,
        data_digest=row.data_digest,
        rows=row.rows,
        columns=msgspec.json.decode(row.columns, type=tuple[SnapshotColumn, ...]),
        created=row.created,
        source=row.source,
    )
