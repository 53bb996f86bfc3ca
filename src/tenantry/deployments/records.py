"""What is kept of a deployment beside its versions: values, and the refusals that every store shares."""

from typing import Annotated, Literal

import msgspec

from tenantry.admission import DEFAULT_POLICY, Policy
from tenantry.errors import Conflict, InvalidRequest, NotFound
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId, name_of

Runtime = Literal["plan", "onnx"]
"""What opens a version: tenantry's own kernel over the plan, or ONNX Runtime over its export."""

TagName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
TagValue = Annotated[str, msgspec.Meta(max_length=200)]
Tags = Annotated[dict[TagName, TagValue], msgspec.Meta(max_length=32)]

STARTERS: dict[str, Policy] = {
    "realtime": Policy(priority=1, objective_ms=20.0, deadline_ms=200.0, concurrency=64),
    DEFAULT_POLICY: Policy(),
    "bulk": Policy(
        priority=4,
        objective_ms=2_000.0,
        deadline_ms=30_000.0,
        concurrency=32,
        memory_share=0.5,
        log_share=0.1,
    ),
}
"""The SLO classes that are always there (B16); they can be set to other figures, and set back by removing those."""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A version's file for another runtime, in the blob store: SHA-256 (hex) and bytes."""

    sha256: str
    size: int


class RuleList(msgspec.Struct, frozen=True, kw_only=True):
    """Rules in order. ``revision`` rises with every change; 0 is the empty list that nobody has set."""

    revision: int = 0
    rules: tuple[Rule, ...] = ()


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """How one model is deployed: its rules, its SLO class by name, whether its versions in use stay in memory
    (``pinned``), what opens them; per version (by number, as text) its tags and, where one was made, its export.
    """

    tenant: TenantId
    model: str
    policy: str = DEFAULT_POLICY
    pinned: bool = False
    runtime: Runtime = "plan"
    routes: RuleList = RuleList()
    tags: dict[str, dict[str, str]] = {}
    exports: dict[str, Export] = {}


def next_rules(current: RuleList, rules: tuple[Rule, ...], expected: int | None) -> RuleList:
    """The list after a change; the same rules again change nothing. Raises ``Conflict("rules_changed")`` where
    ``expected`` is not the present revision.
    """
    if expected is not None and expected != current.revision:
        raise Conflict(
            "rules_changed",
            f"the rules are at revision {current.revision}, not at {expected}",
            details={"revision": current.revision},
        )
    return current if rules == current.rules else RuleList(revision=current.revision + 1, rules=rules)


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    """Raises ``InvalidRequest("tag_invalid")``."""
    try:
        return msgspec.convert(tags, Tags)
    except msgspec.ValidationError as error:
        raise InvalidRequest("tag_invalid", f"the tags cannot be kept: {error}") from error


def check_policy_name(name: str) -> str:
    """An SLO class has a name as models have. Raises ``InvalidRequest("bad_name")``."""
    return name_of(name)


def no_such_policy(name: str) -> NotFound:
    """The one error for an SLO class that does not exist."""
    return NotFound(
        "not_found",
        f"there is no SLO class {name[:80]!r}",
        hint="List the classes with 'tenantry policy list'.",
        unnamed="there is no SLO class of that name",
    )


def built_in(name: str) -> Conflict:
    """The refusal to remove a class that is always there."""
    return Conflict(
        "policy_builtin", f"the SLO class {name!r} is built in, and has the figures that it began with"
    )
