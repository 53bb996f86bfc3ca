"""From an HTTP request to a handler's call and back: key, permission, tenant, path, query, body, in this
order.

Whether a thing exists is asked last, so that who may not ask learns nothing.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tenantry.access import Key, digest_of, may, roles_that_may
from tenantry.api.control import ControlPlane
from tenantry.api.errors import reply_for
from tenantry.api.route import Call, Route, Scope
from tenantry.errors import Forbidden, Internal, InvalidRequest, NotFound, TenantryError, Unauthenticated
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId, tenant_id

BODY_LIMIT = 1_000_000
"""Bytes of a JSON body; files are streamed and have a limit of their own."""

_log = get_logger("api")


def endpoint(route: Route, control: ControlPlane) -> Callable[[Request], Awaitable[Response]]:
    """The ASGI side of a route."""

    async def serve(request: Request) -> Response:
        try:
            return await _serve(route, control, request)
        except TenantryError as error:
            return reply_for(error)
        except Exception:  # noqa: BLE001 - the last net: logged with its traceback, answered with a code
            _log.exception("request failed", route=route.name)
            return reply_for(Internal("internal", f"{route.name} failed unexpectedly"))

    return serve


async def _serve(route: Route, control: ControlPlane, request: Request) -> Response:
    key = None if route.scope is Scope.PUBLIC else await run_in_threadpool(_caller, control, request)
    acting_for = None if key is None else await run_in_threadpool(_admit, route, control, key, request)
    call = Call(
        control=control,
        request=request,
        path={name: request.path_params[name] for name in route.parameters},
        key=key,
        acting_for=acting_for,
        query=_query(route, request),
        body=await _body(route, request),
    )
    if inspect.iscoroutinefunction(route.handler):
        result = await cast("Callable[[Call], Awaitable[Any]]", route.handler)(call)
    else:
        result = await run_in_threadpool(route.handler, call)
    if isinstance(result, Response):
        return result
    content = b"" if route.reply is None else msgspec.json.encode(result)
    return Response(content, route.status, media_type=None if route.reply is None else route.media)


def _caller(control: ControlPlane, request: Request) -> Key:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("unauthenticated", "the request carries no key")
    key = control.key_for(digest_of(secret.strip()))
    if key is None:
        raise Unauthenticated("unauthenticated", "the key is unknown, revoked or expired")
    return key


def _admit(route: Route, control: ControlPlane, key: Key, request: Request) -> TenantId | None:
    """Check the permission; returns the tenant that the call acts for."""
    if route.action is not None and not may(key.role, route.action):
        allowed = ", ".join(roles_that_may(route.action))
        raise Forbidden("forbidden", f"the role {key.role} may not do {route.action}; these may: {allowed}")
    if route.scope is Scope.OPERATOR:
        if key.tenant is not None:
            raise Forbidden("forbidden", f"only operators may do {route.action} over all tenants")
        return None
    if key.tenant is not None:
        return key.tenant
    named = request.headers.get("x-tenant")
    if named is not None:
        return _named_tenant(control, named)
    if route.scope is Scope.TENANT:
        raise InvalidRequest("tenant_required", "an operator's key belongs to no tenant")
    return None


def _named_tenant(control: ControlPlane, named: str) -> TenantId:
    tenant = tenant_id(named)
    if not control.has_tenant(tenant):
        # Only operators get here, and they may know all tenants: this one may be called by its name.
        raise NotFound("tenant_unknown", f"there is no tenant {tenant!r}")
    return tenant


def _query(route: Route, request: Request) -> Any:
    given = dict(request.query_params)
    if route.query is None:
        if given:
            raise InvalidRequest(
                "query_value", f"there is no query parameter {next(iter(given))[:80]!r} here"
            )
        return None
    try:
        return msgspec.convert(given, route.query, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest("query_value", f"the query is wrong: {error}") from error


async def _body(route: Route, request: Request) -> Any:
    if route.body is None or route.upload:
        return None
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > BODY_LIMIT:
            raise InvalidRequest(
                "body_too_large", f"the body has more than {BODY_LIMIT:,} bytes", hint="Send a smaller body."
            )
    try:
        value = msgspec.json.decode(bytes(chunks) or b"{}")
    except msgspec.ValidationError as error:
        raise InvalidRequest("number_range", f"a number in the body cannot be held: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest("body_json", f"the body is not JSON: {error}") from error
    if route.lenient_body:
        return value
    try:
        return msgspec.convert(value, route.body)
    except msgspec.ValidationError as error:
        raise InvalidRequest("body_value", f"the body is wrong: {error}") from error
