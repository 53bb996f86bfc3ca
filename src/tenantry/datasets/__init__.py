"""Immutable snapshots of tables.

Receives: an Arrow table and a name. Hands on: a snapshot that a digest stands for, its profile, and the same
table again. Never knows: how the table was read (``ingest``), what is learnt from it (``automl``), or where
it lies (``adapters``).
"""

from tenantry.datasets._profile import ColumnProfile, profile_table
from tenantry.datasets._snapshot import (
    Datasets,
    Snapshot,
    SnapshotColumn,
    SnapshotManifest,
    load_snapshot_manifest,
    load_table,
    no_such_dataset,
    no_such_snapshot,
    save_table,
)

__all__ = [
    "ColumnProfile",
    "Datasets",
    "Snapshot",
    "SnapshotColumn",
    "SnapshotManifest",
    "load_snapshot_manifest",
    "load_table",
    "no_such_dataset",
    "no_such_snapshot",
    "profile_table",
    "save_table",
]
