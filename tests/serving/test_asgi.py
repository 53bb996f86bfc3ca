"""The ASGI edge: bodies in parts, their bounds, and turns between requests."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tenantry.serving import application, scheduler

Messages = list[dict[str, Any]]
KEY = (b"authorization", b"Bearer acme-scorer")


def drive(world: Any, messages: Messages, path: str = "/predict/churn", key: bool = True) -> Messages:  # noqa: FBT001 — reads well
    """Feed messages to the application; returns what it sends. After the last message the caller stays silent."""
    sent: Messages = []
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [KEY] if key else [],
    }
    asyncio.run(application(world.core)(scope, receive, send))
    return sent


def parts(*pieces: bytes) -> Messages:
    return [
        {"type": "http.request", "body": piece, "more_body": i < len(pieces) - 1}
        for i, piece in enumerate(pieces)
    ]


def status_and_json(sent: Messages) -> tuple[int, Any]:
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_a_body_in_parts_is_put_together(world: Any) -> None:
    status, told = status_and_json(drive(world, parts(b'{"ten', b"", b'ure": 50}')))
    assert status == 200
    assert told["predictions"][0]["score"] == 0.5


def test_a_body_that_grows_over_the_limit_is_refused(make_world: Callable[..., Any]) -> None:
    world = make_world(body_bytes=10)
    for messages in (parts(b'{"ten', b'ure": 50}', b""), parts(b'{"tenure": 50}')):
        sent = drive(world, messages)
        assert status_and_json(sent)[0] == 413
        assert (b"connection", b"close") in sent[0]["headers"]


def test_a_body_that_does_not_come_is_given_up(make_world: Callable[..., Any]) -> None:
    messages = [{"type": "http.request", "body": b"{", "more_body": True}]
    status, told = status_and_json(drive(make_world(body_seconds=0.05), messages))
    assert (status, told["code"]) == (408, "body_slow")


def test_a_caller_who_leaves_gets_no_answer(world: Any) -> None:
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    assert drive(world, messages) == []


def test_large_bodies_share_a_bound(make_world: Callable[..., Any]) -> None:
    world = make_world(held_bytes=12)
    app = application(world.core)

    async def request(pieces: Messages, gate: asyncio.Event | None, sent: Messages) -> None:
        async def receive() -> dict[str, Any]:
            if gate is not None and len(pieces) == 1:
                await gate.wait()
            return pieces.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/predict/churn",
            "query_string": b"",
            "headers": [KEY],
        }
        await app(scope, receive, send)

    async def scenario() -> list[int]:
        gate = asyncio.Event()
        first: Messages = []
        second: Messages = []
        third: Messages = []
        holding = asyncio.create_task(request(parts(b'{"tenure"', b":1}"), gate, first))
        await asyncio.sleep(0)
        await request(parts(b'{"tenure"', b":1}"), None, second)
        gate.set()
        await holding
        await request(parts(b'{"tenure"', b":1}"), None, third)
        return [sent[0]["status"] for sent in (first, second, third)]

    assert asyncio.run(scenario()) == [200, 503, 200]


def test_who_may_not_ask_is_refused_before_the_body(world: Any) -> None:
    never = [{"type": "http.request", "body": b"{", "more_body": True}]
    assert status_and_json(drive(world, never, key=False))[0] == 401
    assert status_and_json(drive(world, never, path="/nothing"))[0] == 404


def test_a_large_batch_lets_others_have_their_turn(
    make_world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "SHORT_SECONDS", 0.0)  # this one is large by its rows, not by its time
    world = make_world(slice_rows=1)
    world.told("POST", "/predict/churn", {"tenure": 1})  # so that neither waits for the model
    app = application(world.core)
    finished: list[str] = []

    async def request(name: str, body: bytes) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                finished.append(name)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/predict/churn",
            "query_string": b"",
            "headers": [KEY],
        }
        await app(scope, receive, send)

    async def scenario() -> None:
        await asyncio.gather(
            request("large", json.dumps([{"tenure": 1}] * 50).encode()), request("small", b'{"tenure": 1}')
        )

    asyncio.run(scenario())
    assert finished == ["small", "large"]


def test_other_protocols_are_not_spoken(world: Any) -> None:
    async def nothing(*_: Any) -> Any:
        raise AssertionError

    with pytest.raises(ValueError, match="websocket"):
        asyncio.run(application(world.core)({"type": "websocket"}, nothing, nothing))
