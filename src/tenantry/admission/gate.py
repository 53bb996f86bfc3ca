"""Who comes in: concurrency, rates, and only what can still make its deadline (B15, B16, C8)."""

from typing import Generic, TypeVar

from tenantry.admission.estimate import Estimate
from tenantry.admission.fair import CLASSES, FairQueue
from tenantry.admission.policy import Policy, Quota
from tenantry.admission.rates import Rates
from tenantry.admission.refusal import (
    DEPLOYMENT_FULL,
    DEPLOYMENT_RATE,
    DEPLOYMENT_ROWS,
    PASSED,
    SHED,
    TENANT_FULL,
    TENANT_RATE,
    TENANT_ROWS,
    UNREACHABLE,
    Reason,
    Refusal,
)
from tenantry.admission.shared import SharedLimits
from tenantry.admission.stretch import Stretch

T = TypeVar("T")

WAITING = 4_096
"""Most requests that wait in one worker, whatever their deadlines."""
LANES = 50_000
"""Endpoints whose cost one worker remembers."""
TYPICAL = 1e-3
"""Seconds that a request is taken to cost before any was measured."""
PROBE = 1.0
"""Seconds after which a request is let in that by its estimate alone is too slow, so that the estimate can be proven
wrong."""


class Lane:
    """One endpoint in this worker: what its requests cost, and how many are in flight."""

    __slots__ = ("estimate", "inflight", "probe")

    def __init__(self, typical: float) -> None:
        self.estimate = Estimate(typical)
        self.inflight = 0
        self.probe = float("-inf")


class Ticket:
    """An admitted request. ``cost``: its estimated seconds of work, what the fair queue is to be told.

    ``ahead``: seconds of work that were before it when it came in.
    """

    __slots__ = ("ahead", "arrived", "began", "cost", "deadline", "lane", "name", "priority", "tenant")

    def __init__(
        self,
        lane: Lane,
        tenant: str,
        name: str,
        priority: int,
        cost: float,
        ahead: float,
        now: float,
        deadline: float,
    ) -> None:
        self.lane = lane
        self.tenant = tenant
        self.name = name
        self.priority = priority
        self.cost = cost
        self.ahead = ahead
        self.arrived = now
        self.deadline = deadline
        self.began = False


