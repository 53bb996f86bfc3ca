"""How often a model is found in memory, on made traffic, beside the least recently used one going first."""

import random
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

import pytest

from tenantry.serving.eviction import Guard, Key, Ranking, worth
from tenantry.serving.models import Model
from tenantry.serving.residency_room import Room
from tenantry.tenancy import TenantId

ACME = TenantId("acme")
ODDS = [1 / (i + 1) for i in range(2_000)]


class Stub:
    """A model's figures without a model."""

    def __init__(self, number: int, nbytes: int = 100, seconds: float = 1e-3) -> None:
        self.tenant, self.sha256, self.runtime = ACME, str(number), "plan"
        self.nbytes, self.seconds, self.cost = nbytes, seconds, seconds
        self.uses, self.used, self.leases, self.loads, self.rank, self.floor = 1, 0.0, 0, 1, 0, 0.0


class Memory:
    """What :class:`Residency` does with the policy, without files."""

    def __init__(self, models: int) -> None:
        self.resident: dict[Key, Model] = {}
        self.ranking, self.guard = Ranking(), Guard()
        self.room = Room(models * 100, self.resident, self.ranking, self.guard)
        self.now = 0.0

    def use(self, number: int) -> bool:
        self.now += 1
        key = (ACME, str(number))
        model = self.resident.get(key)
        if model is not None:
            model.uses += 1
            model.used = self.now
            model.floor = self.ranking.floor
            return True
        model = cast("Model", Stub(number))
        model.used = self.now
        for step in self.room.steps(model, self.guard.arrived(key), self.now):
            if isinstance(step, str):
                self.guard.left(model)
                return False
            del self.resident[ACME, step[0].sha256]
            self.room.held -= step[0].nbytes
            self.ranking.went(step[0])
            self.guard.left(step[0])
        self.resident[key] = model
        self.room.held += model.nbytes
        self.ranking.enter(model)
        return False


def found(traffic: Sequence[int], models: int) -> float:
    memory = Memory(models)
    return sum(memory.use(number) for number in traffic) / len(traffic)


def found_by_recency(traffic: Sequence[int], models: int) -> float:
    kept: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for number in traffic:
        hits += number in kept
        kept[number] = None
        kept.move_to_end(number)
        if len(kept) > models:
            kept.popitem(last=False)
    return hits / len(traffic)


def zipf(count: int, moved: int = 0) -> list[int]:
    return [(x + moved) % 2_000 for x in random.Random(1).choices(range(2_000), ODDS, k=count)]


def scans(count: int) -> list[int]:
    """Every second request is for a model that nobody asks for again."""
    hot = random.Random(1).choices(range(300), ODDS[:300], k=count)
    return [x if i % 2 else 10_000 + i for i, x in enumerate(hot)]


@pytest.mark.parametrize(
    ("traffic", "models", "least", "over_recency"),
    [
        (zipf(40_000), 200, 0.65, 0.05),
        (zipf(20_000) + zipf(20_000, moved=700), 200, 0.63, 0.03),
        (scans(40_000), 200, 0.36, 0.03),
        ([i % 1_100 for i in range(20_000)], 1_000, 0.80, 0.80),
    ],
    ids=["zipf", "zipf that moves", "hot ones among scans", "a cycle over more than fits"],
)
def test_more_is_found_than_by_recency(
    traffic: list[int], models: int, least: float, over_recency: float
) -> None:
    share = found(traffic, models)
    assert share >= least
    assert share >= found_by_recency(traffic, models) + over_recency


def test_the_lowest_is_the_lowest() -> None:
    """The lazy heap against a look at every model."""
    rng = random.Random(3)
    ranking, resident = Ranking(), {}
    for number in range(200):
        model: Any = Stub(number, rng.randrange(1, 1_000), rng.random())
        resident[ACME, str(number)] = model
        ranking.enter(model)
    while resident:
        for _ in range(rng.randrange(5)):
            used: Any = rng.choice(list(resident.values()))
            used.uses += rng.randrange(8)
            used.floor = ranking.floor
            used.leases = rng.randrange(2)
        spared = set(rng.sample(list(resident), min(3, len(resident))))
        free = [m for key, m in resident.items() if not m.leases and key not in spared]
        lowest = ranking.lowest(resident, spared)
        if not free:
            assert lowest is None
            for one in resident.values():
                one.leases = 0
            if len(resident) <= 3:
                break
            continue
        assert lowest is not None
        assert worth(lowest) == min(worth(model) for model in free)
        ranking.went(lowest)
        del resident[ACME, lowest.sha256]


def test_small_and_slow_to_reload_stays() -> None:
    ranking, resident = Ranking(), {}
    figures = {"plain": (100, 1e-3), "large": (1_000, 1e-3), "slow": (100, 2e-3)}
    for name, (nbytes, seconds) in figures.items():
        model: Any = Stub(0, nbytes, seconds)
        model.sha256 = name
        resident[ACME, name] = model
        ranking.enter(model)
    order = []
    while resident:
        lowest = ranking.lowest(resident, ())
        assert lowest is not None
        order.append(lowest.sha256)
        del resident[ACME, lowest.sha256]
    assert order == ["large", "plain", "slow"]


def test_one_slow_load_is_not_believed() -> None:
    ranking = Ranking()
    for number in range(10):
        ranking.enter(cast("Any", Stub(number)))
    late: Any = Stub(11, seconds=0.5)
    ranking.enter(late)
    assert late.cost == pytest.approx(4e-3)
    assert late.seconds == 0.5
