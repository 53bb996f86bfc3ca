"""From a connection's bytes to requests: the parser's events, and what is kept for later."""

from typing import Protocol

import httptools

from tenantry.errors import InvalidRequest, TenantryError
from tenantry.serving.http.common import Common
from tenantry.serving.http.heads import END, Head, Headers, malformed

IDLE, HEAD, BODY, PLAIN, DEAF = range(5)
"""What the next byte belongs to: a new request; a head; a body that the parser reads; a body of known length after
a head that the parser did not see, or would not go on from; nothing, it is dropped."""
_PIECE = 4 << 10
"""Bytes that the parser gets at a time where it alone knows where a body ends. It does not stop between two
requests, so this bounds how many can come out of one piece."""
_LINE = 64
"""Room for what a request line holds beside its target."""


class Listener(Protocol):
    """Who is told of requests: the connection."""

    def room(self) -> bool:
        """Whether another request may begin."""
        ...

    def opened(self, head: Head) -> None:
        """A request's head is here."""
        ...

    def part(self, data: bytes) -> None:
        """Some of its body."""
        ...

    def ended(self) -> bool:
        """All of it is here. Returns whether another request may follow."""
        ...

    def broken(self, error: TenantryError) -> None:
        """What came is no request that can be read; nothing more will be."""
        ...


