"""Which version a request would get, and what every rule had to say to that (B9, B13).

Written from the rules alone, in their order and with none of the compiled shortcuts; only the hash and the choice by
model metadata are shared with ``decide``. A test holds the two equal over random rules and requests.
"""

from collections.abc import Mapping
from fractions import Fraction

import msgspec

from tenantry.errors import NotFound
from tenantry.routing.decision import CHALLENGER, CHAMPION, DEFAULT, REQUESTED
from tenantry.routing.draw import BUCKETS, bucket, salt_of, sticky_key
from tenantry.routing.entries import DEFAULT_ALIAS, Endpoint
from tenantry.routing.match import Request, objection
from tenantry.routing.rules import Alias, Canary, Fallback, Pin, Rule, Select, Shadow, Split
from tenantry.routing.selection import selected
from tenantry.routing.table import EndpointTable
from tenantry.tenancy import TenantId


class RuleStep(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule had to say. ``of`` is ``platform`` or ``deployment``; ``applies``: whether the rule changed
    anything. Where it shares out traffic: ``bucket``, the request's place in [0, 1), and ``share``, the part of [0, 1)
    that the rule takes, or, for a split, that the chosen arm has.
    """

    rule: str
    of: str
    kind: str
    applies: bool
    why: str
    share: float | None = None
    bucket: float | None = None


class ShadowStep(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that the request would cause."""

    version: str
    rule: str
    rollout: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The decision and its reasons. ``version`` is None where nothing answers; the other fields are a decision's."""

    version: str | None
    rule: str
    why: str
    shadows: tuple[ShadowStep, ...] = ()
    fallbacks: tuple[str, ...] = ()
    rollout: str = ""
    arm: str = ""
    steps: tuple[RuleStep, ...] = ()


def explain(
    table: EndpointTable,
    tenant: TenantId,
    name: str,
    requested: str | None = None,
    headers: Mapping[bytes, bytes] | None = None,
    parameters: Mapping[str, str] | None = None,
    request_id: str = "",
) -> Explanation:
    """Explain what ``table.compiled(tenant, name).decide(…)`` says of the same request.

    ``headers`` are by lower-case name. Without a ``request_id``, rules that are sticky by request show one share of
    many. Raises ``NotFound("not_found")`` where the tenant has no such deployment.
    """
    endpoint = table.endpoint(tenant, name)
    if endpoint is None:
        raise NotFound("not_found", f"there is no deployment {name!r} for this tenant")
    request = Request(tenant, name, table.attributes(tenant), headers or {}, parameters or {}, request_id)
    walk = _Walk(endpoint, request, requested or "")
    for rule in table.rules:
        walk.ask(rule, platform=True)
    for rule in endpoint.rules:
        walk.ask(rule, platform=False)
    return walk.result()


class _Walk:
    """One pass over the rules."""

    def __init__(self, endpoint: Endpoint, request: Request, requested: str) -> None:
        self._endpoint = endpoint
        self._request = request
        self._requested = requested
        self._steps: list[RuleStep] = []
        self._shadows: list[ShadowStep] = []
        self._fallbacks: list[str] = []
        self._missed = ""
        self._winner: RuleStep | None = None
        self._version: str | None = None
        self._rollout = ""
        self._said: tuple[float | None, float | None] = (None, None)

    def ask(self, rule: Rule, *, platform: bool) -> None:
        """Note what ``rule`` has to say."""
        self._said = (None, None)
        if self._requested:
            applies, why = False, "not asked: the caller names the version"
        elif self._winner is not None:
            applies, why = False, f"not asked: rule '{self._winner.rule}' decided"
        else:
            against = objection(rule.match, self._request)
            applies, why = (False, against) if against else self._act(rule, platform=platform)
        share, place = self._said
        step = RuleStep(
            rule=rule.name,
            of="platform" if platform else "deployment",
            kind=str(rule.action.__struct_config__.tag),
            applies=applies,
            why=why,
            share=share,
            bucket=place,
        )
        self._steps.append(step)
        if self._version is not None and self._winner is None:
            self._winner = step

    def result(self) -> Explanation:
        """What the pass came to."""
        steps = tuple(self._steps)
        if self._requested:
            version = self._version_of(self._requested)
            why = f"the caller names '{self._requested}', {self._found(self._requested)}"
            return Explanation(version=version, rule=REQUESTED, why=why, steps=steps)
        if self._winner is None:
            version, rule, why = self._version_of(DEFAULT_ALIAS), DEFAULT, "no rule ended the search; "
            why += f"the default '{DEFAULT_ALIAS}' answers, {self._found(DEFAULT_ALIAS)}"
        else:
            version, rule, why = self._version, self._winner.rule, self._winner.why
        if version is None:
            return Explanation(version=None, rule=rule, why=why, steps=steps)
        return Explanation(
            version=version,
            rule=rule,
            why=why,
            shadows=tuple(shadow for shadow in self._shadows if shadow.version != version),
            fallbacks=tuple(one for one in self._fallbacks if one != version),
            rollout=self._rollout or self._missed,
            arm=CHALLENGER if self._rollout else CHAMPION if self._missed else "",
            steps=steps,
        )

    def _act(self, rule: Rule, *, platform: bool) -> tuple[bool, str]:
        """Do as a rule says whose match holds; whether that changed anything, and why."""
        action = rule.action
        if isinstance(action, Split):
            return self._split(action, salt_of(action.salt, rule.name, platform=platform))
        if isinstance(action, Canary | Shadow):
            version = self._version_of(action.ref)
            if version is None:
                return False, f"'{action.ref}' names no version here"
            salt = salt_of(action.salt, rule.name, platform=platform)
            inside, why = self._drawn(action.share, action.sticky, salt)
            if isinstance(action, Shadow):
                return self._shadow(rule.name, action, version, why) if inside else (False, why)
            return self._canary(action, version, why, inside=inside)
        if isinstance(action, Fallback):
            return self._fallback(action)
        return self._sole(action)

    def _sole(self, action: Pin | Alias | Select) -> tuple[bool, str]:
        if isinstance(action, Pin):
            self._version = action.version if action.version in self._endpoint.versions else None
            met = "is here" if self._version else "is not here"
            return self._version is not None, f"version {action.version} {met}"
        if isinstance(action, Alias):
            known = action.alias in self._endpoint.aliases
            self._version = self._version_of(action.alias) if known else None
            return (
                self._version is not None,
                f"alias '{action.alias}', {self._found(action.alias)}"
                if known
                else (f"there is no alias '{action.alias}'"),
            )
        target = selected(self._endpoint, action)
        if target is None:
            return False, "no version has these tags and metrics"
        self._version = target.version
        if action.best is None:
            return True, f"version {target.version} is the newest that fits"
        extreme = "lowest" if action.lowest else "highest"
        figure = target.ref.metrics[action.best]
        return True, f"version {target.version} has the {extreme} {action.best} of those that fit: {figure:g}"

    def _canary(self, action: Canary, version: str, why: str, *, inside: bool) -> tuple[bool, str]:
        if inside:
            self._version, self._rollout = version, action.rollout
            return True, f"{why}: version {version} answers"
        self._missed = self._missed or action.rollout
        return False, why

    def _shadow(self, rule: str, action: Shadow, version: str, why: str) -> tuple[bool, str]:
        if any(shadow.version == version for shadow in self._shadows):
            return False, f"version {version} gets a copy already"
        self._shadows.append(ShadowStep(version=version, rule=rule, rollout=action.rollout))
        return True, f"{why}: version {version} gets a copy, unless it is the one that answers"

    def _fallback(self, action: Fallback) -> tuple[bool, str]:
        found = [version for version in map(self._version_of, action.refs) if version is not None]
        if not found:
            return False, "none of its versions is here"
        self._fallbacks += [v for n, v in enumerate(found) if v not in self._fallbacks and v not in found[:n]]
        return True, f"where the version chosen later cannot be opened: {', '.join(found)}"

    def _split(self, action: Split, salt: str) -> tuple[bool, str]:
        arms = [(self._version_of(arm.ref), arm.weight) for arm in action.arms]
        here = [
            (version, Fraction(weight)) for version, weight in arms if version and 0 < weight < float("inf")
        ]
        if not here:
            return False, "none of its arms is here with a weight above 0"
        total = sum(weight for _, weight in here)
        place, by = self._place(action.sticky, salt)
        end = Fraction(0)
        for version, weight in here:
            end += weight / total
            if place < end:
                self._version = version
                start = end - weight / total
                self._said = (float(weight / total), float(place))
                ours = f"{float(start):.4f} to {float(end):.4f}"
                return True, f"bucket {float(place):.4f} by {by} lies in {ours}: version {version} answers"
        raise AssertionError("the arms' shares end at 1")

    def _drawn(self, share: float, sticky: str, salt: str) -> tuple[bool, str]:
        """Whether the request is inside ``share``, and in words."""
        place, by = self._place(sticky, salt)
        inside = place < share
        self._said = (share, float(place))
        return (
            inside,
            f"bucket {float(place):.4f} by {by} is {'' if inside else 'not '}below the share {share:g}",
        )

    def _place(self, sticky: str, salt: str) -> tuple[Fraction, str]:
        """Where in [0, 1) the request lies, and by which key."""
        request = self._request
        key = sticky_key(sticky, request.tenant, request.headers, request.parameters, request.request_id)
        kind, _, name = sticky.partition(":")
        missing = key == sticky_key("request", "", {}, {}, request.request_id)
        by = f"{kind} {name}" if name else kind
        if name and missing:
            by = f"request, for want of {by}"
        return Fraction(bucket(salt, key), BUCKETS), by

    def _version_of(self, ref: str) -> str | None:
        target = self._endpoint.target(ref)
        return None if target is None else target.version

    def _found(self, ref: str) -> str:
        version = self._version_of(ref)
        return "which names no version here" if version is None else f"which is version {version}"
