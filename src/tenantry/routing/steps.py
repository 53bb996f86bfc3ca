"""From rules to steps: everything about a rule that no request can change, settled once.

A :class:`Step` is a rule that can still apply to some request of the endpoint: its tenants, models and attributes
hold, its refs name versions. What is left open are the request's headers and parameters (``conditions``) and its
bucket (``draw``). Rules that can never apply, and those behind one that always ends the search, are gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tenantry.routing.decision import CHALLENGER, CHAMPION, DEFAULT, Decision, Shadowed
from tenantry.routing.draw import (
    BUCKETS,
    Draw,
    as_bytes,
    bucket,
    salt_of,
    threshold,
    thresholds,
    usable,
)
from tenantry.routing.entries import DEFAULT_ALIAS, Endpoint, Target
from tenantry.routing.rules import Alias, Canary, Fallback, Match, Pin, Rule, Select, Shadow, Split
from tenantry.routing.selection import selected


class Condition(NamedTuple):
    """A header or a parameter that must have one of these values, each as the request holds it."""

    header: bool
    name: str
    values: frozenset[bytes | str]


class Effect(NamedTuple):
    """What one rule does to a decision: ends the search with ``target``, or adds copies or fallbacks, or marks the
    request as the champion's side of ``rollout``; or nothing.
    """

    rule: str = ""
    target: Target | None = None
    rollout: str = ""
    shadow: Shadowed | None = None
    fallbacks: tuple[Target, ...] = ()

    @property
    def ends(self) -> bool:
        """Whether no later rule is asked."""
        return self.target is not None


NOTHING = Effect()


class Step(NamedTuple):
    """A rule made ready. ``ways`` has one effect where ``draw`` is None, else one for each way of the draw."""

    conditions: tuple[Condition, ...]
    ways: tuple[Effect, ...]
    draw: Draw | None = None

    @property
    def ends(self) -> bool:
        """Whether the search is over whichever way is taken."""
        return all(way.ends for way in self.ways)


class _Share(NamedTuple):
    """A rule's way with requests before it is known which buckets can occur."""

    ends: tuple[int, ...]
    ways: tuple[Effect, ...]
    sticky: str
    salt: str


def steps_of(
    tenant: str, name: str, endpoint: Endpoint, attributes: Mapping[str, str], platform: Sequence[Rule]
) -> list[Step]:
    """The steps of an endpoint's requests, in order: the platform's rules, then the deployment's."""
    steps: list[Step] = []
    for rules, is_platform in ((platform, True), (endpoint.rules, False)):
        for rule in rules:
            if not _can_hold(rule.match, tenant, name, attributes):
                continue
            step = _step(rule, tenant, endpoint, platform=is_platform)
            if step is None:
                continue
            steps.append(step)
            if step.ends and not step.conditions:
                return steps
    return steps


def assemble(effects: Iterable[Effect], default: Target | None) -> Decision | None:
    """The decision that ``effects`` come to, in order; None where nothing answers.

    A request counts for one rollout: the one whose challenger answers it, else the first whose share it missed.
    """
    shadows: dict[str, Shadowed] = {}
    fallbacks: dict[str, Target] = {}
    missed = ""
    target, rule, rollout = default, DEFAULT, ""
    for effect in effects:
        if effect.target is not None:
            target, rule, rollout = effect.target, effect.rule, effect.rollout
            break
        if effect.shadow is not None:
            shadows.setdefault(effect.shadow.target.version, effect.shadow)
        for fallback in effect.fallbacks:
            fallbacks.setdefault(fallback.version, fallback)
        missed = missed or effect.rollout
    if target is None:
        return None
    arm = CHALLENGER if rollout else CHAMPION if missed else ""
    shadows.pop(target.version, None)
    fallbacks.pop(target.version, None)
    return Decision(target, rule, tuple(shadows.values()), tuple(fallbacks.values()), rollout or missed, arm)


