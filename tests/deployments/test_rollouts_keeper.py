"""The keeper: segments in once, decisions carried out once, whatever is killed when."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.deployments.simulated import ALIKE, Version, arm, rewards

from tenantry.adapters.sql import SqlDatasets, SqlDirectory, SqlRegistry, SqlRollouts, open_database
from tenantry.deployments.rollouts import Rollout, RolloutPlan, RolloutState
from tenantry.deployments.rollouts_control import reward_rollout, start_rollout, stop_rollout
from tenantry.deployments.rollouts_keeper import RolloutKeeper
from tenantry.errors import Conflict, InvalidRequest, NotFound, Unavailable
from tenantry.evaluation.sequential import GRID
from tenantry.registry import CHAMPION
from tenantry.routing.observed import KIND, Observed, encode_batch
from tenantry.segments import SegmentWriter
from tenantry.testing import HeldClock, State, memory_state, stored
from tenantry.testing.suites.base import ACME, GLOBEX
from tenantry.testing.suites.registry import register


class Told:
    """A publisher that remembers what it was asked for, and what was true then."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.asked: list[tuple[Any, ...]] = []
        self.champions: list[int | None] = []

    def publish(self, *place: Any) -> None:
        self.asked.append(place)
        if place:
            self.champions.append(self._state.registry.aliases(*place).get(CHAMPION))


class Installation:
    """Stores in memory (or, ``sql``, in a copy of an empty database), a spool on disk, and one model with the champion
    1 and the versions 2 and 3.
    """

    def __init__(self, folder: Path, sql: Path | None = None) -> None:
        self.clock = HeldClock()
        self.state = memory_state(self.clock) if sql is None else _sql_state(folder, sql, self.clock)
        self.registry, self.rollouts = self.state.registry, self.state.rollouts
        self.publisher: Any = Told(self.state)
        self.spool = folder / "spool"
        for tenant in (ACME, GLOBEX):
            self.state.directory.create_tenant(tenant)
            for content in (b"one", b"two", b"three"):
                register(self.state, content, tenant=tenant)
            self.registry.set_alias(tenant, "churn", CHAMPION, 1)
        self.rng = np.random.default_rng(1)

    def keeper(self) -> RolloutKeeper:
        return RolloutKeeper(self.rollouts, self.registry, self.publisher, self.clock, self.spool)

    def start(self, tenant: Any = ACME, **plan: Any) -> Rollout:
        return start_rollout(self, tenant, "churn", RolloutPlan(**{"challenger": 2, "share": 0.5, **plan}))  # type: ignore[arg-type]

    def get(self, rollout: Rollout) -> Rollout:
        return self.rollouts.get(rollout.tenant, rollout.model, rollout.id)

    def traffic(
        self, *rollouts: Rollout, challenger: Version = ALIKE, requests: int = 500, times: int = 4
    ) -> None:
        """What a worker hands over, in closed segments on disk."""
        writer = SegmentWriter(self.spool, KIND, 0)
        for _ in range(times):
            batch = []
            for rollout in rollouts:
                seen = Observed.of(rollout.id)
                seen.champion = arm(self.rng, ALIKE, requests)
                seen.challenger = arm(self.rng, challenger, requests)
                batch.append(seen)
            writer.append(encode_batch(batch))
            writer.flush()
        writer.close()

    def outcomes(self, rollout: Rollout, champion: float, challenger: float, count: int = 600) -> None:
        """A day's rewards of each version, one version after the other."""
        for version, mean in ((rollout.champion, champion), (rollout.challenger, challenger)):
            found = self.rng.random(count) < mean
            sent = [{"version": version, "reward": float(one)} for one in found]
            reward_rollout(self, rollout.tenant, "churn", rollout.id, _rewards(sent))  # type: ignore[arg-type]


def _rewards(sent: list[dict[str, Any]]) -> Any:
    import msgspec

    from tenantry.deployments.rollouts import ObservedReward

    return msgspec.convert(sent, list[ObservedReward])


def _sql_state(folder: Path, empty: Path, clock: HeldClock) -> State:
    folder.mkdir()
    database = open_database(f"sqlite:///{shutil.copy(empty, folder / 'tenantry.db')}")
    memory = memory_state(clock)
    directory = SqlDirectory(database, clock)
    registry = SqlRegistry(database, stored(memory.blobs), clock)
    return dataclasses.replace(
        memory,
        directory=directory,
        datasets=SqlDatasets(database, memory.blobs, clock),
        registry=registry,
        rollouts=SqlRollouts(database, clock),
        close=database.close,
    )


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "empty.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_better_challenger_becomes_champion_and_that_is_published(here: Installation) -> None:
    rollout = here.start(min_requests=500)
    here.traffic(rollout)
    here.keeper().step()
    here.outcomes(rollout, 0.3, 0.6)
    here.keeper().step()
    found = here.get(rollout)
    assert found.state is RolloutState.PROMOTED, found
    assert found.ended == here.clock.now()
    assert "mean reward 0.6" in found.reason
    assert here.registry.aliases(ACME, "churn") == {CHAMPION: 2}
    assert (ACME, "churn") in here.publisher.asked
    assert here.publisher.champions[-1] == 2  # the alias was there before the table was written
    assert list(here.rollouts.running()) == []


