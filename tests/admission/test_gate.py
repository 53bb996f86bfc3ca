"""The gate: each limit refuses with its code and a time that is true, and what left is forgotten."""

import pytest

from tenantry.admission import FairQueue, Gate, Policy, Quota, Refusal, SharedLimits, Ticket
from tenantry.errors import CATALOGUE, Overloaded, Unavailable

QUOTA = Quota()
POLICY = Policy()


class Worker:
    """A gate and its queue under one clock."""

    def __init__(self, **options) -> None:
        self.queue = FairQueue[Ticket]()
        self.gate = Gate(self.queue, **options)
        self.now = 1000.0

    def enter(self, tenant="acme", quota=QUOTA, name="churn", policy=POLICY, left=1.0, **options):
        return self.gate.enter(self.now, tenant, quota, name, policy, deadline=self.now + left, **options)

    def admit(self, tenant="acme", quota=QUOTA, **options) -> Ticket:
        ticket = self.enter(tenant, quota, **options)
        assert isinstance(ticket, Ticket)
        self.queue.push(
            ticket,
            tenant=tenant,
            weight=quota.weight,
            priority=ticket.priority,
            cost=ticket.cost,
            deadline=ticket.start_by,
        )
        return ticket

    def serve(self, seconds: float, rows: int = 1) -> None:
        ticket = self.queue.pop(self.now)
        assert ticket is not None
        self.gate.began(ticket)
        self.now += seconds
        self.gate.leave(ticket, self.now, service=seconds, rows=rows)

    def learn(self, seconds: float, **options) -> None:
        for _ in range(20):
            self.admit(**options)
            self.serve(seconds)


def refused(result: Ticket | Refusal, code: str, kind: type, scope: str) -> float:
    assert isinstance(result, Refusal)
    error = result.error()
    assert type(error) is kind
    assert error.code == code
    assert error.hint == CATALOGUE[code][1]
    assert error.details["scope"] == scope
    assert error.details["retry_after"] == pytest.approx(result.retry_after, abs=1e-6)
    assert result.retry_after > 0
    return result.retry_after


def test_a_tenant_has_no_more_in_flight_than_its_quota_and_gets_its_places_back():
    worker, quota = Worker(), Quota(concurrency=3)
    tickets = [worker.admit(quota=quota, name=f"m{n}") for n in range(3)]
    wait = refused(worker.enter(quota=quota), "too_many_in_flight", Overloaded, "tenant")
    assert wait == pytest.approx(0.001, rel=0.5)  # one of the three, at a millisecond each
    assert isinstance(worker.enter("other", quota), Ticket)
    worker.gate.leave(tickets[0], worker.now)
    assert isinstance(worker.enter(quota=quota), Ticket)
    assert worker.gate.inflight("acme") == 3


def test_a_deployment_has_no_more_in_flight_than_its_policy():
    worker, policy = Worker(), Policy(concurrency=2)
    worker.admit(policy=policy)
    worker.admit(policy=policy)
    refused(worker.enter(policy=policy), "too_many_in_flight", Overloaded, "deployment")
    assert isinstance(worker.enter(policy=policy, name="another"), Ticket)


@pytest.mark.parametrize("scope", ["tenant", "deployment"])
def test_a_rate_refuses_with_the_time_that_is_true_to_it(scope):
    worker = Worker()
    quota = Quota(requests_per_second=10.0) if scope == "tenant" else QUOTA
    policy = Policy(requests_per_second=10.0) if scope == "deployment" else POLICY
    for _ in range(10):
        worker.gate.leave(worker.enter(quota=quota, policy=policy), worker.now)
    wait = refused(worker.enter(quota=quota, policy=policy), "rate_limited", Overloaded, scope)
    assert wait == pytest.approx(0.1)
    worker.now += wait - 0.001
    refused(worker.enter(quota=quota, policy=policy), "rate_limited", Overloaded, scope)
    worker.now += 0.0011
    assert isinstance(worker.enter(quota=quota, policy=policy), Ticket)


def test_a_request_that_one_bucket_refuses_costs_the_other_nothing():
    worker, quota = Worker(), Quota(requests_per_second=100.0)
    tight = Policy(requests_per_second=1.0)
    worker.gate.leave(worker.enter(quota=quota, policy=tight), worker.now)
    for _ in range(500):
        refused(worker.enter(quota=quota, policy=tight), "rate_limited", Overloaded, "deployment")
    assert all(isinstance(worker.enter(quota=quota, name="free"), Ticket) for _ in range(99))
    refused(worker.enter(quota=quota, name="free"), "rate_limited", Overloaded, "tenant")


def test_rows_are_taken_once_they_are_known_and_then_refuse_at_the_door():
    worker, quota = Worker(), Quota(rows_per_second=100.0)
    ticket = worker.admit(quota=quota)
    assert worker.gate.rows(worker.now, ticket, quota, POLICY, 80) is None
    over = worker.gate.rows(worker.now, ticket, quota, POLICY, 50)
    assert over is not None
    assert refused(over, "rate_limited", Overloaded, "tenant") == pytest.approx(0.3)
    assert worker.gate.rows(worker.now, ticket, quota, POLICY, 20) is None
    assert refused(worker.enter(quota=quota), "rate_limited", Overloaded, "tenant") == pytest.approx(0.01)
    assert worker.gate.rows(worker.now, ticket, QUOTA, POLICY, 10**6) is None


