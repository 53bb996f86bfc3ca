"""Replies as plain values, and the one place where serving gives an error its HTTP status."""

from functools import lru_cache
from math import ceil

import msgspec

from tenantry import __version__
from tenantry.admission import Reason, Refusal
from tenantry.errors import (
    Forbidden,
    InvalidData,
    InvalidRequest,
    NotFound,
    Overloaded,
    TenantryError,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

Headers = list[tuple[bytes, bytes]]

encode_json = msgspec.json.Encoder().encode


class Heading:
    """Headers that many replies share, made ready once: as pairs, and as they stand on the wire.

    Raises ``ValueError`` where one holds a line end.
    """

    __slots__ = ("lines", "pairs")

    def __init__(self, *pairs: tuple[bytes, bytes]) -> None:
        self.pairs = pairs
        self.lines = b"".join(b"%s: %s\r\n" % pair for pair in pairs)
        if self.lines.count(b"\n") != len(pairs) or self.lines.count(b"\r") != len(pairs):
            raise ValueError("a reply's header holds a line end")


_SERVER = (b"server", f"tenantry/{__version__}".encode())
JSON = Heading((b"content-type", b"application/json"), _SERVER)
"""The headers of every JSON reply."""
_CLOSE = (b"connection", b"close")
_BINARY = (b"content-type", b"application/octet-stream")

STATUS: dict[type[TenantryError], int] = {
    InvalidRequest: 400,
    InvalidData: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Overloaded: 429,
    Unsupported: 501,
    Unavailable: 503,
}
"""Error kind → status; every other kind is 500."""

STATUS_BY_CODE = {
    "method_not_allowed": 405,
    "body_slow": 408,
    "head_slow": 408,
    "body_too_large": 413,
    "too_many_rows": 413,
}
"""Codes with a status of their own."""


class Response:
    """One whole reply: header names are lower case.

    Most replies have a ``heading`` and a ``request_id``, and nothing else but their length: an edge that writes bytes
    takes these as they are. ``headers`` are the same as a list; whoever asks for it may add to it, and from then on it
    alone counts (``heading`` is None).
    """

    __slots__ = ("_headers", "body", "heading", "request_id", "status")

    def __init__(
        self, status: int, headers: Headers | None, body: bytes, heading: Heading | None = None
    ) -> None:
        """With ``headers``, or with a ``heading``."""
        self.status = status
        self._headers = headers
        self.body = body
        self.heading = heading
        self.request_id = b""

    @property
    def headers(self) -> Headers:
        """All headers, as a list of this reply's own."""
        headers = self._headers
        if headers is None:
            heading = JSON if self.heading is None else self.heading
            headers = [*heading.pairs, (b"content-length", b"%d" % len(self.body))]
            if self.request_id:
                headers.append((b"x-request-id", self.request_id))
            self._headers = headers
            self.heading = None
        return headers

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this reply."""
        return self.heading is None and _CLOSE in self.headers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Response) and (
            (self.status, self.headers, self.body) == (other.status, other.headers, other.body)
        )

    __hash__ = None  # type: ignore[assignment]  # it changes


def json_reply(body: bytes, status: int = 200) -> Response:
    """A reply of JSON that is encoded already."""
    return Response(status, None, body, JSON)


def infer_reply(body: bytes, header_length: int | None) -> Response:
    """The reply of an inference; ``header_length`` is the length of its JSON part where binary tensors
    follow.
    """
    if header_length is None:
        return json_reply(body)
    headers = [
        _BINARY,
        (b"content-length", b"%d" % len(body)),
        (b"inference-header-content-length", b"%d" % header_length),
        _SERVER,
    ]
    return Response(200, headers, body)


def status_of(error: TenantryError) -> int:
    """The HTTP status of an error."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def error_reply(error: TenantryError) -> Response:
    """The JSON reply for an error: ``{"error", "code", "hint", "details"?}``."""
    response = json_reply(encode_json(error.as_dict()), status_of(error))
    extra = _extra(error, response.status)
    if extra:
        response.heading = Heading(*JSON.pairs, *extra.items())
    if response.status in (408, 413):
        # What is left of the body will not be read.
        response.headers.append(_CLOSE)
    return response


def _extra(error: TenantryError, status: int) -> dict[bytes, bytes]:
    """What a reply to this error says beside what every reply says."""
    extra: dict[bytes, bytes] = {}
    if status == 401:
        extra[b"www-authenticate"] = b"Bearer"
    if status in (429, 503):
        extra[b"retry-after"] = b"%d" % max(1, round(float(error.details.get("retry_after", 1))))
    if status == 405:
        extra[b"allow"] = ", ".join(error.details.get("allow", ())).encode()
    return extra


def refusal_reply(refusal: Refusal) -> Response:
    """The reply of an admission that was refused. Under strain there are many, so that each is encoded once."""
    wait = refusal.retry_after
    known = _refusal(refusal.reason, ceil(wait * 100) / 100 if wait < 1 else ceil(wait))
    return Response(known.status, None, known.body, known.heading)


@lru_cache(maxsize=4096)
def _refusal(reason: Reason, wait: float) -> Response:
    return error_reply(Refusal(reason, wait).error())


def not_found() -> NotFound:
    """The one error for a model or version that a tenant does not have.

    It repeats no name, so that another tenant's name and one that never was give the same bytes.
    """
    return NotFound("not_found", "there is no such model or version for this tenant")
