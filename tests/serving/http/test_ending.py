"""Callers that leave, and servers that stop."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.serving.http.edges import Caller, EchoCore, EchoScheduler, answers, call, listener, own_edge
from tests.serving.http.test_requests import GET, post

from tenantry.serving import Limits
from tenantry.serving.http import Bounds, CoreHandler, serve

Run = Callable[..., Any]


def test_work_is_abandoned_when_its_caller_leaves(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge:
            edge.scheduler.gate = asyncio.Event()
            reset, gone, half, kept = [await Caller.connect(edge.port) for _ in range(4)]
            for caller in (reset, gone, kept):
                await caller.send(GET * 3)
            await half.send(post(b"abc")[:-1])
            await asyncio.sleep(0.05)
            reset.reset()
            gone.close()
            half.close()
            await asyncio.sleep(0.05)
            assert edge.scheduler.abandoned == 3 + 3 + 1
            edge.scheduler.gate.set()
            for _ in range(3):
                assert (await kept.answer()).status == 200
            assert len(edge.core.run_bodies) == 3
            kept.close()

    run(scenario())


def test_an_answer_that_comes_too_late_is_dropped(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge:
            waiting: list[Any] = []
            edge.server.common.handler.submit = lambda _work, _body, done: waiting.append(done)
            async with call(edge.port) as caller:
                await caller.send(GET)
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.05)
            assert not edge.server.common.connections
            waiting[0](edge.core.run(edge.core.begin("GET", "/", b"", {}), b""))  # type: ignore[arg-type]

    run(scenario())


@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_a_drain_answers_what_is_in_flight(run: Run, gap: float) -> None:
    async def scenario() -> None:
        core: Any = EchoCore(Limits(drain_seconds=5))
        scheduler: Any = EchoScheduler(core)
        scheduler.gate = asyncio.Event()
        one, stop = listener(), asyncio.Event()
        port = one.getsockname()[1]
        sibling = one.dup()
        bounds = Bounds(linger_seconds=0.2, tick_seconds=0.05)
        running = asyncio.create_task(
            serve(CoreHandler(core, scheduler), [one], limits=core.state.limits, stop=stop, bounds=bounds)
        )
        await asyncio.sleep(0.05)
        idle, half, busy, pipelined, sending = [await Caller.connect(port) for _ in range(5)]
        scheduler.gate.set()
        await idle.send(GET)
        await idle.answer()
        scheduler.gate.clear()
        await half.send(GET[:9])
        await busy.send(GET)
        await pipelined.send(GET * 3 + GET[:5])
        await sending.send(post(b"abc")[:-1])
        await asyncio.sleep(0.05)
        stop.set()
        await asyncio.sleep(gap)
        assert await idle.rest() == b""
        assert await half.rest() == b""
        await sending.send(b"c" + GET)
        await pipelined.send(GET[5:])
        await asyncio.sleep(gap)
        scheduler.gate.set()
        for caller, count in ((busy, 1), (pipelined, 3), (sending, 1)):
            told = answers(await caller.rest())
            assert [one.status for one in told] == [200] * count
            assert [one.closes for one in told] == [False] * (count - 1) + [True]
        await asyncio.wait_for(running, 10)
        # The socket is still there for a sibling.
        late = await Caller.connect(port)
        late.close()
        sibling.close()
        one.close()
        for caller in (idle, half, busy, pipelined, sending):
            caller.close()

    run(scenario())


def test_a_drain_ends(run: Run) -> None:
    async def scenario() -> None:
        core: Any = EchoCore(Limits(drain_seconds=1))
        scheduler: Any = EchoScheduler(core)
        scheduler.gate = asyncio.Event()
        one, stop = listener(), asyncio.Event()
        bounds = Bounds(linger_seconds=0.2, tick_seconds=0.05)
        running = asyncio.create_task(
            serve(CoreHandler(core, scheduler), [one], limits=core.state.limits, stop=stop, bounds=bounds)
        )
        await asyncio.sleep(0.05)
        async with call(one.getsockname()[1]) as caller:
            await caller.send(GET)
            await asyncio.sleep(0.05)
            begun = time.monotonic()
            stop.set()
            await asyncio.wait_for(running, 5)
            assert 0.9 < time.monotonic() - begun < 3
            assert await caller.rest() == b""
        await asyncio.sleep(0.02)
        assert scheduler.abandoned == 1
        one.close()

    run(scenario())


def test_many_connections_come_and_go_without_a_trace(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge:
            for _ in range(5):
                callers = await asyncio.gather(*(Caller.connect(edge.port) for _ in range(60)))
                for number, caller in enumerate(callers):
                    await caller.send((GET, post(b"abc"), post(b"abc")[:-2], b"rubbish\r\n\r\n")[number % 4])
                await asyncio.sleep(0.02)
                for number, caller in enumerate(callers):
                    (caller.reset if number % 3 else caller.close)()
                await asyncio.sleep(0.05)
            assert not edge.server.common.connections
            assert edge.server.common.held == 0

    run(scenario())
