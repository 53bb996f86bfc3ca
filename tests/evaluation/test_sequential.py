"""Sequential tests keep their promise however often one looks, and come to an end where there is something to see."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from tenantry.evaluation.sequential import (
    CALIBRATION,
    GRID,
    RATE,
    compare,
    evidence,
    exceed,
    fresh,
    interval,
    mean_evidence,
    split,
)

Rates = Callable[[int], float]
PER_LOOK = 300


def looks(
    ours: float | Rates,
    theirs: float | Rates,
    *,
    more: float = 0.0,
    share: float = 0.1,
    runs: int = 1000,
    times: int = 200,
    fewer: bool = False,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The highest evidence of each run over all looks, and the challenger's figures seen when it passed log(60)."""
    rng = np.random.default_rng(seed)
    state, top = fresh((runs,)), np.full(runs, -np.inf)
    seen, spoken = np.zeros(runs), np.full(runs, np.inf)
    values = 1 - RATE if fewer else RATE
    for time in range(times):
        n = rng.binomial(PER_LOOK, share, runs)
        m = PER_LOOK - n
        hits = rng.binomial(n, ours(time) if callable(ours) else ours)
        known = rng.binomial(m, theirs(time) if callable(theirs) else theirs)
        state = compare(
            state, values, np.stack([n - hits, hits], -1) * 1.0, np.stack([m - known, known], -1) * 1.0, more
        )
        seen += n
        top = np.maximum(top, evidence(state))
        spoken = np.where((top >= math.log(60)) & np.isinf(spoken), seen, spoken)
    return top, spoken


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("rate", [0.0005, 0.02, 0.3, 0.97])
def test_alike_is_not_taken_for_better_however_often_one_looks(rate: float, share: float) -> None:
    top, _ = looks(rate, rate, share=share, runs=600, times=150)
    # 600 runs at a true rate of 5 % give 47 or more (7.8 %) once in 1,000 times; what is promised is at most 5 %.
    assert (top >= math.log(20)).mean() < 0.078


@pytest.mark.parametrize(("ours", "theirs", "more", "fewer"), [
    (0.025, 0.005, 0.02, False),  # errors, at the edge of their guard rail
    (0.015, 0.005, -0.01, True),  # errors, exactly as much worse as "not worse" must not let pass
    (0.29, 0.30, -0.01, False),  # rewards, the same
])  # fmt: skip
def test_the_edge_of_a_margin_is_not_passed_by_luck(
    ours: float,
    theirs: float,
    more: float,
    fewer: bool,  # noqa: FBT001
) -> None:
    top, _ = looks(ours, theirs, more=more, fewer=fewer)
    assert (top >= math.log(20)).mean() < 0.07


def test_rates_that_both_arms_share_may_change_with_the_hour() -> None:
    def day(time: int) -> float:
        return 0.2 + 0.15 * math.sin(time / 10)

    top, _ = looks(day, day, share=0.2)
    assert (top >= math.log(20)).mean() < 0.07


def _all_objectives(runs: int, times: int, seed: int) -> float:
    """The share of A/A runs in which rewards, errors or latency ever speak, at a third of 5 % each."""
    rng = np.random.default_rng(seed)
    states = {name: fresh((runs,)) for name in ("reward", "errors", "latency")}
    promoted = np.zeros(runs, dtype=bool)
    for _ in range(times):
        n = rng.binomial(PER_LOOK, 0.1, runs)
        m = PER_LOOK - n
        for name, rate in (("reward", 0.3), ("errors", 0.01), ("latency", 0.1)):
            ours, theirs = rng.binomial(n, rate), rng.binomial(m, rate)
            values = RATE if name == "reward" else 1 - RATE
            states[name] = compare(
                states[name],
                values,
                np.stack([n - ours, ours], -1) * 1.0,
                np.stack([m - theirs, theirs], -1) * 1.0,
                0.0,
            )
            promoted |= evidence(states[name]) >= math.log(60)
    return float(promoted.mean())


def test_an_a_a_canary_promotes_nothing_by_luck_over_all_objectives_together() -> None:
    # 2,000 runs, looked at 200 times each: 5 % is the promise, 6.5 % would be beaten by luck once in 1,000 times.
    assert _all_objectives(2000, 200, seed=1) < 0.065


@pytest.mark.soak
def test_an_a_a_canary_promotes_nothing_by_luck_over_a_long_run(soak_full: bool) -> None:  # noqa: FBT001
    runs, times = (20_000, 2_000) if soak_full else (4_000, 400)
    assert _all_objectives(runs, times, seed=2) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(("ours", "theirs", "more", "fewer", "within"), [
    (0.35, 0.30, 0.0, False, 2_500),  # a reward of 0.35 against 0.30
    (0.60, 0.30, 0.0, False, 150),
    (0.10, 0.005, 0.02, False, 300),  # 10 % errors against 0.5 %, 2 % allowed
    (1.00, 0.005, 0.02, False, 80),  # nothing but errors
    (0.05, 0.10, 0.0, True, 1_000),  # half the slow requests
    (0.005, 0.005, -0.01, True, 3_500),  # no more errors, within 1 %
])  # fmt: skip
def test_a_clear_difference_speaks_within_the_stated_number_of_requests(
    ours: float,
    theirs: float,
    more: float,
    fewer: bool,  # noqa: FBT001
    within: int,
) -> None:
    """Nine of ten runs; docs/rollouts.md states these numbers."""
    _, spoken = looks(ours, theirs, more=more, fewer=fewer, runs=300)
    assert np.quantile(spoken, 0.9) <= within


