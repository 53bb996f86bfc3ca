"""The ASGI application of the control API."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from tenantry.api.control import ControlPlane
from tenantry.api.edge import endpoint
from tenantry.api.errors import reply_for
from tenantry.api.openapi import describe
from tenantry.api.resources import ROUTES
from tenantry.api.route import Route
from tenantry.errors import InvalidRequest, NotFound

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(control: ControlPlane, routes: tuple[Route, ...] = ROUTES) -> Starlette:
    """The control API over a control plane, with its OpenAPI document at ``/openapi.json``."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method] = endpoint(route, control)
    document = msgspec.json.encode(describe(routes))

    async def openapi(_request: Request) -> Response:
        return Response(document, media_type="application/json")

    by_path["/openapi.json"] = {"GET": openapi}
    app = Starlette(
        routes=[Path(path, _Methods(methods)) for path, methods in by_path.items()],
        exception_handlers={404: _unknown_route},
    )
    app.router.redirect_slashes = False
    return app


class _Methods:
    """One path: the endpoint by method, or 405 with the methods that there are."""

    def __init__(self, methods: dict[str, Endpoint]) -> None:
        self._methods = methods

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        serve = self._methods.get(request.method)
        reply: ASGIApp = (
            _not_allowed(request.method, list(self._methods)) if serve is None else await serve(request)
        )
        await reply(scope, receive, send)


def _not_allowed(method: str, allowed: list[str]) -> Response:
    return reply_for(
        InvalidRequest(
            "method_not_allowed", f"the method {method} is not taken here", details={"allow": sorted(allowed)}
        )
    )


async def _unknown_route(_request: Request, _error: Exception) -> Response:
    return reply_for(
        NotFound(
            "route_unknown",
            "the control API has no such path",
            hint="The paths are described at /openapi.json; they begin with /api/v1.",
        )
    )
