"""What routing says of a request: the version that answers, by which rule, and what goes with it."""

from typing import NamedTuple

from tenantry.routing.entries import Target

REQUESTED = "requested"
"""The "rule" of a request that names its version or alias itself."""
DEFAULT = "default"
"""The "rule" where none ended the search: the default alias answers."""
CHALLENGER = "challenger"
CHAMPION = "champion"


class Shadowed(NamedTuple):
    """A copy of the request, whose answer nobody gets. ``rollout`` is "" where the shadow belongs to none."""

    target: Target
    rule: str
    rollout: str


class Decision(NamedTuple):
    """Who answers. ``rule``: the name of the rule that ended the search, ``requested`` or ``default``.

    ``shadows``: copies in the order of their rules, each version once, never the one that answers. ``fallbacks``: what
    answers, in order, where the target cannot be opened; each once, never the target. ``rollout``: the rollout whose
    traffic this is, on either side, "" if none; ``arm``: which side.
    """

    target: Target
    rule: str
    shadows: tuple[Shadowed, ...] = ()
    fallbacks: tuple[Target, ...] = ()
    rollout: str = ""
    arm: str = ""
