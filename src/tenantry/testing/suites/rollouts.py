"""What every store of rollouts must do."""

import threading

import msgspec
import pytest

from tenantry.deployments.rollouts import (
    Change,
    ObservedReward,
    Rollout,
    RolloutPlan,
    RolloutState,
    new_rollout_id,
)
from tenantry.deployments.rollouts_fold import observed
from tenantry.deployments.rollouts_rules import RunningRules
from tenantry.errors import Conflict
from tenantry.routing.observed import ArmCounts, Observed
from tenantry.routing.rules import Canary
from tenantry.tenancy import TenantId
from tenantry.testing.clock import HeldClock
from tenantry.testing.state import State
from tenantry.testing.suites.base import ACME, GLOBEX, NOBODY, StateSuite, refusal
from tenantry.testing.suites.registry import register


def made(state: State, clock: HeldClock, tenant: TenantId = ACME, model: str = "churn") -> Rollout:
    """A rollout of version 2 against version 1, started."""
    for content in (b"one", b"two"):
        register(state, content, model, tenant)
    return state.rollouts.start(fresh(clock, tenant, model))


def fresh(clock: HeldClock, tenant: TenantId = ACME, model: str = "churn") -> Rollout:
    """A rollout, not started."""
    return Rollout(
        id=new_rollout_id(),
        tenant=tenant,
        model=model,
        champion=1,
        challenger=2,
        plan=RolloutPlan(challenger=2),
        created=clock.now(),
        until=clock.now() + 3600,
    )


def counting(rollout: Rollout, requests: int = 3) -> dict[str, Change]:
    """A change that adds requests to the challenger."""
    seen = Observed.of(rollout.id)
    seen.challenger = ArmCounts(requests=requests, latency={7: requests}, scores={3: float(requests)})
    return {rollout.id: lambda now: observed(now, seen)}


def ended(state: State, rollout: Rollout, at: float, how: RolloutState = RolloutState.STOPPED) -> Rollout:
    """The rollout, ended."""

    def change(now: Rollout) -> Rollout:
        return msgspec.structs.replace(now, state=how, ended=at)

    return state.rollouts.apply({rollout.id: change})[rollout.id]


