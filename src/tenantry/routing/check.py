"""Rules from outside: read, checked, and held against a deployment.

Every fault is ``InvalidRequest("rule_invalid")`` that says which rule, where in it, and what is wrong; ``details`` has
the same as ``rule``, ``position`` (from 1) and ``where``.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple, get_args

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.routing.decision import DEFAULT, REQUESTED
from tenantry.routing.entries import Endpoint
from tenantry.routing.rules import (
    Action,
    Alias,
    Canary,
    Fallback,
    Match,
    Pin,
    Rule,
    Select,
    Shadow,
    Split,
    Words,
)
from tenantry.routing.selection import selected

MOST_RULES = 256
"""Most rules in a list."""
MOST_VALUES = 1000
"""Most values in one condition."""
LONGEST_VALUE = 1024
"""Most characters of a value, a salt, or a name in a condition."""

_PLACE = re.compile(
    r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?:\[(?P<index>\d+)\])?\.?(?P<where>[^`]*)`)?$", re.DOTALL
)
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_Fault = tuple[str, str]


class Unresolved(NamedTuple):
    """A rule that asks for something which the deployment does not have; until it does, the rule does not apply, or not
    in that part.
    """

    rule: str
    ref: str
    why: str


def rules_from(raw: Any, *, platform: bool) -> tuple[Rule, ...]:
    """Rules from the values that JSON decodes to, checked. Raises ``InvalidRequest("rule_invalid")``."""
    try:
        rules = msgspec.convert(raw, tuple[Rule, ...])
    except msgspec.ValidationError as error:
        index, where, what = _place(error)
        if index is None:
            raise InvalidRequest("rule_invalid", f"the rules are no list of rules: {error}") from error
        entry = raw[int(index)]
        name = entry.get("name") if isinstance(entry, Mapping) else None
        raise _invalid(int(index), name, where, what) from error
    check_rules(rules, platform=platform)
    return rules


def check_rules(rules: Sequence[Rule], *, platform: bool) -> None:
    """Refuse a list that cannot mean what its author meant; ``platform`` where it is the platform's own.

    Refs that name nothing yet are allowed (see :func:`unresolved`). Raises ``InvalidRequest("rule_invalid")``.
    """
    if len(rules) > MOST_RULES:
        raise InvalidRequest(
            "rule_invalid", f"{len(rules)} rules are too many; at most {MOST_RULES} in a list"
        )
    for index, rule in enumerate(rules):
        try:
            # A rule that was built in Python has not met the limits of its fields yet.
            msgspec.convert(msgspec.to_builtins(rule), Rule)
        except (msgspec.ValidationError, TypeError) as error:
            _, where, what = _place(error)
            raise _invalid(index, str(rule.name), where, what) from error
        for where, what in _faults(rule, platform=platform):
            raise _invalid(index, rule.name, where, what)
    for name, times in Counter(rule.name for rule in rules).items():
        if times > 1:
            second = [index for index, rule in enumerate(rules) if rule.name == name][1]
            raise _invalid(second, name, "name", "another rule of the list has the same name")


def unresolved(rules: Sequence[Rule], endpoint: Endpoint) -> tuple[Unresolved, ...]:
    """The refs in ``rules`` that name nothing in ``endpoint``, and selections that no version fits."""
    return tuple(missing for rule in rules for missing in _missing(rule, endpoint))


def _missing(rule: Rule, endpoint: Endpoint) -> Iterator[Unresolved]:
    action = rule.action
    if isinstance(action, Pin):
        if action.version not in endpoint.versions:
            yield Unresolved(rule.name, action.version, "there is no version of this number")
    elif isinstance(action, Alias):
        if action.alias not in endpoint.aliases or endpoint.target(action.alias) is None:
            yield Unresolved(rule.name, action.alias, "there is no alias of this name")
    elif isinstance(action, Select):
        if selected(endpoint, action) is None:
            yield Unresolved(rule.name, "", "no version has these tags and metrics")
    else:
        for ref in _refs(action):
            if endpoint.target(ref) is None:
                yield Unresolved(rule.name, ref, "there is no version and no alias of this name")


def _refs(action: Split | Canary | Shadow | Fallback) -> tuple[str, ...]:
    if isinstance(action, Split):
        return tuple(arm.ref for arm in action.arms)
    return action.refs if isinstance(action, Fallback) else (action.ref,)


def _faults(rule: Rule, *, platform: bool) -> Iterator[_Fault]:
    if rule.name in (DEFAULT, REQUESTED):
        yield "name", f"'{rule.name}' is what replies say where no rule decided; take another name"
    yield from _match_faults(rule.match, platform=platform)
    action = rule.action
    if isinstance(action, Pin) and not (action.version.isascii() and action.version.isdecimal()):
        yield "action.version", f"'{action.version}' is no version number; for an alias, use the kind 'alias'"
    if isinstance(action, Split):
        if not all(isfinite(arm.weight) for arm in action.arms):
            yield "action.arms", "a weight is no finite number"
        if not any(arm.weight > 0 for arm in action.arms):
            yield "action.arms", "all weights are 0, so that no arm would get a request"
    if isinstance(action, Split | Canary | Shadow) and len(action.salt) > LONGEST_VALUE:
        yield "action.salt", f"longer than {LONGEST_VALUE} characters"
    if isinstance(action, Select):
        yield from _select_faults(action)


def _match_faults(match: Match, *, platform: bool) -> Iterator[_Fault]:
    for where in ("tenants", "models"):
        values: Words = getattr(match, where)
        if values and not platform:
            yield (
                f"match.{where}",
                "only the platform's rules may ask for it; a deployment's are about itself",
            )
        yield from _value_faults(f"match.{where}", values)
    for where in ("attributes", "headers", "parameters"):
        for name, values in getattr(match, where).items():
            place = f"match.{where}.{name[:80]}"
            if not values:
                yield place, "no values, so that the rule would never apply"
            if not 0 < len(name) <= LONGEST_VALUE:
                yield place, f"a name has 1 to {LONGEST_VALUE} characters"
            if where == "headers" and not _HEADER.fullmatch(name):
                yield place, "not the name of a header in lower case, such as 'x-region'"
            yield from _value_faults(place, values)


def _value_faults(where: str, values: Words) -> Iterator[_Fault]:
    if len(values) > MOST_VALUES:
        yield where, f"{len(values)} values are too many; at most {MOST_VALUES} in one condition"
    if any(len(value) > LONGEST_VALUE for value in values):
        yield where, f"a value is longer than {LONGEST_VALUE} characters"


def _select_faults(action: Select) -> Iterator[_Fault]:
    for metric, bound in action.metrics.items():
        ends = [end for end in (bound.least, bound.most) if end is not None]
        if not all(isfinite(end) for end in ends):
            yield f"action.metrics.{metric[:80]}", "a bound is no finite number; leave it out for an open end"
        if len(ends) == 2 and ends[0] > ends[1]:
            yield f"action.metrics.{metric[:80]}", f"least {ends[0]:g} is above most {ends[1]:g}"
    if action.lowest and action.best is None:
        yield "action.lowest", "'lowest' needs a metric in 'best'"


def _place(error: Exception) -> tuple[str | None, str, str]:
    """A decoder's error: the rule's index if it names one, the place within the rule, and what is wrong there."""
    found = _PLACE.match(str(error))
    assert found is not None  # noqa: S101 - the pattern matches any text
    where = found["where"] or ""
    return found["index"], where, _plainly(found["what"], where)


def _plainly(what: str, where: str) -> str:
    """A decoder's words as an author of rules would say it."""
    if where == "action.kind" and what.startswith("Invalid value"):
        kinds = sorted(str(one.__struct_config__.tag) for one in get_args(Action))
        return f"{what}; there are: {', '.join(kinds)}"
    if where == "name" and "regex" in what:
        return "a name is up to 63 lower-case letters, digits, '.', '_' and '-', the first a letter or digit"
    if where == "action.sticky" and "regex" in what:
        return "it is 'request', 'tenant', 'header:NAME' (in lower case) or 'parameter:NAME'"
    return what


def _invalid(index: int, name: object, where: str, what: str) -> InvalidRequest:
    called = f" ('{name[:80]}')" if isinstance(name, str) and name else ""
    place = f", {where}" if where else ""
    details = {"position": index + 1, "rule": name if isinstance(name, str) else None, "where": where}
    return InvalidRequest("rule_invalid", f"rule {index + 1}{called}{place}: {what}", details=details)
