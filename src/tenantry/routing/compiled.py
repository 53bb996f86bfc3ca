"""An endpoint whose rules are made ready, so that a decision costs the same however many rules there are (B9, B12).

Three kinds of things decide. What is constant for the endpoint (tenant, attributes, versions, tags) was settled in
``steps``. The request's headers and parameters are reduced to what the rules can tell apart: each one's value becomes a
small number, 0 for all values that no rule names, and the numbers together look up the rules that hold. What those
leave open is drawn by hash. Both memories fill as requests come and are bounded: a flood of made-up values is a flood
of zeros, and a flood of known values in new combinations makes a memory start afresh.
"""

from collections.abc import Mapping, Sequence

from tenantry.routing.conditions import Conditions
from tenantry.routing.decision import REQUESTED, Decision
from tenantry.routing.entries import Endpoint
from tenantry.routing.outcome import Headers, Outcome, Parameters
from tenantry.routing.rules import Rule
from tenantry.routing.steps import default_of, steps_of


class CompiledEndpoint:
    """One tenant's endpoint, ready to decide. Safe to share between threads."""

    __slots__ = ("_conditions", "_outcome", "_requested", "endpoint")

    def __init__(
        self,
        tenant: str,
        name: str,
        endpoint: Endpoint,
        attributes: Mapping[str, str],
        platform: Sequence[Rule],
    ) -> None:
        self.endpoint = endpoint
        self._requested: dict[str, Decision] | None = None
        steps = steps_of(tenant, name, endpoint, attributes, platform)
        default = default_of(endpoint)
        open_to_requests = any(step.conditions for step in steps)
        self._conditions = Conditions(steps, default) if open_to_requests else None
        self._outcome = None if open_to_requests else Outcome(steps, default)

    def decide(
        self, requested: str | None, headers: Headers, parameters: Parameters, request_id: str
    ) -> Decision | None:
        """Who answers a request; None where nothing does.

        ``requested`` is the version or alias that the caller names (None or "" for none): it gets that and nothing
        else, no shadows and no fallbacks. ``headers`` are by lower-case name; ``request_id`` is the key of a draw for
        which the request brings no other.
        """
        if requested:
            return self._named(requested)
        outcome = self._outcome
        if outcome is None:
            assert self._conditions is not None  # noqa: S101 - one of the two is always there
            outcome = self._conditions.outcome(headers, parameters)
        return outcome.fixed if outcome.settled else outcome.drawn(headers, parameters, request_id)

    def _named(self, requested: str) -> Decision | None:
        # Only what names a version is kept, so what callers make up costs no memory.
        if self._requested is None:
            self._requested = {}
        decision = self._requested.get(requested)
        if decision is None:
            target = self.endpoint.target(requested)
            if target is not None:
                decision = self._requested[requested] = Decision(target, REQUESTED)
        return decision