def test_a_bad_challenger_is_rolled_back_and_the_champion_stays(here: Installation) -> None:
    rollout, other = here.start(), here.start(GLOBEX)
    here.traffic(rollout, challenger=Version(errors=0.4))
    here.traffic(other)
    (ended,) = here.keeper().step()
    assert (ended.id, ended.state) == (rollout.id, RolloutState.ROLLED_BACK)
    assert ended.reason.startswith("the challenger's error rate is more than 2 % above the champion's: 4")
    assert here.registry.aliases(ACME, "churn") == {CHAMPION: 1}
    assert here.get(other).state is RolloutState.RUNNING
    assert here.get(other).progress.seen().challenger.requests == 2000


def test_segments_are_folded_in_once_and_removed(here: Installation) -> None:
    rollout = here.start()
    here.traffic(rollout, requests=7, times=3)
    for _ in range(3):
        here.keeper().step()
    assert here.get(rollout).progress.seen().challenger.requests == 21
    assert list((here.spool / KIND).iterdir()) == []


def test_observations_of_rollouts_that_ended_or_never_were_are_dropped(here: Installation) -> None:
    rollout = here.start()
    here.traffic(rollout, requests=3, times=1)
    stop_rollout(here, ACME, "churn", rollout.id)  # type: ignore[arg-type]
    assert here.keeper().step() == []
    assert here.get(rollout).progress.seen().challenger.requests == 0
    assert list((here.spool / KIND).iterdir()) == []


def test_a_damaged_segment_gives_what_is_whole_and_is_set_aside(here: Installation) -> None:
    rollout = here.start()
    here.traffic(rollout, requests=5, times=1)
    here.traffic(rollout, requests=5, times=1)
    first, second = sorted((here.spool / KIND).iterdir())
    first.write_bytes(first.read_bytes()[:-3])
    second.write_bytes(second.read_bytes() + b"rubbish")
    here.keeper().step()
    here.keeper().step()
    assert here.get(rollout).progress.seen().challenger.requests == 5
    assert {path.suffix for path in (here.spool / KIND).iterdir()} == {".bad"}


def test_a_horizon_ends_without_a_decision(here: Installation) -> None:
    rollout = here.start(horizon_hours=1)
    here.traffic(rollout)
    assert here.keeper().step() == []
    here.clock.advance(3600)
    (ended,) = here.keeper().step()
    assert ended.state is RolloutState.INCONCLUSIVE
    assert ended.reason == "the horizon of 1 h is over: no rewards have come in for both versions"
    assert here.registry.aliases(ACME, "churn") == {CHAMPION: 1}


def test_a_champion_that_is_changed_meanwhile_ends_it(here: Installation) -> None:
    rollout = here.start()
    here.registry.set_alias(ACME, "churn", CHAMPION, 3)
    (ended,) = here.keeper().step()
    assert (ended.id, ended.state) == (rollout.id, RolloutState.INCONCLUSIVE)
    assert ended.reason == "the champion was changed meanwhile, from version 1 to version 3"
    assert here.registry.aliases(ACME, "churn") == {CHAMPION: 3}


def test_stopping_twice_is_stopping_and_rewards_come_too_late(here: Installation) -> None:
    rollout = here.start()
    stopped = stop_rollout(here, ACME, "churn", rollout.id)  # type: ignore[arg-type]
    assert (stopped.state, stopped.reason) == (RolloutState.STOPPED, "stopped by request")
    here.clock.advance(10)
    assert stop_rollout(here, ACME, "churn", rollout.id) == stopped  # type: ignore[arg-type]
    with pytest.raises(Conflict) as caught:
        reward_rollout(here, ACME, "churn", rollout.id, _rewards([{"version": 1, "reward": 1}]))  # type: ignore[arg-type]
    assert caught.value.code == "rollout_ended"