def test_a_challenger_that_is_worse_never_seems_better() -> None:
    top, _ = looks(0.25, 0.3, runs=500)
    assert (top >= math.log(20)).mean() < 0.01


@pytest.mark.parametrize("more", [-0.2, 0.0, 0.1])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 2), (1, 5), (4, 1)])
def test_the_stake_does_not_grow_on_average_by_enumeration(n: int, m: int, more: float) -> None:
    """Every outcome of a block, with its probability, for rates along the edge of the null hypothesis and inside."""
    past = compare(fresh(), RATE, np.array([20.0, 5.0]), np.array([40.0, 12.0]), more)
    assert past[3] >= CALIBRATION
    for theirs, inside in itertools.product(np.linspace(0, 1, 11), (0.0, 0.15)):
        ours = theirs + more - inside
        if not 0 <= ours <= 1:
            continue
        expected = np.zeros(len(past) - 6)
        for i, j in itertools.product(range(n + 1), range(m + 1)):
            chance = _binomial(i, n, ours) * _binomial(j, m, theirs)
            after = compare(past, RATE, np.array([n - i, i * 1.0]), np.array([m - j, j * 1.0]), more)
            expected += chance * np.exp(after[6:] - past[6:])
        assert expected.max() <= 1 + 1e-12


def _binomial(hits: int, count: int, rate: float) -> float:
    return math.comb(count, hits) * rate**hits * (1 - rate) ** (count - hits)


@pytest.mark.parametrize("level", [0.02, 0.5, 0.9])
def test_one_sample_keeps_to_its_level_and_speaks_beyond_it(level: float) -> None:
    rng = np.random.default_rng(0)
    for rate, spoken in ((level, False), (level + 0.6 * (1 - level), True)):
        state, top = fresh((1000,)), np.full(1000, -np.inf)
        for _ in range(150):
            hits = rng.binomial(20, rate, 1000)
            state = exceed(state, RATE, np.stack([20 - hits, hits], -1) * 1.0, level)
            top = np.maximum(top, evidence(state))
        found = (top >= math.log(20)).mean()
        assert found > 0.99 if spoken else found < 0.07


def test_rewards_of_any_kind_between_0_and_1_keep_the_promise_and_use_their_small_spread() -> None:
    rng = np.random.default_rng(5)
    passed = []
    for better in (0.0, 0.02):
        found = []
        for _ in range(150):
            state, top = fresh(), -math.inf
            for _ in range(40):
                ours = np.clip(0.6 + better + 0.05 * rng.standard_normal(20), 0, 1)
                theirs = np.clip(0.6 + 0.05 * rng.standard_normal(80), 0, 1)
                state = compare(state, GRID, split(ours), split(theirs), 0.0)
                top = max(top, float(evidence(state)))
            found.append(top >= math.log(20))
        passed.append(np.mean(found))
    assert passed[0] < 0.12  # 150 runs: 5 % promised
    assert passed[1] > 0.95  # 0.02 of 0 or 1 would take twenty thousand


def test_splitting_keeps_sums_and_never_raises_the_stake() -> None:
    rng = np.random.default_rng(6)
    for _ in range(50):
        ours, theirs = rng.random(30), rng.random(60)
        assert split(ours) @ GRID == pytest.approx(ours.sum())
        assert split(ours).sum() == pytest.approx(30)
        past = compare(fresh(), GRID, split(rng.random(30)), split(rng.random(60)), 0.0)
        coarse = compare(past, GRID, split(ours), split(theirs), 0.0)
        # The same figures on a grid of their own: nothing is split.
        values = np.sort(np.concatenate([ours, theirs]))
        exact = compare(past, values, np.isin(values, ours) * 1.0, np.isin(values, theirs) * 1.0, 0.0)
        assert (coarse[6:] <= exact[6:] + 1e-9).all()


def test_nothing_is_bet_before_the_champion_is_known_or_where_an_arm_is_missing() -> None:
    first = compare(fresh(), RATE, np.array([0.0, 9.0]), np.array([9.0, 0.0]), 0.0)
    assert evidence(first) == 0
    known = compare(first, RATE, np.array([0.0, 9.0]), np.array([50.0, 0.0]), 0.0)
    missing = compare(known, RATE, np.array([0.0, 9.0]), np.array([0.0, 0.0]), 0.0)
    assert evidence(missing) == evidence(known)
    assert evidence(compare(known, RATE, np.array([0.0, 9.0]), np.array([50.0, 0.0]), 0.0)) > 1


def test_the_mean_of_stakes_is_a_stake() -> None:
    one, two = fresh(), fresh()
    two[6:] = math.log(3)
    assert mean_evidence([one, two]) == pytest.approx(math.log(2))


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.4, 1.0])
def test_intervals_hold_at_all_times_at_once(rate: float) -> None:
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(100):
        hits = np.cumsum(rng.binomial(25, rate, 20))
        ends = [interval(25.0 * (at + 1), float(total)) for at, total in enumerate(hits)]
        missed += any(not low <= rate <= high for low, high in ends)
        assert ends[-1][1] - ends[-1][0] < 0.16
    assert missed <= 13  # of 100: 5 promised
    assert interval(0, 0) == (0.0, 1.0)
