"""What the living scoring workers say of a model's copies, each asked on its own socket (C2)."""

import http.client
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tenantry.serving.local_socket import connect
from tenantry.tenancy import TenantId

SECONDS = 1.0
"""How long a worker may take to answer; one that is that busy is told by its signs."""


class LiveCopy(msgspec.Struct, frozen=True, kw_only=True):
    """One version's copy in a worker's memory. ``idle``: seconds since its last use; ``seconds``: what loading took."""

    version: str
    state: str
    bytes: int
    leases: int
    uses: int
    idle: float
    seconds: float
    pinned: bool


class LiveFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A version that the worker could not open when it last tried."""

    version: str
    why: str


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's answer to ``GET /v2/models/{model}/residency``."""

    copies: tuple[LiveCopy, ...]
    failures: tuple[LiveFailure, ...] = ()


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("worker", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the worker's own socket."""
        self.sock = connect(self._path, SECONDS)


def living(run: Path, key: str, tenant: TenantId, model: str) -> Iterator[tuple[int, Live]]:
    """Worker's number → its answer, of those that answer. ``key``: an operator's."""
    for path in sorted(run.glob("worker-*.sock")):
        number = path.stem.removeprefix("worker-")
        connection = _Connection(path)
        try:
            headers = {"Authorization": f"Bearer {key}", "X-Tenant": tenant}
            connection.request("GET", f"/v2/models/{model}/residency", headers=headers)
            reply = connection.getresponse()
            if reply.status == 200 and number.isdigit():
                yield int(number), msgspec.json.decode(reply.read(), type=Live)
        except (OSError, http.client.HTTPException, msgspec.DecodeError):
            continue
        finally:
            connection.close()
