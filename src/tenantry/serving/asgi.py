"""The ASGI edge: from a server's messages to the core and back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from tenantry.errors import InvalidRequest, TenantryError, Unavailable
from tenantry.serving.core import Core, too_large
from tenantry.serving.replies import Response, error_reply

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def application(core: Core) -> App:
    """A raw ASGI application over a core; HTTP only."""
    limits = core.state.limits
    bodies = Bodies(core)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"the scoring service does not speak {scope['type']!r}")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        message = await receive()
        if message.get("more_body"):
            async with bodies.rest(scope, headers, message, receive) as body:
                await _reply(core, scope, headers, body, send)
            return
        whole = message.get("body", b"")
        too_long = len(whole) > limits.body_bytes
        body = error_reply(too_large(limits.body_bytes)) if too_long else whole
        await _reply(core, scope, headers, body, send)

    return app


async def _reply(
    core: Core, scope: Message, headers: Mapping[bytes, bytes], body: bytes | Response | None, send: Send
) -> None:
    """Answer; a refusal stands in for the body, None means that the caller has gone."""
    if body is None:
        return
    response = body if isinstance(body, Response) else await _answer(core, scope, headers, body)
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    await send({"type": "http.response.body", "body": response.body})


async def _answer(core: Core, scope: Message, headers: Mapping[bytes, bytes], body: bytes) -> Response:
    """Drive the core's steps, giving way to other requests between them."""
    steps = core.steps(scope["method"], scope["path"], scope["query_string"], headers, body)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            response: Response = done.value
            return response
        await asyncio.sleep(0)


class _Held:
    """How many bytes one request holds."""

    size = 0


class Bodies:
    """Collects bodies that come in parts, bounded in bytes (each, and all together) and in time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._limits = core.state.limits
        self._held = 0

    @asynccontextmanager
    async def rest(
        self, scope: Message, headers: Mapping[bytes, bytes], first: Message, receive: Receive
    ) -> AsyncIterator[bytes | Response | None]:
        """The whole body, or the reply that refuses it, or None where the caller went away.

        A request that cannot be answered is refused by its headers, before its body is held.
        """
        refusal = self._core.refuse(scope["method"], scope["path"], headers)
        if refusal is not None:
            yield refusal
            return
        held = _Held()
        try:
            yield await self._within_time(first, receive, held)
        finally:
            self._held -= held.size

    async def _within_time(self, first: Message, receive: Receive, held: _Held) -> bytes | Response | None:
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await self._collect(first, receive, held)
        except TimeoutError:
            seconds = f"{self._limits.body_seconds:g} seconds"
            return error_reply(InvalidRequest("body_slow", f"the body took over {seconds} to arrive"))
        except TenantryError as error:
            return error_reply(error)

    async def _collect(self, message: Message, receive: Receive, held: _Held) -> bytes | None:
        parts: list[bytes] = []
        while message["type"] != "http.disconnect":
            part = message.get("body", b"")
            parts.append(part)
            held.size += len(part)
            self._held += len(part)
            if held.size > self._limits.body_bytes:
                raise too_large(self._limits.body_bytes)
            if self._held > self._limits.held_bytes:
                raise Unavailable("serving_busy", "this worker holds as many large bodies as it may")
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()
        return None
