"""Routing rules: of a deployment, of the platform, and what they would do with a request."""

import msgspec

from tenantry import deployments
from tenantry.api.route import Call, Route, Scope
from tenantry.deployments import Asked, Routes
from tenantry.errors import InvalidRequest
from tenantry.routing import Explanation, rules_from
from tenantry.routing.rules import Rule

_MODEL = "/api/v1/models/{model}/routes"
_PLATFORM = "/api/v1/routes"


class NewRoutes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rules, in order. With ``expected``, only if the rules are at that revision now (0: never set)."""

    rules: tuple[Rule, ...]
    expected: int | None = None


class _Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same, with rules that are not read yet, so that a fault is told by rule and place."""

    rules: list[object]
    expected: int | None = None


def show_routes(call: Call) -> Routes:
    """Show the routing rules of a deployment, those of its running rollout, and what in them names nothing."""
    return deployments.routes(call.control.stores, call.tenant, call.path["model"])


def put_routes(call: Call) -> Routes:
    """Replace the routing rules of a deployment; scoring follows within a second.

    Rules are asked in order, after the platform's and after a rollout's. A rule that names a version or alias which the
    model does not have is kept, reported in ``warnings``, and applies as soon as there is one."""
    rules, expected = _rules(call, platform=False)
    return deployments.put_routes(call.control.stores, call.tenant, call.path["model"], rules, expected)


def show_platform_routes(call: Call) -> Routes:
    """Show the platform's own rules, which come before every deployment's."""
    return deployments.platform_routes(call.control.stores)


def put_platform_routes(call: Call) -> Routes:
    """Replace the platform's own rules. They alone may ask about tenants and models by name."""
    rules, expected = _rules(call, platform=True)
    return deployments.put_platform_routes(call.control.stores, rules, expected)


def explain_route(call: Call) -> Explanation:
    """Say which version a request would get, by which rule, and what every rule had to say.

    Nothing is scored. The answer is made from the table that the scoring workers use; ``version`` is null where nothing
    would answer. Only operators are told of rules of the platform that had no say."""
    operator = call.caller.tenant is None
    return deployments.explain_route(call.control.stores, call.tenant, call.body, operator=operator)


def _rules(call: Call, *, platform: bool) -> tuple[tuple[Rule, ...], int | None]:
    try:
        given = msgspec.convert(call.body, _Given)
    except msgspec.ValidationError as error:
        raise InvalidRequest("body_value", f"the body is wrong: {error}") from error
    return rules_from(given.rules, platform=platform), given.expected


ROUTES = (
    Route(
        method="GET", path=_MODEL, scope=Scope.TENANT, action="models:read", handler=show_routes, reply=Routes
    ),
    Route(
        method="PUT",
        path=_MODEL,
        scope=Scope.TENANT,
        action="models:write",
        handler=put_routes,
        body=NewRoutes,
        lenient_body=True,
        reply=Routes,
    ),
    Route(
        method="GET",
        path=_PLATFORM,
        scope=Scope.OPERATOR,
        action="tenants:read",
        handler=show_platform_routes,
        reply=Routes,
    ),
    Route(
        method="PUT",
        path=_PLATFORM,
        scope=Scope.OPERATOR,
        action="tenants:write",
        handler=put_platform_routes,
        body=NewRoutes,
        lenient_body=True,
        reply=Routes,
    ),
    Route(
        method="POST",
        path=f"{_PLATFORM}:explain",
        scope=Scope.TENANT,
        action="models:read",
        handler=explain_route,
        body=Asked,
        reply=Explanation,
    ),
)
