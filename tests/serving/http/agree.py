"""Whether two edges answered a stream alike, and the few ways in which the own one may differ."""

import asyncio
import json
from typing import NamedTuple

from tests.serving.http.edges import Caller

BAD = "no HTTP request"
REFUSED = 401
STRICTER = ("in another transfer coding", "an offer to change the protocol", "is not spoken here")
"""What the own edge refuses and uvicorn takes."""


class Seen(NamedTuple):
    """Final answers as (status, closes, body), BAD for a body that says that bytes were no request; how it ended."""

    answers: tuple[tuple[int, bool, str], ...]
    closed: bool
    reason: str = ""


async def play(port: int, pieces: list[bytes], turns: int = 12, pause: float = 0.004) -> Seen:
    """Send the pieces, and read until the server closes or, after the last, has nothing more to say."""
    caller = await Caller.connect(port)
    for piece in pieces:
        if caller.ended:
            break
        await caller.send(piece)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    quiet, size = 0, -1
    while not caller.ended and quiet < 2 * turns:
        got = len(caller.waiting)
        quiet = quiet + 1 if got == size else 0
        size = got
        await asyncio.sleep(pause if quiet == turns else 0)
    told = seen(caller.waiting, closed=caller.ended)
    caller.reset()
    return told


def seen(data: bytes, *, closed: bool) -> Seen:
    """Read what a server sent. Answers to HEAD have no body, which shows by what follows them."""
    answers = []
    reason = ""
    while data:
        head, found, rest = data.partition(b"\r\n\r\n")
        assert found, data
        lines = head.decode("latin-1").lower().split("\r\n")
        status = int(lines[0].split(" ")[1])
        if status == 100:
            data = rest
            continue
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert len(headers) == len(lines) - 1, head
        length = int(headers["content-length"])
        if not rest or rest.startswith(b"HTTP/1.1 "):
            length = 0
        assert len(rest) >= length, data
        body = rest[:length].decode()
        data = rest[length:]
        if body == "Invalid HTTP request received." or (status, body) == (400, ""):
            body = BAD  # without one where it answers HEAD, as is right
        elif body.startswith('{"error"'):
            reason = json.loads(body)["error"]
            body = BAD
        answers.append((status, headers.get("connection") == "close", body))
    return Seen(tuple(answers), closed, reason)


def differ(own: Seen, other: Seen) -> str:
    """Why the own edge's answers are not right beside uvicorn's; empty where they are.

    Allowed, each with a test of its own in ``test_stricter.py``:

    order     uvicorn answers broken bytes at once, so that answers to the good requests before them are lost.
    after     uvicorn parses on after an HTTP/1.0 request that asks for keep-alive, though it closes after the answer.
    refused   a request refused by its head gets no second answer where its body is broken; and where it waited for
              leave to send its body, the connection closes, since nobody can tell whether the body will come.
    stricter  what is in STRICTER.
    """
    if own[:2] == other[:2]:
        return ""
    if own.closed and own.answers and own.answers[-1][0] == REFUSED:
        told = len(own.answers)
        alike = [(status, body) for status, _, body in other.answers[:told]]
        if alike == [(status, body) for status, _, body in own.answers] and (
            own.answers[-1][1] or other.answers[told:] == ((400, True, BAD),)
        ):
            return ""
    bad_end = bool(other.answers) and other.answers[-1][2] == BAD
    if bad_end and own.closed and own.answers:
        last = own.answers[-1]
        ended = last[2] == BAD or last[1] or last[0] == REFUSED
        if ended and other.answers[:-1] == own.answers[: len(other.answers) - 1]:
            return ""
    before = own.answers[:-1]
    if any(word in own.reason for word in STRICTER) and (bad_end or other.answers[: len(before)] == before):
        return ""
    return "answers" if own.answers != other.answers else "end"
