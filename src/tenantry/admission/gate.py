"""Who comes in: concurrency, rates, and only what can still make its deadline (B15, B16, C8)."""

from typing import Generic, TypeVar

from tenantry.admission.allowance import Allowance
from tenantry.admission.estimate import Estimate
from tenantry.admission.fair import CLASSES, FairQueue
from tenantry.admission.guard import Guard, Guards
from tenantry.admission.policy import Policy, Quota
from tenantry.admission.rates import Rates
from tenantry.admission.refusal import DEPLOYMENT_FULL, PASSED, SHED, TENANT_FULL, UNREACHABLE, Refusal
from tenantry.admission.shared import SharedLimits

T = TypeVar("T")

WAITING = 4_096
"""Most requests that wait in one worker, whatever their deadlines."""
LANES = 50_000
"""Endpoints whose cost one worker remembers."""
TYPICAL = 1e-3
"""Seconds that a request is taken to cost before any was measured."""
PATIENCE = 0.6
"""Share of the time to its deadline that a request may be thought to take. A queue that is filled to the deadline
itself serves nobody better, and makes late what is a little worse than thought.
"""
PROBE = 1.0
"""Seconds after which a request is let in that by its estimate alone is too slow: the estimate may be out of date."""


class Lane:
    """One endpoint in this worker: what its requests cost, and how many are in flight."""

    __slots__ = ("estimate", "inflight", "probe")

    def __init__(self, typical: float) -> None:
        self.estimate = Estimate(typical)
        self.inflight = 0
        self.probe = float("-inf")


class Ticket:
    """An admitted request.

    ``cost``: its estimated seconds of work, ``start_by``: when it has to begin to make its deadline; these, as cost and
    deadline, are what the queue is to be told. ``ahead``: seconds of work that were before it when it came in.
    """

    __slots__ = (
        "ahead", "began", "cost", "inflight", "lane", "left", "name", "priority", "start_by", "tenant",
    )  # fmt: skip

    def __init__(self, lane: Lane, tenant: str, name: str, priority: int, left: float, inflight: int) -> None:
        """``left`` and ``inflight``: seconds to its deadline, and its tenant's requests, when it came in."""
        self.lane = lane
        self.tenant = tenant
        self.name = name
        self.priority = priority
        self.left = left
        self.inflight = inflight
        self.cost = 0.0
        self.ahead = 0.0
        self.start_by = 0.0
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
        self.allowance = Allowance(Rates(shared))
        self.waiting = waiting
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._tenants: dict[str, int] = {}
        self._guards = Guards(CLASSES)
        self._wary = False  # whether any guard has ever seen a request expire
        self._typical = TYPICAL
        self._measured = 0
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
        ``rows``); ``priority``: the request's own class, 0 for none; it may be lower than the policy's, not higher.
        """
        lane = self._lanes.get((tenant, name)) or self._lane(tenant, name)
        inflight = self._tenants.get(tenant, 0)
        priority = min(max(priority, policy.priority), CLASSES) if priority else policy.priority
        estimate = lane.estimate
        cost = estimate.of(rows) if rows else estimate.mean
        ahead = self._running
        if self.queue:
            ahead += self.queue.ahead(tenant, weight=quota.weight, priority=priority)
        if inflight >= quota.concurrency:
            return Refusal(TENANT_FULL, max(cost, ahead / inflight))
        if lane.inflight >= policy.concurrency:
            return Refusal(DEPLOYMENT_FULL, max(cost, ahead / lane.inflight))
        left = deadline - now
        if left <= 0.0:
            return Refusal(UNREACHABLE, ahead)
        alone = cost + estimate.spread
        if ahead:
            need = ahead * self._guards.of(priority, left, inflight).factor + alone
            if need > PATIENCE * left and not (alone > left and self._probe(lane, now)):
                return Refusal(UNREACHABLE, need - left if need > left else need - PATIENCE * left)
        refusal = self.allowance.request(now, tenant, quota, name, policy)
        if refusal is not None:
            return refusal
        lane.inflight += 1
        self._tenants[tenant] = inflight + 1
        ticket = Ticket(lane, tenant, name, priority, left, inflight)
        ticket.cost = cost
        ticket.ahead = ahead
        # What cannot end in time is not begun; unless it could not from the start, then it is in to be measured.
        ticket.start_by = deadline - alone if alone < left else deadline
        return ticket

    def rows(self, now: float, ticket: Ticket, quota: Quota, policy: Policy, n: int) -> Refusal | None:
        """Take ``n`` rows from the rates, once they are known; a refused ticket still has to leave."""
        return self.allowance.rows(now, ticket.tenant, quota, ticket.name, policy, n)

    def began(self, ticket: Ticket) -> None:
        """The request's turn has come; further turns of the same request change nothing."""
        if not ticket.began:
            ticket.began = True
            if self._wary:
                self._guard(ticket).began()
            self._running += ticket.cost
            self._runners += 1

    def leave(self, ticket: Ticket, now: float, *, service: float | None = None, rows: int = 0) -> None:
        """The request is over. ``service``: seconds of the worker's time that it took, for ``rows`` rows; None where
        it never ran to its end (refused, shed, expired, given up), from which no cost is learnt.
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
        elif service is not None:  # it ran at once, while nobody waited
            if self._wary:
                self._guard(ticket).began()
        elif now >= ticket.start_by:
            self._wary = True
            self._guard(ticket).expired()
        if service is not None:
            lane.estimate.learn(service, rows)
            self._measured += 1
            if self._measured > 100 and self._measured & 7:
                return  # by now one in eight says as much
            self._typical += max(0.01, 1 / self._measured) * (lane.estimate.mean - self._typical)

    def _guard(self, ticket: Ticket) -> Guard:
        return self._guards.of(ticket.priority, ticket.left, ticket.inflight)

    @property
    def crowded(self) -> bool:
        """Whether more waits than may: then the queue's ``shed`` says who goes, with ``shed`` as the answer."""
        return len(self.queue) > self.waiting

    def shed(self) -> Refusal:
        """The answer to a request that was dropped for others: come back when what waits now is done."""
        return Refusal(SHED, self.queue.cost)

    def passed(self, ticket: Ticket) -> Refusal:
        """The answer to a request whose time passed while it waited."""
        return Refusal(PASSED, self.queue.cost_ahead(ticket.priority))

    def inflight(self, tenant: str) -> int:
        """Requests of the tenant that are admitted and have not left."""
        return self._tenants.get(tenant, 0)

    def _probe(self, lane: Lane, now: float) -> bool:
        if now - lane.probe < PROBE:
            return False
        lane.probe = now
        return True

    def _lane(self, tenant: str, name: str) -> Lane:
        if len(self._lanes) >= LANES:  # forget the older half, save what has requests in flight
            idle = [key for key, lane in self._lanes.items() if not lane.inflight]
            for key in idle[: LANES // 2]:
                del self._lanes[key]
        lane = self._lanes[(tenant, name)] = Lane(self._typical)
        return lane
