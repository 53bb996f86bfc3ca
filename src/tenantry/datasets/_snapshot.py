"""A snapshot: one table of one tenant, as Parquet, named by the SHA-256 of a manifest that names the data's."""

from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tenantry.datasets._profile import ColumnProfile, profile_table
from tenantry.errors import Corrupt, NotFound
from tenantry.ports.blobs import Blobs
from tenantry.tenancy import TenantId

FORMAT_VERSION = 1


class SnapshotColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column and its Arrow type, as Arrow writes it (``string``, ``int64``, ``timestamp[us]``, …)."""

    name: str
    type: str


class SnapshotManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the snapshot's digest is taken of: nothing in it depends on when or from where the table was read,
    so that the same table under the same name is the same snapshot.
    """

    format_version: int = FORMAT_VERSION
    name: str
    data_digest: str
    rows: int
    columns: tuple[SnapshotColumn, ...]
    profile: tuple[ColumnProfile, ...]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A table as it was at one time. ``digest`` names the manifest, ``data_digest`` the Parquet file;
    ``source`` says where the table came from; ``created`` is when it was first saved, in seconds since the
    epoch.
    """

    tenant: TenantId
    name: str
    digest: str
    data_digest: str
    rows: int
    columns: tuple[SnapshotColumn, ...]
    created: float
    source: str


class Datasets(Protocol):
    """The snapshots of all tenants. Safe to call from several threads and processes at once."""

    def save(self, tenant: TenantId, name: str, table: pa.Table, source: str) -> Snapshot:
        """Keep a table; it becomes the latest of its name. The same table again is the same snapshot. Data
        and manifest are durable before the snapshot is listed. Raises ``NotFound`` for an unknown tenant,
        ``InvalidRequest("bad_name")``.
        """
        ...

    def snapshots(self, tenant: TenantId, name: str | None = None) -> list[Snapshot]:
        """Latest first."""
        ...

    def latest(self, tenant: TenantId, name: str) -> Snapshot:
        """Raises ``NotFound``."""
        ...

    def snapshot(self, tenant: TenantId, digest: str) -> Snapshot:
        """Raises ``NotFound``."""
        ...

    def profile(self, tenant: TenantId, digest: str) -> tuple[ColumnProfile, ...]:
        """What the columns look like, in order. Raises ``NotFound``."""
        ...

    def load(self, tenant: TenantId, digest: str) -> pa.Table:
        """The table as it was saved. Raises ``NotFound``, ``Corrupt("blob_corrupt")``."""
        ...


def save_table(blobs: Blobs, tenant: TenantId, name: str, table: pa.Table) -> tuple[str, SnapshotManifest]:
    """Store the Parquet file, then the manifest; returns the manifest's digest and the manifest."""
    sink = pa.BufferOutputStream()
    # Fixed settings: the same table must give the same bytes. Statistics would only repeat customer values.
    pq.write_table(table.replace_schema_metadata(None), sink, compression="zstd", write_statistics=False)
    manifest = SnapshotManifest(
        name=name,
        data_digest=blobs.put(tenant, sink.getvalue().to_pybytes()),
        rows=table.num_rows,
        columns=tuple(SnapshotColumn(name=field.name, type=str(field.type)) for field in table.schema),
        profile=profile_table(table),
    )
    return blobs.put(tenant, msgspec.json.encode(manifest, order="sorted")), manifest


def load_snapshot_manifest(blobs: Blobs, tenant: TenantId, digest: str) -> SnapshotManifest:
    """Raises ``NotFound``, ``Corrupt("blob_corrupt")``."""
    try:
        return msgspec.json.decode(blobs.get(tenant, digest), type=SnapshotManifest)
    except msgspec.MsgspecError as error:
        raise Corrupt("blob_corrupt", f"snapshot {digest[:12]} has no readable manifest: {error}") from error


def load_table(blobs: Blobs, tenant: TenantId, digest: str) -> pa.Table:
    """The table of a snapshot, its bytes checked. Raises ``NotFound``, ``Corrupt("blob_corrupt")``."""
    manifest = load_snapshot_manifest(blobs, tenant, digest)
    data: Any = pa.BufferReader(blobs.get(tenant, manifest.data_digest))
    try:
        return pq.read_table(data, use_threads=False)
    except pa.ArrowException as error:
        raise Corrupt("blob_corrupt", f"snapshot {digest[:12]} has no readable table: {error}") from error


def no_such_snapshot(digest: str) -> NotFound:
    """The one error for a snapshot that is not this tenant's, be it another's or nobody's."""
    return NotFound(
        "not_found",
        f"there is no snapshot {digest[:80]!r}",
        unnamed="there is no snapshot with that digest for this tenant",
    )


def no_such_dataset(name: str) -> NotFound:
    """The one error for a data set that is not this tenant's, be it another's or nobody's."""
    return NotFound(
        "not_found",
        f"there is no data set {name[:80]!r}",
        unnamed="there is no data set of that name for this tenant",
    )
