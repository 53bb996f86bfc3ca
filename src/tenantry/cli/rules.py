"""Routing rules as people write and read them on a command line."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from tenantry.cli.session import UsageError
from tenantry.errors import InvalidRequest, NotFound
from tenantry.routing import rules_from
from tenantry.routing.rules import (
    Action,
    Alias,
    Arm,
    Bound,
    Canary,
    Fallback,
    Match,
    Pin,
    Rule,
    Select,
    Shadow,
    Split,
)

Many = tuple[str, ...]


def listed(told: str) -> Parameter:
    """An option that may be given any number of times."""
    return Parameter(help=told, negative="", show_default=False)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Flags:
    """A rule in options: one action, and the conditions under which it applies."""

    pin: Annotated[str | None, Parameter(help="Action: this version, by number.")] = None
    alias: Annotated[str | None, Parameter(help="Action: whatever the alias points to.")] = None
    split: Annotated[Many, listed("Action: REF=WEIGHT, once for each way.")] = ()
    canary: Annotated[str | None, Parameter(help="Action: REF=SHARE of the requests; the rest goes on.")] = (
        None
    )
    shadow: Annotated[str | None, Parameter(help="Action: REF, or REF=SHARE, gets a copy.")] = None
    fallback: Annotated[Many, listed("Action: REF answers where the chosen one cannot.")] = ()
    tag: Annotated[Many, listed("Action: of the versions with NAME=VALUE ...")] = ()
    at_least: Annotated[Many, listed("... and a metric of at least METRIC=NUMBER ...")] = ()
    at_most: Annotated[Many, listed("... and of at most METRIC=NUMBER ...")] = ()
    best: Annotated[
        str | None, Parameter(help="... the one with the highest METRIC, else the newest ...")
    ] = None
    lowest: Annotated[str | None, Parameter(help="... or the one with the lowest METRIC.")] = None
    attribute: Annotated[Many, listed("Condition: the tenant's attribute is NAME=VALUE.")] = ()
    header: Annotated[Many, listed("Condition: the request's header is NAME=VALUE.")] = ()
    parameter: Annotated[Many, listed("Condition: the request's parameter is NAME=VALUE.")] = ()
    for_tenant: Annotated[Many, listed("Condition of a platform's rule: the tenant.")] = ()
    for_model: Annotated[Many, listed("Condition of a platform's rule: the model's name.")] = ()
    sticky: Annotated[
        str, Parameter(help="What shares go by: request, tenant, header:NAME or parameter:NAME.")
    ] = "request"
    salt: Annotated[str, Parameter(help="Another salt shares requests out in another way.")] = ""

    def rule(self, name: str) -> Rule:
        """The rule. Raises :class:`UsageError` where there is not exactly one action."""
        actions = list(self._actions())
        if len(actions) != 1:
            raise UsageError(
                "a rule has one action: --pin, --alias, --split, --canary, --shadow, --fallback, or a choice by --tag, "
                "--at-least, --at-most, --best or --lowest"
            )
        shared = isinstance(actions[0], Split | Canary | Shadow)
        if not shared and (self.sticky != "request" or self.salt):
            raise UsageError("--sticky and --salt go with --split, --canary or --shadow, which have shares")
        match = Match(
            tenants=self.for_tenant,
            models=self.for_model,
            attributes=_values("--attribute", self.attribute),
            headers={name.lower(): of for name, of in _values("--header", self.header).items()},
            parameters=_values("--parameter", self.parameter),
        )
        return Rule(name=name, match=match, action=actions[0])

    def _actions(self) -> Iterator[Action]:
        if self.pin is not None:
            yield Pin(version=self.pin)
        if self.alias is not None:
            yield Alias(alias=self.alias)
        if self.split:
            arms = (_number("--split", arm) for arm in self.split)
            yield Split(
                arms=tuple(Arm(ref=ref, weight=weight) for ref, weight in arms),
                sticky=self.sticky,
                salt=self.salt,
            )
        if self.canary is not None:
            ref, share = _number("--canary", self.canary)
            yield Canary(ref=ref, share=share, sticky=self.sticky, salt=self.salt)
        if self.shadow is not None:
            ref, share = _number("--shadow", self.shadow if "=" in self.shadow else f"{self.shadow}=1")
            yield Shadow(ref=ref, share=share, sticky=self.sticky, salt=self.salt)
        if self.fallback:
            yield Fallback(refs=self.fallback)
        if self.tag or self.at_least or self.at_most or self.best or self.lowest:
            yield self._select()

    def _select(self) -> Select:
        if self.best and self.lowest:
            raise UsageError("--best and --lowest exclude each other")
        least = dict(_number("--at-least", one) for one in self.at_least)
        most = dict(_number("--at-most", one) for one in self.at_most)
        return Select(
            tags=dict(pair("--tag", one) for one in self.tag),
            metrics={
                name: Bound(least=least.get(name), most=most.get(name)) for name in sorted({*least, *most})
            },
            best=self.best or self.lowest,
            lowest=self.lowest is not None,
        )


def read_rules(file: Path, *, platform: bool) -> tuple[Rule, ...]:
    """Rules from a YAML or JSON file, or from stdin for ``-``: a list, or what 'route list --json' prints. Raises
    ``InvalidRequest("rule_invalid")``, ``NotFound("file_not_found")``.
    """
    import yaml  # noqa: PLC0415 - only here, and not for help

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        raw: Any = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise NotFound("file_not_found", f"there is no file {file}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRequest("rule_invalid", f"{file} cannot be read as YAML or JSON: {error}") from error
    return rules_from(raw["rules"] if isinstance(raw, dict) and "rules" in raw else raw, platform=platform)


def pair(option: str, given: str) -> tuple[str, str]:
    """``NAME=VALUE`` as two words. Raises :class:`UsageError`."""
    name, sign, value = given.partition("=")
    if not sign or not name:
        raise UsageError(f"{option} takes NAME=VALUE, not {given!r}")
    return name, value


def match_words(match: Match) -> str:
    """A rule's conditions in words.

    >>> match_words(Match(attributes={"region": ("eu", "uk")}, headers={"x-beta": ("yes",)}))
    'attribute region is eu or uk, header x-beta is yes'
    """
    told = [f"{kind} is {' or '.join(words)}" for kind, words in _conditions(match)]
    return ", ".join(told) or "always"


def action_words(action: Action) -> str:
    """A rule's action in words.

    >>> action_words(Canary(ref="challenger", share=0.1, sticky="tenant"))
    'canary: 10 % to challenger, sticky by tenant'
    """
    match action:
        case Pin():
            return f"version {action.version}"
        case Alias():
            return f"alias {action.alias}"
        case Select():
            return _select_words(action)
        case Split():
            total = sum(arm.weight for arm in action.arms) or 1.0
            arms = (f"{100 * arm.weight / total:g} % to {arm.ref}" for arm in action.arms)
            return f"split: {', '.join(arms)}{_sticky(action.sticky)}"
        case Canary() | Shadow():
            kind = "canary" if isinstance(action, Canary) else "shadow"
            return f"{kind}: {100 * action.share:g} % to {action.ref}{_sticky(action.sticky)}"
        case Fallback():
            return f"else {', then '.join(action.refs)}"


def _conditions(match: Match) -> Iterable[tuple[str, tuple[str, ...]]]:
    if match.tenants:
        yield "tenant", match.tenants
    if match.models:
        yield "model", match.models
    for kind, of in (
        ("attribute", match.attributes),
        ("header", match.headers),
        ("parameter", match.parameters),
    ):
        for name, words in of.items():
            yield f"{kind} {name}", words


def _select_words(action: Select) -> str:
    asked = [f"{name} {value}" for name, value in action.tags.items()]
    for name, bound in action.metrics.items():
        asked += [f"{name} ≥ {bound.least:g}"] if bound.least is not None else []
        asked += [f"{name} ≤ {bound.most:g}"] if bound.most is not None else []
    which = f"{'lowest' if action.lowest else 'best'} {action.best}" if action.best else "newest"
    return f"{which} of those with {' and '.join(asked)}" if asked else f"{which} of all"


def _sticky(sticky: str) -> str:
    return "" if sticky == "request" else f", sticky by {sticky.replace(':', ' ')}"


def _values(option: str, given: Many) -> dict[str, tuple[str, ...]]:
    """Pairs by name; the same name twice takes either value."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in (pair(option, one) for one in given):
        found[name] = (*found.get(name, ()), value)
    return found


def _number(option: str, given: str) -> tuple[str, float]:
    name, value = pair(option, given)
    try:
        return name, msgspec.convert(value, float, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{option} {given!r}: {value!r} is not a number") from error
