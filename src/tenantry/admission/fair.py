"""The order in which admitted work runs: strict classes with a floor, fair between tenants, by deadline within one."""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

from tenantry.admission._share import SLACK, Entry, Flow, Share

T = TypeVar("T")

CLASSES = 4
"""Priority classes; 1 is the highest."""
FLOOR = 0.05
"""Share of the worker's time that every waiting class gets, however busy the classes above it."""
LEAST_COST = 1e-6
"""Seconds that an item costs at least, so that no tenant's items are free."""


class FairQueue(Generic[T]):
    """Waiting work of one worker (B15, C8). For one thread.

    A higher class goes first, save that each waiting class gets ``floor`` of the time; all but the ``background``
    lowest ones, which run when nothing else waits. Within a class, time goes to tenants by weight; within a tenant, the
    earliest deadline goes first, and where deadlines are equal, who came first.
    An item comes out exactly once, by one of ``pop``, ``take``, ``expired`` or ``shed``.

    >>> queue = FairQueue[str]()
    >>> for name in ("a1", "a2", "a3"):
    ...     queue.push(name, tenant="a", weight=1, priority=2, cost=0.001, deadline=9.0)
    >>> queue.push("b1", tenant="b", weight=1, priority=2, cost=0.001, deadline=9.0)
    >>> queue.push("urgent", tenant="a", weight=1, priority=1, cost=0.001, deadline=9.0)
    >>> [queue.pop(now=0.0) for _ in range(5)]
    ['urgent', 'a1', 'b1', 'a2', 'a3']
    """

    __slots__ = (
        "_classes",
        "_due",
        "_floor",
        "_floored",
        "_last",
        "_late",
        "_order",
        "_shares",
        "_size",
        "_solo",
    )

    def __init__(self, classes: int = CLASSES, floor: float = FLOOR, *, background: int = 0) -> None:
        self._classes = classes
        self._floored = classes - background
        self._floor = floor
        self._shares: list[Share[T]] = [Share() for _ in range(classes)]
        self._size = 0
        # A lone item needs no order: it waits here, and the shares never hear of it.
        self._solo: tuple[T, str, float, int, float, float, Hashable | None, float] | None = None
        self._due: list[tuple[float, int, Entry[T]]] = []  # by deadline; dead where the entry is
        self._late: list[T] = []
        self._last: Flow[T] | None = None
        self._order = 0

    def __len__(self) -> int:
        """Items that ``pop`` may still give."""
        return self._size

    @property
    def cost(self) -> float:
        """Estimated seconds of work that wait."""
        return self.cost_ahead(self._classes)

    @property
    def remembered(self) -> int:
        """Tenants of which anything is kept; 0 once nothing waits."""
        return sum(share.remembered for share in self._shares)

    def cost_ahead(self, priority: int) -> float:
        """Estimated seconds of work that wait in the class ``priority`` and those above it."""
        if self._solo is not None:
            return self._solo[4] if self._solo[3] <= priority else 0.0
        return sum(share.cost for share in self._shares[:priority])

    def ahead(self, tenant: str, *, weight: float, priority: int) -> float:
        """Estimated seconds of work that go before a new item of the tenant: all of the classes above, its own items of
        the class, and the others' of the class so far as their fair share puts them first.
        """
        if not self._size:
            return 0.0
        if self._solo is not None:
            return self._solo[4] if self._solo[3] <= priority else 0.0
        shares = self._shares
        seconds = shares[priority - 1].ahead(tenant, weight)
        for above in range(priority - 1):
            seconds += shares[above].cost
        return seconds

    def push(
        self,
        item: T,
        *,
        tenant: str,
        weight: float,
        priority: int,
        cost: float,
        deadline: float,
        batch: Hashable | None = None,
        rank: float | None = None,
    ) -> None:
        """Let an item wait. ``cost``: estimated seconds of work; ``deadline``: on the clock that ``pop`` is given;
        ``batch``: items of one tenant and equal batch may run together (None: alone); ``rank``: its place among its
        tenant's deadlines, where that is not by its own.
        """
        if rank is None:
            rank = deadline
        if not self._size:
            self._size = 1
            self._solo = (item, tenant, weight, priority, cost, deadline, batch, rank)
            return
        if self._solo is not None:
            solo, self._solo = self._solo, None
            self._push(*solo)
        self._size += 1
        self._push(item, tenant, weight, priority, cost, deadline, batch, rank)

    def pop(self, now: float) -> T | None:
        """The item that goes next and can still make its deadline; None if there is none."""
        if self._solo is not None:
            solo, self._solo = self._solo, None
            self._size = 0
            self._last = None
            if solo[5] > now:
                return solo[0]
            self._late.append(solo[0])
            return None
        if not self._size:
            return None
        if self._due[0][0] <= now:
            self._collect(now)
            if not self._size:
                return None
        share = self._next()
        entry = share.pop()
        self._last = entry.flow
        self._served(entry.cost)
        self._left()
        return entry.item

    def take(self, batch: Hashable, limit: int) -> list[T]:
        """Up to ``limit`` further items that may run with the one last popped: the next of its tenant and class, as
        long as they have this ``batch``. Their tenant is charged for them, so a batch gains it no time.
        """
        flow = self._last
        taken: list[T] = []
        if flow is None:
            return taken
        while len(taken) < limit and flow.items:
            entry = flow.items[0]
            if entry.batch != batch:
                break
            entry.share.take(flow)
            self._served(entry.cost)
            self._left()
            taken.append(entry.item)
        return taken

    def expired(self, now: float) -> list[T]:
        """Items whose deadline has passed, taken out of the queue: they are to be refused."""
        if self._solo is not None:
            if self._solo[5] <= now:
                self._late.append(self._solo[0])
                self._solo = None
                self._size = 0
        elif self._due and self._due[0][0] <= now:
            self._collect(now)
        late = self._late
        if late:
            self._late = []
        return late

    def shed(self) -> T | None:
        """Take out the item that is missed least: of the lowest class that waits, of the tenant most over its share
        there, the one that would be served last. None if nothing waits.
        """
        if self._solo is not None:
            solo, self._solo = self._solo, None
            self._size = 0
            return solo[0]
        for share in reversed(self._shares):
            if share.active:
                entry = share.fattest().items[-1]
                share.drop(entry)
                self._left()
                return entry.item
        return None

    def charge(self, tenant: str, *, priority: int, seconds: float) -> None:
        """Correct what a tenant was charged: its work took ``seconds`` more than estimated (less, where negative)."""
        self._shares[priority - 1].charge(tenant, seconds)

    def _push(
        self,
        item: T,
        tenant: str,
        weight: float,
        priority: int,
        cost: float,
        deadline: float,
        batch: Hashable | None,
        rank: float,
    ) -> None:
        entry = Entry(item, cost if cost > LEAST_COST else LEAST_COST, rank, batch)
        self._shares[priority - 1].push(entry, tenant, weight)
        self._order += 1
        heappush(self._due, (deadline, self._order, entry))
        if len(self._due) > 2 * self._size + SLACK:
            self._due = [due for due in self._due if due[2].live]
            heapify(self._due)

    def _collect(self, now: float) -> None:
        due = self._due
        while due and due[0][0] <= now:
            entry = heappop(due)[2]
            if entry.live:
                entry.share.drop(entry)
                self._late.append(entry.item)
                self._size -= 1
        if not self._size:
            due.clear()
            self._last = None

    def _next(self) -> Share[T]:
        """The highest class that waits, unless the floor owes a lower one the time that its next item takes."""
        first: Share[T] | None = None
        for share in self._shares:
            if share.active:
                if first is None:
                    first = share
                elif share.owed >= share.head().cost:
                    share.owed -= share.head().cost
                    return share
        if first is None:
            raise IndexError("nothing waits")
        return first

    def _served(self, cost: float) -> None:
        """Owe every waiting class but the highest its floor of the time that was given out."""
        below = False
        for number, share in enumerate(self._shares):
            if share.active:
                if below and number < self._floored:
                    share.owed += self._floor * cost
                below = True

    def _left(self) -> None:
        self._size -= 1
        if not self._size:
            self._due.clear()
            self._last = None