class RolloutsSuite(StateSuite):
    """Runs over ``state.rollouts``."""

    def test_a_rollout_is_found_as_it_was_started(self, state: State, clock: HeldClock) -> None:
        rollout = made(state, clock)
        assert state.rollouts.get(ACME, "churn", rollout.id) == rollout
        assert state.rollouts.list(ACME, "churn") == [rollout]
        assert list(state.rollouts.running()) == [rollout]

    def test_a_model_has_one_running_rollout_and_any_number_of_ended_ones(
        self, state: State, clock: HeldClock
    ) -> None:
        first = made(state, clock)
        with pytest.raises(Conflict) as caught:
            state.rollouts.start(fresh(clock))
        assert caught.value.code == "rollout_running"
        over = ended(state, first, clock.now())
        second = state.rollouts.start(fresh(clock))
        assert state.rollouts.list(ACME, "churn") == [second, over]
        assert list(state.rollouts.running()) == [second]

    def test_another_tenants_rollout_is_as_one_that_does_not_exist(
        self, state: State, clock: HeldClock
    ) -> None:
        rollout = made(state, clock)
        foreign = refusal(state.rollouts.get, GLOBEX, "churn", rollout.id)
        assert foreign == refusal(state.rollouts.get, NOBODY, "churn", rollout.id)
        assert foreign == refusal(state.rollouts.get, ACME, "upsell", rollout.id)
        refusal(state.rollouts.list, GLOBEX, "churn")
        refusal(state.rollouts.start, fresh(clock, GLOBEX))

    def test_running_ones_are_told_by_tenant_and_model(self, state: State, clock: HeldClock) -> None:
        theirs = made(state, clock, GLOBEX)
        churn, upsell = made(state, clock), made(state, clock, ACME, "upsell")
        assert list(state.rollouts.running()) == [churn, upsell, theirs]
        assert list(state.rollouts.running(ACME)) == [churn, upsell]
        assert list(state.rollouts.running(ACME, "upsell")) == [upsell]
        assert list(state.rollouts.running(NOBODY)) == []

    def test_rules_stand_while_it_runs(self, state: State, clock: HeldClock) -> None:
        rollout = made(state, clock)
        rules = RunningRules(state.rollouts)
        (rule,) = rules.rules(ACME, "churn")
        assert rule.name == rollout.id
        assert rule.action == Canary(ref="2", share=0.05, salt=rollout.id, rollout=rollout.id)
        assert rules.all_rules() == {(ACME, "churn"): (rule,)}
        ended(state, rollout, clock.now())
        assert rules.rules(ACME, "churn") == ()
        assert rules.all_rules() == {}

    def test_what_is_applied_once_is_applied_once(self, state: State, clock: HeldClock) -> None:
        rollout = made(state, clock)
        for _ in range(3):
            state.rollouts.apply(counting(rollout), once="a segment")
        state.rollouts.apply(counting(rollout), once="another")
        state.rollouts.apply(counting(rollout))
        counted = state.rollouts.get(ACME, "churn", rollout.id).progress.waiting.challenger
        assert (counted.requests, counted.latency, counted.scores) == (9, {7: 9}, {3: 9.0})

    def test_a_change_that_fails_leaves_everything_as_it_was(self, state: State, clock: HeldClock) -> None:
        rollout, other = made(state, clock), made(state, clock, GLOBEX)

        def fail(_now: Rollout) -> Rollout:
            raise RuntimeError

        for broken in (rollout, other):
            with pytest.raises(RuntimeError):
                state.rollouts.apply(
                    counting(rollout) | counting(other) | {broken.id: fail}, once="a segment"
                )
        assert list(state.rollouts.running()) == [rollout, other]
        assert set(state.rollouts.apply(counting(rollout), once="a segment")) == {rollout.id}

    def test_an_ended_rollout_is_not_changed(self, state: State, clock: HeldClock) -> None:
        rollout = made(state, clock)
        over = ended(state, rollout, clock.now(), RolloutState.PROMOTED)
        assert state.rollouts.apply(counting(rollout) | {"rollout-nowhere": lambda now: now}) == {}
        assert state.rollouts.reward(rollout.id, [ObservedReward(version=1, reward=1.0)]) == 0
        assert state.rollouts.get(ACME, "churn", rollout.id) == over

    def test_rewards_count_once_a_request(self, state: State, clock: HeldClock) -> None:
        rollout = made(state, clock)
        rewards = [
            ObservedReward(version=2, reward=1.0, request_id="a"),
            ObservedReward(version=2, reward=0.5, request_id="b"),
            ObservedReward(version=2, reward=0.0, request_id="a"),
            ObservedReward(version=1, reward=0.25),
            ObservedReward(version=1, reward=0.25),
        ]
        assert state.rollouts.reward(rollout.id, rewards) == 4
        assert state.rollouts.reward(rollout.id, rewards) == 2
        seen = state.rollouts.get(ACME, "churn", rollout.id).progress.seen()
        assert (seen.champion_rewards.count, seen.challenger_rewards.count) == (4, 2)
        assert sum(seen.champion_rewards.grid) == pytest.approx(4)

    def test_forgets_what_is_long_over(self, state: State, clock: HeldClock) -> None:
        rollout = made(state, clock)
        reward = [ObservedReward(version=1, reward=1.0, request_id="a")]
        state.rollouts.apply(counting(rollout), once="old")
        state.rollouts.reward(rollout.id, reward)
        clock.advance(100)
        state.rollouts.apply(counting(rollout), once="new")
        state.rollouts.forget(clock.now() - 50)
        assert state.rollouts.apply(counting(rollout), once="new") == {}
        assert state.rollouts.apply(counting(rollout), once="old") != {}
        # The rollout runs, so its requests are remembered however old they are.
        assert state.rollouts.reward(rollout.id, reward) == 0

    def test_many_may_count_at_once(self, state: State, clock: HeldClock) -> None:
        rollout = made(state, clock)

        def work() -> None:
            for _ in range(10):
                state.rollouts.apply(counting(rollout, 1))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert state.rollouts.get(ACME, "churn", rollout.id).progress.waiting.challenger.requests == 40
