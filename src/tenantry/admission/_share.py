"""One priority class of the fair queue: start-time fair queueing between its tenants (C8).

Each tenant that waits has a *start tag*, in seconds of work per unit of weight: where its next item begins on the
class's virtual clock. The smallest tag goes next; serving an item moves its tenant's tag on by cost ÷ weight. A tenant
that comes back starts at the clock, or at its own old tag where that is ahead: no credit for idling, no gain from
coming one at a time. Source: Goyal, Vin, Cheng, "Start-time Fair Queuing", SIGCOMM 1996.
"""

from collections import deque
from collections.abc import Hashable
from heapq import heapify, heappop, heappush, heapreplace
from typing import Generic, TypeVar

T = TypeVar("T")

IDLE = -1
"""A flow's token while it waits for nothing."""
NEVER = -1.0
"""No tag: tags are never negative."""
SLACK = 64
"""Dead entries that a heap may hold, beyond as many as it has live ones, before it is rebuilt."""


class Entry(Generic[T]):
    """One waiting item. ``live`` turns false when it leaves the queue, whichever way."""

    __slots__ = ("batch", "cost", "flow", "item", "live", "rank", "share")

    def __init__(self, item: T, cost: float, rank: float, batch: Hashable | None) -> None:
        self.item = item
        self.cost = cost
        self.rank = rank
        self.batch = batch
        self.live = True
        self.flow: Flow[T]
        self.share: Share[T]


class Flow(Generic[T]):
    """One tenant's items in one class, in order of rank: earliest deadline first, mostly."""

    __slots__ = ("cost", "items", "noted", "start", "tenant", "token", "weight")

    def __init__(self, tenant: str, weight: float, start: float) -> None:
        self.tenant = tenant
        self.weight = weight
        self.start = start
        self.items: deque[Entry[T]] = deque()
        self.cost = 0.0
        self.token = IDLE
        self.noted = NEVER  # the tag under which the share will look whether this flow can be forgotten


