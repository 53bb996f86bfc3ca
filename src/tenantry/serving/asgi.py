"""The ASGI edge: from a server's messages to the core and back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from tenantry.errors import InvalidRequest
from tenantry.serving.core import Core, too_large
from tenantry.serving.replies import Response, error_reply

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_TURN = asyncio.sleep


def application(core: Core) -> App:
    """A raw ASGI application over a core; HTTP only."""
    limits = core.state.limits

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"the scoring service does not speak {scope['type']!r}")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        message = await receive()
        if message.get("more_body"):
            body = await _rest(core, scope, headers, message, receive)
        else:
            body = message.get("body", b"")
            if len(body) > limits.body_bytes:
                body = error_reply(too_large(limits.body_bytes))
        if body is None:
            return  # the caller has gone
        response = body if isinstance(body, Response) else await _answer(core, scope, headers, body)
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": response.body})

    return app


async def _answer(core: Core, scope: Message, headers: Mapping[bytes, bytes], body: bytes) -> Response:
    """Drive the core's steps, giving way to other requests between them."""
    steps = core.steps(scope["method"], scope["path"], scope["query_string"], headers, body)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            response: Response = done.value
            return response
        await _TURN(0)


async def _rest(
    core: Core, scope: Message, headers: Mapping[bytes, bytes], first: Message, receive: Receive
) -> bytes | Response | None:
    """The whole body of a request that came in parts, bounded in bytes and in time; None where the caller
    went away.

    A request that cannot be answered is refused by its headers, before its body is held.
    """
    refusal = core.refuse(scope["method"], scope["path"], headers)
    if refusal is not None:
        return refusal
    limits = core.state.limits
    parts = [first.get("body", b"")]
    size = len(parts[0])
    try:
        async with asyncio.timeout(limits.body_seconds):
            message = first
            while message.get("more_body"):
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limits.body_bytes:
                    return error_reply(too_large(limits.body_bytes))
    except TimeoutError:
        return error_reply(
            InvalidRequest("body_slow", f"the body took over {limits.body_seconds:g} seconds to arrive")
        )
    return b"".join(parts)
