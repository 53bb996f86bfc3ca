"""Snapshots in a dictionary, their bytes in any blobs."""

import threading

import pyarrow as pa

from tenantry.access import Directory
from tenantry.datasets import (
    ColumnProfile,
    Snapshot,
    load_snapshot_manifest,
    load_table,
    no_such_dataset,
    no_such_snapshot,
    save_table,
)
from tenantry.ports.blobs import Blobs
from tenantry.ports.clock import Clock, SystemClock
from tenantry.tenancy import TenantId, name_of


class MemoryDatasets:
    """The port ``Datasets``, for the tenants of a directory."""

    def __init__(self, directory: Directory, blobs: Blobs, clock: Clock | None = None) -> None:
        self._directory = directory
        self._blobs = blobs
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        # In the order of saving; a table that is saved again moves to the end.
        self._snapshots: dict[tuple[TenantId, str], Snapshot] = {}

    def save(self, tenant: TenantId, name: str, table: pa.Table, source: str) -> Snapshot:
        """See ``Datasets.save``."""
        name_of(name)
        self._directory.tenant(tenant)
        digest, manifest = save_table(self._blobs, tenant, name, table)
        made = Snapshot(
            tenant=tenant,
            name=name,
            digest=digest,
            data_digest=manifest.data_digest,
            rows=manifest.rows,
            columns=manifest.columns,
            created=self._clock.now(),
            source=source,
        )
        with self._lock:
            kept = self._snapshots.pop((tenant, digest), made)
            self._snapshots[tenant, digest] = kept
        return kept

    def snapshots(self, tenant: TenantId, name: str | None = None) -> list[Snapshot]:
        """See ``Datasets.snapshots``."""
        mine = [found for (owner, _), found in self._snapshots.items() if owner == tenant]
        return [found for found in reversed(mine) if name is None or found.name == name]

    def latest(self, tenant: TenantId, name: str) -> Snapshot:
        """See ``Datasets.latest``."""
        for found in self.snapshots(tenant, name):
            return found
        raise no_such_dataset(name)

    def snapshot(self, tenant: TenantId, digest: str) -> Snapshot:
        """See ``Datasets.snapshot``."""
        try:
            return self._snapshots[tenant, digest]
        except KeyError:
            raise no_such_snapshot(digest) from None

    def profile(self, tenant: TenantId, digest: str) -> tuple[ColumnProfile, ...]:
        """See ``Datasets.profile``."""
        return load_snapshot_manifest(self._blobs, tenant, self.snapshot(tenant, digest).digest).profile

    def load(self, tenant: TenantId, digest: str) -> pa.Table:
        """See ``Datasets.load``."""
        return load_table(self._blobs, tenant, self.snapshot(tenant, digest).digest)
