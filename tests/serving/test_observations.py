"""What a worker counts of rollouts: each request for its arm, nothing for anybody else, and cheaply."""

import math
import time
from typing import Any

import pytest

from tenantry.routing import Decision, Target, VersionRef
from tenantry.routing.observed import (
    MOST_BINS,
    ArmCounts,
    Observed,
    bucket_end,
    bucket_of,
    decode_batch,
    value_bin,
)
from tenantry.serving.models import Outcome
from tenantry.serving.observations import MOST_ROLLOUTS, MOST_ROWS, Observations
from tenantry.serving.work import Work
from tenantry.tenancy import TenantId

FIRST, SECOND = (Target(number, VersionRef(path="p", sha256=number * 64)) for number in "12")
YES = Outcome("yes", 0.83, (0.17, 0.83), None)
NO = Outcome("no", 0.12, (0.88, 0.12), None)


def work(
    arm: str = "challenger",
    *,
    rollout: str = "rollout-1",
    outcomes: list[Outcome] | None = None,
    status: int = 200,
    code: str = "",
    seconds: float = 0.002,
    **changes: Any,
) -> Work:
    """A request that has ended."""
    made = Work(None, None, {"model": "churn"}, TenantId("acme"))  # type: ignore[arg-type]
    target = SECOND if arm == "challenger" else FIRST
    made.decision = Decision(target, "a rule", rollout=rollout, arm=arm)
    made.version, made.rule = target.version, "a rule"
    made.outcomes = [YES] if outcomes is None else outcomes
    made.rows = len(made.outcomes)
    made.status, made.code = status, code
    made.arrived, made.finished, made.busy = 10.0, 10.0 + seconds, seconds / 2
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def counted(*works: Work) -> Observed:
    """What comes of requests of one rollout."""
    observations = Observations()
    for one in works:
        observations.finished(one)
    drained = observations.drain()
    assert drained is not None
    (found,) = decode_batch(drained)
    return found


def test_a_request_counts_for_its_arm() -> None:
    found = counted(work("champion"), work(), work(outcomes=[NO]))
    assert found.rollout == "rollout-1"
    assert (found.champion.requests, found.challenger.requests) == (1, 2)
    ours = found.challenger
    assert (ours.errors, ours.rows, ours.scored) == (0, 2, 2)
    assert ours.latency == {bucket_of(0.002): 2}
    assert ours.scores == {16: 1.0, 2: 1.0}
    assert (ours.total, ours.squares) == pytest.approx((0.95, 0.83**2 + 0.12**2))


def test_requests_of_no_rollout_leave_nothing() -> None:
    observations = Observations()
    for one in (work(rollout=""), work(decision=None), work(kind="shadow")):
        observations.finished(one)
    observations.shadowed(work(), work(), "")
    assert observations.drain() is None


@pytest.mark.parametrize(
    ("status", "code"), [(500, "internal"), (400, "input_unknown"), (503, "model_unavailable")]
)
def test_what_went_wrong_is_an_error_and_has_no_latency(status: int, code: str) -> None:
    ours = counted(work(status=status, code=code, outcomes=[])).challenger
    assert (ours.requests, ours.errors, ours.latency, ours.scores) == (1, 1, {}, {})


def test_an_answer_by_a_fallback_is_the_arms_error() -> None:
    ours = counted(work(version="1")).challenger
    assert (ours.requests, ours.errors) == (1, 1)


@pytest.mark.parametrize(
    "changes", [{"status": 429}, {"status": 0}, {"status": 499}, {"status": 503, "abandoned": True}]
)
def test_what_load_refused_or_nobody_waited_for_says_nothing_of_a_version(changes: dict[str, Any]) -> None:
    observations = Observations()
    observations.finished(work(**changes))
    assert observations.drain() is None


def test_a_request_of_many_rows_weighs_as_one() -> None:
    found = counted(work(outcomes=[YES, YES, NO, NO] * 1000)).challenger
    assert (found.requests, found.rows, found.scored) == (1, 4000, MOST_ROWS)
    assert found.scores == pytest.approx({16: 0.5, 2: 0.5})


def test_scores_of_classes_and_values_have_bins_of_their_own() -> None:
    third = Outcome("c", 0.99, (0.0, 0.01, 0.99), 2)
    assert counted(work(outcomes=[third])).challenger.scores == {59: 1.0}
    values = [Outcome(None, value, None, None) for value in (0.0, 120.0, -120.0)]
    assert counted(work(outcomes=values)).challenger.scores == pytest.approx(
        {0: 1 / 3, value_bin(120.0): 1 / 3, value_bin(-120.0): 1 / 3}
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200])
def test_a_score_beyond_all_bounds_spoils_nothing(value: float) -> None:
    odd = Outcome(None, value, None, None)
    found = counted(work(outcomes=[odd, Outcome(None, 2.0, None, None)])).challenger
    assert (found.total, found.squares) == (2.0, 4.0)
    observations = Observations()
    observations.shadowed(work("champion", outcomes=[odd]), work(outcomes=[odd]), "rollout-1")
    (pair,) = decode_batch(observations.drain() or b"")
    assert (pair.pairs.pairs, pair.pairs.agreed, pair.pairs.worst) == (
        1,
        float(value == 1e200),  # the same number, however large
        0.0,
    )


