"""A process that saves, registers, promotes and rolls back is killed at random points; the state is always
consistent.
"""

import random
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tenantry.adapters.files import FileBlobs
from tenantry.adapters.sql import SqlDatasets, SqlDirectory, SqlRegistry, open_database
from tenantry.bundle import complete
from tenantry.tenancy import TenantId

ACME = TenantId("acme")

BUSY = """
import hashlib, random, struct, sys
from functools import partial
from pathlib import Path
import pyarrow as pa
from tenantry.adapters.files import FileBlobs
from tenantry.adapters.sql import SqlDatasets, SqlRegistry, open_database
from tenantry.bundle import DataSource, Manifest, ParityReceipt, complete, save
from tenantry.errors import Conflict, NotFound
from tenantry.schema import Signature, Task

home = Path(sys.argv[1])
database = open_database(f"sqlite:///{home / 'tenantry.db'}")
blobs = FileBlobs(home / "blobs")
datasets = SqlDatasets(database, blobs)
registry = SqlRegistry(database, partial(complete, blobs))
chance = random.Random(sys.argv[2])
print("ready", flush=True)
while True:
    # From a buffer: from a list, pyarrow would import pandas first, which takes longer than all the rest.
    number = pa.py_buffer(struct.pack("d", chance.random()))
    table = pa.Table.from_arrays([pa.Array.from_buffers(pa.float64(), 1, [None, number])], ["n"])
    snapshot = datasets.save("acme", "customers", table, "made up")
    plan = chance.randbytes(200_000)
    receipt = ParityReceipt(
        plan_sha256=hashlib.sha256(plan).hexdigest(),
        rows=50, hostile_rows=8, kernel_twin=0.0, plan_pipeline=0.0, tolerance=1e-6,
    )
    manifest = Manifest(
        prediction="churn", created=chance.random(), task=Task.REGRESSION,
        signature=Signature(task=Task.REGRESSION, inputs=()), metrics=(), feature_plan=(),
        data=DataSource(snapshot=snapshot.digest, rows=1), seed=0, budget_cpu_seconds=1.0,
        library_versions={}, receipt=receipt,
    )
    files = {"plan.tnp": plan, "scorecard.json": b"{}", "model_card.md": b"#", "reference.json": b"{}"}
    bundle = save(blobs, "acme", files, manifest)
    version = registry.register("acme", "churn", bundle, receipt, snapshot.digest, {"n": 1})
    registry.set_alias("acme", "churn", chance.choice(["champion", "challenger"]), version.number)
    if chance.random() < 0.3:
        try:
            registry.rollback("acme", "churn")
        except (Conflict, NotFound):
            pass
"""


def kill_once(home: Path, seed: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY, str(home), str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", process.communicate()[1]
    time.sleep(random.Random(seed).uniform(0.0, 0.15))
    process.kill()
    _, said = process.communicate()
    assert said.decode() == ""


def check(home: Path) -> int:
    """Everything that must hold after any kill; returns the number of versions."""
    database = open_database(f"sqlite:///{home / 'tenantry.db'}")
    blobs = FileBlobs(home / "blobs")
    registry = SqlRegistry(database, partial(complete, blobs))
    datasets = SqlDatasets(database, blobs)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    versions = 0
    for model in registry.models(ACME):
        line = registry.versions(ACME, model.name)
        versions += len(line)
        assert [version.number for version in line] == list(range(len(line), 0, -1))
        for version in line:
            assert complete(blobs, ACME, version.bundle)
            assert datasets.load(ACME, version.snapshot).num_rows == 1
        for alias, number in registry.aliases(ACME, model.name).items():
            assert registry.version(ACME, model.name, alias).number == number
            assert registry.alias_history(ACME, model.name, alias)[0].number == number
    for snapshot in datasets.snapshots(ACME):
        assert datasets.load(ACME, snapshot.digest).num_rows == 1
    database.close()
    return versions


@pytest.mark.soak
def test_no_kill_leaves_the_registry_or_the_store_inconsistent(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    full = request.getfixturevalue("soak_full")
    database = open_database(f"sqlite:///{tmp_path / 'tenantry.db'}")
    SqlDirectory(database).create_tenant(ACME)
    database.close()
    for seed in range(200 if full else 20):
        kill_once(tmp_path, seed)
        if seed % 5 == 4:
            check(tmp_path)
    assert check(tmp_path) > 5
    assert FileBlobs(tmp_path / "blobs").sweep(older_than_seconds=-1.0) >= 0
    assert check(tmp_path) > 5


def test_one_kill_leaves_the_registry_consistent(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'tenantry.db'}")
    SqlDirectory(database).create_tenant(ACME)
    database.close()
    kill_once(tmp_path, seed=8)
    check(tmp_path)
