"""Content-addressed bytes, by tenant.

A blob is named by the SHA-256 (hex) of its bytes and belongs to one tenant; the same bytes of two tenants are two
blobs. Blobs are immutable. ``put`` is atomic and durable: when it returns, the bytes are synced, and at no time does a
reader see part of them, whatever is killed when. ``put`` of bytes that are there already is a no-op.

A blob's file is never changed in place (a truncated map would be a SIGBUS); deleting unlinks it, and maps stay valid.
"""

from pathlib import Path
from typing import Protocol

from tenantry.tenancy import TenantId


class Blobs(Protocol):
    """All methods are safe to call from several processes at once. Raise ``NotFound("not_found")`` for what is not
    there, ``Corrupt("blob_corrupt")`` where the bytes do not have their digest."""

    def put(self, tenant: TenantId, data: bytes) -> str:
        """Store bytes; returns their SHA-256 in hex."""
        ...

    def get(self, tenant: TenantId, digest: str) -> bytes:
        """The bytes, checked against their digest."""
        ...

    def path(self, tenant: TenantId, digest: str) -> Path:
        """A local file with the bytes, for mapping or streaming; not checked."""
        ...

    def has(self, tenant: TenantId, digest: str) -> bool:
        """Whether the blob is there; not checked."""
        ...

    def delete(self, tenant: TenantId, digest: str) -> None:
        """Forget a blob; no error where it is gone already."""
        ...

    def sweep(self, older_than_seconds: float = 3600.0) -> int:
        """Remove what killed writers left behind; returns how many pieces. Safe at any time."""
        ...
