"""Replies as bytes on the wire."""

import http
from email.utils import formatdate

from tenantry.serving.replies import Heading, Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = b"connection: close\r\n"
_LINES = 1024
_PREPARED = 1024
_NEVER_TWICE = frozenset((b"x-request-id", b"traceparent"))
"""Headers that are new in every reply."""
_LENGTHS = tuple(b"content-length: %d\r\n" % length for length in range(_PREPARED))


class Answers:
    """Writes replies. Lines and status lines are kept, the latter with the date, for the second that they are good."""

    __slots__ = ("_date", "_lines", "_second", "_starts")

    def __init__(self, now: float) -> None:
        self._lines: dict[tuple[bytes, bytes], bytes] = {}
        self._starts: dict[int, bytes] = {}
        self._second = -1
        self._date = b""
        self.tick(now)

    def tick(self, now: float) -> None:
        """``now`` in seconds since the epoch, for the header Date."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
            self._starts.clear()

    def head(self, response: Response, *, close: bool) -> tuple[bytes, bool]:
        """The reply's head, and whether the connection closes after it: as asked, or as the reply itself says.

        The length is the body's own, whatever the reply says. Raises ``ValueError`` where a header holds a line end.
        """
        heading = response.heading
        if heading is not None:
            return b"".join((*self._short(response, heading), _CLOSE if close else b"", b"\r\n")), close
        status, headers, body = response.status, response.headers, response.body
        parts = [self._starts.get(status) or self._start(status)]
        known = self._lines.get
        lines = 4
        for pair in headers:
            line = known(pair)
            if line is not None:
                parts.append(line)
                continue
            name, value = pair
            if name in _NEVER_TWICE:
                parts += (name, b": ", value, b"\r\n")
            elif name == b"content-length":
                lines -= 1
            elif name == b"connection":
                lines -= 1
                close = close or b"close" in value.lower()
            else:
                parts.append(self._line(pair))
        size = len(body)
        parts.append(_LENGTHS[size] if size < _PREPARED else b"content-length: %d\r\n" % size)
        if close:
            lines += 1
            parts.append(_CLOSE)
        parts.append(b"\r\n")
        head = b"".join(parts)
        if head.count(b"\n") != lines + len(headers):
            raise ValueError("a reply's header holds a line end")
        return head, close

    def whole(self, response: Response, heading: Heading) -> bytes:
        """A reply that has nothing but a heading and an id of its own, head and body; the connection goes on."""
        return b"".join((*self._short(response, heading), b"\r\n", response.body))

    def _short(self, response: Response, heading: Heading) -> tuple[bytes, ...]:
        """The pieces of a head but for its end."""
        status, size = response.status, len(response.body)
        return (
            self._starts.get(status) or self._start(status),
            heading.lines,
            b"x-request-id: %s\r\n" % response.request_id if response.request_id else b"",
            _LENGTHS[size] if size < _PREPARED else b"content-length: %d\r\n" % size,
        )

    def _start(self, status: int) -> bytes:
        try:
            phrase = http.HTTPStatus(status).phrase
        except ValueError:
            phrase = ""
        start = b"HTTP/1.1 %d %s\r\ndate: %s\r\n" % (status, phrase.encode(), self._date)
        self._starts[status] = start
        return start

    def _line(self, pair: tuple[bytes, bytes]) -> bytes:
        line = b"%s: %s\r\n" % pair
        if len(self._lines) >= _LINES:
            # Values are of many kinds after all; those that come often are soon back.
            self._lines.clear()
        self._lines[pair] = line
        return line
