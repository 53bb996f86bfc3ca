"""Whole HTTP/1.1 replies from bytes."""

from typing import NamedTuple

MAX_HEAD = 64 << 10
_END = b"\r\n\r\n"


class Reply(NamedTuple):
    """One reply. ``head``: status line and headers as sent; ``low``: the same in lower case, to look names up in."""

    status: int
    head: bytes
    low: bytes
    body: bytes
    closes: bool

    def header(self, name: bytes) -> bytes:
        """A header's value, empty where there is none; ``name`` is in lower case.

        >>> Reply(200, b"HTTP/1.1 200 OK\\r\\nX-A: B", b"http/1.1 200 ok\\r\\nx-a: b", b"", False).header(b"x-a")
        b'B'
        """
        at = self.low.find(b"\r\n" + name + b":")
        if at < 0:
            return b""
        at += len(name) + 3
        end = self.low.find(b"\r\n", at)
        return self.head[at : None if end < 0 else end].strip()


FAULTY = Reply(0, b"", b"", b"", True)
"""What is returned for bytes that are no HTTP reply."""


def read_reply(data: bytes, *, ended: bool = False) -> Reply | None:
    """The reply in ``data``; None while bytes are missing; :data:`FAULTY` for what is no reply.

    ``ended``: no more bytes will come, which ends a reply that names no length. Bytes after a reply count as a fault:
    only one request is on its way.
    """
    end = data.find(_END)
    if end < 0:
        return FAULTY if len(data) > MAX_HEAD else None
    head = data[:end]
    low = head.lower()
    if not low.startswith(b"http/1.") or not low[9:12].isdigit():
        return FAULTY
    status = int(low[9:12])
    if status < 200:  # an interim reply: the real one follows
        return read_reply(data[end + 4 :], ended=ended)
    closes = b"\r\nconnection: close" in low or low.startswith(b"http/1.0")
    body = data[end + 4 :]
    reply = Reply(status, head, low, body, closes)
    length = reply.header(b"content-length")
    if length:
        if not length.isdigit():
            return FAULTY
        missing = int(length) - len(body)
        return reply if not missing else None if missing > 0 else FAULTY
    if b"\r\ntransfer-encoding: chunked" in low:
        whole, faulty = _unchunked(body)
        return FAULTY if faulty else None if whole is None else reply._replace(body=whole)
    if status in (204, 304):
        return reply._replace(body=b"")
    return reply._replace(closes=True) if ended else None


def _unchunked(body: bytes) -> tuple[bytes | None, bool]:
    """The body of a chunked reply (None while bytes are missing), and whether it is at fault."""
    parts: list[bytes] = []
    at = 0
    while True:
        line = body.find(b"\r\n", at)
        if line < 0:
            return None, False
        try:
            size = int(body[at:line].split(b";")[0], 16)
        except ValueError:
            return None, True
        at = line + 2
        if size == 0:
            ends = body.startswith(b"\r\n", at) or body.find(_END, at) >= 0  # trailers are not read
            return (b"".join(parts) if ends else None), False
        if len(body) < at + size + 2:
            return None, False
        parts.append(body[at : at + size])
        at += size + 2
