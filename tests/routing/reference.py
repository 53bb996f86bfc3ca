"""Routing as its rules read, one after the other for every request: slow, obvious, and sharing no code with the product
but the types. The tests hold the product equal to this.
"""

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction

from tenantry.routing import Decision, Endpoint, EndpointTable, Shadowed, Target
from tenantry.routing.rules import Alias, Canary, Fallback, Match, Pin, Rule, Select, Shadow, Split
from tenantry.tenancy import TenantId


@dataclass
class Request:
    tenant: str
    name: str
    headers: dict[bytes, bytes]
    parameters: dict[str, str]
    request_id: str


@dataclass
class SoFar:
    chosen: tuple[Target, str, str] | None = None
    missed: str = ""
    shadows: list[Shadowed] = field(default_factory=list)
    fallbacks: list[Target] = field(default_factory=list)


def decide(
    table: EndpointTable,
    tenant: str,
    name: str,
    requested: str | None,
    headers: dict[bytes, bytes],
    parameters: dict[str, str],
    request_id: str,
) -> Decision | None:
    endpoint = table.endpoints.get(TenantId(tenant), {}).get(name)
    if endpoint is None:
        return None
    if requested:
        target = find(endpoint, requested)
        return Decision(target, "requested") if target else None

    entry = table.tenants.get(TenantId(tenant))
    request = Request(tenant, name, headers, parameters, request_id)
    so_far = SoFar()
    for rule, platform in [(rule, True) for rule in table.rules] + [(rule, False) for rule in endpoint.rules]:
        if holds(rule.match, request, entry.attributes if entry else {}):
            prefix = "platform:" if platform else ""
            act(rule, endpoint, request, prefix, so_far)
        if so_far.chosen:
            break
    return summed_up(so_far, endpoint)


def holds(match: Match, request: Request, attributes: dict[str, str]) -> bool:
    if match.tenants and request.tenant not in match.tenants:
        return False
    if match.models and request.name not in match.models:
        return False
    for key, values in match.attributes.items():
        if attributes.get(key) not in values:
            return False
    for key, values in match.headers.items():
        if request.headers.get(key.encode()) not in [value.encode() for value in values]:
            return False
    return all(request.parameters.get(key) in values for key, values in match.parameters.items())


def place(action: Split | Canary | Shadow, default_salt: str, request: Request) -> Fraction:
    """Where in [0, 1) the request lies."""
    key = b""
    if action.sticky == "tenant":
        key = request.tenant.encode()
    elif action.sticky.startswith("header:"):
        key = request.headers.get(action.sticky[7:].encode(), b"")
    elif action.sticky.startswith("parameter:"):
        key = request.parameters.get(action.sticky[10:], "").encode()
    if key == b"":
        key = request.request_id.encode()
    digest = hashlib.blake2b((action.salt or default_salt).encode() + b"\x00" + key, digest_size=8).digest()
    return Fraction(int.from_bytes(digest, "big"), 2**64)


def act(rule: Rule, endpoint: Endpoint, request: Request, prefix: str, so_far: SoFar) -> None:
    action, salt = rule.action, prefix + rule.name
    if isinstance(action, Canary):
        target = find(endpoint, action.ref)
        if target and place(action, salt, request) < Fraction(action.share):
            so_far.chosen = (target, rule.name, action.rollout)
        elif target and so_far.missed == "":
            so_far.missed = action.rollout
    elif isinstance(action, Shadow):
        target = find(endpoint, action.ref)
        if target and place(action, salt, request) < Fraction(action.share):
            so_far.shadows.append(Shadowed(target, rule.name, action.rollout))
    elif isinstance(action, Fallback):
        so_far.fallbacks += [target for target in (find(endpoint, ref) for ref in action.refs) if target]
    else:
        if isinstance(action, Pin):
            known = action.version in endpoint.versions
            target = Target(action.version, endpoint.versions[action.version]) if known else None
        elif isinstance(action, Alias):
            target = find(endpoint, action.alias) if action.alias in endpoint.aliases else None
        elif isinstance(action, Select):
            target = select(endpoint, action)
        else:
            target = arm(endpoint, action, place(action, salt, request))
        if target:
            so_far.chosen = (target, rule.name, "")


def arm(endpoint: Endpoint, action: Split, at: Fraction) -> Target | None:
    """Lay the arms' weights end to end; the one in which ``at`` falls."""
    arms = [(find(endpoint, arm.ref), Fraction(arm.weight)) for arm in action.arms]
    here = [(target, weight) for target, weight in arms if target and weight > 0]
    left = at * sum(weight for _, weight in here)
    for target, weight in here:
        if left < weight:
            return target
        left -= weight
    return None


def summed_up(so_far: SoFar, endpoint: Endpoint) -> Decision | None:
    if so_far.chosen is None:
        champion = find(endpoint, "champion")
        if champion is None:
            return None
        so_far.chosen = (champion, "default", "")
    target, rule, rollout = so_far.chosen
    side = "challenger" if rollout else "champion" if so_far.missed else ""
    copies: list[Shadowed] = []
    for shadow in so_far.shadows:
        if shadow.target != target and shadow.target not in [copy.target for copy in copies]:
            copies.append(shadow)
    others: list[Target] = []
    for other in so_far.fallbacks:
        if other != target and other not in others:
            others.append(other)
    return Decision(target, rule, tuple(copies), tuple(others), rollout or so_far.missed, side)


def find(endpoint: Endpoint, ref: str) -> Target | None:
    number = endpoint.aliases.get(ref, ref)
    return Target(number, endpoint.versions[number]) if number in endpoint.versions else None


def select(endpoint: Endpoint, action: Select) -> Target | None:
    winner: Target | None = None
    for number in sorted(endpoint.versions, key=int):
        ref = endpoint.versions[number]
        fits = all(ref.tags.get(tag) == value for tag, value in action.tags.items())
        for metric, bound in action.metrics.items():
            value = ref.metrics.get(metric, float("nan"))
            low = bound.least if bound.least is not None else -float("inf")
            high = bound.most if bound.most is not None else float("inf")
            fits = fits and low <= value <= high
        if action.best is not None:
            value = ref.metrics.get(action.best, float("nan"))
            fits = fits and value == value  # noqa: PLR0124 - NaN
            if fits and winner is not None:
                record = winner.ref.metrics[action.best]
                fits = value <= record if action.lowest else value >= record
        if fits:
            winner = Target(number, ref)
    return winner
