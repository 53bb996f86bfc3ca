"""uvicorn's HTTP protocol, with bounds on what a caller may send before its request is even a request.

uvicorn itself reads headers of any length for any time. Breaking a bound makes the parser fail, which uvicorn
answers with 400 and a closed connection; a head that does not come to its end in time closes the connection.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tenantry.serving.http.bounds import HEAD_SECONDS, MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES

_HEAD_BYTES = MAX_TARGET_BYTES + MAX_HEADER_BYTES + 8 * MAX_HEADERS


class BoundedProtocol(HttpToolsProtocol):
    """Bounds the request line, the headers and the time that they take. Use :func:`sweep` beside it."""

    head_since: float | None = None
    header_bytes = 0
    head_fed = 0

    def connection_made(self, transport: Any) -> None:
        """A caller has connected, and has said nothing yet."""
        super().connection_made(transport)
        self.head_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Some bytes. A header comes to ``on_header`` only when it is whole; one that grows on is counted here."""
        if self.head_since is not None:
            self.head_fed += len(data)
        super().data_received(data)
        if self.head_since is not None and self.head_fed > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("Invalid HTTP request received.")

    def on_message_begin(self) -> None:
        """A request's first bytes."""
        super().on_message_begin()
        self.head_since = self.loop.time()
        self.header_bytes = self.head_fed = 0

    def on_url(self, url: bytes) -> None:
        """Part of the request target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            raise ValueError("the request target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; or a trailer, which uvicorn would let replace a header, such as who asks."""
        self.header_bytes += len(name) + len(value)
        if self.header_bytes > MAX_HEADER_BYTES or len(self.headers) >= MAX_HEADERS:
            raise ValueError("the headers are too large")
        if self.head_since is not None:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request can be answered."""
        self.head_since = None
        super().on_headers_complete()


def sweep(connections: set[Any], now: float) -> int:
    """Close every connection whose request's head is late; returns how many. ``now`` is the loop's time."""
    late = [
        connection
        for connection in connections
        if connection.head_since is not None and now - connection.head_since > HEAD_SECONDS
    ]
    for connection in late:
        connection.transport.close()
    return len(late)
