"""Requests as callers may send them, and their answers on the wire."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.serving.http.edges import EchoCore, EchoScheduler, answers, call, own_edge

from tenantry.serving import Limits, Response
from tenantry.serving.http import Bounds, CoreHandler, Server
from tenantry.serving.http.answers import Answers
from tenantry.serving.http.heads import HeadCache

Run = Callable[..., Any]
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


def post(body: bytes, *headers: str, path: str = "/p") -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_an_answer_is_whole_and_dated(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            await caller.send(post(b"abc", "X-Mixed-Case: 1", path="/p%20q?r=%20"))
            told = await caller.answer()
            assert told.status == 200
            assert told.headers["date"].endswith(" GMT")
            assert told.headers["content-type"] == "application/json"
            assert "connection" not in told.headers
            assert (told.json["method"], told.json["path"], told.json["query"]) == ("POST", "/p q", "r=%20")
            assert ["x-mixed-case", "1"] in told.json["headers"]
            assert told.json["length"] == 3

    run(scenario())


def test_equal_heads_are_told_apart_by_nothing(run: Run) -> None:
    """The second and third of equal requests do not meet the parser; bodies and what follows are still their own."""

    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            for body in (b"abc", b"xyz", b"abc", b"123"):
                await caller.send(post(body))
                told = await caller.answer()
                assert told.json["length"] == 3
                assert told.json["headers"] == [["content-length", "3"]]
            # A known head, with its body in the next piece, and another request behind that.
            head, body = post(b"qrs")[:-3], b"qrs"
            for pieces in (
                [head, body + GET],
                [head + body[:1], body[1:], GET],
                [head[:20], head[20:] + body + GET],
            ):
                for piece in pieces:
                    await caller.send(piece)
                    await asyncio.sleep(0.01)
                first, second = await caller.answer(), await caller.answer()
                assert (first.json["path"], first.json["length"]) == ("/p", 3)
                assert (second.json["path"], second.json["length"]) == ("/a", 0)

    run(scenario())


def test_heads_are_forgotten_when_nobody_asks_for_them() -> None:
    cache = HeadCache(Bounds())
    kept = cache.find(GET)
    assert kept is not None
    for number in range(10_000):
        head = cache.find(b"GET /%d HTTP/1.1\r\n\r\n" % number)
        assert head is not None
        assert head.path == f"/{number}"
        assert cache.find(GET) is kept
    assert cache.find(b"GET /9999 HTTP/1.1\r\n\r\n") is head
    assert len(cache._young) + len(cache._old) <= 4096


def test_heads_that_are_always_new_take_no_place() -> None:
    cache = HeadCache(Bounds())
    for number in range(100):
        head = cache.find(b"POST /p HTTP/1.1\r\nTraceParent: %d\r\nContent-Length: 5\r\n\r\n" % number)
        assert head is not None
        assert (head.headers[b"traceparent"], head.length) == (b"%d" % number, 5)
    assert not cache._young


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\nb\r\n\r\n",
        b"GET a HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\na: " + b"b" * 3000 + b"\r\n\r\n",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
    ],
)
def test_other_heads_are_left_to_the_connection(head: bytes) -> None:
    cache = HeadCache(Bounds())
    for _ in range(2):
        assert cache.find(head) is None
        assert cache.find(GET) is not None


def test_pipelined_requests_are_answered_in_order(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            # The first takes the most turns, so that the answers are ready in another order.
            await caller.send(b"".join(post(b"x" * n, f"X-Steps: {9 - n}", path=f"/{n}") for n in range(9)))
            told = [await caller.answer() for _ in range(9)]
            assert [one.json["path"] for one in told] == [f"/{n}" for n in range(9)]

    run(scenario())


def test_answers_that_are_ready_together_are_one_write(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            edge.scheduler.gate = asyncio.Event()
            await caller.send(GET * 10)
            await asyncio.sleep(0.05)
            connection = next(iter(edge.server.common.connections))
            transport, written = connection.transport, []

            class Spy:
                def __getattr__(self, name: str) -> Any:
                    return getattr(transport, name)

                def write(self, data: bytes) -> None:
                    written.append(data)
                    transport.write(data)

            connection.transport = Spy()
            edge.scheduler.gate.set()
            for _ in range(10):
                await caller.answer()
            connection.transport = transport
            assert sum(len(answers(data)) for data in written) == 10
            assert len(written) <= 3

    run(scenario())


def test_a_body_in_chunks(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            head = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            body = b"3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n\r\n"
            whole = head + body + GET
            for cut in range(1, len(whole)):
                await caller.send(whole[:cut])
                await asyncio.sleep(0)
                await caller.send(whole[cut:])
                assert (await caller.answer()).json["length"] == 7
                assert (await caller.answer()).json["path"] == "/a"

    run(scenario())


def test_trailers_never_pass_for_headers(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            await caller.send(
                b"POST /c HTTP/1.1\r\nAuthorization: Bearer good\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"1\r\na\r\n0\r\nAuthorization: Bearer evil\r\nX-Late: 1\r\n\r\n" + GET
            )
            first, second = await caller.answer(), await caller.answer()
            assert first.json["headers"] == [
                ["authorization", "Bearer good"],
                ["transfer-encoding", "chunked"],
            ]
            assert second.json["headers"] == [["host", "x"]]

    run(scenario())


def test_leave_to_send_is_given_once_it_is_needed(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            edge.scheduler.gate = asyncio.Event()
            request = post(b"abc", "Expect: 100-continue")
            await caller.send(GET + request[:-3])
            await asyncio.sleep(0.05)
            assert not caller.waiting  # the request before comes first
            edge.scheduler.gate.set()
            assert (await caller.answer()).json["path"] == "/a"
            assert (await caller.answer()).status == 100
            await caller.send(b"abc")
            assert (await caller.answer()).json["length"] == 3
            await caller.send(request)  # it did not wait
            assert (await caller.answer()).json["length"] == 3

    run(scenario())


def test_head_gets_no_body(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            await caller.send(b"HEAD /h HTTP/1.1\r\n\r\n" + GET.replace(b"Host: x", b"Connection: close"))
            first, second = answers(await caller.rest(), bodiless=(0,))
            assert int(first.headers["content-length"]) > 0
            assert second.json["path"] == "/a"

    run(scenario())


def test_the_connection_ends_where_the_request_or_the_answer_says_so(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge:
            for request in (
                b"GET /a HTTP/1.0\r\n\r\n",
                b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n",
                b"GET /a HTTP/1.1\r\nX-Close: 1\r\n\r\n",
            ):
                async with call(edge.port) as caller:
                    await caller.send(request + GET * 2)
                    told = answers(await caller.rest())
                    assert [one.status for one in told] == [200], request
                    assert told[0].closes

    run(scenario())


def test_an_offer_of_another_protocol_is_passed_over_body_and_all(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            offer = post(
                b"hello", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"
            )
            for pieces in (
                [offer + GET],
                [offer[:-3], offer[-3:] + GET],
                [offer[:9], offer[9:-5], offer[-5:], GET],
            ):
                for piece in pieces:
                    await caller.send(piece)
                    await asyncio.sleep(0.01)
                assert (await caller.answer()).json["length"] == 5
                assert (await caller.answer()).json["path"] == "/a"

    run(scenario())


def test_a_reply_cannot_smuggle_a_line(run: Run) -> None:
    told = Answers(0.0)
    for pair in ((b"x-request-id", b"a\r\nset-cookie: b"), (b"x-other", b"a\nb: c"), (b"x\r\ny", b"z")):
        try:
            told.head(Response(200, [pair], b""), close=False)
        except ValueError:
            continue
        raise AssertionError(pair)
    head, close = told.head(
        Response(299, [(b"connection", b"Close"), (b"content-length", b"7"), (b"x-a", b"b")], b"abc"),
        close=False,
    )
    lines = [b"HTTP/1.1 299 ", b"date: Thu, 01 Jan 1970 00:00:00 GMT", b"x-a: b", b"content-length: 3"]
    assert head.split(b"\r\n") == [*lines, b"connection: close", b"", b""]
    assert close


def test_small_answers_leave_at_once(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            await caller.send(GET)
            await caller.answer()
            connection = next(iter(edge.server.common.connections))
            one: socket.socket = connection.transport.get_extra_info("socket")
            assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    run(scenario())


def test_a_large_answer(run: Run) -> None:
    async def scenario() -> None:
        async with own_edge() as edge, call(edge.port) as caller:
            await caller.send(post(b"", f"X-Bytes: {20 << 20}") + GET)
            assert len((await caller.answer()).body) == 20 << 20
            assert (await caller.answer()).json["path"] == "/a"

    run(scenario())


@pytest.mark.parametrize("family", [socket.AF_INET6, socket.AF_UNIX])
def test_other_families_of_sockets(run: Run, tmp_path: Path, family: socket.AddressFamily) -> None:
    async def scenario() -> None:
        core: Any = EchoCore(Limits())
        scheduler: Any = EchoScheduler(core)
        server = Server(CoreHandler(core, scheduler), core.state.limits)
        one = socket.socket(family)
        if family == socket.AF_UNIX:
            one.bind(str(tmp_path / "socket"))
        else:
            one.bind(("::1", 0))
        one.listen()
        await server.start([one])
        if family == socket.AF_UNIX:
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "socket"))
        else:
            reader, writer = await asyncio.open_connection("::1", one.getsockname()[1])
        writer.write(GET)
        assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await server.stop()
        one.close()

    run(scenario())