def default_of(endpoint: Endpoint) -> Target | None:
    """What answers where no rule ends the search."""
    return endpoint.target(DEFAULT_ALIAS)


def _can_hold(match: Match, tenant: str, name: str, attributes: Mapping[str, str]) -> bool:
    """Whether some request of this endpoint can fulfil ``match``. A condition without values holds for none."""
    return (
        (not match.tenants or tenant in match.tenants)
        and (not match.models or name in match.models)
        and all(attributes.get(key) in values for key, values in match.attributes.items())
        and all(match.headers.values())
        and all(match.parameters.values())
    )


def _conditions(match: Match) -> tuple[Condition, ...]:
    headers = (
        Condition(True, name.lower(), frozenset(map(as_bytes, values)))
        for name, values in match.headers.items()
    )
    parameters = (Condition(False, name, frozenset(values)) for name, values in match.parameters.items())
    return (*headers, *parameters)


def _step(rule: Rule, tenant: str, endpoint: Endpoint, *, platform: bool) -> Step | None:
    conditions = _conditions(rule.match)
    action = rule.action
    if isinstance(action, Split | Canary | Shadow):
        share = _share(rule, action, endpoint, platform=platform)
        return None if share is None else _settled(share, conditions, tenant)
    if isinstance(action, Fallback):
        found = [endpoint.target(ref) for ref in action.refs]
        targets = tuple(target for target in found if target is not None)
        return Step(conditions, (Effect(rule.name, fallbacks=targets),)) if targets else None
    target = _sole(action, endpoint)
    return None if target is None else Step(conditions, (Effect(rule.name, target),))


def _sole(action: Pin | Alias | Select, endpoint: Endpoint) -> Target | None:
    """The one version that an action without a draw comes to."""
    if isinstance(action, Pin):
        ref = endpoint.versions.get(action.version)
        return None if ref is None else Target(action.version, ref)
    if isinstance(action, Alias):
        return endpoint.target(action.alias) if action.alias in endpoint.aliases else None
    return selected(endpoint, action)


def _share(
    rule: Rule, action: Split | Canary | Shadow, endpoint: Endpoint, *, platform: bool
) -> _Share | None:
    salt = salt_of(action.salt, rule.name, platform=platform)
    if isinstance(action, Split):
        arms = [(endpoint.target(arm.ref), arm.weight) for arm in action.arms if usable(arm.weight)]
        known = [(target, weight) for target, weight in arms if target is not None]
        if not known:
            return None
        ends = thresholds([weight for _, weight in known])
        return _Share(ends, tuple(Effect(rule.name, target) for target, _ in known), action.sticky, salt)
    target = endpoint.target(action.ref)
    if target is None:
        return None
    ends = (threshold(action.share),)
    if isinstance(action, Canary):
        hit, missed = Effect(rule.name, target, action.rollout), Effect(rule.name, rollout=action.rollout)
    else:
        hit, missed = Effect(rule.name, shadow=Shadowed(target, rule.name, action.rollout)), NOTHING
    return _Share(ends, (hit, missed), action.sticky, salt)


def _settled(share: _Share, conditions: tuple[Condition, ...], tenant: str) -> Step | None:
    """A step without a draw where only one way can be taken: one share is everything, or the tenant is the key."""
    bounds = (0, *share.ends, BUCKETS)
    if share.sticky == "tenant":
        place = bucket(share.salt, as_bytes(tenant))
        open_ways = [n for n in range(len(share.ways)) if bounds[n] <= place < bounds[n + 1]]
    else:
        open_ways = [n for n in range(len(share.ways)) if bounds[n] < bounds[n + 1]]
    if len(open_ways) > 1:
        return Step(conditions, share.ways, Draw(share.salt, share.sticky, share.ends))
    way = share.ways[open_ways[0]]
    return None if way[1:] == NOTHING[1:] else Step(conditions, (way,))
