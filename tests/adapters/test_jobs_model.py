"""The SQL job store and its twin in memory behave alike under any sequence of calls."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tenantry.adapters.sql import SqlDirectory, SqlJobs, open_database
from tenantry.ports.jobs import Claim, Job, Jobs, Schedule
from tenantry.tenancy import TenantId
from tenantry.testing import HeldClock, MemoryDirectory, MemoryJobs

TENANTS = [TenantId("acme"), TenantId("beta"), TenantId("globex")]
OWNERS = ["worker-1", "worker-2"]
LEASE = 10.0


class JobsMachine(RuleBasedStateMachine):
    """Each rule does the same to both stores; ids differ, so jobs are named by the order of their making."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.database = open_database(f"sqlite:///{Path(self.folder.name) / 'tenantry.db'}")
        self.clock = HeldClock()
        directory = SqlDirectory(self.database, self.clock), MemoryDirectory(self.clock)
        for tenant in TENANTS:
            for one in directory:
                one.create_tenant(tenant)
        self.stores: tuple[Jobs, Jobs] = (
            SqlJobs(self.database, self.clock),
            MemoryJobs(directory[1], self.clock),
        )
        self.names: tuple[dict[str, int], dict[str, int]] = {}, {}
        self.jobs: list[tuple[Job, Job]] = []
        self.claims: list[tuple[Claim, Claim]] = []

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()

    def know(self, made: tuple[Job, Job]) -> None:
        assert (made[0].id in self.names[0]) == (made[1].id in self.names[1])
        if made[0].id not in self.names[0]:
            for names, job in zip(self.names, made, strict=True):
                names[job.id] = len(names)
            self.jobs.append(made)

    def shown(self, side: int, job: Job) -> dict[str, Any]:
        values = {name: getattr(job, name) for name in Job.__struct_fields__}
        if job.error and job.error.get("code") == "job_lost":
            values |= {"error": "job_lost", "detail": ""}  # they name the job by its id
        return values | {"id": self.names[side][job.id]}

    @rule(
        tenant=st.sampled_from(TENANTS),
        kind=st.sampled_from(["train", "score"]),
        key=st.sampled_from([None, None, "a", "b"]),
        delay=st.sampled_from([None, 0.0, 5.0]),
        attempts=st.integers(1, 3),
    )
    def enqueue(
        self, tenant: TenantId, kind: str, key: str | None, delay: float | None, attempts: int
    ) -> None:
        not_before = None if delay is None else self.clock.now() + delay
        made = [
            store.enqueue(
                tenant, kind, {"n": len(self.jobs)}, key=key, not_before=not_before, max_attempts=attempts
            )
            for store in self.stores
        ]
        self.know((made[0], made[1]))

    @rule(owner=st.sampled_from(OWNERS), kinds=st.sampled_from([["train"], ["score"], ["train", "score"]]))
    def claim(self, owner: str, kinds: list[str]) -> None:
        first, second = (store.claim(owner, kinds, LEASE) for store in self.stores)
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert self.shown(0, first.job) == self.shown(1, second.job)
            self.claims.append((first, second))

    @rule(
        data=st.data(),
        act=st.sampled_from(["heartbeat", "report", "succeed", "fail", "retry", "release", "stop"]),
    )
    def write(self, data: st.DataObject, act: str) -> None:
        if not self.claims:
            return
        pair = self.claims[data.draw(st.integers(0, len(self.claims) - 1))]
        done = [self.act(store, claim, act) for store, claim in zip(self.stores, pair, strict=True)]
        assert done[0] == done[1]

    def act(self, store: Jobs, claim: Claim, act: str) -> bool:
        error = {"error": "broken", "code": "x"}
        calls = {
            "heartbeat": lambda: store.heartbeat(claim),
            "report": lambda: store.report(claim, "stage", 0.5, "half"),
            "succeed": lambda: store.succeed(claim, {"ok": True}),
            "fail": lambda: store.fail(claim, error),
            "retry": lambda: store.fail(claim, error, retry_in=3.0),
            "release": lambda: store.release(claim),
            "stop": lambda: store.stop(claim),
        }
        return calls[act]()

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.jobs:
            pair = self.jobs[data.draw(st.integers(0, len(self.jobs) - 1))]
            for store, job in zip(self.stores, pair, strict=True):
                store.cancel(job.tenant, job.id)

    @rule(seconds=st.sampled_from([1.0, 4.0, 11.0, 70.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def expire(self) -> None:
        lapsed = [
            sorted((self.shown(side, job) for job in store.expire()), key=lambda shown: int(shown["id"]))
            for side, store in enumerate(self.stores)
        ]
        assert lapsed[0] == lapsed[1]

    @rule(tenant=st.sampled_from(TENANTS), every=st.sampled_from([60, 120]))
    def schedule(self, tenant: TenantId, every: int) -> None:
        wanted = Schedule(tenant=tenant, name="often", kind="train", payload={}, every_seconds=every)
        assert self.stores[0].put_schedule(wanted) == self.stores[1].put_schedule(wanted)

    @rule()
    def dispatch(self) -> None:
        first, second = (sorted(store.dispatch_due(), key=lambda job: job.tenant) for store in self.stores)
        assert [job.tenant for job in first] == [job.tenant for job in second]
        for made in zip(first, second, strict=True):
            self.know(made)

    @invariant()
    def both_say_the_same(self) -> None:
        if not hasattr(self, "jobs"):
            return
        for first, second in self.jobs:
            now = self.stores[0].get(first.tenant, first.id), self.stores[1].get(second.tenant, second.id)
            assert self.shown(0, now[0]) == self.shown(1, now[1])
        running = [job.tenant for tenant in TENANTS for job in self.stores[0].list(tenant, state="running")]
        assert len(running) == len(set(running))


JobsMachine.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestBothStores = JobsMachine.TestCase
