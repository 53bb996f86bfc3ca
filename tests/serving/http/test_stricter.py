"""What is refused, and where the own edge is meant to differ from uvicorn's. Every case says what uvicorn does."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.serving.http.agree import BAD, play
from tests.serving.http.edges import answers, call, own_edge, uvicorn_edge
from tests.serving.http.test_requests import GET, post

Run = Callable[..., Any]

SMUGGLED = {
    "a length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
    "two equal lengths": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc",
    "a signed length": b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
    "an empty length": b"POST / HTTP/1.1\r\nContent-Length:\r\n\r\nabc",
    "a length past 64 bits": b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551619\r\n\r\nabc",
    "a folded header": b"GET / HTTP/1.1\r\nX-A: 1\r\n b\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\nX-A: 1\n\n",
    "a bare line feed in a header": b"GET / HTTP/1.1\r\nX-A: 1\nX-B: 2\r\n\r\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nX-A: 1\rX-B: 2\r\n\r\n",
    "a zero byte": b"GET / HTTP/1.1\r\nX-A: a\0b\r\n\r\n",
    "a zero byte in a name": b"GET / HTTP/1.1\r\nX-\0A: a\r\n\r\n",
    "a blank before the colon": b"POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc",
    "no colon": b"GET / HTTP/1.1\r\nX-A\r\n\r\n",
    "chunks that are not last": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunks by another name": b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
    "a chunk of a strange size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk of a negative size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
    "a chunk size past 64 bits": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n",
    "a chunk longer than its size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "chunk lines by line feeds": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    "an unknown method": b"BREW / HTTP/1.1\r\n\r\n",
    "a small method": b"get / HTTP/1.1\r\n\r\n",
    "a target of no path": b"GET a HTTP/1.1\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}  # fmt: skip


def test_bytes_of_two_meanings_are_refused(run: Run) -> None:
    """By both edges, whatever stands before and behind, with the answers before in their place."""

    async def scenario() -> None:
        async with own_edge() as own, uvicorn_edge() as other:
            await asyncio.gather(*(refused(own.port, other.port, case) for case in SMUGGLED))
            assert "/evil" not in own.core.begun

    run(scenario())


async def refused(own: int, other: int, case: str) -> None:
    broken = SMUGGLED[case]
    for first in (b"", GET, GET * 2):
        for cut in (0, len(first) + 9, len(first) + len(broken) - 1):
            stream = first + broken + post(b"smuggled", path="/evil")
            async with call(own) as caller:
                await caller.send(stream[:cut])
                await asyncio.sleep(0.01)
                await caller.send(stream[cut:])
                told = answers(await caller.rest())
            assert [one.status for one in told] == [200] * (len(first) // len(GET)) + [400], case
            assert (told[-1].json["code"], told[-1].closes) == ("http_malformed", True), case
    seen = await play(other, [broken])
    assert (seen.answers, seen.closed) == (((400, True, BAD),), True), case


def test_broken_bytes_do_not_cost_the_answers_before_them(run: Run) -> None:
    """uvicorn answers broken bytes at once and closes, so that the good request before them gets no answer."""

    async def scenario() -> None:
        async with own_edge() as own, uvicorn_edge() as other:
            stream = [GET + b"rubbish\r\n\r\n"]
            assert [one[0] for one in (await play(own.port, stream)).answers] == [200, 400]
            assert [one[0] for one in (await play(other.port, stream)).answers] == [400]

    run(scenario())


def test_a_refusal_of_head_has_no_body(run: Run) -> None:
    """uvicorn sends one, which the caller takes for the start of the next answer."""

    async def scenario() -> None:
        async with own_edge() as own, uvicorn_edge() as other:
            stream = b"HEAD / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz"
            for edge, body in ((own, b""), (other, b"Invalid HTTP request received.")):
                async with call(edge.port) as caller:
                    await caller.send(stream)
                    head, _, rest = (await caller.rest()).partition(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 400 ")
                    assert rest == body

    run(scenario())


def test_nothing_is_read_after_a_request_that_closes(run: Run) -> None:
    """uvicorn grants HTTP/1.0 no keep-alive but parses on, and broken bytes behind take the request's answer away."""

    async def scenario() -> None:
        async with own_edge() as own, uvicorn_edge() as other:
            stream = [
                GET.replace(b"Host: x", b"Connection: keep-alive").replace(b"1.1", b"1.0")
                + b"rubbish\r\n\r\n"
            ]
            assert [one[0] for one in (await play(own.port, stream)).answers] == [200]
            assert [one[0] for one in (await play(other.port, stream)).answers] == [400]

    run(scenario())


def test_a_refused_request_gets_one_answer(run: Run) -> None:
    """uvicorn sends a second one where the rest of the refused body is broken."""

    async def scenario() -> None:
        async with own_edge() as own, uvicorn_edge() as other:
            head = b"POST / HTTP/1.1\r\nX-Refuse: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
            for edge, statuses in ((own, [401]), (other, [401, 400])):
                async with call(edge.port) as caller:
                    await caller.send(head)
                    await asyncio.sleep(0.05)
                    await caller.send(b"zzz\r\n")
                    assert [one.status for one in answers(await caller.rest())] == statuses

    run(scenario())


def test_a_refusal_of_who_waits_for_leave_closes(run: Run) -> None:
    """uvicorn keeps the connection, and reads the next request as the body if the caller has dropped that."""

    async def scenario() -> None:
        async with own_edge() as own, uvicorn_edge() as other:
            request = post(b"x" * len(GET), "X-Refuse: 1", "Expect: 100-continue")[: -len(GET)]
            for edge, closed in ((own, True), (other, False)):
                seen = await play(edge.port, [request, GET])
                assert [one[0] for one in seen.answers] == [401]
                assert (seen.answers[-1][1], seen.closed) == (closed, closed)

    run(scenario())


def test_other_transfer_codings_are_refused(run: Run) -> None:
    """uvicorn takes the undecoded bytes for the body, and chunks from HTTP/1.0, which knows none (RFC 9112, 6.1)."""

    async def scenario() -> None:
        async with own_edge() as own, uvicorn_edge() as other:
            for head in (
                b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            ):
                seen = await play(own.port, [head + b"1\r\na\r\n0\r\n\r\n"])
                assert (seen.answers, seen.closed) == (((400, True, BAD),), True)
                assert "transfer coding" in seen.reason
                assert (await play(other.port, [head + b"1\r\na\r\n0\r\n\r\n"])).answers[0][0] == 200

    run(scenario())


def test_bodies_behind_an_offer_to_upgrade(run: Run) -> None:
    """uvicorn answers as if there were no body, and takes what comes of it later for the next request."""

    async def scenario() -> None:
        async with own_edge() as own, uvicorn_edge() as other:
            head = b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
            hidden = b"GET /evil HTTP/1.1\r\n\r\n"
            plain = [head + b"Content-Length: %d\r\n\r\n" % len(hidden), hidden]
            assert '"length":22' in (await play(own.port, plain)).answers[0][2]
            seen = await play(
                own.port, [head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n0\r\n\r\n"]
            )
            assert (seen.answers, seen.closed) == (((400, True, BAD),), True)
            assert "/evil" not in own.core.begun
            await play(other.port, plain)
            assert "/evil" in other.core.begun

    run(scenario())
