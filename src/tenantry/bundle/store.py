"""Bundles in a blob store: files first, manifest last, every byte under its SHA-256."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tenantry.bundle.insights import Insights, RecordSample, read_insights, read_sample
from tenantry.bundle.manifest import (
    FILES,
    FORMAT_VERSION,
    INSIGHTS,
    PLAN,
    SCORECARD,
    SIMILAR,
    FileEntry,
    Manifest,
)
from tenantry.bundle.scorecard import Scorecard
from tenantry.errors import Corrupt, InvalidRequest, NotFound, TenantryError
from tenantry.ports.blobs import Blobs
from tenantry.tenancy import TenantId


def save(blobs: Blobs, tenant: TenantId, files: Mapping[str, bytes], manifest: Manifest) -> str:
    """Store a bundle; returns its digest, the SHA-256 of ``manifest.json``.

    ``manifest.files`` is filled in here. The manifest is put after every file, so that whoever can read it
    can read the rest. Saving the same bundle again changes nothing. Raises
    ``InvalidRequest("bundle_invalid")`` where a file is missing, or where the parity receipt does not speak
    of this plan.
    """
    missing = [name for name in FILES if name not in files]
    if missing:
        raise InvalidRequest("bundle_invalid", f"the bundle has no {', '.join(missing)}")
    entries = {
        name: FileEntry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        for name, data in sorted(files.items())
    }
    if manifest.receipt.plan_sha256 != entries[PLAN].sha256:
        raise InvalidRequest("bundle_invalid", f"the parity receipt is of another {PLAN}")
    encoded = encode_manifest(msgspec.structs.replace(manifest, files=entries))
    try:
        msgspec.json.decode(encoded, type=Manifest)
    except msgspec.ValidationError as error:  # JSON has null for NaN and infinity
        raise InvalidRequest(
            "bundle_invalid", f"the manifest holds a number that is not finite: {error}"
        ) from error
    for data in files.values():
        blobs.put(tenant, data)
    return blobs.put(tenant, encoded)


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of ``manifest.json``: the same manifest always gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1)


def load_manifest(blobs: Blobs, tenant: TenantId, digest: str) -> Manifest:
    """The manifest of a bundle. Raises ``NotFound``, or ``Corrupt("bundle_corrupt")`` where it is not one."""
    data = blobs.get(tenant, digest)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Corrupt("bundle_corrupt", f"bundle {digest[:12]} has no readable manifest: {error}") from error
    if manifest.format_version > FORMAT_VERSION:
        raise Corrupt(
            "bundle_corrupt",
            f"bundle {digest[:12]} has format {manifest.format_version}, newer than this build",
        )
    missing = [name for name in FILES if name not in manifest.files]
    if missing or manifest.receipt.plan_sha256 != manifest.files[PLAN].sha256:
        raise Corrupt(
            "bundle_corrupt", f"bundle {digest[:12]} lists no {', '.join(missing) or 'receipt for its plan'}"
        )
    return manifest


def read_file(blobs: Blobs, tenant: TenantId, manifest: Manifest, name: str) -> bytes:
    """One file of a bundle, checked against its digest. Raises ``NotFound`` for a name that the bundle does
    not list.
    """
    entry = manifest.files.get(name)
    if entry is None:
        raise NotFound("not_found", f"the bundle has no file {name!r}")
    return blobs.get(tenant, entry.sha256)


def load_scorecard(blobs: Blobs, tenant: TenantId, manifest: Manifest) -> Scorecard:
    """The scorecard of a bundle."""
    try:
        return msgspec.json.decode(read_file(blobs, tenant, manifest, SCORECARD), type=Scorecard)
    except msgspec.MsgspecError as error:
        raise Corrupt(
            "bundle_corrupt", f"the scorecard of {manifest.prediction!r} is unreadable: {error}"
        ) from error


def load_insights(blobs: Blobs, tenant: TenantId, manifest: Manifest) -> Insights:
    """The insights of a bundle. Raises ``NotFound("insights_missing")`` for a bundle that has none."""
    return read_insights(_file_if_any(blobs, tenant, manifest, INSIGHTS))


def load_sample(blobs: Blobs, tenant: TenantId, manifest: Manifest) -> RecordSample:
    """The records in which similar ones are found. Raises ``NotFound("similar_missing")`` for a bundle without."""
    return read_sample(_file_if_any(blobs, tenant, manifest, SIMILAR))


def _file_if_any(blobs: Blobs, tenant: TenantId, manifest: Manifest, name: str) -> bytes | None:
    return read_file(blobs, tenant, manifest, name) if name in manifest.files else None


def plan_path(blobs: Blobs, tenant: TenantId, manifest: Manifest) -> Path:
    """Where the bundle's plan lies on this machine, for mapping."""
    return blobs.path(tenant, manifest.files[PLAN].sha256)


def verify(blobs: Blobs, tenant: TenantId, digest: str) -> Manifest:
    """Read every byte of a bundle and check it; returns the manifest.

    Raises ``NotFound`` where the tenant has no such manifest, ``Corrupt("bundle_corrupt")`` naming the file
    that is missing or changed otherwise.
    """
    manifest = load_manifest(blobs, tenant, digest)
    for name, entry in manifest.files.items():
        try:
            data = blobs.get(tenant, entry.sha256)
        except (NotFound, Corrupt) as error:
            state = "missing" if isinstance(error, NotFound) else "changed"
            raise Corrupt("bundle_corrupt", f"{name} of bundle {digest[:12]} is {state}") from error
        if len(data) != entry.bytes:
            raise Corrupt("bundle_corrupt", f"{name} of bundle {digest[:12]} has another size")
    return manifest


def complete(blobs: Blobs, tenant: TenantId, digest: str) -> bool:
    """Whether a bundle is wholly there and unchanged, with a passed parity receipt."""
    try:
        return verify(blobs, tenant, digest).receipt.passed
    except TenantryError as error:
        if error.transient:
            raise
        return False
