"""Request heads: what the parser made of one, and a memory of those that came before.

Callers send the same head again and again, byte for byte. What the parser once made of a head holds for every equal
one, because at the start of a message a head's meaning depends on its bytes alone. So equal heads are parsed once:
the strictness is the parser's, and the cost that of one look-up.
"""

from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools

from tenantry.errors import InvalidRequest

END = b"\r\n\r\n"
SMALL_BODY = 4 << 10
"""Requests with more body than this are counted against what a worker may hold, so their heads are not remembered."""
_SHORT_HEAD = 2 << 10
_SHORT_TARGET = 256
_GENERATION = 2048
_OFTEN_NEW = frozenset((b"traceparent", b"x-request-id", b"x-b3-traceid", b"x-amzn-trace-id", b"cookie"))
"""Headers whose values seldom come twice: their heads are not worth a place."""


class Headers(dict[bytes, bytes]):
    """A request's headers, names in lower case, of a name that came twice the last value. Never changed once read.

    Requests with equal heads share one object. ``memo`` is for whoever answers them, to keep what follows from the head
    alone; it goes with the head.
    """

    memo: Any = None


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

    @property
    def plain(self) -> bool:
        """Whether equal heads can be answered without the parser."""
        return (
            self.keep
            and not self.chunked
            and not self.expects
            and self.length <= SMALL_BODY
            and _OFTEN_NEW.isdisjoint(self.headers)
        )


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
    older one goes when the younger is full.
    """

    __slots__ = ("_old", "_young")

    def __init__(self) -> None:
        self._young: dict[bytes, Head] = {}
        self._old: dict[bytes, Head] = {}

    def find(self, raw: bytes) -> Head | None:
        """The head of these bytes, or None."""
        head = self._young.get(raw)
        if head is None:
            head = self._old.get(raw)
            if head is not None:
                self._store(raw, head)
        return head

    def add(self, raw: bytes, head: Head) -> None:
        """Remember a head that the parser has accepted, where that can pay."""
        if len(raw) <= _SHORT_HEAD and head.plain:
            self._store(raw, head)

    def _store(self, raw: bytes, head: Head) -> None:
        if len(self._young) >= _GENERATION:
            self._old = self._young
            self._young = {}
        self._young[raw] = head
