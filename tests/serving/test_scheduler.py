"""Work on a loop: order, deadlines, limits, shadows, fallbacks, shared rows, and work that nobody waits for."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.serving.bench import CHURN, RECORD, Bench, code, header

from tenantry.admission import Policy, Quota
from tenantry.routing import TenantEntry
from tenantry.routing.rules import Fallback, Match, Pin, Rule, Shadow
from tenantry.serving import Response, predict, scheduler, shadows


def test_a_request_is_answered_recorded_and_leaves_nothing_behind(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        response = await bench.send(x_request_id=b"r-7")
        assert response.status == 200
        assert header(response, b"x-tenantry-version") == b"1"
        assert header(response, b"x-tenantry-rule") == b"default"
        assert header(response, b"x-request-id") == b"r-7"
        (work,) = bench.recorded.works
        assert (work.tenant, work.name, work.version, work.rule, work.rows, work.status) == (
            "acme", "churn", "1", "default", 1, 200,
        )  # fmt: skip
        assert work.finished >= work.arrived
        assert len(work.outcomes) == 1
        gate = bench.state.gate
        assert gate is not None
        assert not gate._tenants
        assert not len(bench.scheduler)
        assert all(state.leases == 0 for state in bench.state.residency.states())

    on_loop(scenario)


def test_the_short_way_answers_as_the_long_way_does(make_world: Callable[..., Any]) -> None:
    world = make_world()
    bodies = [
        b'{"tenure": 1}', b'{"tenure": null, "Contract": "x"}', b'{"tenure": 1, "zzz": 2}', b"{}", b"[]", b"nope",
        b'{"tenure": NaN}', b'{"tenure": [1]}', b'{"tenure": 1e999}', b'[{"tenure": 1}]', b'"text"', b"",
    ]  # fmt: skip
    for path in (CHURN, "/predict/segment", "/predict/value", "/predict/unpublished", "/predict/none"):
        for body in bodies:
            quick = world.ask("POST", path, body, x_request_id="r")
            work = world.core.begin(
                "POST", path, b"", {b"authorization": b"Bearer acme-scorer", b"x-request-id": b"r"}
            )
            steps = world.core.run(work, body)
            try:
                while True:
                    next(steps)
            except StopIteration as stop:
                world.core.end(work, stop.value)
                assert stop.value == quick, (path, body)  # noqa: PT017 — how a generator returns


def test_a_loud_tenant_does_not_delay_a_quiet_one(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await asyncio.gather(bench.send(), bench.send(path="/predict/secret", key=b"bolt-admin"))
        order: list[str] = []
        time.sleep(0.001)
        bench.scheduler._at_once = 1.0  # as if this turn of the loop had run enough at once
        loud = [bench.send() for _ in range(100)]
        quiet = bench.send(path="/predict/secret", key=b"bolt-admin")
        for one in loud:
            one.add_done_callback(lambda _: order.append("loud"))
        quiet.add_done_callback(lambda _: order.append("quiet"))
        await asyncio.gather(quiet, *loud)
        assert order.index("quiet") <= 2

    on_loop(scenario)


@pytest.mark.parametrize(("short", "of_the_first"), [(1.0, 4), (0.0, 2)])
def test_what_is_soon_done_is_finished_first_and_a_long_one_yields(
    on_loop: Any, monkeypatch: pytest.MonkeyPatch, short: float, of_the_first: int
) -> None:
    steps: list[str] = []
    scored = predict._outcomes

    def told(model: Any, records: list[Any], *more: Any) -> Any:
        steps.append(records[0].get("Contract", ""))
        time.sleep(0.002)
        return scored(model, records, *more)

    monkeypatch.setattr(predict, "_outcomes", told)
    monkeypatch.setattr(scheduler, "SHORT_SECONDS", short)

    async def scenario(bench: Bench) -> None:
        await bench.send()
        steps.clear()
        bench.scheduler._at_once = 1.0  # as if this turn of the loop had run enough at once
        both = [bench.send(msgspec.json.encode([{"Contract": name}] * 4)) for name in "ab"]
        assert [reply.status for reply in await asyncio.gather(*both)] == [200, 200]
        assert steps[:4].count("a") == of_the_first

    on_loop(scenario, slice_rows=1)


def test_of_long_and_short_work_under_strain_each_is_answered_once(
    on_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = predict._outcomes

    def slowly(*given: Any) -> Any:
        time.sleep(0.0005)
        return scored(*given)

    monkeypatch.setattr(predict, "_outcomes", slowly)

    async def scenario(bench: Bench) -> None:
        await bench.send()
        bench.change(policy=Policy(deadline_ms=30))
        chance = random.Random(1)
        sent = []
        for _ in range(1500):
            sent.append(bench.send(msgspec.json.encode([{"tenure": 1}] * chance.choice((1, 2, 4, 8, 16)))))
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() * 0.004)
        answered, forgotten = await asyncio.wait(sent, timeout=10)
        assert not forgotten
        assert {one.result().status for one in answered} == {200, 503}
        assert not len(bench.scheduler)
        assert bench.state.gate is not None
        assert not bench.state.gate._tenants

    on_loop(scenario, slice_rows=1)


def test_a_tenants_limits_are_told_with_the_time_to_come_back(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        bench.change(tenant=TenantEntry(quota=Quota(requests_per_second=2, burst_seconds=1)))
        replies = [await bench.send() for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 429, 429]
        assert code(replies[-1]) == "rate_limited"
        assert header(replies[-1], b"retry-after") == b"1"
        bench.change(tenant=TenantEntry(quota=Quota(concurrency=1)))
        bench.scheduler._at_once = 1.0
        first, second = await asyncio.gather(bench.send(), bench.send())
        assert (first.status, code(second)) == (200, "too_many_in_flight")
        bench.change(tenant=TenantEntry(quota=Quota(rows_per_second=3, burst_seconds=1)))
        many = await bench.send(b'[{"tenure": 1}, {"tenure": 2}]')
        more = await bench.send(b'[{"tenure": 1}, {"tenure": 2}]')
        assert (many.status, more.status, code(more)) == (200, 429, "rate_limited")

    on_loop(scenario)


def test_what_waits_beyond_its_deadline_is_refused_unrun(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.send()
        bench.change(policy=Policy(deadline_ms=5))
        bench.scheduler._at_once = 1.0
        late = bench.send()
        time.sleep(0.02)  # the loop is held up
        response = await late
        assert (response.status, code(response)) == (503, "deadline_passed")
        assert header(response, b"retry-after")
        assert bench.recorded.works[-1].outcomes == []
        assert bench.recorded.works[-1].code == "deadline_passed"

    on_loop(scenario)


def test_a_request_given_up_is_not_run_and_gives_back_its_place(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.send()
        answered: list[Response] = []
        bench.scheduler._at_once = 1.0
        begun = bench.world.core.begin("POST", CHURN, b"", {b"authorization": b"Bearer acme-scorer"})
        bench.scheduler.submit(begun, RECORD, answered.append)
        bench.scheduler.abandon(begun)
        headless = bench.world.core.begin("POST", CHURN, b"", {b"authorization": b"Bearer acme-scorer"})
        bench.scheduler.abandon(headless)
        await bench.send()
        assert not answered
        assert len(bench.recorded.works) == 2
        gate = bench.state.gate
        assert gate is not None
        assert not gate._tenants

    on_loop(scenario)


def test_a_shadow_sees_the_request_and_nobody_sees_the_shadow(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        bench.change(rules=(Rule(name="try", action=Shadow(ref="challenger", rollout="r1")),))
        response = await bench.send()
        assert header(response, b"x-tenantry-version") == b"1"
        for _ in range(100):
            if bench.recorded.shadows:
                break
            await asyncio.sleep(0.01)
        ((work, copy, rollout),) = bench.recorded.shadows
        assert (work.version, copy.version, rollout) == ("1", "2", "r1")
        assert (
            copy.outcomes[0].score == work.outcomes[0].score
        )  # the two models differ in their classes' order only
        assert len(bench.recorded.works) == 1  # a shadow is no request
        assert len(bench.scheduler._shadows) == 0

    on_loop(scenario)


def test_a_fallback_answers_where_the_chosen_version_cannot_be_opened(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        table = bench.state.table
        broken = msgspec.structs.replace(
            table.endpoints["acme"]["churn"].versions["1"], path="gone", sha256="00"
        )
        versions = {**table.endpoints["acme"]["churn"].versions, "3": broken}
        rules = (
            Rule(name="net", action=Fallback(refs=("2",))),
            Rule(name="eu", action=Pin("3"), match=Match(headers={"x-region": ("eu",)})),
        )
        bench.change(versions=versions, rules=rules)
        answered = await bench.send(x_region=b"eu")
        assert answered.status == 200
        assert header(answered, b"x-tenantry-version") == b"2"
        assert header(answered, b"x-tenantry-rule") == b"fallback"
        assert header(await bench.send(), b"x-tenantry-version") == b"1"
        bench.change(rules=rules[1:])
        assert code(await bench.send(x_region=b"eu")) == "model_unavailable"

    on_loop(scenario)


def test_rows_that_wait_for_one_model_are_scored_together_and_none_waits_for_company(
    on_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.send()
        model = bench.state.residency.find("acme", bench.state.table.endpoints["acme"]["churn"].versions["1"])
        model.plan.batch = 8
        calls: list[int] = []
        score_rows = model.plan.score_rows

        def counted(records: list[Any]) -> Any:
            calls.append(len(records))
            return score_rows(records)

        model.plan.score_rows = counted
        alone = await bench.send()
        assert calls == []
        expected = [1.0, 2.0, 3.0]
        replies = await asyncio.gather(*(bench.send(b'{"tenure": %d}' % value) for value in expected))
        scores = [msgspec.json.decode(reply.body)["predictions"][0]["score"] for reply in replies]
        assert scores == [value / 100 for value in expected]
        assert calls == [3]
        assert alone.status == 200
        # One bad record costs only its own request.
        replies = await asyncio.gather(bench.send(), bench.send(b'{"tenure": [1]}'), bench.send())
        assert [reply.status for reply in replies] == [200, 400, 200]
        assert code(replies[1]) == "record_value"

    on_loop(scenario)


def infer_body(value: float, **parameters: int) -> bytes:
    tensor = {"name": "tenure", "shape": [1], "datatype": "FP64", "data": [value]}
    return msgspec.json.encode({"inputs": [tensor], "parameters": parameters})


def test_who_waits_for_a_cold_model_is_told_at_the_deadline_and_the_load_goes_on(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        opened = bench.world.runtime.open
        gate = threading.Event()

        def slow(path: Any) -> Any:
            gate.wait(20)
            return opened(path)

        bench.world.runtime.open = slow
        bench.change(policy=Policy(deadline_ms=150))
        begun = time.monotonic()
        patient = bench.send(path="/v2/models/value/infer", body=infer_body(1))
        hurried = bench.send(path="/v2/models/value/infer", body=infer_body(1, timeout=30_000))
        reply = await asyncio.wait_for(hurried, 5)
        assert (reply.status, code(reply)) == (503, "deadline_passed")
        assert 0.03 <= time.monotonic() - begun < 0.14
        assert bench.scheduler.waiting_for_models == 1
        reply = await asyncio.wait_for(patient, 5)
        assert (reply.status, code(reply)) == (503, "deadline_passed")
        assert 0.15 <= time.monotonic() - begun < 2
        gate_of = bench.state.gate
        assert gate_of is not None
        assert not gate_of._tenants
        assert bench.scheduler.waiting_for_models == 0
        bench.change(policy=Policy(deadline_ms=5000))
        late = bench.send(path="/v2/models/value/infer", body=infer_body(1))  # the same load, under way
        gate.set()
        assert (await asyncio.wait_for(late, 5)).status == 200
        assert len(bench.world.runtime.opened) == 1
        assert all(state.leases == 0 for state in bench.state.residency.states())
        assert bench.scheduler.waiting_for_models == 0

    on_loop(scenario)


def test_a_request_may_put_itself_behind_others(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        infer = "/v2/models/churn/infer"
        await bench.send(path=infer, body=infer_body(1))
        order: list[int] = []
        bench.scheduler._at_once = 1.0
        # A step that the machine held up would earn the lowest class its turn.
        bench.scheduler._queue._floor = 0.0
        sent = []
        for priority in (4, 4, 3, 0, 1):
            one = bench.send(path=infer, body=infer_body(1, priority=priority))
            one.add_done_callback(lambda _, priority=priority: order.append(priority))
            sent.append(one)
        replies = await asyncio.wait_for(asyncio.gather(*sent), 5)
        assert [reply.status for reply in replies] == [200] * 5
        assert order == [0, 1, 3, 4, 4]

    on_loop(scenario)


def test_lone_rows_of_the_protocol_are_scored_together_too(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        infer = "/v2/models/churn/infer"
        before = await bench.send(path=infer, body=infer_body(3))
        model = bench.state.residency.find("acme", bench.state.table.endpoints["acme"]["churn"].versions["1"])
        model.plan.batch = 8
        calls: list[Any] = []
        score_rows = model.plan.score_rows

        def counted(records: list[Any]) -> Any:
            calls.append(records)
            return score_rows(records)

        model.plan.score_rows = counted
        assert (await bench.send(path=infer, body=infer_body(3))).body == before.body  # alone
        assert calls == []
        values = [1.0, 2.0, 3.0]
        sent = [bench.send(path=infer, body=infer_body(value)) for value in values]
        replies = await asyncio.gather(*sent, bench.send())
        (records,) = calls
        assert sorted(record["tenure"] for record in records) == [1, 1, 2, 3]
        for value, reply in zip(values, replies, strict=False):
            outputs = {one["name"]: one["data"] for one in msgspec.json.decode(reply.body)["outputs"]}
            assert outputs["score"] == [value / 100]
        assert replies[2].body == before.body
        # A value that no column takes costs its own request alone.
        bad = infer_body(1).replace(b"[1]}", b"[{}]}")
        replies = await asyncio.gather(
            bench.send(path=infer, body=infer_body(1)), bench.send(path=infer, body=bad)
        )
        assert [reply.status for reply in replies] == [200, 400]

    on_loop(scenario)


def test_a_shadow_that_has_begun_waits_no_longer_than_one_that_has_not(
    on_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(bench: Bench) -> None:
        bench.change(rules=(Rule(name="try", action=Shadow(ref="challenger", rollout="r1")),))
        await bench.send()
        while len(bench.scheduler._shadows):
            await asyncio.sleep(0.01)
        assert len(bench.recorded.shadows) == 1
        begun: list[Any] = []
        again, clock = bench.scheduler._again, bench.world.core.clock
        later = shadows.SHADOW_SECONDS + 1.0
        bench.world.core.clock = lambda: clock() + (later if begun else 0.0)  # others had all the time since

        def told(task: Any) -> None:
            again(task)
            if task.primary is not None:
                begun.append(task)

        monkeypatch.setattr(bench.scheduler, "_again", told)
        assert (await bench.send(b"[" + RECORD + b"," + RECORD + b"]")).status == 200
        while len(bench.scheduler._shadows):
            await asyncio.sleep(0.01)
        assert len(begun) == 1
        assert (len(bench.recorded.shadows), bench.scheduler.shadows_dropped) == (1, 1)
        assert all(state.leases == 0 for state in bench.state.residency.states())

    on_loop(scenario, slice_rows=1)


def test_shadows_hold_a_bounded_number_of_bytes(on_loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenantry.serving.shadows.BYTES", 1 << 20)
    large = RECORD + b" " * (300 << 10)

    async def scenario(bench: Bench) -> None:
        bench.change(rules=(Rule(name="try", action=Shadow(ref="challenger", rollout="r1")),))
        await bench.send()
        while len(bench.scheduler._shadows):
            await asyncio.sleep(0.01)
        monkeypatch.setattr("tenantry.serving.scheduler.AT_ONCE_SECONDS", 1e9)
        pushed: list[Any] = []  # nobody has time for shadows
        monkeypatch.setattr(bench.scheduler, "_push", lambda task, *_: pushed.append(task))
        replies = await asyncio.gather(*(bench.send(large) for _ in range(10)))
        assert [reply.status for reply in replies] == [200] * 10
        assert (len(pushed), bench.scheduler.shadows_dropped) == (3, 7)
        for task in pushed:
            bench.scheduler._drop(task)
        assert (len(bench.scheduler._shadows), bench.scheduler._shadows._bytes) == (0, 0)
        huge = RECORD + b" " * (2 << 20)  # one alone is copied, whatever its size
        assert (await bench.send(huge)).status == 200
        assert len(pushed) == 4

    on_loop(scenario)
