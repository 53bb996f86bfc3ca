"""The gate and the queue as one worker, under loads that nobody would try on a machine shared with others (C8, B15).

Capacity is 1,000 requests a second of 1 ms each. Every figure is of requests that arrived after the first second, when
costs are learnt.
"""

import statistics

import pytest
from tests.admission.simulate import Outcome, Simulation, Stream, fixed, heavy

from tenantry.admission import Policy, Quota

CAPACITY = 1000.0
STANDARD = Policy(deadline_ms=200)
SERVICES = pytest.mark.parametrize("service", [fixed(0.001), heavy(0.001)], ids=["fixed", "heavy"])


def overload(load: float, service, *, reject_cost: float, tenants: int = 20, seconds: float = 5.0) -> Outcome:
    """All tenants alike, ``load`` times the capacity in all; the sum of what became of them."""
    simulation = Simulation(reject_cost=reject_cost, edge_cost=20e-6, after=1.0)
    streams = [Stream(f"t{n}", load * CAPACITY / tenants, service, STANDARD) for n in range(tenants)]
    by = simulation.run(streams, seconds=seconds)
    total = Outcome()
    for tenant, outcome in by.items():
        if tenant != "early":
            total.offered += outcome.offered
            total.refused += outcome.refused
            total.expired += outcome.expired
            total.late += outcome.late
            total.good += outcome.good
            total.waits += outcome.waits
    return total


@SERVICES
@pytest.mark.parametrize("load", [2, 5, 10])
def test_goodput_holds_under_overload(service, load):
    quiet = overload(1, service, reject_cost=5e-6)
    strained = overload(load, service, reject_cost=5e-6)
    assert strained.good >= (0.90 if load == 10 else 0.95) * quiet.good
    # What is let in is worth its while: hardly any expires, and hardly any is served too late.
    admitted = strained.offered - strained.refused
    assert strained.expired <= 0.02 * admitted
    assert strained.late <= 0.01 * admitted


@SERVICES
@pytest.mark.parametrize("reject_cost", [20e-6, 50e-6])
def test_overload_takes_no_more_than_its_refusals_cost(service, reject_cost):
    quiet = overload(1, service, reject_cost=reject_cost)
    strained = overload(10, service, reject_cost=reject_cost)
    left = 1 - strained.refused / 4.0 * reject_cost
    assert left < 0.85  # it is a load that shows
    assert strained.good >= 0.92 * left * quiet.good


@pytest.mark.parametrize("tenants", [1, 500])
def test_goodput_holds_for_one_tenant_and_for_many(tenants):
    service = heavy(0.001)
    quiet = overload(1, service, reject_cost=5e-6, tenants=tenants)
    assert overload(5, service, reject_cost=5e-6, tenants=tenants).good >= 0.92 * quiet.good


def test_a_worker_that_becomes_ten_times_slower_goes_on_at_its_new_pace():
    def slower(rng):
        return 0.010

    simulation = Simulation(reject_cost=5e-6, edge_cost=20e-6, after=1.0)
    before = Stream("a", 0.8 * CAPACITY, fixed(0.001), STANDARD)
    by = simulation.run([before], seconds=1.0)
    simulation.now = 2.0
    after = Stream("a", 0.8 * CAPACITY, slower, STANDARD, start=2.0)
    by = simulation.run([after], seconds=7.0)
    assert by["a"].good >= 0.9 * 5.0 * 100


@SERVICES
@pytest.mark.parametrize("factor", [10, 100])
@pytest.mark.parametrize("use", [0.5, 0.6])
def test_a_noisy_neighbour_hurts_nobody(service, factor, use):
    """50 tenants with equal shares; 49 use ``use`` of theirs, one ``factor`` times its own."""
    quiet = [f"quiet{n}" for n in range(49)]

    def run(noise: float, seed: int) -> dict[str, Outcome]:
        simulation = Simulation(reject_cost=5e-6, edge_cost=20e-6, after=1.0)
        streams = [Stream(tenant, use * CAPACITY / 50, service, STANDARD) for tenant in quiet]
        streams.append(Stream("noisy", noise * CAPACITY / 50, service, STANDARD))
        return simulation.run(streams, seconds=12.0, seed=seed)

    def p99(by: dict[str, Outcome]) -> float:
        waits = sorted(wait for tenant in quiet for wait in by[tenant].waits)
        return waits[int(len(waits) * 0.99)]

    ratios = []
    # What is left for the noisy one; it is not punished either.
    left = (1 - use) * CAPACITY * 11
    for seed in range(5):
        alone, disturbed = run(use, seed), run(factor, seed)
        ratios.append(p99(disturbed) / p99(alone))
        assert sum(disturbed[tenant].dropped + disturbed[tenant].late for tenant in quiet) == 0
        assert disturbed["noisy"].good >= 0.85 * min(left, disturbed["noisy"].offered)
    # Single runs are decided by a few requests: one of a quarter of a second, beside a neighbour at 100 times its share
    # that leaves the worker no idle moment, by one (1.3 to 3.9 in its runs). Hence the median.
    assert statistics.median(ratios) <= (1.5 if factor == 10 else 1.6)


def test_the_lowest_class_is_shed_first():
    simulation = Simulation(reject_cost=5e-6, edge_cost=20e-6, after=1.0)
    loads = {1: 0.4, 2: 0.4, 3: 0.4, 4: 0.8}
    streams = [
        Stream(
            f"{name}{priority}", load * CAPACITY / 2, fixed(0.001), Policy(deadline_ms=200, priority=priority)
        )
        for priority, load in loads.items()
        for name in "ab"
    ]
    by = simulation.run(streams, seconds=8.0)

    def part_served(priority: int) -> float:
        both = [by[f"{name}{priority}"] for name in "ab"]
        return sum(one.good for one in both) / sum(one.offered for one in both)

    assert part_served(1) > 0.999
    assert part_served(2) > 0.98
    assert 0.1 < part_served(3) < 0.5  # what is left: less than a fifth of the time
    assert 0.02 < part_served(4) < 0.15  # its floor of a twentieth of the time: no starvation
    assert part_served(4) < part_served(3)


def test_under_strain_time_goes_by_weight():
    simulation = Simulation(reject_cost=5e-6, edge_cost=20e-6, after=1.0)
    weights = {"one": 1.0, "two": 2.0, "four": 4.0}
    services = {"one": fixed(0.0005), "two": fixed(0.004), "four": heavy(0.001)}
    rates = {"one": 2000.0, "two": 250.0, "four": 1500.0}
    streams = [
        Stream(tenant, rates[tenant], services[tenant], STANDARD, Quota(weight=weight))
        for tenant, weight in weights.items()
    ]
    by = simulation.run(streams, seconds=20.0)
    total = sum(by[tenant].work for tenant in weights)
    for tenant, weight in weights.items():
        assert by[tenant].work / total == pytest.approx(weight / 7, rel=0.05)


def test_a_tenant_with_tiny_deadlines_spoils_nobody_elses_admission():
    simulation = Simulation(reject_cost=5e-6, edge_cost=20e-6, after=1.0)
    streams = [Stream(f"t{n}", 0.7 * CAPACITY / 10, fixed(0.001), STANDARD) for n in range(10)]
    streams.append(Stream("strange", 400, fixed(0.001), Policy(deadline_ms=2.5)))
    by = simulation.run(streams, seconds=8.0)
    assert by["strange"].refused + by["strange"].expired > 100
    assert sum(by[f"t{n}"].dropped + by[f"t{n}"].late for n in range(10)) == 0
