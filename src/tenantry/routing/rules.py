"""Routing rules as values (B9, B12, B13, C1, C4).

Rules are tried in order: the platform's first, then the deployment's own. A rule applies where its ``match`` holds.
``Shadow`` adds a copy and lets the next rules go on; ``Canary`` takes its share of the requests and lets the rest go
on; ``Fallback`` says what answers where the version chosen later cannot; every other action ends the search, and the
rules behind it are not asked. Where no rule ends it, the default alias answers; where that names nothing, nothing does.

A *ref* is a version number (as text) or an alias; where both fit, the alias. A rule whose ref names nothing in this
deployment does not apply: it neither ends the search nor takes a share.

A caller that names a version or an alias gets that, past all rules, without shadows and fallbacks.
"""

from typing import Annotated

import msgspec

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Ref = Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
Words = tuple[str, ...]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Sticky = Annotated[
    str, msgspec.Meta(pattern=r"^(request|tenant|header:[a-z0-9-]{1,64}|parameter:[A-Za-z0-9_.-]{1,64})$")
]


class Bound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An interval, ends included; None is open."""

    least: float | None = None
    most: float | None = None


class Match(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """All that is given must hold; within one entry, any of the values will do. The empty match holds always; an entry
    of a dict without values holds never.
    """

    tenants: Words = ()
    """Tenant ids; only for the platform's rules."""
    models: Words = ()
    """Names of deployments; only for the platform's rules."""
    attributes: dict[str, Words] = {}
    """Tenant attribute → values."""
    headers: dict[str, Words] = {}
    """Request header (lower case) → values, compared exactly, as UTF-8."""
    parameters: dict[str, Words] = {}
    """Request parameter (query string or the protocol's ``parameters``) → values as text."""


class Pin(msgspec.Struct, frozen=True, tag="pin", tag_field="kind", forbid_unknown_fields=True):
    """One version, by number; no alias."""

    version: Ref


class Alias(msgspec.Struct, frozen=True, tag="alias", tag_field="kind", forbid_unknown_fields=True):
    """Whatever the alias points to; no number."""

    alias: Ref


class Select(
    msgspec.Struct, frozen=True, kw_only=True, tag="select", tag_field="kind", omit_defaults=True,
    forbid_unknown_fields=True,
):  # fmt: skip
    """By model metadata: of the versions with all these ``tags`` and with metrics within these bounds, the one with the
    highest (or, ``lowest``, lowest) ``best`` metric; without ``best``, and among equals, the newest. A version that
    lacks a metric which is asked for is out, as is one where it is NaN.
    """

    tags: dict[str, str] = {}
    metrics: dict[str, Bound] = {}
    best: str | None = None
    lowest: bool = False


class Arm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way of a split. Weights are relative; an arm of weight 0, or whose ref names nothing, is as good as not
    there, and a split without arms does not apply.
    """

    ref: Ref
    weight: Annotated[float, msgspec.Meta(ge=0)]


class Split(
    msgspec.Struct, frozen=True, kw_only=True, tag="split", tag_field="kind", omit_defaults=True,
    forbid_unknown_fields=True,
):  # fmt: skip
    """A weighted split, sticky by a key: the same key gets the same arm as long as the arms stay. Where the request has
    no such header or parameter, or an empty one, its request id is the key.

    ``salt`` (default: the rule's name, marked where the rule is the platform's) goes into the hash with the key: rules
    with different salts share out the keys independently, rules with the same salt alike.
    """

    arms: Annotated[tuple[Arm, ...], msgspec.Meta(min_length=1, max_length=32)]
    sticky: Sticky = "request"
    salt: str = ""


class Canary(
    msgspec.Struct, frozen=True, kw_only=True, tag="canary", tag_field="kind", omit_defaults=True,
    forbid_unknown_fields=True,
):  # fmt: skip
    """A share of the requests goes to a challenger; the rest goes on to the next rule.

    With a ``rollout``, both sides are marked with it: ``challenger`` what this rule answers, ``champion`` the rest,
    whatever answers it. A request counts for one rollout: the one whose challenger answers, else the first it missed.
    """

    ref: Ref
    share: Share
    sticky: Sticky = "request"
    salt: str = ""
    rollout: str = ""
    """The rollout that this canary belongs to, if any."""


class Shadow(
    msgspec.Struct, frozen=True, kw_only=True, tag="shadow", tag_field="kind", omit_defaults=True,
    forbid_unknown_fields=True,
):  # fmt: skip
    """A share of the requests is copied to a version whose answer nobody gets; never to the one that answers, and to
    each version once, by the first rule that says so.
    """

    ref: Ref
    share: Share = 1.0
    sticky: Sticky = "request"
    salt: str = ""
    rollout: str = ""


class Fallback(msgspec.Struct, frozen=True, tag="fallback", tag_field="kind", forbid_unknown_fields=True):
    """What answers, in order, where the version chosen later cannot be opened. Later fallbacks are added behind."""

    refs: Annotated[tuple[Ref, ...], msgspec.Meta(min_length=1, max_length=8)]


Action = Pin | Alias | Select | Split | Canary | Shadow | Fallback


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule. Names are unique within a list; ``x-tenantry-rule`` carries the name of the rule that decided."""

    name: Name
    action: Action
    match: Match = Match()
