"""What a set of rules that hold comes to: one decision, or one for each way that draws can go."""

from collections.abc import Mapping, Sequence

from tenantry.routing.decision import Decision
from tenantry.routing.entries import Target
from tenantry.routing.steps import Effect, Step, assemble

Headers = Mapping[bytes, bytes]
Parameters = Mapping[str, str]

KEPT = 1024
"""Most combinations that are remembered, of values or of draws; then the memory starts afresh."""


class Outcome:
    """What requests come to that fulfil the same conditions: one decision, or one for each way of the draws."""

    __slots__ = ("_by_ways", "_default", "_draws", "_first", "_steps", "fixed", "settled")

    def __init__(self, steps: Sequence[Step], default: Target | None) -> None:
        """``steps``: those whose conditions hold, in order; what follows one that always ends is left out."""
        self._default = default
        self._steps = _until_end(steps)
        self._draws = tuple(
            (step.draw, tuple(way.ends for way in step.ways)) for step in self._steps if step.draw is not None
        )
        self.settled = not self._draws
        """Whether there is nothing to draw; then ``fixed`` is the decision."""
        self.fixed = self._decision(()) if self.settled else None
        self._by_ways: dict[tuple[int, ...], Decision | None] = {}
        # Nearly every rule list has at most one draw: no tuple to build, no dict to ask.
        self._first: tuple[Decision | None, ...] = ()
        if len(self._draws) == 1:
            self._first = tuple(self._decision((way,)) for way in range(len(self._draws[0][1])))

    def drawn(self, headers: Headers, parameters: Parameters, request_id: str) -> Decision | None:
        """The decision for one request, by its draws."""
        if self._first:
            return self._first[self._draws[0][0].way(headers, parameters, request_id)]
        ways = []
        for draw, ends in self._draws:
            way = draw.way(headers, parameters, request_id)
            ways.append(way)
            if ends[way]:
                break
        key = tuple(ways)
        try:
            return self._by_ways[key]
        except KeyError:
            decision = self._decision(key)
            if len(self._by_ways) >= KEPT:
                self._by_ways.clear()
            self._by_ways[key] = decision
            return decision

    def _decision(self, ways: tuple[int, ...]) -> Decision | None:
        effects: list[Effect] = []
        drawn = iter(ways)
        for step in self._steps:
            effects.append(step.ways[0 if step.draw is None else next(drawn)])
            if effects[-1].ends:
                break
        return assemble(effects, self._default)


def _until_end(steps: Sequence[Step]) -> tuple[Step, ...]:
    for index, step in enumerate(steps):
        if step.ends:
            return tuple(steps[: index + 1])
    return tuple(steps)
