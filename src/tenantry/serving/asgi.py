"""The ASGI edge: from a server's messages to the core and back."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tenantry.errors import InvalidRequest, TenantryError, Unavailable
from tenantry.serving.core import Core, too_large
from tenantry.serving.replies import Response
from tenantry.serving.scheduler import Scheduler, settle
from tenantry.serving.work import Work

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def application(core: Core, scheduler: Scheduler | None = None) -> App:
    """A raw ASGI application over a core; HTTP only. Without a ``scheduler`` it makes one for its event loop."""
    bodies = Bodies(core)
    made: list[Scheduler] = [] if scheduler is None else [scheduler]

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"the scoring service does not speak {scope['type']!r}")
        if not made:
            made.append(Scheduler(core, asyncio.get_running_loop()))
        headers: dict[bytes, bytes] = dict(scope["headers"])
        work = core.begin(scope["method"], scope["path"], scope["query_string"], headers)
        if isinstance(work, Response):
            await _send(work, send)
            return
        response: Response | None = None
        try:
            body = await bodies.whole(receive)
            if body is not None:
                response = await _answer(made[0], work, body)
        except TenantryError as error:
            response = core.refused(work, error)
        finally:
            if response is None:
                made[0].abandon(work)
        if response is not None:
            await _send(response, send)

    return app


async def _send(response: Response, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    await send({"type": "http.response.body", "body": response.body})


async def _answer(scheduler: Scheduler, work: Work, body: bytes) -> Response:
    future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    scheduler.submit(work, body, settle(future))
    return await future


class _Held:
    """How many bytes one request holds."""

    size = 0


class Bodies:
    """Collects bodies that come in parts, bounded in bytes (each, and all together) and in time."""

    def __init__(self, core: Core) -> None:
        self._limits = core.state.limits
        self._held = 0

    async def whole(self, receive: Receive) -> bytes | None:
        """The whole body, or None where the caller went away.

        Raises ``InvalidRequest`` with ``body_too_large`` or ``body_slow``, ``Unavailable("serving_busy")``.
        """
        message = await receive()
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > self._limits.body_bytes:
                raise too_large(self._limits.body_bytes)
            return None if message["type"] == "http.disconnect" else body
        held = _Held()
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await self._collect(message, receive, held)
        except TimeoutError:
            seconds = f"{self._limits.body_seconds:g} seconds"
            raise InvalidRequest("body_slow", f"the body took over {seconds} to arrive") from None
        finally:
            self._held -= held.size

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
