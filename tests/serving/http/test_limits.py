"""What a caller may send, how long it may take, and what it can make a worker hold."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.serving.http.edges import Caller, answers, call, own_edge, uvicorn_edge
from tests.serving.http.test_requests import GET, post

from tenantry.serving import Limits
from tenantry.serving.http import Bounds
from tenantry.serving.http.times import look

Run = Callable[..., Any]
QUICK = {"tick_seconds": 0.02}


def refusal(data: bytes) -> tuple[int, str]:
    """Status and code of the one answer, which says that the connection closes."""
    (told,) = answers(data)
    assert told.closes
    assert told.json["hint"]
    return told.status, told.json["code"]


def test_heads_are_bounded(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge:
            for request, good in (
                (b"GET /" + b"y" * 8000 + b" HTTP/1.1\r\n\r\n", True),
                (b"GET /" + b"y" * 8192 + b" HTTP/1.1\r\n\r\n", False),
                (b"GET / HTTP/1.1\r\n" + b"a: 1\r\n" * 100 + b"\r\n", True),
                (b"GET / HTTP/1.1\r\n" + b"a: 1\r\n" * 101 + b"\r\n", False),
                (b"GET / HTTP/1.1\r\nb: " + b"y" * 32_000 + b"\r\n\r\n", True),
                (b"GET / HTTP/1.1\r\nb: " + b"y" * 33_000 + b"\r\n\r\n", False),
                (b"GET / HTTP/1.1\r\nb: " + b"y" * 200_000, False),  # it never ends
                (b"GET /" + b"y" * 200_000, False),
                (
                    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nb: "
                    + b"y" * 99_000,
                    False,
                ),
                (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"y" * 99_000, False),
            ):
                for size in (len(request), 5000):
                    async with call(edge.port) as caller:
                        for at in range(0, len(request), size):
                            await caller.send(request[at : at + size])
                            await asyncio.sleep(0)
                        if good:
                            assert (await caller.answer()).status == 200, request[:30]
                        else:
                            assert refusal(await caller.rest()) == (400, "head_too_large"), request[:30]

    run(scenario())


def test_bodies_are_bounded(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge(Limits(body_bytes=10)) as edge:
            edge.core.trusting = True
            chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            for request in (
                post(b"x" * 11),
                chunked + b"6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n",
                chunked + b"b\r\nabc",
            ):
                async with call(edge.port) as caller:
                    await caller.send(request)
                    if request.endswith(b"abc"):
                        await caller.send(b"d" * 8)
                    assert refusal(await caller.rest()) == (413, "body_too_large")
            assert edge.core.run_bodies == []
            async with call(edge.port) as caller:
                await caller.send(post(b"x" * 10))
                assert (await caller.answer()).json["length"] == 10

    run(scenario())


def test_an_announced_body_over_the_limit_is_refused_alike_by_both_edges(run: Run) -> None:
    async def scenario() -> None:
        limits = Limits(body_bytes=10)
        async with own_edge(limits) as own, uvicorn_edge(limits) as other:
            for edge in (own, other):
                async with call(edge.port) as caller:
                    await caller.send(post(b"x" * 11) + post(b"x" * 10))
                    assert refusal(await caller.rest()) == (413, "body_too_large")
            assert own.core.run_bodies == []  # what comes after an answer that closes is not run for nobody

    run(scenario())


def test_bodies_share_a_bound(run: Run) -> None:
    async def scenario() -> None:
        async with (
            own_edge(Limits(held_bytes=100_000)) as edge,
            call(edge.port) as first,
            call(edge.port) as second,
        ):
            await first.send(post(b"x" * 70_000)[:-1])
            await asyncio.sleep(0.05)
            assert edge.server.common.held > 60_000
            await second.send(post(b"x" * 50_000))
            assert refusal(await second.rest()) == (503, "serving_busy")
            await first.send(b"x")
            assert (await first.answer()).json["length"] == 70_000
            assert edge.server.common.held == 0
            async with call(edge.port) as third:
                await third.send(post(b"x" * 50_000)[:-1])
                await asyncio.sleep(0.05)
                third.reset()
                await asyncio.sleep(0.05)
            assert edge.server.common.held == 0

    run(scenario())


def test_a_head_that_dribbles_is_cut_off(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge(bounds=Bounds(head_seconds=0.2, **QUICK)) as edge:
            callers = [await Caller.connect(edge.port) for _ in range(20)]
            begun = time.monotonic()
            silent = callers.pop()

            async def dribble(caller: Caller) -> bytes:
                for byte in post(b"abc", "X-Long: " + "y" * 400):
                    if caller.ended:
                        break
                    await caller.send(bytes([byte]))
                    await asyncio.sleep(0.01)
                return await caller.rest()

            for data in await asyncio.gather(*(dribble(caller) for caller in callers)):
                assert refusal(data) == (408, "head_slow")
            assert await silent.rest() == b""
            assert time.monotonic() - begun < 3
            assert edge.core.begun == []
            for caller in [*callers, silent]:
                caller.close()

    run(scenario())


def test_a_body_that_dribbles_is_given_up(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge(Limits(body_seconds=0.2), Bounds(**QUICK)) as edge:
            for request in (
                post(b"x" * 1000)[:-900],
                b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            ):
                async with call(edge.port) as caller:
                    await caller.send(request)
                    told: bytes = b""
                    for _ in range(100):
                        await caller.send(b"1\r\nx\r\n" if b"chunked" in request else b"x")
                        await asyncio.sleep(0.01)
                        if caller.waiting:
                            break
                    told = await caller.rest()
                    assert refusal(told) == (408, "body_slow")
            assert edge.core.refusals == ["body_slow", "body_slow"]
            assert edge.server.common.held == 0

    run(scenario())


def test_idle_connections_are_closed_and_busy_ones_are_not(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge(bounds=Bounds(idle_seconds=0.2, **QUICK)) as edge, call(edge.port) as idle:
            await idle.send(GET)
            await idle.answer()
            async with call(edge.port) as busy:
                for _ in range(8):
                    await busy.send(GET)
                    assert (await busy.answer()).status == 200
                    await asyncio.sleep(0.05)
                edge.scheduler.gate = asyncio.Event()
                await busy.send(GET)
                await asyncio.sleep(0.4)  # an answer that takes its time is not idleness
                edge.scheduler.gate.set()
                assert (await busy.answer()).status == 200
            assert await idle.rest() == b""

    run(scenario())


def test_a_reader_that_stalls_is_stopped_then_cut(run: Run) -> None:
    async def scenario() -> None:
        bounds = Bounds(write_seconds=0.5, **QUICK)
        async with own_edge(bounds=bounds) as edge:
            caller = await Caller.connect(edge.port)
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            request = post(b"", "X-Bytes: 1000000")
            for _ in range(300):
                caller.writer.write(request)
            await asyncio.sleep(0.3)
            (connection,) = edge.server.common.connections
            # One loop's turn may answer a pipeline at most; the rest of the requests waits unread.
            assert len(edge.core.run_bodies) <= bounds.pipeline + 8
            assert connection.transport.get_write_buffer_size() <= (bounds.pipeline + 8) * 1_001_000
            for _ in range(100):
                await asyncio.sleep(0.05)
                if not edge.server.common.connections:
                    break
            assert not edge.server.common.connections
            caller.reset()

    run(scenario())


def test_whole_requests_of_a_caller_who_does_not_read_wait(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            await caller.send(GET)  # its head is known from now on
            assert (await caller.answer()).status == 200
            transport: Any = caller.writer.transport
            transport.pause_reading()
            await caller.send(post(b"", "X-Bytes: 12000000"))
            (connection,) = edge.server.common.connections
            while connection.writable:
                await asyncio.sleep(0.01)
            begun = len(edge.core.begun)
            for _ in range(50):
                await caller.send(GET)
                await asyncio.sleep(0.001)
            assert len(edge.core.begun) == begun
            transport.resume_reading()
            for _ in range(51):
                assert (await caller.answer()).status == 200

    run(scenario())


def test_a_tick_that_fails_is_not_the_last(run: Run, monkeypatch: Any) -> None:
    async def scenario() -> None:
        failures = iter(range(3))

        def brittle(common: Any) -> Any:
            if next(failures, None) is not None:
                raise KeyError("a defect")
            return look(common)

        async with own_edge(bounds=Bounds(head_seconds=0.2, **QUICK)) as edge, call(edge.port) as caller:
            monkeypatch.setattr("tenantry.serving.http.server.look", brittle)
            await caller.send(b"GET / HTTP/1.1\r\n")  # and no more: it is late after a while
            assert refusal(await caller.rest()) == (408, "head_slow")

    run(scenario())


def test_a_slow_reader_who_reads_gets_everything(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge(bounds=Bounds(write_seconds=0.3, **QUICK)) as edge, call(edge.port) as caller:
            await caller.send(
                post(b"", "X-Bytes: 12000000") * 2 + GET.replace(b"Host: x", b"Connection: close")
            )
            data = bytearray()
            while piece := await caller.reader.read(1 << 20):
                data += piece
                await asyncio.sleep(0.05)
            assert [len(one.body) for one in answers(bytes(data))][:2] == [12_000_000] * 2

    run(scenario())


def test_answers_that_nobody_reads_share_a_bound(run: Run) -> None:
    async def scenario() -> None:
        limits = Limits(held_bytes=30_000_000)
        async with own_edge(limits, Bounds(**QUICK)) as edge:
            callers = [await Caller.connect(edge.port) for _ in range(4)]
            for number, caller in enumerate(callers):
                caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
                caller.writer.write(post(b"", f"X-Bytes: {12_000_000 + 4_000_000 * number}"))
            await asyncio.sleep(0.5)
            left = edge.server.common.connections
            assert 1 <= len(left) < 4
            assert sum(one.transport.get_write_buffer_size() for one in left) <= limits.held_bytes
            for caller in callers:
                caller.reset()

    run(scenario())


def test_a_pipeline_is_bounded(run: Run) -> None:
    async def scenario() -> None:
        bounds = Bounds(pipeline=8)
        async with own_edge(bounds=bounds) as edge, call(edge.port) as caller:
            edge.scheduler.gate = asyncio.Event()
            sending = asyncio.create_task(caller.send(GET * 40_000))
            await asyncio.sleep(0.2)
            assert len(edge.core.begun) == bounds.pipeline
            (connection,) = edge.server.common.connections
            assert len(connection.intake.kept) <= 1 << 20
            edge.scheduler.gate.set()
            for _ in range(40_000):
                await caller.answer()
            await sending

    run(scenario())


def test_a_pipeline_behind_a_body_in_chunks_is_bounded(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge(bounds=Bounds(pipeline=8)) as edge, call(edge.port) as caller:
            edge.scheduler.gate = asyncio.Event()
            chunked = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            await caller.send(chunked + b"GET / HTTP/1.1\r\n\r\n" * 5000)
            await asyncio.sleep(0.2)
            assert len(edge.core.begun) <= 8 + 4096 // 18
            edge.scheduler.gate.set()
            for _ in range(5001):
                await caller.answer()

    run(scenario())


def test_pipelined_bodies_are_bounded(run: Run) -> None:
    async def scenario() -> None:
        bounds = Bounds(pipeline_bytes=100_000)
        async with own_edge(bounds=bounds) as edge, call(edge.port) as caller:
            edge.scheduler.gate = asyncio.Event()
            sending = asyncio.create_task(caller.send(post(b"x" * 60_000) * 20))
            await asyncio.sleep(0.2)
            assert len(edge.core.begun) == 2
            assert edge.server.common.held == 120_000
            edge.scheduler.gate.set()
            for _ in range(20):
                assert (await caller.answer()).json["length"] == 60_000
            await sending
            assert edge.server.common.held == 0

    run(scenario())


def test_a_refusal_costs_no_body(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge:
            async with call(edge.port) as caller:
                # A small rest is read and dropped, and the connection kept.
                await caller.send(post(b"x" * 200_000, "X-Refuse: 1")[:-1])
                told = await caller.answer()
                assert (told.status, told.closes) == (401, False)
                await caller.send(b"x" + GET)
                assert (await caller.answer()).json["path"] == "/a"
            for request in (
                post(b"x" * 300_000, "X-Refuse: 1"),
                post(b"x" * 10, "X-Refuse: 1", "Expect: 100-continue")[:-10],
            ):
                async with call(edge.port) as caller:
                    # A large rest, or one that may never come: the connection ends, and the answer still arrives.
                    await caller.send(request)
                    (told,) = answers(await caller.rest())
                    assert (told.status, told.closes) == (401, True)
            async with call(edge.port) as caller:
                # In chunks nobody knows how much is to come: the connection is kept up to a point.
                await caller.send(b"POST / HTTP/1.1\r\nX-Refuse: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
                assert (await caller.answer()).status == 401
                for _ in range(40):
                    await caller.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                assert await caller.rest() == b""
            assert edge.core.run_bodies == [0]
            assert edge.server.common.held == 0

    run(scenario())


def test_connections_are_bounded(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge(bounds=Bounds(connections=3)) as edge:
            callers = [await Caller.connect(edge.port) for _ in range(3)]
            for caller in callers:
                await caller.send(GET)
                await caller.answer()
            async with call(edge.port) as beyond:
                assert refusal(await beyond.rest()) == (503, "serving_busy")
            callers.pop().close()
            await asyncio.sleep(0.05)
            async with call(edge.port) as again:
                await again.send(GET)
                assert (await again.answer()).status == 200
            for caller in callers:
                caller.close()

    run(scenario())


def test_a_refused_caller_who_never_stops_sending_is_cut(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge(bounds=Bounds(linger_seconds=0.2, **QUICK)) as edge, call(edge.port) as caller:
            begun = time.monotonic()
            await caller.send(b"rubbish\r\n\r\n")
            while edge.server.common.connections:
                await caller.send(b"x" * 1000)
                await asyncio.sleep(0.01)
                assert time.monotonic() - begun < 5
            assert refusal(caller.waiting) == (400, "http_malformed")

    run(scenario())
