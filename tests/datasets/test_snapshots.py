"""Snapshots as bytes: the same table is the same file, and damage is noticed."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenantry.datasets import load_snapshot_manifest, load_table, profile_table, save_table
from tenantry.errors import Corrupt
from tenantry.tenancy import TenantId
from tenantry.testing import MemoryBlobs

ACME = TenantId("acme")
TABLE = pa.table({"plan": ["gold", None, "silver"], "seats": ["1", "2", "007"]})


def test_chunks_do_not_change_the_snapshot() -> None:
    blobs = MemoryBlobs()
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    assert chunked.column(0).num_chunks == 2
    assert save_table(blobs, ACME, "t", chunked) == save_table(blobs, ACME, "t", TABLE)


def test_metadata_of_the_source_does_not_change_the_snapshot() -> None:
    blobs = MemoryBlobs()
    noted = TABLE.replace_schema_metadata({"pandas": "…", "made": "monday"})
    assert save_table(blobs, ACME, "t", noted) == save_table(blobs, ACME, "t", TABLE)


def test_the_data_is_a_parquet_file_that_any_tool_reads() -> None:
    blobs = MemoryBlobs()
    _, manifest = save_table(blobs, ACME, "t", TABLE)
    assert pq.read_table(blobs.path(ACME, manifest.data_digest)).equals(TABLE)


def test_damaged_data_and_manifests_are_noticed() -> None:
    blobs = MemoryBlobs()
    digest, manifest = save_table(blobs, ACME, "t", TABLE)
    blobs.damage(ACME, manifest.data_digest, b"PAR1")
    with pytest.raises(Corrupt):
        load_table(blobs, ACME, digest)
    no_manifest = blobs.put(ACME, b"{}")
    no_table = blobs.put(ACME, b"PAR1")
    with pytest.raises(Corrupt):
        load_snapshot_manifest(blobs, ACME, no_manifest)
    with pytest.raises(Corrupt):
        load_snapshot_manifest(blobs, ACME, no_table)


def test_a_profile_names_the_most_frequent_values_first() -> None:
    table = pa.table({"plan": ["b", "a", "b", None, "c", "a", "b", "x" * 200, "d", "e", "f"]})
    (plan,) = profile_table(table)
    assert plan.examples[:2] == ("b", "a")
    assert len(plan.examples) == 5
    assert plan.distinct == 7
    assert plan.missing == pytest.approx(1 / 11)


def test_a_profile_takes_every_type() -> None:
    table = pa.table(
        {
            "list": [[1], None],
            "struct": [{"a": 1}, None],
            "none": pa.nulls(2),
            "flag": [True, None],
            "bytes": [b"\xff", b""],
            "word": pa.array(["a", None]).dictionary_encode(),
            "nan": [float("nan"), 1.0],
        }
    )
    assert [column.missing for column in profile_table(table)] == [0.5, 0.5, 1.0, 0.5, 0.0, 0.5, 0.0]
