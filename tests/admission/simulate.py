"""One worker as a discrete-event simulation: arrivals, the gate and the queue as they are, service times by a seed."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge

from tenantry.admission import FairQueue, Gate, Policy, Quota, Refusal, Ticket


@dataclass(slots=True)
class Request:
    at: float
    tenant: str
    policy: Policy
    quota: Quota
    seconds: float
    deadline: float
    ticket: Ticket | None = None


@dataclass(slots=True)
class Outcome:
    """What became of one stream of requests. ``waits``: of those served, arrival to the start of service."""

    offered: int = 0
    refused: int = 0
    expired: int = 0
    shed: int = 0
    late: int = 0
    good: int = 0
    work: float = 0.0
    waits: list[float] = field(default_factory=list)

    def p99(self) -> float:
        return sorted(self.waits)[int(len(self.waits) * 0.99)]

    @property
    def dropped(self) -> int:
        return self.refused + self.expired + self.shed


@dataclass(slots=True)
class Stream:
    """Poisson arrivals of one tenant; ``seconds`` draws a service time."""

    tenant: str
    rate: float
    seconds: Callable[[random.Random], float]
    policy: Policy
    quota: Quota = Quota()  # noqa: RUF009 — an immutable value
    start: float = 0.0

    def requests(self, rng: random.Random, end: float) -> Iterator[Request]:
        at = self.start
        while (at := at + rng.expovariate(self.rate)) < end:
            deadline = at + self.policy.deadline_ms / 1e3
            yield Request(at, self.tenant, self.policy, self.quota, self.seconds(rng), deadline)


def fixed(seconds: float) -> Callable[[random.Random], float]:
    return lambda rng: seconds


def heavy(mean: float) -> Callable[[random.Random], float]:
    """Log-normal: the 99th percentile is about six times the mean."""
    return lambda rng: mean * rng.lognormvariate(-0.5, 1.0)


class Simulation:
    """A worker that reads all that has arrived, then serves one request, as the scoring worker does.

    ``reject_cost``: seconds of the worker's time that a refusal takes; ``edge_cost``: that every admitted request takes
    before it waits. ``after``: outcomes count from this time on, when the estimates are learnt.
    """

    def __init__(self, *, reject_cost: float = 0.0, edge_cost: float = 0.0, after: float = 0.0) -> None:
        self.queue = FairQueue[Request]()
        self.gate = Gate(self.queue)
        self.reject_cost = reject_cost
        self.edge_cost = edge_cost
        self.after = after
        self.now = 0.0
        self.by: dict[str, Outcome] = defaultdict(Outcome)

    def run(self, streams: Iterable[Stream], *, seconds: float, seed: int = 1) -> dict[str, Outcome]:
        arrivals = merge(
            *(
                stream.requests(random.Random(f"{seed} {number}"), seconds)
                for number, stream in enumerate(streams)
            ),
            key=lambda request: request.at,
        )
        upcoming = next(arrivals, None)
        while upcoming is not None or self.queue:
            while upcoming is not None and upcoming.at <= self.now:
                self._arrive(upcoming)
                upcoming = next(arrivals, None)
            for request in self.queue.expired(self.now):
                self._count(request).expired += 1
                self._leave(request)
            request = self.queue.pop(self.now)
            if request is not None:
                self._serve(request)
            elif upcoming is not None and upcoming.at > self.now:
                self.now = upcoming.at
        return self.by

    def _count(self, request: Request) -> Outcome:
        return self.by[request.tenant if request.at >= self.after else "early"]

    def _arrive(self, request: Request) -> None:
        outcome = self._count(request)
        outcome.offered += 1
        # The worker reads the clock once a request, and the deadline counts from when the bytes arrived.
        ticket = self.gate.enter(
            self.now, request.tenant, request.quota, "m", request.policy, deadline=request.deadline
        )
        if isinstance(ticket, Refusal):
            outcome.refused += 1
            self.now += self.reject_cost
            return
        self.now += self.edge_cost
        request.ticket = ticket
        self.queue.push(
            request,
            tenant=request.tenant,
            weight=request.quota.weight,
            priority=ticket.priority,
            cost=ticket.cost,
            deadline=ticket.start_by,
        )
        while self.gate.crowded:
            victim = self.queue.shed()
            assert victim is not None
            self._count(victim).shed += 1
            self._leave(victim)

    def _leave(self, request: Request) -> None:
        assert request.ticket is not None
        self.gate.leave(request.ticket, self.now)

    def _serve(self, request: Request) -> None:
        assert request.ticket is not None
        outcome = self._count(request)
        outcome.waits.append(self.now - request.at)
        self.gate.began(request.ticket)
        self.now += request.seconds
        self.gate.leave(request.ticket, self.now, service=request.seconds, rows=1)
        outcome.work += request.seconds
        if self.now <= request.deadline:
            outcome.good += 1
        else:
            outcome.late += 1