class Share(Generic[T]):
    """The waiting items of one class. ``owed``: seconds of work that the floor grants it; see ``fair``."""

    __slots__ = (
        "_ended",
        "_fat",
        "_flows",
        "_ready",
        "_tokens",
        "active",
        "cost",
        "count",
        "owed",
        "virtual",
        "weights",
    )

    def __init__(self) -> None:
        self._tokens = 0
        self._reset()

    def _reset(self) -> None:
        """The busy period is over: the clock and every tenant's tag start again."""
        self._flows: dict[str, Flow[T]] = {}
        self._ready: list[
            tuple[float, int, Flow[T]]
        ] = []  # by start tag; dead where the token is not the flow's
        self._ended: list[
            tuple[float, int, Flow[T]]
        ] = []  # drained flows whose tag is still ahead of the clock
        self._fat: list[tuple[float, int, Flow[T]]] | None = (
            None  # most work per weight first; made by `fattest`
        )
        self.active = 0
        self.count = 0
        self.cost = 0.0
        self.weights = 0.0
        self.virtual = 0.0
        self.owed = 0.0

    @property
    def remembered(self) -> int:
        """Tenants of which anything is kept."""
        return len(self._flows)

    def push(self, entry: Entry[T], tenant: str, weight: float) -> None:
        """Add an item at its place by rank in its tenant's flow. O(log tenants); in their midst, O(its items)."""
        flow = self._flows.get(tenant)
        if flow is None:
            flow = self._flows[tenant] = Flow(tenant, weight, self.virtual)
        elif flow.weight != weight:
            if flow.token != IDLE:
                self.weights += weight - flow.weight
            flow.weight = weight
        entry.flow = flow
        entry.share = self
        items = flow.items
        if not items or items[-1].rank <= entry.rank:
            items.append(entry)
        elif entry.rank < items[0].rank:  # a step of work that went first, mostly
            items.appendleft(entry)
        else:
            place = len(items) - 1
            while place and items[place - 1].rank > entry.rank:
                place -= 1
            items.insert(place, entry)
        flow.cost += entry.cost
        self.cost += entry.cost
        self.count += 1
        if flow.token == IDLE:
            self.active += 1
            self.weights += flow.weight
            flow.start = max(flow.start, self.virtual)
            self._enqueue(flow)
        if self._fat is not None:
            self._tokens += 1
            heappush(self._fat, (-flow.cost / flow.weight, self._tokens, flow))
            if len(self._fat) > 4 * self.active + SLACK:
                self._fat = None

    def head(self) -> Entry[T]:
        """The item that goes next; the class must have one."""
        ready = self._ready
        while ready[0][1] != ready[0][2].token:
            heappop(ready)
        return ready[0][2].items[0]

    def pop(self) -> Entry[T]:
        """Take the item that goes next and charge its tenant for it; the class must have one."""
        entry = self.head()
        ready = self._ready
        flow = entry.flow
        self.virtual = ready[0][0]
        flow.start = max(flow.start + entry.cost / flow.weight, self.virtual)
        flow.items.popleft()
        self._forget(entry)
        if flow.items:
            self._tokens = flow.token = self._tokens + 1
            heapreplace(ready, (flow.start, flow.token, flow))
        else:
            heappop(ready)
            self._rest(flow)
        return entry

    def take(self, flow: Flow[T]) -> Entry[T]:
        """Take a flow's first item out of turn, charged all the same."""
        entry = flow.items.popleft()
        flow.start += entry.cost / flow.weight
        self._forget(entry)
        if flow.items:
            self._enqueue(flow)
        else:
            self._rest(flow)
        return entry

    def drop(self, entry: Entry[T]) -> None:
        """Remove an item, unserved and uncharged. Mostly it is first or last in its flow; else, O(its items)."""
        items = entry.flow.items
        if items[0] is entry:
            items.popleft()
        elif items[-1] is entry:
            items.pop()
        else:
            items.remove(entry)
        self._forget(entry)
        if not items:
            self._rest(entry.flow)

    def fattest(self) -> Flow[T]:
        """The tenant with most work waiting for its weight; the class must have one. O(log tenants) amortised.

        The heap exists only while someone sheds. Its entries may say too much, never too little: whatever grows is
        entered again, whatever shrank is put right when it comes up.
        """
        if self._fat is None:
            waiting = (flow for flow in self._flows.values() if flow.items)
            self._fat = [(-flow.cost / flow.weight, number, flow) for number, flow in enumerate(waiting)]
            heapify(self._fat)
        fat = self._fat
        while True:
            said, _, flow = fat[0]
            if not flow.items:
                heappop(fat)
                continue
            size = -flow.cost / flow.weight
            if said == size:
                return flow
            self._tokens += 1
            heapreplace(fat, (size, self._tokens, flow))

    def ahead(self, tenant: str, weight: float) -> float:
        """Seconds of this class's waiting work that go before a new item of the tenant: its own, and of every other
        no more than its fair share meanwhile, rounded up by one item each.
        """
        flow = self._flows.get(tenant)
        own, lead, weights, active = 0.0, 0.0, self.weights, self.active
        if flow is not None:
            own = flow.cost
            lead = max(flow.start - self.virtual, 0.0) + own / weight
            if own:
                weights -= flow.weight
                active -= 1
        others = self.cost - own
        if active <= 0 or others <= 0.0:
            return own
        return own + min(others, lead * weights + active * self.cost / self.count)

    def charge(self, tenant: str, seconds: float) -> None:
        """Correct what a tenant was charged: its estimate was off by ``seconds``. Where it waits already, that counts
        after its next item.
        """
        flow = self._flows.get(tenant)
        if flow is not None:
            flow.start = max(flow.start + seconds / flow.weight, self.virtual)

    def _enqueue(self, flow: Flow[T]) -> None:
        self._tokens = flow.token = self._tokens + 1
        heappush(self._ready, (flow.start, flow.token, flow))
        if len(self._ready) > 2 * self.active + SLACK:
            self._ready = [entry for entry in self._ready if entry[1] == entry[2].token]
            heapify(self._ready)

    def _forget(self, entry: Entry[T]) -> None:
        entry.live = False
        entry.flow.cost -= entry.cost
        self.cost -= entry.cost
        self.count -= 1

    def _rest(self, flow: Flow[T]) -> None:
        """A flow has drained: keep its tag only while the clock is behind it."""
        self.active -= 1
        if not self.active:
            self._reset()
            return
        flow.token = IDLE
        flow.cost = 0.0  # drops the rounding of many sums
        self.weights -= flow.weight
        ended, virtual = self._ended, self.virtual
        self._note(flow)
        while ended and ended[0][0] <= virtual:
            noted, _, old = heappop(ended)
            if old.noted == noted:
                old.noted = NEVER
                if old.token == IDLE:
                    if old.start <= virtual:
                        del self._flows[old.tenant]
                    else:  # it was charged meanwhile
                        self._note(old)

    def _note(self, flow: Flow[T]) -> None:
        """Look again at an idle flow when the clock has come to its tag."""
        if flow.noted != flow.start:
            self._tokens += 1
            flow.noted = flow.start
            heappush(self._ended, (flow.start, self._tokens, flow))
