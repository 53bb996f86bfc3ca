"""What every job store must do: queueing, turns, reports, cancel, isolation."""

from typing import Any

import pytest

from tenantry.ports.jobs import Claim
from tenantry.tenancy import TenantId
from tenantry.testing.clock import HeldClock
from tenantry.testing.state import State
from tenantry.testing.suites.base import ACME, GLOBEX, NOBODY, StateSuite, refusal

KINDS = ["train"]
LEASE = 15.0


def claimed(state: State, owner: str = "worker-1") -> Claim:
    """A claim that must be had."""
    claim = state.jobs.claim(owner, KINDS, LEASE)
    assert claim is not None
    return claim


class JobsSuite(StateSuite):
    """Runs over ``state.jobs``."""

    def test_a_job_waits_runs_and_succeeds(self, state: State, clock: HeldClock) -> None:
        job = state.jobs.enqueue(ACME, "train", {"name": "churn", "rows": [1, None, 2.5]})
        assert (job.state, job.attempt, job.created) == ("queued", 0, clock.now())
        clock.advance(1)
        claim = claimed(state)
        assert (claim.job.id, claim.owner, claim.attempt) == (job.id, "worker-1", 1)
        assert (claim.job.state, claim.job.started) == ("running", clock.now())
        assert claim.job.payload == {"name": "churn", "rows": [1, None, 2.5]}
        assert claim.job.lease_until == clock.now() + LEASE
        clock.advance(1)
        assert state.jobs.succeed(claim, {"version": 3})
        done = state.jobs.get(ACME, job.id)
        assert (done.state, done.progress, done.result, done.error) == (
            "succeeded",
            1.0,
            {"version": 3},
            None,
        )
        assert (done.finished, done.owner, done.lease_until) == (clock.now(), None, None)

    def test_nothing_is_claimed_where_nothing_waits(self, state: State) -> None:
        assert state.jobs.claim("worker-1", KINDS, LEASE) is None
        state.jobs.enqueue(ACME, "score", {})
        assert state.jobs.claim("worker-1", KINDS, LEASE) is None
        assert state.jobs.claim("worker-1", [], LEASE) is None
        assert state.jobs.claim("worker-1", ["train", "score"], LEASE) is not None

    def test_a_job_waits_for_its_time(self, state: State, clock: HeldClock) -> None:
        state.jobs.enqueue(ACME, "train", {}, not_before=clock.now() + 60)
        assert state.jobs.claim("worker-1", KINDS, LEASE) is None
        clock.advance(60)
        claimed(state)

    def test_a_job_that_waits_for_its_time_holds_up_no_other(self, state: State, clock: HeldClock) -> None:
        state.jobs.enqueue(ACME, "train", {"n": 1}, not_before=clock.now() + 60)
        ready = state.jobs.enqueue(ACME, "train", {"n": 2})
        assert claimed(state).job.id == ready.id

    def test_a_key_gives_the_same_job_again_whatever_became_of_it(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {"n": 1}, key="monday")
        assert state.jobs.enqueue(ACME, "train", {"n": 2}, key="monday") == job
        state.jobs.succeed(claimed(state), {})
        assert state.jobs.enqueue(ACME, "train", {"n": 2}, key="monday").state == "succeeded"
        assert state.jobs.count(ACME) == 1

    def test_a_key_is_its_tenants_and_its_kinds_own(self, state: State) -> None:
        ids = {
            state.jobs.enqueue(ACME, "train", {}, key="monday").id,
            state.jobs.enqueue(GLOBEX, "train", {}, key="monday").id,
            state.jobs.enqueue(ACME, "score", {}, key="monday").id,
            state.jobs.enqueue(ACME, "train", {}).id,
            state.jobs.enqueue(ACME, "train", {}).id,
        }
        assert len(ids) == 5

    def test_one_job_of_a_tenant_runs_at_a_time(self, state: State) -> None:
        first = state.jobs.enqueue(ACME, "train", {})
        second = state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        assert claim.job.id == first.id
        assert state.jobs.claim("worker-2", KINDS, LEASE) is None
        state.jobs.succeed(claim, {})
        assert claimed(state, "worker-2").job.id == second.id

    def test_the_tenant_served_longest_ago_is_next(self, state: State) -> None:
        beta = TenantId("beta")
        state.directory.create_tenant(beta)
        for tenant in (ACME, ACME, ACME, GLOBEX, GLOBEX, beta):
            state.jobs.enqueue(tenant, "train", {})
        served = []
        for _ in range(6):
            claim = claimed(state)
            served.append(claim.job.tenant)
            state.jobs.succeed(claim, {})
        assert served == [ACME, GLOBEX, beta, ACME, GLOBEX, ACME]

    def test_a_long_queue_of_one_tenant_holds_up_no_other(self, state: State) -> None:
        for _ in range(30):
            state.jobs.enqueue(ACME, "train", {})
        for _ in range(3):
            state.jobs.succeed(claimed(state), {})
        state.jobs.enqueue(GLOBEX, "train", {})
        assert claimed(state).job.tenant == GLOBEX

    def test_a_named_job_can_be_claimed(self, state: State, clock: HeldClock) -> None:
        first = state.jobs.enqueue(ACME, "train", {})
        second = state.jobs.enqueue(ACME, "train", {})
        later = state.jobs.enqueue(GLOBEX, "train", {}, not_before=clock.now() + 60)
        claim = state.jobs.claim_job("me", ACME, second.id, LEASE)
        assert claim is not None
        assert (claim.job.id, claim.job.state) == (second.id, "running")
        assert state.jobs.claim_job("me", ACME, first.id, LEASE) is None
        assert state.jobs.claim_job("me", ACME, second.id, LEASE) is None
        assert state.jobs.claim_job("me", GLOBEX, later.id, LEASE) is None
        refusal(state.jobs.claim_job, "me", GLOBEX, second.id, LEASE)

    def test_reports_become_events_in_order(self, state: State, clock: HeldClock) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        for stage, progress in (("profile", 0.1), ("train", 0.7)):
            clock.advance(1)
            assert state.jobs.report(claim, stage, progress, f"{stage} is under way")
        seen = state.jobs.get(ACME, job.id)
        assert (seen.stage, seen.progress, seen.detail) == ("train", 0.7, "train is under way")
        assert seen.lease_until == clock.now() + LEASE
        state.jobs.succeed(claim, {})
        events = state.jobs.events(ACME, job.id)
        assert [event.state for event in events] == ["queued", "running", "running", "running", "succeeded"]
        assert [event.stage for event in events] == ["", "", "profile", "train", "train"]
        assert [event.seq for event in events] == [1, 2, 3, 4, 5]
        assert state.jobs.events(ACME, job.id, events[2].seq) == events[3:]

    def test_events_are_numbered_within_their_job(self, state: State) -> None:
        jobs = [state.jobs.enqueue(tenant, "train", {}) for tenant in (ACME, GLOBEX, ACME)]
        for claim in (claimed(state), claimed(state, "worker-2")):
            assert state.jobs.report(claim, "learn", 0.5, "")
        counted = [[event.seq for event in state.jobs.events(job.tenant, job.id)] for job in jobs]
        assert counted == [[1, 2, 3], [1, 2, 3], [1]]

    def test_progress_stays_within_bounds(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        for given, kept in ((7.0, 1.0), (-1.0, 0.0)):
            state.jobs.report(claim, "train", given, "")
            assert state.jobs.get(ACME, job.id).progress == kept

    def test_lists_newest_first_in_pages(self, state: State) -> None:
        ids = [state.jobs.enqueue(ACME, kind, {}).id for kind in ("train", "score", "train")]
        assert [job.id for job in state.jobs.list(ACME)] == ids[::-1]
        assert [job.id for job in state.jobs.list(ACME, limit=1, offset=1)] == [ids[1]]
        assert [job.id for job in state.jobs.list(ACME, kind="train")] == [ids[2], ids[0]]
        claimed(state)
        assert [job.id for job in state.jobs.list(ACME, state="running")] == [ids[0]]
        assert state.jobs.count(ACME, kind="train", state="queued") == 1

    def test_a_queued_job_is_cancelled_at_once(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        assert state.jobs.cancel(ACME, job.id).state == "cancelled"
        assert state.jobs.claim("worker-1", KINDS, LEASE) is None
        assert state.jobs.get(ACME, job.id).finished is not None

    def test_a_running_job_is_cancelled_when_its_work_has_stopped(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        asked = state.jobs.cancel(ACME, job.id)
        assert (asked.state, asked.cancel_requested) == ("running", True)
        assert not state.jobs.heartbeat(claim)
        assert not state.jobs.report(claim, "train", 0.9, "")
        assert not state.jobs.succeed(claim, {})
        assert not state.jobs.fail(claim, {"error": "x"}, retry_in=1.0)
        # Its work may still run, so the tenant's next job waits.
        assert state.jobs.claim("worker-2", KINDS, LEASE) is None
        assert state.jobs.stop(claim)
        assert state.jobs.get(ACME, job.id).state == "cancelled"
        assert not state.jobs.stop(claim)
        assert state.jobs.claim("worker-2", KINDS, LEASE) is not None

    def test_stop_ends_nothing_that_was_not_cancelled(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        assert not state.jobs.stop(claim)
        assert state.jobs.get(ACME, job.id).state == "running"

    @pytest.mark.parametrize("end", ["succeed", "fail", "cancel"])
    def test_nothing_changes_a_finished_job(self, state: State, clock: HeldClock, end: str) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        claim = claimed(state)
        if end == "succeed":
            state.jobs.succeed(claim, {})
        elif end == "fail":
            state.jobs.fail(claim, {"error": "broken", "code": "x"})
        else:
            state.jobs.cancel(ACME, job.id)
            state.jobs.stop(claim)
        done, events = state.jobs.get(ACME, job.id), state.jobs.events(ACME, job.id)
        clock.advance(10 * LEASE)
        assert state.jobs.cancel(ACME, job.id) == done
        refused: list[Any] = [
            state.jobs.heartbeat(claim),
            state.jobs.succeed(claim, {}),
            state.jobs.fail(claim, {}),
        ]
        assert refused == [False, False, False]
        assert state.jobs.expire() == []
        assert state.jobs.get(ACME, job.id) == done
        assert state.jobs.events(ACME, job.id) == events

    def test_another_tenants_job_is_as_one_that_does_not_exist(self, state: State) -> None:
        job = state.jobs.enqueue(ACME, "train", {})
        for call in (state.jobs.get, state.jobs.cancel, state.jobs.events):
            assert refusal(call, GLOBEX, job.id) == refusal(call, NOBODY, job.id)
        assert (state.jobs.list(GLOBEX), state.jobs.count(GLOBEX)) == ([], 0)
        assert state.jobs.get(ACME, job.id).state == "queued"

    def test_refuses_nobodys_job(self, state: State) -> None:
        refusal(state.jobs.enqueue, NOBODY, "train", {})

    def test_forgets_old_finished_jobs_only(self, state: State, clock: HeldClock) -> None:
        old = state.jobs.enqueue(ACME, "train", {}, key="monday")
        state.jobs.succeed(claimed(state), {})
        clock.advance(100)
        kept = state.jobs.enqueue(ACME, "train", {})
        state.jobs.succeed(claimed(state), {})
        waiting = state.jobs.enqueue(ACME, "train", {})
        assert state.jobs.prune(clock.now() - 50) == 1
        assert [job.id for job in state.jobs.list(ACME)] == [waiting.id, kept.id]
        refusal(state.jobs.events, ACME, old.id)
        assert state.jobs.enqueue(ACME, "train", {}, key="monday").id != old.id
