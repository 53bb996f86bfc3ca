"""What the control plane answers with where that is no record of its own."""

import msgspec

from tenantry.access import Role
from tenantry.bundle import Manifest
from tenantry.datasets import ColumnProfile, Snapshot
from tenantry.ingest import Note
from tenantry.registry import Version
from tenantry.tenancy import TenantId


class KeyCreated(msgspec.Struct, frozen=True, kw_only=True):
    """A new key with its secret (``key``): the only time that anybody sees it."""

    key: str
    id: str
    tenant: TenantId | None
    role: Role
    label: str
    created: float
    expires: float | None


class VersionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A version, the aliases that point to it, and its bundle's manifest."""

    version: Version
    aliases: tuple[str, ...]
    manifest: Manifest


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """Every byte of a version was read and has its digest. ``bytes`` is the size of all files."""

    model: str
    number: int
    bundle: str
    files: tuple[str, ...]
    bytes: int
    verified: bool = True


class DatasetProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot and what its columns look like."""

    snapshot: Snapshot
    columns: tuple[ColumnProfile, ...]


class Uploaded(Snapshot, frozen=True, kw_only=True):
    """The snapshot of an upload. ``notes`` is what reading the file had to guess, for a person to check:
    ``encoding_guessed``, ``delimiter_missing``."""

    notes: tuple[Note, ...] = ()


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a file for another system."""

    filename: str
    data: bytes
