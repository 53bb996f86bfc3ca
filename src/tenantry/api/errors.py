"""Errors as HTTP: the only place where the control API knows that an error has a status."""

import msgspec
from starlette.responses import Response

from tenantry.errors import (
    Cancelled,
    Conflict,
    Corrupt,
    Forbidden,
    Internal,
    InvalidData,
    InvalidRequest,
    NotFound,
    Overloaded,
    TenantryError,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

STATUS: dict[type[TenantryError], int] = {
    InvalidRequest: 400,
    InvalidData: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Cancelled: 409,
    Unsupported: 501,
    Overloaded: 429,
    Unavailable: 503,
    Corrupt: 500,
    Internal: 500,
}
STATUS_BY_CODE = {"body_too_large": 413, "method_not_allowed": 405}


class ErrorReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every error looks like: ``error`` says what and where, ``code`` is stable (docs/errors.md),
    ``hint`` says what to do next, ``details`` holds facts for programs."""

    error: str
    code: str
    hint: str
    details: dict[str, object] = {}


def status_of(error: TenantryError) -> int:
    """The HTTP status of an error."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def reply_for(error: TenantryError) -> Response:
    """The JSON reply for an error."""
    if isinstance(error, NotFound) and error.code == "not_found":
        # It repeats no name, so that a foreign and a nonexistent name give the same bytes.
        error = NotFound("not_found", error.unnamed, hint=error.hint)
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Overloaded):
        headers["Retry-After"] = str(max(1, round(float(error.details.get("retry_after", 1)))))
    if error.code == "method_not_allowed":
        headers["Allow"] = ", ".join(error.details.get("allow", ()))
    return Response(
        msgspec.json.encode(error.as_dict()), status_of(error), headers, media_type="application/json"
    )
