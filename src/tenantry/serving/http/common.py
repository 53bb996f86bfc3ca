"""What all connections of one worker share."""

from typing import Any

from tenantry.serving.http.answers import Answers
from tenantry.serving.http.bounds import Bounds
from tenantry.serving.http.handler import Handler
from tenantry.serving.http.heads import HeadCache
from tenantry.serving.limits import Limits

_SMALL_BODY = 4 << 10
"""Bodies up to this size, when they come with their heads, are not counted against what a worker may hold."""


class Common:
    """``now`` is monotonic, in seconds, and moves on with every tick: times are good to a tick, and cost nothing.

    ``held`` counts the bytes of unanswered bodies, small ones left out.
    """

    __slots__ = (
        "answers", "bounds", "connections", "handler", "heads", "held", "limits", "now", "small_body",
    )  # fmt: skip

    def __init__(self, handler: Handler, limits: Limits, bounds: Bounds, now: float, date: float) -> None:
        self.handler = handler
        self.limits = limits
        self.small_body = min(_SMALL_BODY, limits.body_bytes)
        self.bounds = bounds
        self.heads = HeadCache(bounds)
        self.answers = Answers(date)
        self.connections: set[Any] = set()
        """Each a ``Connection``, which holds this, and so cannot be named here."""
        self.now = now
        self.held = 0
