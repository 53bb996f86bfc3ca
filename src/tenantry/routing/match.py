"""Whether a rule's conditions hold for a request, in words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tenantry.routing.draw import as_bytes
from tenantry.routing.rules import Match

SHOWN_VALUES = 5
SHOWN_CHARACTERS = 80


class Request(NamedTuple):
    """All that rules may ask of a request. ``headers`` are by lower-case name."""

    tenant: str
    model: str
    attributes: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    parameters: Mapping[str, str]
    request_id: str


def objection(match: Match, request: Request) -> str:
    """Why ``match`` does not hold, by its first condition that fails; "" where it holds."""
    if match.tenants and request.tenant not in match.tenants:
        return f"the tenant is {_shown(request.tenant)}, the rule wants {_any_of(match.tenants)}"
    if match.models and request.model not in match.models:
        return f"the deployment is {_shown(request.model)}, the rule wants {_any_of(match.models)}"
    for name, values in match.attributes.items():
        has = request.attributes.get(name)
        if has is None or has not in values:
            return _differs(f"attribute {name}", has, values)
    for name, values in match.headers.items():
        raw = request.headers.get(as_bytes(name.lower()))
        if raw is None or raw not in [as_bytes(value) for value in values]:
            return _differs(f"header {name}", None if raw is None else raw.decode("utf-8", "replace"), values)
    for name, values in match.parameters.items():
        has = request.parameters.get(name)
        if has is None or has not in values:
            return _differs(f"parameter {name}", has, values)
    return ""


def _differs(what: str, has: str | None, values: Sequence[str]) -> str:
    state = "is missing" if has is None else f"is {_shown(has)}"
    return f"{what} {state}, the rule wants {_any_of(values)}"


def _any_of(values: Sequence[str]) -> str:
    if not values:
        return "one of no values, which is never"
    shown = [_shown(value) for value in values[:SHOWN_VALUES]]
    more = len(values) - len(shown)
    if more:
        shown.append(f"one of {more} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _shown(value: str) -> str:
    cut = value if len(value) <= SHOWN_CHARACTERS else value[: SHOWN_CHARACTERS - 1] + "…"
    return f"'{cut}'"