def test_a_shadow_is_compared_row_by_row() -> None:
    observations = Observations()
    other = Outcome("no", 0.43, (0.57, 0.43), None)
    observations.shadowed(work("champion", outcomes=[YES, NO]), work(outcomes=[YES, NO]), "rollout-1")
    observations.shadowed(work("champion", outcomes=[YES, NO]), work(outcomes=[other, NO]), "rollout-1")
    (found,) = decode_batch(observations.drain() or b"")
    assert (found.champion.requests, found.challenger.requests) == (2, 2)
    assert found.champion.latency == {bucket_of(0.001): 2}  # the work alone, as for the copy
    assert (found.pairs.pairs, found.pairs.agreed) == (2, 1.5)
    assert found.pairs.worst == pytest.approx(0.4)
    assert found.pairs.difference == pytest.approx(0.2)


def test_values_agree_within_a_twentieth() -> None:
    observations = Observations()
    for theirs in (100.0, 104.0, 106.0):
        observations.shadowed(
            work("champion", outcomes=[Outcome(None, 100.0, None, None)]),
            work(outcomes=[Outcome(None, theirs, None, None)]),
            "rollout-1",
        )
    (found,) = decode_batch(observations.drain() or b"")
    assert found.pairs.agreed == 2


def test_a_failing_shadow_is_the_challengers_error_and_one_that_gave_way_is_nothing() -> None:
    observations = Observations()
    observations.shadowed(work("champion"), work(status=500, outcomes=[]), "rollout-1")
    observations.shadowed(work("champion"), work(status=503, code="deadline_unreachable"), "rollout-1")
    observations.shadowed(work("champion", status=500), work(), "rollout-1")
    (found,) = decode_batch(observations.drain() or b"")
    assert (found.champion.requests, found.challenger.requests, found.challenger.errors) == (1, 1, 1)
    assert found.pairs.pairs == 0


def test_draining_empties_and_batches_can_be_added_in_any_order() -> None:
    observations = Observations()
    batches = []
    for _ in range(3):
        for one in (work("champion"), work(), work(status=500)):
            observations.finished(one)
        batches.append(observations.drain() or b"")
    assert observations.drain() is None
    total, back = Observed.of("rollout-1"), Observed.of("rollout-1")
    for batch in batches:
        total.add(decode_batch(batch)[0])
    for batch in reversed(batches):
        back.add(decode_batch(batch)[0])
    assert total == back
    assert (total.champion.requests, total.challenger.requests, total.challenger.errors) == (3, 6, 3)


def test_rollouts_and_bins_are_bounded() -> None:
    observations = Observations()
    for number in range(MOST_ROLLOUTS + 10):
        observations.finished(work(rollout=f"rollout-{number}"))
    assert len(decode_batch(observations.drain() or b"")) == MOST_ROLLOUTS
    arm = ArmCounts()
    for place in range(3 * MOST_BINS):
        arm.score_in(place, 1.0)
    assert len(arm.scores) == MOST_BINS
    assert sum(arm.scores.values()) == 3 * MOST_BINS


def test_buckets_are_nine_percent_wide_and_hold_what_they_say() -> None:
    for seconds in (1.1e-5, 0.00042, 0.002, 1.7, 60.0):
        bucket = bucket_of(seconds)
        assert bucket_end(bucket - 1) <= seconds * (1 + 1e-9)
        assert seconds <= bucket_end(bucket) * (1 + 1e-9)
    assert bucket_end(100) / bucket_end(99) == pytest.approx(2 ** (1 / 8))


def _microseconds(one: Work, calls: int = 20_000) -> float:
    observations, best = Observations(), math.inf
    for _ in range(5):
        begun = time.process_time()
        for _ in range(calls):
            observations.finished(one)
        best = min(best, time.process_time() - begun)
    return best / calls * 1e6


@pytest.mark.soak
def test_the_hot_path_costs_what_was_promised() -> None:
    """Microseconds of CPU a request, the best of five: a figure of the machine, so not a test of every run."""
    assert _microseconds(work(rollout="")) <= 1.0
    assert _microseconds(work()) <= 4.0
