"""The bodies of one connection's requests, from their first byte until the answer."""

from tenantry.errors import TenantryError, Unavailable
from tenantry.serving.core import too_large
from tenantry.serving.http.common import Common
from tenantry.serving.http.exchange import Exchange


class Bodies:
    """Collects the body that is being read, and counts what all that wait for answers hold.

    ``received`` is how much of the present one has come, ``waiting`` what counts for all of the connection's, in bytes.
    """

    __slots__ = ("_common", "_data", "received", "waiting")

    def __init__(self, common: Common) -> None:
        self._common = common
        self._data: bytes | bytearray = b""
        self.received = 0
        self.waiting = 0

    def begin(self) -> None:
        """A new request's body comes next."""
        self._data = b""
        self.received = 0

    def add(self, exchange: Exchange, data: bytes) -> TenantryError | None:
        """Some of it; returns what refuses it."""
        common = self._common
        size = len(data)
        self.received += size
        if self.received > common.limits.body_bytes:
            return too_large(common.limits.body_bytes)
        if common.held + size > common.limits.held_bytes:
            return Unavailable("serving_busy", "this worker holds as many large bodies as it may")
        exchange.size += size
        self.waiting += size
        common.held += size
        if not self._data:
            self._data = data
        elif isinstance(self._data, bytes):
            self._data = bytearray(self._data + data)
        else:
            self._data += data
        return None

    def take(self) -> bytes:
        """The whole body."""
        data, self._data = self._data, b""
        return bytes(data)

    def release(self, exchange: Exchange) -> None:
        """The request is answered."""
        self._common.held -= exchange.size
        self.waiting -= exchange.size
        exchange.size = 0

    def close(self) -> None:
        """The connection is gone."""
        self._common.held -= self.waiting
        self.waiting = 0
        self._data = b""
