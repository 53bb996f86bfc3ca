"""Errors as gRPC tells them: REST's reply of an error to a status, a message and trailing metadata."""

from math import ceil
from typing import Any, NamedTuple

import grpc
import msgspec

from tenantry.adapters.grpc.messages import message
from tenantry.serving import Response

CODES: dict[int, grpc.StatusCode] = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""HTTP status → gRPC status; every other is INVALID_ARGUMENT."""

DOMAIN = "tenantry"
"""Whose the codes in ``ErrorInfo`` are."""

Metadata = tuple[tuple[str, str | bytes], ...]

_Status = message("google.rpc.Status")
_ErrorInfo = message("google.rpc.ErrorInfo")
_RetryInfo = message("google.rpc.RetryInfo")
_TOLD = (b"x-tenantry-version", b"x-tenantry-rule", b"x-request-id", b"traceparent")


class Failure(NamedTuple):
    """An error, ready to abort a call with."""

    code: grpc.StatusCode
    text: str
    trailing: Metadata


def told(response: Response) -> Metadata:
    """What a reply says of itself beside its message: version, rule, request id, trace."""
    return tuple((name.decode(), value.decode()) for name, value in response.headers if name in _TOLD)


def failure(response: Response) -> Failure:
    """The gRPC side of a reply that is not a good one.

    ``grpc-status-details-bin`` holds Google's error model: ``ErrorInfo`` (the code of docs/errors.md, and the hint)
    and, where trying again may help, ``RetryInfo``; ``x-tenantry-code`` and ``retry-after`` say the same in text.
    """
    code = CODES.get(response.status, grpc.StatusCode.INVALID_ARGUMENT)
    error: dict[str, Any] = msgspec.json.decode(response.body)
    text, reason = str(error["error"]), str(error["code"])
    status = _Status(code=code.value[0], message=text)
    info = _ErrorInfo(reason=reason, domain=DOMAIN, metadata={"hint": str(error.get("hint", ""))})
    status.details.add().Pack(info)
    trailing: list[tuple[str, str | bytes]] = [*told(response), ("x-tenantry-code", reason)]
    after = dict(response.headers).get(b"retry-after")
    if after is not None:
        wait = float((error.get("details") or {}).get("retry_after", after.decode()))
        milliseconds = ceil(wait * 1000)
        retry = _RetryInfo()
        retry.retry_delay.FromMilliseconds(milliseconds)
        status.details.add().Pack(retry)
        trailing += [("retry-after", after.decode()), ("grpc-retry-pushback-ms", str(milliseconds))]
    trailing.append(("grpc-status-details-bin", status.SerializeToString()))
    return Failure(code, text, tuple(trailing))