def test_rates_hold_over_workers(tmp_path):
    quota = Quota(requests_per_second=4.0)
    workers = [Worker(shared=SharedLimits(tmp_path / "limits", worker=n, workers=2)) for n in range(2)]
    assert [isinstance(workers[n % 2].enter(quota=quota), Ticket) for n in range(6)] == [True] * 4 + [
        False
    ] * 2


def test_what_cannot_be_done_in_time_is_refused_at_once():
    worker = Worker()
    worker.learn(0.010)
    for _ in range(15):
        worker.admit()
    assert isinstance(worker.enter(left=0.5), Ticket)
    wait = refused(worker.enter(left=0.1), "deadline_unreachable", Unavailable, "worker")
    assert wait == pytest.approx(0.06, abs=0.02)  # 150 ms wait and 10 ms work, against 100 ms
    # Another tenant's fair share comes sooner: the same deadline is within its reach.
    assert isinstance(worker.enter("other", left=0.1), Ticket)


def test_a_higher_class_does_not_wait_for_a_lower_one():
    worker = Worker()
    worker.learn(0.010)
    for _ in range(15):
        worker.admit()
    assert isinstance(worker.enter(left=0.1, policy=Policy(priority=1)), Ticket)
    refused(worker.enter(left=0.1, policy=Policy(priority=3)), "deadline_unreachable", Unavailable, "worker")


@pytest.mark.parametrize(("own", "given"), [(0, 2), (1, 2), (3, 3), (99, 4)])
def test_a_request_may_lower_its_class_and_not_raise_it(own, given):
    assert Worker().admit(priority=own).priority == given


def test_work_that_runs_is_waited_for_too():
    worker = Worker()
    worker.learn(0.050)
    ticket = worker.admit()
    assert worker.queue.pop(worker.now) is ticket
    worker.gate.began(ticket)
    worker.gate.began(ticket)  # its second turn
    refused(worker.enter(left=0.08), "deadline_unreachable", Unavailable, "worker")
    worker.gate.leave(ticket, worker.now, service=0.05, rows=1)
    assert isinstance(worker.enter(left=0.08), Ticket)


def test_a_deadline_that_has_passed_is_refused_and_an_idle_worker_tries_all_others():
    worker = Worker()
    worker.learn(0.050)
    assert isinstance(worker.enter(left=0.001), Ticket)
    result = worker.enter(left=0.0)
    assert isinstance(result, Refusal)
    assert result.error().code == "deadline_unreachable"


def test_an_estimate_that_is_out_of_date_is_tried_again_under_load():
    worker = Worker()
    worker.learn(0.5)
    for n in range(3):
        worker.admit("other", name=f"other{n}", left=10.0)
    first = worker.enter(left=0.2)
    assert isinstance(first, Ticket)  # the probe
    assert first.start_by == worker.now + 0.2
    refused(worker.enter(left=0.2), "deadline_unreachable", Unavailable, "worker")
    worker.now += 1.1
    assert isinstance(worker.enter(left=0.2), Ticket)


def test_what_is_crowded_out_is_of_the_lowest_class():
    worker = Worker(waiting=4)
    low = [worker.admit("low", policy=Policy(priority=4), left=50.0) for _ in range(4)]
    assert not worker.gate.crowded
    high = worker.admit("high", policy=Policy(priority=1), left=50.0)
    assert worker.gate.crowded
    assert worker.queue.shed() is low[-1]
    refused(worker.gate.shed(), "shed", Unavailable, "worker")
    worker.gate.leave(low[-1], worker.now)
    assert not worker.gate.crowded
    assert worker.queue.pop(worker.now) is high


@pytest.mark.parametrize("expired", [0, 60])
def test_what_expires_makes_the_gate_wary_of_its_like_only(expired):
    worker = Worker()
    worker.learn(0.010)
    for _ in range(expired):
        ticket = worker.admit(left=0.2)
        assert worker.queue.expired(worker.now + 0.2) == [ticket]
        worker.gate.leave(ticket, worker.now + 0.2)
    for n in range(10):
        worker.admit(f"t{n}", left=5.0)
    like = worker.enter(left=0.2)
    if expired:
        refused(like, "deadline_unreachable", Unavailable, "worker")
    else:
        assert isinstance(like, Ticket)
    assert isinstance(worker.enter(left=2.0), Ticket)
    assert isinstance(worker.enter(left=0.2, policy=Policy(priority=1)), Ticket)


def test_nothing_is_kept_of_tenants_that_left():
    worker = Worker()
    for n in range(500):
        ticket = worker.admit(f"t{n}", name="m")
        worker.serve(0.001)
        assert worker.gate.inflight(ticket.tenant) == 0
    assert worker.gate._tenants == {}
    assert worker.queue.remembered == 0


def test_endpoints_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr("tenantry.admission.gate.LANES", 100)
    worker = Worker()
    held = worker.admit("held")
    for n in range(1000):
        worker.gate.leave(worker.enter(f"t{n}"), worker.now)
    assert len(worker.gate._lanes) <= 100
    assert worker.gate._lanes[("held", "churn")] is held.lane
