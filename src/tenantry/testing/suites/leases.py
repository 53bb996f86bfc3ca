"""What every job store must do when workers fail, fall silent, or come back too late."""

from tenantry.testing.clock import HeldClock
from tenantry.testing.state import State
from tenantry.testing.suites.base import ACME, StateSuite
from tenantry.testing.suites.jobs import KINDS, LEASE, claimed

BROKEN = {"error": "the disk is full", "code": "storage_unavailable", "hint": "make room"}


class LeasesSuite(StateSuite):
    """Runs over ``state.jobs``."""

    def test_a_failed_job_tells_why(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        assert state.jobs.fail(claimed(state), BROKEN)
        failed = state.jobs.get(ACME, job.id)
        assert (failed.state, failed.error, failed.detail) == ("failed", BROKEN, "the disk is full")

    def test_a_retry_waits_its_time_and_counts(self, state: State, clock: HeldClock) -> None:
        job = state.jobs.enqueue(ACME, "train", {}, max_attempts=2)
        assert state.jobs.fail(claimed(state), BROKEN, retry_in=30.0)
        again = state.jobs.get(ACME, job.id)
        assert (again.state, again.not_before, again.error) == ("queued", clock.now() + 30.0, BROKEN)
        assert state.jobs.claim("worker-1", KINDS, LEASE) is None
        clock.advance(30)
        second = claimed(state)
        assert (second.attempt, second.job.error) == (2, None)
        assert state.jobs.fail(second, BROKEN, retry_in=30.0)
        assert state.jobs.get(ACME, job.id).state == "failed"

    def test_a_job_given_back_is_ready_at_once_and_has_lost_no_attempt(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {}, max_attempts=2)
        for _ in range(3):
            claim = claimed(state)
            assert state.jobs.release(claim)
            back = state.jobs.get(ACME, job.id)
            assert (back.state, back.owner, back.lease_until, back.error) == ("queued", None, None, None)
            assert back.max_attempts - back.attempt == 2
        assert state.jobs.fail(claimed(state), BROKEN, retry_in=0.0)
        assert state.jobs.fail(claimed(state), BROKEN, retry_in=0.0)
        assert state.jobs.get(ACME, job.id).state == "failed"

    def test_who_gave_a_job_back_writes_to_it_no_more(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        old = claimed(state, "worker-1")
        assert state.jobs.release(old)
        assert not state.jobs.release(old)
        # The same worker takes it again: only the attempt tells the claims apart.
        taken = claimed(state, "worker-1")
        before = state.jobs.get(ACME, job.id)
        assert not state.jobs.heartbeat(old)
        assert not state.jobs.succeed(old, {})
        assert not state.jobs.fail(old, BROKEN)
        assert not state.jobs.release(old)
        assert state.jobs.get(ACME, job.id) == before
        assert state.jobs.succeed(taken, {})

    def test_a_job_that_somebody_cancelled_is_not_given_back(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        state.jobs.cancel(ACME, job.id)
        assert not state.jobs.release(claim)
        assert state.jobs.stop(claim)
        assert state.jobs.get(ACME, job.id).state == "cancelled"

    def test_a_heartbeat_extends_the_lease(self, state: State, clock: HeldClock) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        for _ in range(3):
            clock.advance(LEASE - 1)
            assert state.jobs.heartbeat(claim)
        assert state.jobs.get(ACME, job.id).lease_until == clock.now() + LEASE
        assert state.jobs.expire() == []

    def test_a_silent_workers_job_goes_to_another_once(self, state: State, clock: HeldClock) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        lost = claimed(state, "worker-1")
        clock.advance(LEASE)
        (back,) = state.jobs.expire()
        assert (back.id, back.state) == (job.id, "queued")
        assert state.jobs.expire() == []
        taken = claimed(state, "worker-2")
        assert (taken.job.id, taken.attempt) == (job.id, 2)
        assert state.jobs.claim("worker-3", KINDS, LEASE) is None
        assert state.jobs.succeed(taken, {"by": 2})
        assert not state.jobs.succeed(lost, {"by": 1})
        assert state.jobs.get(ACME, job.id).result == {"by": 2}

    def test_stale_writes_are_refused(self, state: State, clock: HeldClock) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        lost = claimed(state, "worker-1")
        clock.advance(LEASE)
        state.jobs.expire()
        # The same worker, back again: the attempt tells the claims apart.
        taken = claimed(state, "worker-1")
        before = state.jobs.get(ACME, job.id)
        assert not state.jobs.heartbeat(lost)
        assert not state.jobs.report(lost, "late", 0.9, "")
        assert not state.jobs.succeed(lost, {})
        assert not state.jobs.fail(lost, BROKEN)
        assert not state.jobs.stop(lost)
        assert state.jobs.get(ACME, job.id) == before
        assert state.jobs.heartbeat(taken)

    def test_a_late_worker_may_go_on_where_nobody_took_over(self, state: State, clock: HeldClock) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        clock.advance(LEASE + 1)
        assert state.jobs.heartbeat(claim)
        assert state.jobs.expire() == []
        assert state.jobs.succeed(claim, {})
        assert state.jobs.get(ACME, job.id).attempt == 1

    def test_a_lapsed_lease_blocks_no_other_tenant_and_frees_its_own(
        self, state: State, clock: HeldClock
    ) -> None:
        state.jobs.enqueue(ACME, "train", {})
        second = state.jobs.enqueue(ACME, "train", {})
        lost = claimed(state)
        clock.advance(LEASE)
        state.jobs.expire()
        state.jobs.succeed(claimed(state), {})
        assert claimed(state).job.id == second.id
        assert not state.jobs.heartbeat(lost)

    def test_a_job_that_keeps_losing_its_worker_fails(self, state: State, clock: HeldClock) -> None:
        job = state.jobs.enqueue(ACME, "train", {}, max_attempts=2)
        for _ in range(2):
            claimed(state)
            clock.advance(LEASE)
            state.jobs.expire()
        failed = state.jobs.get(ACME, job.id)
        assert failed.state == "failed"
        assert failed.error is not None
        assert failed.error["code"] == "job_lost"
        assert failed.error["hint"]
        assert state.jobs.claim("worker-1", KINDS, LEASE) is None

    def test_a_cancelled_job_of_a_dead_worker_ends_with_its_lease(
        self, state: State, clock: HeldClock
    ) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        claimed(state)
        state.jobs.cancel(ACME, job.id)
        assert state.jobs.expire() == []
        clock.advance(LEASE)
        (ended,) = state.jobs.expire()
        assert (ended.id, ended.state) == (job.id, "cancelled")
