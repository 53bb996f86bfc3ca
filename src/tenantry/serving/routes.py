"""The scoring API's routes as values; dispatch, documentation and isolation tests are made from them."""

from collections.abc import Callable
from typing import NamedTuple

from tenantry.errors import InvalidRequest, NotFound
from tenantry.serving.call import Call, Steps
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
from tenantry.serving.replies import Response
from tenantry.serving.state import State


class Route(NamedTuple):
    """One operation. ``path`` has names in braces.

    ``public``: answered without a key, by ``probe``; otherwise a caller needs a role that may do one of
    ``actions`` (of ``access``), and ``handler`` answers. ``tenant``: about one tenant's things.
    """

    method: str
    path: str
    actions: tuple[str, ...] = ()
    handler: Callable[[Call], Response | Steps] | None = None
    probe: Callable[[State], Response] | None = None
    tenant: bool = True

    @property
    def public(self) -> bool:
        """Whether no key is needed."""
        return self.probe is not None


_READ = ("score", "models:read")
_SCORE = ("score",)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/v2/health/live", probe=server_live, tenant=False),
    Route("GET", "/v2/health/ready", probe=server_ready, tenant=False),
    Route("GET", "/v2", _READ, server_metadata, tenant=False),
    Route("GET", "/v2/models", _READ, list_models),
    Route("GET", "/v2/models/{model}", _READ, model_metadata),
    Route("GET", "/v2/models/{model}/versions/{version}", _READ, model_metadata),
    Route("GET", "/v2/models/{model}/ready", _READ, model_ready),
    Route("GET", "/v2/models/{model}/versions/{version}/ready", _READ, model_ready),
    Route("POST", "/v2/models/{model}/infer", _SCORE, infer),
    Route("POST", "/v2/models/{model}/versions/{version}/infer", _SCORE, infer),
    Route("POST", "/predict/{model}", _SCORE, predict),
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


def match(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request, and the names in its path.

    Raises ``NotFound("route_unknown")``, or ``InvalidRequest("method_not_allowed")`` with
    ``details["allow"]``.
    """
    node = _ROOT
    names: dict[str, str] = {}
    for part in path.split("/")[1:]:
        following = node.literal.get(part)
        if following is None:
            following = node.named
            if following is None or not part:
                raise NotFound("route_unknown", "the scoring API has no such path")
            names[node.name] = part
        node = following
    route = node.ends.get(method)
    if route is not None:
        return route, names
    if not node.ends:
        raise NotFound("route_unknown", "the scoring API has no such path")
    allow = sorted(node.ends)
    raise InvalidRequest(
        "method_not_allowed", f"this path takes {', '.join(allow)}", details={"allow": allow}
    )
