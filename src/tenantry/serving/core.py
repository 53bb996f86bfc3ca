"""The data plane's core: one request as bytes in, one reply as bytes out. No sockets, no event loop."""

import time
from collections.abc import Callable, Mapping

from tenantry.errors import Internal, InvalidRequest, TenantryError
from tenantry.serving.call import Call, Steps
from tenantry.serving.callers import identify, permit, tenant_of
from tenantry.serving.replies import Response, error_reply
from tenantry.serving.routes import Route, match
from tenantry.serving.state import State
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId
from tenantry.wire import inflate

_log = get_logger("serving")
_NOBODY = TenantId("")
_DEFECT_HINT = "Try again; if it stays, look for 'request failed' in the server's log, and report it."


class Core:
    """Answers requests from a :class:`State`. Not for several threads at once; one event loop drives it."""

    def __init__(self, state: State, now: Callable[[], float] = time.time) -> None:
        self.state = state
        self._now = now

    def handle(
        self, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes
    ) -> Response:
        """Answer in one go. ``path`` is percent-decoded; header names are lower case. Never raises."""
        steps = self.steps(method, path, query, headers, body)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                response: Response = done.value
                return response

    def steps(
        self, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes], body: bytes
    ) -> Steps:
        """The same in steps, so that a large request leaves room for others between them."""
        try:
            route, names = match(method, path) if path.startswith("/v2/health/") else (None, {})
            if route is not None and route.probe is not None:
                return route.probe(self.state)
            route, names, tenant = self._admit(method, path, headers)
            if route.handler is None:
                return error_reply(Internal("internal", "the route has no handler"))
            encoding = headers.get(b"content-encoding")
            if encoding is not None:
                body = inflate(body, encoding.decode("latin-1"), self.state.limits.body_bytes)
            result = route.handler(Call(self.state, tenant, names, query, headers, body))
            if isinstance(result, Response):
                return result
            return (yield from result)
        except TenantryError as error:
            return error_reply(error)
        except Exception:  # noqa: BLE001 — the last net: logged, answered 500, and the worker goes on
            _log.exception("request failed", method=method, path=path)
            return error_reply(
                Internal("internal", "the scoring service has met a defect of its own", hint=_DEFECT_HINT)
            )

    def refuse(self, method: str, path: str, headers: Mapping[bytes, bytes]) -> Response | None:
        """The reply that the headers alone earn, before the body is read; None where the body is wanted."""
        try:
            length = headers.get(b"content-length", b"0")
            limit = self.state.limits.body_bytes
            if not length.isdigit() or len(length) > 18 or int(length) > limit:
                return error_reply(too_large(limit))
            route, _, _ = self._admit(method, path, headers)
        except TenantryError as error:
            return error_reply(error)
        return None if route.method == "POST" else error_reply(too_large(0))

    def _admit(
        self, method: str, path: str, headers: Mapping[bytes, bytes]
    ) -> tuple[Route, dict[str, str], TenantId]:
        """Key first, then the path, then the role: who has no key learns nothing of the paths."""
        caller = identify(self.state.current, headers, self._now())
        route, names = match(method, path)
        permit(caller, route.actions)
        return route, names, tenant_of(caller) if route.tenant else _NOBODY


def too_large(limit: int) -> InvalidRequest:
    """The error for a body that is over the limit."""
    return InvalidRequest("body_too_large", f"the body is over {limit:,} bytes", details={"limit": limit})
