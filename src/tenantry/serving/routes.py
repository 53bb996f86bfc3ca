"""The scoring API's routes as values; dispatch, documentation and isolation tests are made from them."""

from collections.abc import Callable
from typing import NamedTuple

from tenantry.errors import InvalidRequest, NotFound
from tenantry.serving.callers import allowed
from tenantry.serving.infer import infer
from tenantry.serving.metadata import (
    list_models,
    model_metadata,
    model_ready,
    server_live,
    server_metadata,
    server_ready,
)
from tenantry.serving.predict import predict
from tenantry.serving.quick import predict_one
from tenantry.serving.replies import Response
from tenantry.serving.repository import index, load, unload
from tenantry.serving.state import State
from tenantry.serving.watching import metrics, model_statistics, residency
from tenantry.serving.work import Steps, Work


class Route(NamedTuple):
    """One operation. ``path`` has names in braces.

    ``public``: answered without a key, by ``probe``; otherwise a caller needs a role that may do one of
    ``actions`` (of ``access``), that is one of ``roles``, and ``handler`` answers. ``tenant``: about one tenant's
    things. ``scores``: goes through the gate, and is recorded. ``quick``: a short way for its commonest request.
    """

    method: str
    path: str
    actions: tuple[str, ...] = ()
    handler: Callable[[Work], Response | Steps] | None = None
    probe: Callable[[State], Response] | None = None
    tenant: bool = True
    scores: bool = False
    roles: frozenset[str] = frozenset()
    quick: Callable[[Work], Response | None] | None = None

    @property
    def public(self) -> bool:
        """Whether no key is needed."""
        return self.probe is not None


def _read(path: str, handler: Callable[[Work], Response | Steps], *, tenant: bool = True) -> Route:
    actions = ("score", "models:read")
    return Route("GET", path, actions, handler, tenant=tenant, roles=allowed(actions))


def _score(
    path: str,
    handler: Callable[[Work], Response | Steps],
    quick: Callable[[Work], Response | None] | None = None,
) -> Route:
    actions = ("score",)
    return Route("POST", path, actions, handler, scores=True, roles=allowed(actions), quick=quick)


def _change(path: str, handler: Callable[[Work], Response | Steps]) -> Route:
    actions = ("models:write",)
    return Route("POST", path, actions, handler, roles=allowed(actions))


_METRICS = Route(
    "GET", "/metrics", ("metrics:read",), metrics, tenant=False, roles=allowed(("metrics:read",))
)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/v2/health/live", probe=server_live, tenant=False),
    Route("GET", "/v2/health/ready", probe=server_ready, tenant=False),
    _read("/v2", server_metadata, tenant=False),
    _read("/v2/models", list_models),
    _read("/v2/models/{model}", model_metadata),
    _read("/v2/models/{model}/versions/{version}", model_metadata),
    _read("/v2/models/{model}/ready", model_ready),
    _read("/v2/models/{model}/versions/{version}/ready", model_ready),
    _read("/v2/models/stats", model_statistics),
    _read("/v2/models/{model}/stats", model_statistics),
    _read("/v2/models/{model}/versions/{version}/stats", model_statistics),
    _read("/v2/models/{model}/residency", residency),
    _METRICS,
    _read("/v2/repository/index", index)._replace(method="POST"),
    _change("/v2/repository/models/{model}/load", load),
    _change("/v2/repository/models/{model}/unload", unload),
    _score("/v2/models/{model}/infer", infer),
    _score("/v2/models/{model}/versions/{version}/infer", infer),
    _score("/predict/{model}", predict, predict_one),
)


class _Node:
    """A step of a path: literal continuations, one named continuation, and the routes that end here by
    method.
    """

    __slots__ = ("ends", "literal", "name", "named")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.name = ""
        self.named: _Node | None = None
        self.ends: dict[str, Route] = {}


def _tree(routes: tuple[Route, ...]) -> _Node:
    root = _Node()
    for route in routes:
        node = root
        for part in route.path.split("/")[1:]:
            if part.startswith("{"):
                node.name = part[1:-1]
                node.named = node.named or _Node()
                node = node.named
            else:
                node = node.literal.setdefault(part, _Node())
        node.ends[route.method] = route
    return root


_ROOT = _tree(ROUTES)
_REMEMBERED = 50_000
_matched: dict[tuple[str, str], tuple[Route, dict[str, str]]] = {}


def match(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request, and the names in its path (not to be changed: they are remembered for the next).

    Raises ``NotFound("route_unknown")``, or ``InvalidRequest("method_not_allowed")`` with
    ``details["allow"]``.
    """
    known = _matched.get((method, path))
    if known is not None:
        return known
    found = _find(method, path)
    if len(path) <= 256:
        if len(_matched) >= _REMEMBERED:
            _matched.clear()
        _matched[method, path] = found
    return found


def _find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    names: dict[str, str] = {}
    node = _walk(_ROOT, path.split("/")[1:], names)
    if node is None:
        raise NotFound("route_unknown", "the scoring API has no such path")
    route = node.ends.get(method)
    if route is not None:
        return route, names
    allow = sorted(node.ends)
    raise InvalidRequest(
        "method_not_allowed", f"this path takes {', '.join(allow)}", details={"allow": allow}
    )


def _walk(node: _Node, parts: list[str], names: dict[str, str]) -> _Node | None:
    """Where a path ends, and its names; a literal goes before a name, but a model may have the name of a literal."""
    if not parts:
        return node if node.ends else None
    part, rest = parts[0], parts[1:]
    literal = node.literal.get(part)
    found = None if literal is None else _walk(literal, rest, names)
    if found is None and node.named is not None and part:
        found = _walk(node.named, rest, names)
        if found is not None:
            names[node.name] = part
    return found
