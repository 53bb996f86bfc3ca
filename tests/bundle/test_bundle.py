import hashlib
from pathlib import Path

import msgspec
import pytest

from tenantry.adapters.files import FileBlobs
from tenantry.bundle import (
    FILES,
    PLAN,
    SCORECARD,
    DataSource,
    Manifest,
    Metric,
    ParityReceipt,
    complete,
    encode_manifest,
    load_manifest,
    plan_path,
    read_file,
    save,
    verify,
)
from tenantry.errors import Corrupt, InvalidRequest, NotFound
from tenantry.schema import Column, SemanticType, Signature, Task
from tenantry.tenancy import tenant_id

ACME, BETA = tenant_id("acme"), tenant_id("beta")
PARTS = {name: f"the {name}".encode() for name in FILES}


def _manifest(plan: bytes = PARTS[PLAN], *, difference: float = 1e-9) -> Manifest:
    return Manifest(
        prediction="churn",
        created=1.7e9,
        task=Task.BINARY,
        signature=Signature(
            task=Task.BINARY, inputs=(Column(name="a", type=SemanticType.NUMBER),), classes=("0", "1")
        ),
        metrics=(Metric(name="auroc", value=0.8, low=0.7, high=0.9, guessing=0.5),),
        feature_plan=("a: as a number",),
        data=DataSource(snapshot="ab" * 32, rows=50),
        seed=0,
        budget_cpu_seconds=20.0,
        library_versions={"numpy": "2"},
        receipt=ParityReceipt(
            plan_sha256=hashlib.sha256(plan).hexdigest(),
            rows=50,
            hostile_rows=5,
            kernel_twin=0.0,
            plan_pipeline=difference,
            tolerance=1e-6,
        ),
    )


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path)


def test_a_saved_bundle_is_complete_and_reads_back(blobs: FileBlobs) -> None:
    digest = save(blobs, ACME, PARTS, _manifest())
    manifest = verify(blobs, ACME, digest)
    assert complete(blobs, ACME, digest)
    assert load_manifest(blobs, ACME, digest) == manifest
    assert {name: read_file(blobs, ACME, manifest, name) for name in FILES} == PARTS
    assert plan_path(blobs, ACME, manifest).read_bytes() == PARTS[PLAN]
    assert digest == hashlib.sha256(encode_manifest(manifest)).hexdigest()


def test_the_same_bundle_has_the_same_digest_and_any_change_another(blobs: FileBlobs) -> None:
    digest = save(blobs, ACME, PARTS, _manifest())
    assert save(blobs, ACME, dict(reversed(PARTS.items())), _manifest()) == digest
    assert save(blobs, ACME, PARTS | {SCORECARD: b"other"}, _manifest()) != digest
    assert save(blobs, ACME, PARTS, msgspec.structs.replace(_manifest(), seed=1)) != digest


@pytest.mark.parametrize("name", FILES)
def test_a_changed_or_missing_file_makes_the_bundle_incomplete_and_is_named(
    blobs: FileBlobs, name: str
) -> None:
    digest = save(blobs, ACME, PARTS, _manifest())
    path = blobs.path(ACME, hashlib.sha256(PARTS[name]).hexdigest())
    path.chmod(0o600)
    path.write_bytes(b"changed")
    with pytest.raises(Corrupt, match=f"{name} .* is changed") as caught:
        verify(blobs, ACME, digest)
    assert caught.value.code == "bundle_corrupt"
    path.unlink()
    with pytest.raises(Corrupt, match=f"{name} .* is missing"):
        verify(blobs, ACME, digest)
    assert not complete(blobs, ACME, digest)


def test_files_without_their_manifest_are_no_bundle(blobs: FileBlobs) -> None:
    digest = save(blobs, ACME, PARTS, _manifest())
    blobs.delete(ACME, digest)
    assert not complete(blobs, ACME, digest)
    with pytest.raises(NotFound):
        verify(blobs, ACME, digest)


def test_a_bundle_of_one_tenant_is_nothing_to_another(blobs: FileBlobs) -> None:
    digest = save(blobs, ACME, PARTS, _manifest())
    assert not complete(blobs, BETA, digest)


def test_a_bundle_needs_every_file_and_the_receipt_of_its_own_plan(blobs: FileBlobs) -> None:
    with pytest.raises(InvalidRequest, match=SCORECARD) as caught:
        save(blobs, ACME, {name: data for name, data in PARTS.items() if name != SCORECARD}, _manifest())
    assert caught.value.code == "bundle_invalid"
    with pytest.raises(InvalidRequest, match="another"):
        save(blobs, ACME, PARTS, _manifest(b"another plan"))
    assert not list(blobs.root.rglob("*")) or not complete(blobs, ACME, "0" * 64)


def test_a_bundle_whose_receipt_did_not_pass_is_not_complete(blobs: FileBlobs) -> None:
    assert not complete(blobs, ACME, save(blobs, ACME, PARTS, _manifest(difference=1e-5)))


@pytest.mark.parametrize("difference", [float("nan"), float("inf")])
def test_a_manifest_with_a_number_that_json_cannot_hold_is_refused(
    blobs: FileBlobs, difference: float
) -> None:
    manifest = _manifest(difference=difference)
    assert not manifest.receipt.passed
    with pytest.raises(InvalidRequest, match="finite"):
        save(blobs, ACME, PARTS, manifest)


@pytest.mark.parametrize("data", [b"", b"{}", b"no json", b'{"format_version":99}'])
def test_bytes_that_are_no_manifest_are_corrupt(blobs: FileBlobs, data: bytes) -> None:
    digest = blobs.put(ACME, data)
    with pytest.raises(Corrupt) as caught:
        load_manifest(blobs, ACME, digest)
    assert caught.value.code == "bundle_corrupt"
    assert not complete(blobs, ACME, digest)
