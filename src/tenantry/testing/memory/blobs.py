"""Blobs in a dictionary."""

import hashlib
import shutil
import tempfile
import weakref
from pathlib import Path

from tenantry.errors import Corrupt, NotFound
from tenantry.tenancy import TenantId


class MemoryBlobs:
    """The port ``Blobs``. ``damage`` changes stored bytes, to see what notices."""

    def __init__(self) -> None:
        self._bytes: dict[tuple[TenantId, str], bytes] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="tenantry-blobs-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def put(self, tenant: TenantId, data: bytes) -> str:
        """See ``Blobs.put``."""
        digest = hashlib.sha256(data).hexdigest()
        self._bytes[tenant, digest] = bytes(data)
        return digest

    def get(self, tenant: TenantId, digest: str) -> bytes:
        """See ``Blobs.get``."""
        data = self._stored(tenant, digest)
        if hashlib.sha256(data).hexdigest() != digest:
            raise Corrupt("blob_corrupt", f"the bytes of blob {digest} have changed")
        return data

    def path(self, tenant: TenantId, digest: str) -> Path:
        """See ``Blobs.path``. The file is made on the first call."""
        data = self._stored(tenant, digest)
        path = self._folder / tenant / digest
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        return path

    def has(self, tenant: TenantId, digest: str) -> bool:
        """See ``Blobs.has``."""
        return (tenant, digest) in self._bytes

    def delete(self, tenant: TenantId, digest: str) -> None:
        """See ``Blobs.delete``."""
        self._bytes.pop((tenant, digest), None)

    def sweep(self, older_than_seconds: float = 3600.0) -> int:
        """See ``Blobs.sweep``; memory leaves nothing behind."""
        del older_than_seconds
        return 0

    def damage(self, tenant: TenantId, digest: str, data: bytes) -> None:
        """Replace stored bytes under their old name."""
        self._bytes[tenant, digest] = data

    def _stored(self, tenant: TenantId, digest: str) -> bytes:
        try:
            return self._bytes[tenant, digest]
        except KeyError:
            raise NotFound("not_found", f"there is no blob {digest[:80]!r}") from None
