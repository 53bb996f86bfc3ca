"""Which model has to go when memory is short, why, and the record of it.

The order is GreedyDual-Size-Frequency (Cherkasova, "Improving WWW proxies performance with GreedyDual-Size-Frequency
caching policy", HP Labs HPL-98-69R1, 1998): a model is worth ``floor + uses × seconds to reload / bytes``, where the
floor is the worth of the last model that went, as it was when this one was last used. So what is small, slow to
reload, often used or lately used stays.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Literal, NamedTuple

import msgspec

from tenantry.serving.models import Model
from tenantry.serving.ports import Runtime
from tenantry.tenancy import TenantId

Key = tuple[TenantId, str]
"""Tenant and SHA-256 (hex) of the model's file."""
What = Literal["evicted", "not_kept", "forgotten", "cleared"]

USES_COUNTED = 32
"""More uses than these say nothing more: a model that was hot once must not stay for ever."""
EVENTS_KEPT = 2_000
GONE_KEPT = 16_384
"""How many models that went are remembered, to know them when they come back."""
GUARD_WINDOW = 32
"""The thrash guard looks at so many of the last arrivals that had to push another out …"""
GUARD_LEAST = 8
"""… once there were so many, and acts where half of them came back after they had been pushed out themselves."""


class EvictionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One model that left memory, or was not kept: ``at`` in seconds since the epoch, ``bytes`` that it took, ``uses``
    since it was loaded, ``idle`` seconds since the last, ``seconds`` that loading it took. ``why`` is the operators'
    (:func:`for_tenants`).
    """

    at: float
    what: What
    tenant: TenantId
    sha256: str
    why: str
    bytes: int
    uses: int
    idle: float
    seconds: float


def for_tenants(why: str) -> str:
    """A reason without what stands in brackets at its end: figures of the whole worker, which are the operators'."""
    return why.partition(" [")[0]


class EvictionLog:
    """The latest events, and a callable that is told each one. Only the event loop's thread writes to it."""

    def __init__(
        self,
        on_event: Callable[[EvictionEvent], None] | None = None,
        clock: Callable[[], float] = time.time,
        keep: int = EVENTS_KEPT,
    ) -> None:
        self._events: deque[EvictionEvent] = deque(maxlen=keep)
        self._on_event = on_event
        self._clock = clock

    def add(self, what: What, model: Model, why: str, now: float) -> None:
        """Record that ``model`` left; ``now`` by the residency's clock."""
        event = EvictionEvent(
            at=self._clock(),
            what=what,
            tenant=model.tenant,
            sha256=model.sha256,
            why=why,
            bytes=model.nbytes,
            uses=model.uses,
            idle=max(0.0, now - model.used),
            seconds=model.seconds,
        )
        self._events.append(event)
        if self._on_event is not None:
            self._on_event(event)

    def events(self, tenant: TenantId | None = None, sha256: str | None = None) -> list[EvictionEvent]:
        """Those of one tenant, or one model, or all; the latest first."""
        return [
            event
            for event in reversed(self._events)
            if tenant in (None, event.tenant) and sha256 in (None, event.sha256)
        ]


class Ranking:
    """The models in memory, in the order in which they would go.

    A heap with one entry a model, whose worth is that of when it was entered. Using a model only writes to the model:
    its worth never falls, so an entry that comes to the top is compared with the present, and goes back in where it
    has risen.
    """

    def __init__(self) -> None:
        self.floor = 0.0
        self._heap: list[tuple[float, int, Key]] = []
        self._numbers = count(1)
        self._usual: dict[Runtime, float] = {}

    def enter(self, model: Model) -> None:
        """Rank a model that came into memory; it counts as used now.

        A load that waited for the processor took long, and says nothing about the model: what is over four times the
        usual of its runtime is not believed.
        """
        usual = self._usual.get(model.runtime, model.seconds)
        model.cost = min(model.seconds, 4 * usual)
        self._usual[model.runtime] = usual + (model.cost - usual) / 16
        model.floor = self.floor
        model.rank = next(self._numbers)
        heappush(self._heap, (worth(model), model.rank, (model.tenant, model.sha256)))

    def lowest(self, resident: Mapping[Key, Model], spared: Collection[Key]) -> Model | None:
        """The model that should go next; None where each is leased or among ``spared``. It stays ranked."""
        passed = []
        found = None
        heap = self._heap
        while heap and found is None:
            entered, rank, key = heap[0]
            model = resident.get(key)
            if model is None or model.rank != rank:
                heappop(heap)  # it left, or came anew
            elif worth(model) > entered:
                heappop(heap)
                heappush(heap, (worth(model), rank, key))
            elif model.leases or key in spared:
                passed.append(heappop(heap))
            else:
                found = model
        for entry in passed:
            heappush(heap, entry)
        self.prune(resident)
        return found

    def prune(self, resident: Mapping[Key, Model]) -> None:
        """Forget what left, once that is more than what is there."""
        if len(self._heap) > 2 * len(resident) + 64:
            self._heap = [e for e in self._heap if e[2] in resident and resident[e[2]].rank == e[1]]
            heapify(self._heap)

    def went(self, model: Model) -> None:
        """The floor rises to the worth of the model that was pushed out."""
        self.floor = max(self.floor, worth(model))


def worth(model: Model) -> float:
    """How much it is worth to keep the model, in seconds to reload a byte, on top of the floor."""
    return model.floor + min(model.uses + 1, USES_COUNTED) * model.cost / model.nbytes


class Gone(NamedTuple):
    """A model that went: when it was last used, and how often it was loaded."""

    used: float
    loads: int


class Guard:
    """Knows the models that come back, and stops them from pushing one another out in turn.

    While many do, one that comes back is kept only if it was away for less time than the model it would push out has
    been idle: the comparison of reuse distances of LIRS (Jiang and Zhang, SIGMETRICS 2002). In a cycle over more models
    than fit, nobody is, so that those in memory go on being hit; when the traffic moves, the new ones soon are.
    """

    def __init__(self) -> None:
        self._gone: OrderedDict[Key, Gone] = OrderedDict()
        self._came_back: deque[bool] = deque(maxlen=GUARD_WINDOW)

    def left(self, model: Model) -> None:
        """Remember a model that was pushed out or not kept."""
        key = (model.tenant, model.sha256)
        self._gone[key] = Gone(model.used, model.loads)
        self._gone.move_to_end(key)
        if len(self._gone) > GONE_KEPT:
            self._gone.popitem(last=False)

    def arrived(self, key: Key) -> Gone | None:
        """What is remembered of a model that comes in."""
        return self._gone.pop(key, None)

    def pushed(self, before: Gone | None) -> None:
        """An arrival found memory full; ``before``: what was remembered of it."""
        self._came_back.append(before is not None)

    @property
    def returns(self) -> tuple[int, int]:
        """How many of how many of the last arrivals at full memory had been here before."""
        return sum(self._came_back), len(self._came_back)

    def refuses(self, before: Gone | None, victim: Model, now: float) -> bool:
        """Whether the arrival should not push out ``victim``."""
        back, seen = self.returns
        if before is None or seen < GUARD_LEAST or 2 * back < seen:
            return False
        return now - before.used >= now - victim.used
