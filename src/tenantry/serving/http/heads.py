"""Request heads: read by a parser that sees nothing but heads, and remembered.

Callers send the same head again and again, byte for byte. What the parser once made of a head holds for every equal
one, because at the start of a message a head's meaning depends on its bytes alone. So equal heads are parsed once: the
strictness is the parser's, and the cost that of one look-up.
"""

from functools import lru_cache
from urllib.parse import unquote

import httptools

from tenantry.errors import InvalidRequest
from tenantry.serving.http.bounds import Bounds

END = b"\r\n\r\n"
_NOTHING = memoryview(bytes(1 << 20))
"""What the parser of heads gets for bodies; requests with longer ones are read by their connection's own parser."""
_SHORT_HEAD = 2 << 10
_SHORT_TARGET = 256
_GENERATION = 2048
_OFTEN_NEW = frozenset((b"traceparent", b"x-request-id", b"x-b3-traceid", b"x-amzn-trace-id", b"cookie"))
"""Headers whose values seldom come twice: their heads are not worth a place."""


Headers = dict[bytes, bytes]
"""A request's headers, names in lower case, of a name that came twice the last value. Requests with equal heads share
one, so it is never changed once read.
"""


class Head:
    """A request without its body. ``length`` is the body's, and 0 for one in chunks."""

    __slots__ = ("bodiless", "chunked", "expects", "headers", "keep", "length", "method", "path", "query")

    def __init__(self, method: str, target: bytes, headers: Headers, *, modern: bool, keep: bool) -> None:
        """``modern``: HTTP/1.1. ``keep``: the connection may go on after the answer.

        Raises ``InvalidRequest("http_malformed")``.
        """
        self.method = method
        self.path, self.query = _split_short(target) if len(target) <= _SHORT_TARGET else _split(target)
        self.headers = headers
        self.keep = modern and keep
        self.bodiless = method == "HEAD"
        self.chunked = self.expects = False
        # The parser has seen to it that there is one length, in digits, and that it fits 64 bits.
        self.length = int(headers[b"content-length"]) if b"content-length" in headers else 0
        if b"transfer-encoding" in headers:
            self.chunked = True
            if not modern or headers[b"transfer-encoding"].lower() != b"chunked":
                raise malformed("a body may only be sent plain or in chunks, not in another transfer coding")
        if modern and b"expect" in headers:
            self.expects = headers[b"expect"].lower() == b"100-continue"


def _split(target: bytes) -> tuple[str, bytes]:
    """Path, percent-decoded, and query, as they are."""
    try:
        url = httptools.parse_url(target)
        path = url.path.decode("ascii")
    except (httptools.HttpParserError, UnicodeDecodeError, AttributeError):
        raise malformed("the request target is none that a server takes") from None
    return unquote(path) if "%" in path else path, url.query or b""


_split_short = lru_cache(_GENERATION)(_split)


def malformed(reason: str) -> InvalidRequest:
    """The error for bytes that are no HTTP request."""
    return InvalidRequest("http_malformed", reason)


class HeadCache:
    """Heads by their bytes, at most 4,096 short ones. What is not asked for is forgotten: two generations, of which the
    older one goes when the younger is full. Heads that are not here are read by a parser that sees nothing but heads.
    """

    __slots__ = ("_bounds", "_headers", "_old", "_parser", "_plain", "_url", "_young")

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._young: dict[bytes, Head] = {}
        self._old: dict[bytes, Head] = {}
        self._parser = httptools.HttpRequestParser(self)
        self._plain = False
        self._url = b""
        self._headers: Headers = {}

    def find(self, raw: bytes) -> Head | None:
        """The plain head that is these bytes, a message's first up to the empty line; None where they are no such.

        A plain head is a short one that asks for nothing but an answer: HTTP/1.1, kept alive, no body or one of known
        length. All others, and those that are wrong, are for a connection's own parser.
        """
        head = self._young.get(raw)
        if head is None:
            head = self._old.get(raw)
            if head is None:
                return self._read(raw)
            self._store(raw, head)
        return head

    def _read(self, raw: bytes) -> Head | None:
        bounds = self._bounds
        if len(raw) > min(_SHORT_HEAD, bounds.target_bytes, bounds.header_bytes):
            return None
        if raw.count(b"\n") > bounds.headers + 2:
            return None
        self._url = b""
        self._headers = {}
        self._plain = False
        parser = self._parser
        head = None
        try:
            parser.feed_data(raw)
            if self._plain:
                method = parser.get_method().decode("ascii")
                head = Head(method, self._url, self._headers, modern=True, keep=True)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, InvalidRequest):
            head = None
        if head is None or head.chunked or head.expects or head.length > len(_NOTHING):
            self._parser = httptools.HttpRequestParser(self)
            return None
        if head.length:
            parser.feed_data(_NOTHING[: head.length])  # in the place of the body, which it does not pass on
        if _OFTEN_NEW.isdisjoint(self._headers):
            self._store(raw, head)
        return head

    def _store(self, raw: bytes, head: Head) -> None:
        if len(self._young) >= _GENERATION:
            self._old = self._young
            self._young = {}
        self._young[raw] = head

    # The parser's events.

    def on_url(self, url: bytes) -> None:
        """Part of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is whole. Only here, before a message without a body is over, is it known what is kept alive."""
        self._plain = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
