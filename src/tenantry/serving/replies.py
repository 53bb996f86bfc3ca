"""Replies as plain values, and the one place where serving gives an error its HTTP status."""

from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

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

_SERVER = (b"server", f"tenantry/{__version__}".encode())
_JSON = (b"content-type", b"application/json")
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


class Response(NamedTuple):
    """One whole reply: header names are lower case."""

    status: int
    headers: Headers
    body: bytes


def json_reply(body: bytes, status: int = 200) -> Response:
    """A reply of JSON that is encoded already."""
    return Response(status, [_JSON, (b"content-length", b"%d" % len(body)), _SERVER], body)


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
    extra: dict[bytes, Any] = {}
    if response.status == 401:
        extra[b"www-authenticate"] = b"Bearer"
    if response.status in (429, 503):
        extra[b"retry-after"] = b"%d" % max(1, round(float(error.details.get("retry_after", 1))))
    if response.status == 405:
        extra[b"allow"] = ", ".join(error.details.get("allow", ())).encode()
    if response.status in (408, 413):
        # What is left of the body will not be read.
        extra[b"connection"] = b"close"
    response.headers.extend(extra.items())
    return response


def refusal_reply(refusal: Refusal) -> Response:
    """The reply of an admission that was refused. Under strain there are many, so that each is encoded once."""
    wait = refusal.retry_after
    known = _refusal(refusal.reason, ceil(wait * 100) / 100 if wait < 1 else ceil(wait))
    return Response(known.status, known.headers.copy(), known.body)


@lru_cache(maxsize=4096)
def _refusal(reason: Reason, wait: float) -> Response:
    return error_reply(Refusal(reason, wait).error())


def not_found() -> NotFound:
    """The one error for a model or version that a tenant does not have.

    It repeats no name, so that another tenant's name and one that never was give the same bytes.
    """
    return NotFound("not_found", "there is no such model or version for this tenant")
