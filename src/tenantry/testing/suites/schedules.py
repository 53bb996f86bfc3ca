"""What every job store must do with schedules."""

import msgspec
import pytest

from tenantry.errors import InvalidRequest
from tenantry.ports.jobs import Schedule
from tenantry.testing.clock import HeldClock
from tenantry.testing.state import State
from tenantry.testing.suites.base import ACME, GLOBEX, NOBODY, StateSuite, refusal

DAY = 86_400
NIGHTLY = Schedule(
    tenant=ACME,
    name="nightly",
    kind="train",
    payload={"name": "churn"},
    every_seconds=DAY,
    offset_seconds=7200,
)


class SchedulesSuite(StateSuite):
    """Runs over ``state.jobs``."""

    def test_is_due_at_its_offset_in_every_period(self, state: State, clock: HeldClock) -> None:
        kept = state.jobs.put_schedule(NIGHTLY)
        assert kept.next_due > clock.now()
        assert kept.next_due - clock.now() <= DAY
        assert (kept.next_due - 7200) % DAY == 0
        assert state.jobs.list_schedules(ACME) == [kept]

    def test_each_due_time_gives_one_job(self, state: State, clock: HeldClock) -> None:
        kept = state.jobs.put_schedule(NIGHTLY)
        assert state.jobs.dispatch_due() == []
        clock.advance(kept.next_due - clock.now())
        (job,) = state.jobs.dispatch_due()
        assert (job.tenant, job.kind, job.payload, job.state) == (ACME, "train", {"name": "churn"}, "queued")
        assert state.jobs.dispatch_due() == []
        clock.advance(DAY)
        assert len(state.jobs.dispatch_due()) == 1

    def test_times_that_were_missed_are_made_up_by_one_job(self, state: State, clock: HeldClock) -> None:
        state.jobs.put_schedule(NIGHTLY)
        clock.advance(10 * DAY)
        assert len(state.jobs.dispatch_due()) == 1
        assert state.jobs.list_schedules(ACME)[0].next_due > clock.now()

    def test_a_due_time_that_was_served_is_not_served_again_after_a_new_put(
        self, state: State, clock: HeldClock
    ) -> None:
        clock.advance(state.jobs.put_schedule(NIGHTLY).next_due - clock.now())
        state.jobs.dispatch_due()
        state.jobs.remove_schedule(ACME, "nightly")
        state.jobs.put_schedule(NIGHTLY)
        assert state.jobs.dispatch_due() == []

    def test_putting_it_again_keeps_a_time_that_is_due(self, state: State, clock: HeldClock) -> None:
        clock.advance(state.jobs.put_schedule(NIGHTLY).next_due - clock.now())
        state.jobs.put_schedule(msgspec.structs.replace(NIGHTLY, payload={"name": "upsell"}))
        (job,) = state.jobs.dispatch_due()
        assert job.payload == {"name": "upsell"}

    def test_new_times_replace_the_old(self, state: State, clock: HeldClock) -> None:
        state.jobs.put_schedule(NIGHTLY)
        hourly = state.jobs.put_schedule(
            msgspec.structs.replace(NIGHTLY, every_seconds=3600, offset_seconds=0)
        )
        assert hourly.next_due - clock.now() <= 3600
        assert state.jobs.list_schedules(ACME) == [hourly]

    @pytest.mark.parametrize(("every", "offset"), [(0, 0), (30, 0), (90, 0), (-60, 0), (60, 60), (60, -1)])
    def test_refuses_times_that_cannot_be_kept(self, state: State, every: int, offset: int) -> None:
        with pytest.raises(InvalidRequest) as caught:
            state.jobs.put_schedule(
                msgspec.structs.replace(NIGHTLY, every_seconds=every, offset_seconds=offset)
            )
        assert caught.value.code == "schedule_invalid"

    def test_another_tenants_schedule_is_as_one_that_does_not_exist(self, state: State) -> None:
        state.jobs.put_schedule(NIGHTLY)
        foreign = refusal(state.jobs.remove_schedule, GLOBEX, "nightly")
        assert foreign == refusal(state.jobs.remove_schedule, NOBODY, "nightly")
        assert state.jobs.list_schedules(GLOBEX) == []
        refusal(state.jobs.put_schedule, msgspec.structs.replace(NIGHTLY, tenant=NOBODY))

    def test_a_removed_schedule_gives_no_jobs(self, state: State, clock: HeldClock) -> None:
        state.jobs.put_schedule(NIGHTLY)
        state.jobs.remove_schedule(ACME, "nightly")
        clock.advance(2 * DAY)
        assert state.jobs.dispatch_due() == []
