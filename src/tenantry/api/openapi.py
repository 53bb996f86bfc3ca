"""The OpenAPI 3.1 document, made from the route table and from the types that handlers really take and
give."""

import inspect
import json
import re
from typing import Any

import msgspec

from tenantry import __version__
from tenantry.access import roles_that_may
from tenantry.api.errors import ErrorReply
from tenantry.api.route import Route, Scope

_REF = "#/components/schemas/{name}"
_NAMES = {"tenantry.access._roles.Role": "KeyRole", "tenantry.schema._types.Role": "ColumnRole"}
"""Two types of one name are told apart by msgspec with their modules, which are nobody's business."""
_ERRORS = {
    400: "The request is wrong.",
    401: "The request carries no valid key.",
    403: "The key's role may not do this.",
    404: "There is no such thing for this tenant.",
    409: "The state does not allow it now.",
    413: "The body is too large.",
    422: "The data cannot be used.",
    500: "Stored data are damaged, or tenantry has a defect.",
    501: "This build cannot do it.",
}


def describe(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The document as plain JSON values."""
    types = [kind for route in routes for kind in (route.reply, route.body, route.query) if kind is not None]
    components = _components([ErrorReply, *types])[1]
    queries = {route.query.__name__ for route in routes if route.query is not None}
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "tenantry control API",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Tenants, keys, data sets, predictions, models, versions, aliases, deployments, routing "
            "rules, SLO classes, jobs and schedules. "
            "The tenant comes from the key; an operator's key names one in the header X-Tenant.",
        },
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }
    readable = re.sub(r"\bPage_(\w+)_", r"\1Page", json.dumps(document))
    for found, shown in _NAMES.items():
        readable = readable.replace(found, shown)
    named: dict[str, Any] = json.loads(readable)
    return named


def _operation(route: Route, components: dict[str, Any]) -> dict[str, Any]:
    summary, _, description = (inspect.getdoc(route.handler) or "").partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": " ".join(summary.split()).rstrip("."),
        "tags": [route.path.split("/")[3].partition(":")[0] if route.path.count("/") > 2 else "server"],
        "parameters": _parameters(route, components),
        "responses": _responses(route),
        "security": [] if route.scope is Scope.PUBLIC else [{"key": []}],
    }
    said = [" ".join(description.split())] if description else []
    if route.action is not None:
        said.append(f"Roles: {', '.join(_roles(route))}.")
    if said:
        operation["description"] = "\n\n".join(said)
    if route.body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": _schema(route.body)}}}
    if route.upload:
        operation["requestBody"] = _upload()
    return operation


def _roles(route: Route) -> list[str]:
    roles = roles_that_may(route.action or "")
    return [role for role in roles if route.scope is not Scope.OPERATOR or role == "operator"]


def _parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in route.parameters
    ]
    if route.query is not None:
        properties = components[route.query.__name__]["properties"]
        found += [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]
    if route.scope in (Scope.TENANT, Scope.CALLER) and route.action is not None:
        found.append(
            {
                "name": "X-Tenant",
                "in": "header",
                "description": "The tenant that an operator's key acts for; of no effect with other keys.",
                "schema": {"type": "string"},
            }
        )
    return found


def _responses(route: Route) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Success"}
    if route.reply is bytes:
        good["content"] = {route.media: {"schema": {"type": "string", "format": "binary"}}}
    elif route.reply is not None:
        good["content"] = {route.media: {"schema": _schema(route.reply)}}
    replies = {str(route.status): good}
    for status, meaning in _ERRORS.items():
        if status in (401, 403, 404) and route.scope is Scope.PUBLIC:
            continue
        if status == 413 and route.body is None and not route.upload:
            continue
        replies[str(status)] = {
            "description": meaning,
            "content": {"application/json": {"schema": _schema(ErrorReply)}},
        }
    return replies


def _schema(kind: Any) -> dict[str, Any]:
    return _components([kind])[0][0]


def _components(kinds: list[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    return msgspec.json.schema_components(kinds, ref_template=_REF, schema_hook=_any_value)


def _any_value(kind: type) -> dict[str, Any]:
    """``object`` in a type means: any JSON value."""
    if kind is not object:
        raise TypeError(f"{kind} has no JSON schema")
    return {"description": "Any JSON value."}


def _upload() -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"file": file}, "required": ["file"]}
    return {
        "required": True,
        "content": {"application/octet-stream": {"schema": file}, "multipart/form-data": {"schema": form}},
    }