def test_what_cannot_be_tried_is_refused(here: Installation) -> None:
    for plan, code in (
        ({"challenger": 1}, "rollout_invalid"),
        ({"challenger": "champion"}, "rollout_invalid"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            here.start(**plan)
        assert caught.value.code == code
    for plan in ({"challenger": 9}, {"challenger": "nobody"}):
        with pytest.raises(NotFound):
            here.start(**plan)
    here.registry.remove_alias(GLOBEX, "churn", CHAMPION)
    with pytest.raises(InvalidRequest):
        here.start(GLOBEX)
    rollout = here.start()
    with pytest.raises(Conflict):
        here.start(challenger=3)
    with pytest.raises(InvalidRequest):
        reward_rollout(here, ACME, "churn", rollout.id, _rewards([{"version": 3, "reward": 1}]))  # type: ignore[arg-type]


def test_what_fails_for_one_rollout_stops_no_other_and_is_tried_again(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = here.start(), here.start(GLOBEX)
    here.traffic(first, second, challenger=Version(errors=0.5))
    real = here.registry.aliases

    def aliases(tenant: Any, model: str) -> dict[str, int]:
        if tenant == ACME:
            raise Unavailable("database_busy", "busy")
        return real(tenant, model)

    keeper = here.keeper()
    monkeypatch.setattr(here.registry, "aliases", aliases)
    assert [one.id for one in keeper.step()] == [second.id]
    monkeypatch.undo()
    assert [one.id for one in keeper.step()] == [first.id]


def test_a_publication_that_fails_is_made_up_for(here: Installation) -> None:
    rollout = here.start()
    here.traffic(rollout, challenger=Version(errors=0.5))
    keeper = here.keeper()
    real, here.publisher.publish = here.publisher.publish, _fail
    with pytest.raises(OSError, match="no room"):
        keeper.step()
    assert here.get(rollout).state is RolloutState.ROLLED_BACK
    here.publisher.publish, before = real, len(here.publisher.asked)
    keeper.step()
    assert set(here.publisher.asked[before:]) == {(), (ACME, "churn")}
    keeper.step()
    assert len(here.publisher.asked) == before + 2


def _fail(*_place: Any) -> None:
    raise OSError("no room")


class Killed(BaseException):
    """The process ends here."""


class Deadly:
    """A store that ends the process before or after the n-th of its effects."""

    def __init__(self, kept: Any, effects: set[str], counter: list[int], at: int, *, after: bool) -> None:
        self._kept, self._effects, self._counter, self._at, self._after = kept, effects, counter, at, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._kept, name)
        if name not in self._effects:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            self._counter[0] += 1
            here = self._counter[0] == self._at
            if here and not self._after:
                raise Killed
            found = method(*arguments, **named)
            if here:
                raise Killed
            return found

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("promote", [True, False], ids=["promoted", "rolled back"])
@pytest.mark.parametrize("sql", [False, True], ids=["memory", "sql"])
def test_a_kill_at_any_effect_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
    empty_database: Path,
    sql: bool,  # noqa: FBT001
    promote: bool,  # noqa: FBT001
    after: bool,  # noqa: FBT001
) -> None:
    reached = set()
    for at in range(1, 40):
        here = Installation(tmp_path / f"{at}", empty_database if sql else None)
        rollout = here.start(min_requests=500, promote="not-worse", objective="reward", margin=0.1)
        here.traffic(rollout, challenger=ALIKE if promote else Version(errors=0.5), times=2)
        sent = [
            {"version": version, "reward": 1.0 if one % 2 else 0.5}
            for version in (1, 2)
            for one in range(400)
        ]
        here.rollouts.reward(rollout.id, _rewards(sent))
        counter = [0]
        keeper = RolloutKeeper(
            Deadly(here.rollouts, {"apply", "forget"}, counter, at, after=after),
            Deadly(here.registry, {"set_alias"}, counter, at, after=after),
            Deadly(here.publisher, {"publish"}, counter, at, after=after),
            here.clock,
            here.spool,
        )
        keeper._reader = Deadly(keeper._reader, {"done"}, counter, at, after=after)  # type: ignore[assignment]
        try:
            for _ in range(2):
                keeper.step()
        except Killed:
            reached.add(at)
        again = here.keeper()
        for _ in range(2):
            again.step()
        found = here.get(rollout)
        assert found.state is (RolloutState.PROMOTED if promote else RolloutState.ROLLED_BACK), (
            at,
            found.reason,
        )
        assert found.progress.seen().challenger.requests == 1000
        moves = [(move.previous, move.number) for move in here.registry.alias_history(ACME, "churn")]
        assert moves == ([(1, 2), (None, 1)] if promote else [(None, 1)])
        assert here.publisher.asked[-1] in ((), (ACME, "churn"))
        here.state.close()
        if at not in reached:  # nothing is left to be killed at
            assert counter[0] < at
            break
    assert len(reached) >= 7


def test_a_promotion_that_somebody_forestalls_is_none(here: Installation) -> None:
    rollout = here.start()

    def decided(now: Rollout) -> Rollout:
        import msgspec

        return msgspec.structs.replace(now, decided=RolloutState.PROMOTED, reason="shown to be better")

    here.rollouts.apply({rollout.id: decided})
    here.registry.set_alias(ACME, "churn", CHAMPION, 3)
    (ended,) = here.keeper().step()
    assert ended.state is RolloutState.INCONCLUSIVE
    assert ended.reason.startswith("shown to be better; yet it was not promoted: 'champion' of 'churn'")
    assert here.registry.aliases(ACME, "churn") == {CHAMPION: 3}


def test_simulated_rewards_are_on_the_grid() -> None:
    found = rewards(np.random.default_rng(0), Version(reward=1.0), 10, 1.0)
    assert np.array(found.grid) @ GRID == 10
