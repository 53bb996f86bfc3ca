"""Routing rules as values (B9, B12, B13, C1, C4).

Rules are tried in order: the platform's first, then the deployment's own. A rule applies where its ``match`` holds.
``Shadow`` adds a copy and lets the next rules go on; ``Canary`` takes its share of the requests and lets the rest go
on; ``Fallback`` says what answers where the version chosen later cannot; every other action ends the search. Where no
rule ends it, the default alias answers.

A *ref* is a version number (as text) or an alias. A rule whose ref names nothing in this deployment does not apply.
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
    """All that is given must hold; within one entry, any of the values will do. The empty match holds always."""

    tenants: Words = ()
    """Tenant ids; only for the platform's rules."""
    models: Words = ()
    """Names of deployments; only for the platform's rules."""
    attributes: dict[str, Words] = {}
    """Tenant attribute → values."""
    headers: dict[str, Words] = {}
    """Request header (lower case) → values, compared exactly."""
    parameters: dict[str, Words] = {}
    """Request parameter (query string or the protocol's ``parameters``) → values as text."""


class Pin(msgspec.Struct, frozen=True, tag="pin", tag_field="kind", forbid_unknown_fields=True):
    """One version, by number."""

    version: Ref


class Alias(msgspec.Struct, frozen=True, tag="alias", tag_field="kind", forbid_unknown_fields=True):
    """Whatever the alias points to."""

    alias: Ref


class Select(
    msgspec.Struct, frozen=True, kw_only=True, tag="select", tag_field="kind", omit_defaults=True,
    forbid_unknown_fields=True,
):  # fmt: skip
    """By model metadata: of the versions with all these ``tags`` and with metrics within these bounds, the one with the
    highest (or, ``lowest``, lowest) ``best`` metric; without ``best``, and among equals, the newest.
    """

    tags: dict[str, str] = {}
    metrics: dict[str, Bound] = {}
    best: str | None = None
    lowest: bool = False


class Arm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way of a split. Weights are relative."""

    ref: Ref
    weight: Annotated[float, msgspec.Meta(ge=0)]


class Split(
    msgspec.Struct, frozen=True, kw_only=True, tag="split", tag_field="kind", omit_defaults=True,
    forbid_unknown_fields=True,
):  # fmt: skip
    """A weighted split, sticky by a key: the same key gets the same arm as long as the arms stay. Where the request has
    no such header or parameter, its request id is the key.
    """

    arms: Annotated[tuple[Arm, ...], msgspec.Meta(min_length=1, max_length=32)]
    sticky: Sticky = "request"
    salt: str = ""


class Canary(
    msgspec.Struct, frozen=True, kw_only=True, tag="canary", tag_field="kind", omit_defaults=True,
    forbid_unknown_fields=True,
):  # fmt: skip
    """A share of the requests goes to a challenger; the rest goes on to the next rule."""

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
    """A share of the requests is copied to a version whose answer nobody gets."""

    ref: Ref
    share: Share = 1.0
    sticky: Sticky = "request"
    salt: str = ""
    rollout: str = ""


class Fallback(msgspec.Struct, frozen=True, tag="fallback", tag_field="kind", forbid_unknown_fields=True):
    """What answers, in order, where the version chosen later cannot be opened."""

    refs: Annotated[tuple[Ref, ...], msgspec.Meta(min_length=1, max_length=8)]


Action = Pin | Alias | Select | Split | Canary | Shadow | Fallback


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule. Names are unique within a list; ``x-tenantry-rule`` carries the name of the rule that decided."""

    name: Name
    action: Action
    match: Match = Match()