class Intake:
    """Reads one connection's requests. ``since`` is when its stage began.

    However the bytes are cut into pieces, the requests are the same. The pieces that the parser gets end where heads
    and bodies of known length end, so that reading can stop between two requests.
    """

    __slots__ = (
        "_bounds", "_common", "_count", "_fed", "_head", "_headers", "_idle", "_left", "_listener", "_parser", "_tail",
        "_url", "dropped", "kept", "since", "stage",
    )  # fmt: skip

    def __init__(self, listener: Listener, common: Common) -> None:
        self._listener = listener
        self._common = common
        self._bounds = common.bounds
        self._parser: httptools.HttpRequestParser | None = None
        self.stage = IDLE
        self.since = common.now
        self.kept = b""
        """What came while there was no room for another request."""
        self.dropped = False
        """Whether a request's bytes were dropped, or are still to come."""
        self._fed = self._left = self._count = self._idle = 0
        self._tail = self._url = b""
        self._headers: Headers = {}
        self._head: Head | None = None

    def take(self, data: bytes) -> None:
        """Read what has come, as far as there is room for requests."""
        if self.kept:
            self.kept += data
            return
        at, size = 0, len(data)
        while at < size:
            stage = self.stage
            if stage == IDLE:
                if not self._listener.room():
                    self.kept = data[at:]
                    return
                at = self._start(data, at)
            elif stage == PLAIN:
                at = self._plain(data, at)
            elif stage == BODY:
                at = self._more(data, at)
            elif stage == HEAD:
                at = self._continue(data, at)
            else:
                self.dropped = True
                return

    def resume(self) -> None:
        """Go on with what was kept."""
        data, self.kept = self.kept, b""
        self.take(data)

    def stop(self, *, dropped: bool = False) -> None:
        """Read nothing more."""
        self.dropped = self.dropped or dropped or bool(self.kept)
        self.stage = DEAF
        self.since = self._common.now
        self.kept = b""

    def close(self) -> None:
        """The connection is gone."""
        self.stage = DEAF
        self.kept = b""
        self._parser = None

    def _start(self, data: bytes, at: int) -> int:
        """A new request; returns how far it was read."""
        end = data.find(END, at) + 4
        if end < 4:
            return at + self._feed(data[at:], len(data) - at)
        raw = data[at:end]
        head = None if self._fed else self._common.heads.find(raw)
        if head is None:
            return at + self._feed(raw, len(raw))
        self._opened(head)
        self._body_of(head.length)
        return end

    def _continue(self, data: bytes, at: int) -> int:
        """More of a head, of which the end itself may be cut in two."""
        tail = self._tail
        seam = (tail + data[at : at + 3]).find(END)
        end = at + seam + 4 - len(tail) if seam >= 0 else data.find(END, at) + 4
        if end <= at:
            end = len(data)
        return at + self._feed(data[at:end], end - at)

    def _more(self, data: bytes, at: int) -> int:
        """More of a body that the parser reads."""
        if self._left:
            return at + self._feed(data[at : at + self._left], 0)
        piece = data[at : at + _PIECE]
        # The parser keeps trailers until they are whole, however long they grow.
        self._idle += len(piece)
        if self._idle > self._bounds.header_bytes + _PIECE:
            self._broken(
                InvalidRequest("head_too_large", "what stands between the chunks of the body is too large")
            )
            return len(data)
        return at + self._feed(piece, 0)

    def _plain(self, data: bytes, at: int) -> int:
        part = data[at : at + self._left]
        self._left -= len(part)
        self._listener.part(part)
        if not self._left and self.stage == PLAIN:
            self._ended()
        return at + len(part)

    def _body_of(self, length: int) -> None:
        """A body of this length follows, which the parser will not see."""
        if self.stage == DEAF:
            return
        self._left = length
        self.stage = PLAIN
        if not length:
            self._ended()

    def _feed(self, piece: bytes, head: int) -> int:
        """Let the parser read, of which so much belongs to a head; returns how much it has read."""
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpRequestParser(self)
        self._fed += head
        bounds = self._bounds
        if head and self._fed > bounds.target_bytes + bounds.header_bytes + _LINE:
            self._broken(InvalidRequest("head_too_large", "the request's head is too large"))
            return len(piece)
        self._head = None
        try:
            parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay()
            return int(upgrade.args[0])
        except httptools.HttpParserError as error:
            if self.stage != DEAF:
                self._broken(_reason(error))
        if self.stage == HEAD:
            self._tail = (self._tail + piece)[-3:]
        return len(piece)

    def _stay(self) -> None:
        """The caller offers another protocol: the offer is not taken, and the request is one like any other (RFC 9110,
        7.8). The parser reads no body after such a head, and cannot be brought to.
        """
        self._parser = None
        if self._head is not None:
            self._body_of(self._head.length)

    def _broken(self, error: TenantryError) -> None:
        self.stop(dropped=True)
        self._listener.broken(error)

    def _opened(self, head: Head) -> None:
        self.stage = BODY
        self.since = self._common.now
        self._listener.opened(head)

    def _ended(self) -> None:
        if self._listener.ended():
            self.stage = IDLE
            self._fed = 0
            self.since = self._common.now
        elif self.stage != DEAF:
            self.stop()

    # The parser's events. What they raise comes out of `feed_data` as the context of its own error.

    def on_message_begin(self) -> None:
        """A request's first bytes."""
        if self.stage == DEAF:
            raise malformed("the connection is closing")
        self.stage = HEAD
        self.since = self._common.now
        self._url = self._tail = b""
        self._headers = {}
        self._count = 0

    def on_url(self, url: bytes) -> None:
        """Part of the request target."""
        self._url += url
        if len(self._url) > self._bounds.target_bytes:
            raise InvalidRequest(
                "head_too_large", f"the request target is over {self._bounds.target_bytes:,} bytes"
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; or a trailer, for which there is another dictionary: it must never pass for a header."""
        self._count += 1
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is whole."""
        parser = self._parser
        if parser is None:
            return
        bounds, headers = self._bounds, self._headers
        if self._count > bounds.headers or self._fed > len(self._url) + bounds.header_bytes + _LINE:
            most = f"{bounds.header_bytes:,} bytes or {bounds.headers} in number"
            raise InvalidRequest("head_too_large", f"the headers are over {most}")
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise malformed(f"HTTP/{version} is not spoken here")
        head = Head(
            parser.get_method().decode("ascii"),
            self._url,
            headers,
            modern=version == "1.1",
            keep=parser.should_keep_alive(),
        )
        if parser.should_upgrade() and (head.chunked or head.method == "CONNECT"):
            raise malformed("what follows an offer to change the protocol must be a body of known length")
        if head.chunked:
            self._headers = {}  # for trailers
        self._left = head.length
        self._idle = 0
        self._opened(head)
        self._head = head

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        if self.stage == BODY:
            self._idle = 0
            if self._left:
                self._left -= len(data)
            self._listener.part(data)

    def on_message_complete(self) -> None:
        """The body is whole; or there is none yet, after a head with an offer to upgrade."""
        parser = self._parser
        if self.stage == BODY and parser is not None and not parser.should_upgrade():
            self._ended()


def _reason(error: httptools.HttpParserError) -> TenantryError:
    """What was wrong: our own objection, or the parser's. Raises what was a defect of ours."""
    cause = error.__context__
    if isinstance(cause, TenantryError):
        return cause
    if isinstance(error, httptools.HttpParserCallbackError) and cause is not None:
        raise cause
    return malformed(f"these bytes are no HTTP request: {str(error).lower() or 'invalid'}")