class Gate(Generic[T]):
    """Admission to one worker; for one thread. ``queue`` is where what is admitted waits.

    Every ticket that ``enter`` gives goes back by ``leave``, once, whatever became of the request. ``now`` is
    ``time.monotonic()``.
    """

    def __init__(
        self, queue: FairQueue[T], shared: SharedLimits | None = None, *, waiting: int = WAITING
    ) -> None:
        self.queue = queue
        self.rates = Rates(shared)
        self.waiting = waiting
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._tenants: dict[str, int] = {}
        self._stretch = [Stretch() for _ in range(CLASSES + 1)]
        self._typical = TYPICAL
        self._running = 0.0
        self._runners = 0

    def enter(
        self,
        now: float,
        tenant: str,
        quota: Quota,
        name: str,
        policy: Policy,
        *,
        deadline: float,
        rows: int = 0,
        priority: int = 0,
    ) -> Ticket | Refusal:
        """Admit a request to endpoint ``name``, or say why not. ``rows``: 0 where they are not known yet (see
        ``rows``); ``priority``: the request's own class, 0 for the policy's.
        """
        lane = self._lanes.get((tenant, name)) or self._lane(tenant, name)
        inflight = self._tenants.get(tenant, 0)
        priority = priority or policy.priority
        cost = lane.estimate.of(rows)
        ahead = 0.0
        if self.queue or self._runners:
            ahead = self._running + self.queue.ahead(tenant, weight=quota.weight, priority=priority)
        if inflight >= quota.concurrency:
            return Refusal(TENANT_FULL, max(cost, ahead / inflight))
        if lane.inflight >= policy.concurrency:
            return Refusal(DEPLOYMENT_FULL, max(cost, ahead / lane.inflight))
        left = deadline - now
        need = ahead * self._stretch[priority].factor + cost
        if ahead and need + lane.estimate.spread > left and not self._probe(lane, now, cost, left):
            return Refusal(UNREACHABLE, need + lane.estimate.spread - left)
        if left <= 0.0:
            return Refusal(PASSED, need)
        refusal = self._rated(now, tenant, quota, name, policy)
        if refusal is not None:
            return refusal
        lane.inflight += 1
        self._tenants[tenant] = inflight + 1
        return Ticket(lane, tenant, name, priority, cost, ahead, now, deadline)

    def rows(self, now: float, ticket: Ticket, quota: Quota, policy: Policy, n: int) -> Refusal | None:
        """Take ``n`` rows from the rates, once they are known; a refused ticket still has to leave."""
        of_tenant, of_deployment = quota.rows_per_second, policy.rows_per_second
        if of_tenant is None and of_deployment is None:
            return None
        return self._spend(
            now, ticket.tenant, quota, ticket.name, policy, ("rows", of_tenant, of_deployment, n)
        )

    def began(self, ticket: Ticket, now: float) -> None:
        """The request's turn has come: what it waited corrects the next predictions."""
        if not ticket.began:
            ticket.began = True
            self._running += ticket.cost
            self._runners += 1
            self._stretch[ticket.priority].learn(now - ticket.arrived, ticket.ahead)

    def leave(self, ticket: Ticket, now: float, *, service: float | None = None, rows: int = 0) -> None:
        """The request is over. ``service``: seconds of the worker's time that it took, for ``rows`` rows; None where it
        never ran to its end (refused, shed, expired, given up), from which no cost is learnt.
        """
        lane = ticket.lane
        lane.inflight -= 1
        left = self._tenants[ticket.tenant] - 1
        if left:
            self._tenants[ticket.tenant] = left
        else:
            del self._tenants[ticket.tenant]
        if ticket.began:
            self._runners -= 1
            self._running = self._running - ticket.cost if self._runners else 0.0
        elif now >= ticket.deadline:
            self._stretch[ticket.priority].learn(now - ticket.arrived, ticket.ahead)
        if service is not None:
            lane.estimate.learn(service, rows)
            self._typical += 0.01 * (lane.estimate.mean - self._typical)

    @property
    def crowded(self) -> bool:
        """Whether more waits than may: then the queue's ``shed`` says who goes, with ``shed`` as the answer."""
        return len(self.queue) > self.waiting

    def shed(self) -> Refusal:
        """The answer to a request that was dropped for others."""
        return Refusal(SHED, self.queue.cost)

    def passed(self, ticket: Ticket) -> Refusal:
        """The answer to a request that waited until its deadline."""
        return Refusal(PASSED, self._stretch[ticket.priority].factor * self.queue.cost_ahead(ticket.priority))

    def _probe(self, lane: Lane, now: float, cost: float, left: float) -> bool:
        """Whether to try a request that would be too slow even alone: its estimate may be out of date."""
        if cost + lane.estimate.spread <= left or left <= 0.0 or now - lane.probe < PROBE:
            return False
        lane.probe = now
        return True

    def _rated(self, now: float, tenant: str, quota: Quota, name: str, policy: Policy) -> Refusal | None:
        """Take one request from the rates, where there are any; refuse early where the rows are used up."""
        for_rows, for_rows_here = quota.rows_per_second, policy.rows_per_second
        if for_rows is not None or for_rows_here is not None:
            used_up = self._peek(now, tenant, quota, name, policy, ("rows", for_rows, for_rows_here, 1))
            if used_up is not None:
                return used_up
        of_tenant, of_deployment = quota.requests_per_second, policy.requests_per_second
        if of_tenant is None and of_deployment is None:
            return None
        return self._spend(now, tenant, quota, name, policy, ("requests", of_tenant, of_deployment, 1))

    def _spend(
        self,
        now: float,
        tenant: str,
        quota: Quota,
        name: str,
        policy: Policy,
        what: tuple[str, float | None, float | None, int],
    ) -> Refusal | None:
        """Take from the tenant's and the deployment's bucket: from both or from neither."""
        unit, of_tenant, of_deployment, n = what
        if of_tenant is not None and of_deployment is not None:
            refusal = self._peek(now, tenant, quota, name, policy, what)
            if refusal is not None:
                return refusal
        if of_tenant is not None:
            wait = self.rates.take((unit, tenant), of_tenant, quota.burst_seconds, now, n)
            if wait:
                return Refusal(_reason(unit, "tenant"), wait)
        if of_deployment is not None:
            wait = self.rates.take((unit, tenant, name), of_deployment, policy.burst_seconds, now, n)
            if wait:
                return Refusal(_reason(unit, "deployment"), wait)
        return None

    def _peek(
        self,
        now: float,
        tenant: str,
        quota: Quota,
        name: str,
        policy: Policy,
        what: tuple[str, float | None, float | None, int],
    ) -> Refusal | None:
        unit, of_tenant, of_deployment, n = what
        longest, scope = 0.0, ""
        if of_tenant is not None:
            longest = self.rates.wait((unit, tenant), of_tenant, quota.burst_seconds, now, n)
            scope = "tenant"
        if of_deployment is not None:
            wait = self.rates.wait((unit, tenant, name), of_deployment, policy.burst_seconds, now, n)
            if wait > longest:
                longest, scope = wait, "deployment"
        return Refusal(_reason(unit, scope), longest) if longest > 0.0 else None

    def _lane(self, tenant: str, name: str) -> Lane:
        if len(self._lanes) >= LANES:  # forget the older half of those that have nothing in flight
            old = [key for key, lane in self._lanes.items() if not lane.inflight]
            for key in old[: LANES // 2]:
                del self._lanes[key]
        lane = self._lanes[(tenant, name)] = Lane(self._typical)
        return lane


def _reason(unit: str, scope: str) -> Reason:
    if unit == "rows":
        return TENANT_ROWS if scope == "tenant" else DEPLOYMENT_ROWS
    return TENANT_RATE if scope == "tenant" else DEPLOYMENT_RATE
