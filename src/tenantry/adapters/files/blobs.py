"""``<root>/<tenant>/<first two hex digits>/<SHA-256>``: each file is complete from the moment that its name
exists.

Bytes go to a temporary file of the same folder, which is synced, renamed, and its folder synced; so neither a
kill nor a power cut leaves part of a blob under its name. What a kill may leave is a temporary file;
``sweep`` removes those.
"""

import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from tenantry.errors import Corrupt, NotFound, Unavailable
from tenantry.tenancy import TenantId, tenant_id

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".part-"


class FileBlobs:
    """The port ``Blobs`` over a folder. Folders and files are readable by their owner only (B20)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, tenant: TenantId, data: bytes) -> str:
        """See ``Blobs.put``."""
        digest = hashlib.sha256(data).hexdigest()
        with _storage_errors():
            self._place(tenant, digest, data)
        return digest

    def get(self, tenant: TenantId, digest: str) -> bytes:
        """See ``Blobs.get``."""
        path = self.path(tenant, digest)
        with _storage_errors():
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                raise no_such_blob(digest) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise Corrupt("blob_corrupt", f"the bytes of blob {digest} have changed")
        return data

    def path(self, tenant: TenantId, digest: str) -> Path:
        """See ``Blobs.path``."""
        path = self._path(tenant, digest)
        if not path.is_file():
            raise no_such_blob(digest)
        return path

    def has(self, tenant: TenantId, digest: str) -> bool:
        """See ``Blobs.has``."""
        return _DIGEST.fullmatch(digest) is not None and self._path(tenant, digest).is_file()

    def delete(self, tenant: TenantId, digest: str) -> None:
        """See ``Blobs.delete``."""
        if _DIGEST.fullmatch(digest):
            with _storage_errors():
                self._path(tenant, digest).unlink(missing_ok=True)

    def sweep(self, older_than_seconds: float = 3600.0) -> int:
        """Remove temporary files that a killed process left behind; returns how many. Safe at any time."""
        removed = 0
        for path in self.root.glob(f"*/*/{_TEMPORARY}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older_than_seconds:
                    path.unlink()
                    removed += 1
        return removed

    def _path(self, tenant: TenantId, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):  # never let a name walk the file system
            raise no_such_blob(digest)
        return self.root / tenant_id(tenant) / digest[:2] / digest

    def _place(self, tenant: TenantId, digest: str, data: bytes) -> None:
        path = self._path(tenant, digest)
        if _intact(path, digest):  # a changed file is replaced: putting the bytes again is the way to heal it
            return
        _make_folder(path.parent)
        temporary = path.parent / f"{_TEMPORARY}{secrets.token_hex(8)}"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def no_such_blob(digest: str) -> NotFound:
    """The one error for a blob that is not this tenant's, be it another's or nobody's."""
    return NotFound("not_found", f"there is no blob {digest[:80]!r}")


def _intact(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except FileNotFoundError:
        return False


def _make_folder(folder: Path) -> None:
    """Make a folder so that it survives a power cut: each new entry is synced in its parent."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            "storage_unavailable", f"cannot reach {error.filename}: {error.strerror}"
        ) from error
