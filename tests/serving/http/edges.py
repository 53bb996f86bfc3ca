"""Both HTTP edges over one handler that tells what it was given, and a caller that speaks bytes."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, NamedTuple

import uvicorn

from tenantry.errors import TenantryError
from tenantry.serving import Limits, Response, application
from tenantry.serving.core import too_large
from tenantry.serving.http import Bounds, CoreHandler, Server
from tenantry.serving.http.uvicorn_bounds import BoundedProtocol
from tenantry.serving.replies import encode_json, error_reply, json_reply
from tenantry.serving.tls import Certificate


def number(headers: Mapping[bytes, bytes], name: bytes, default: int) -> int:
    """A header's number; whatever else a mutated one holds is nothing to fail at."""
    value = headers.get(name, b"")
    return int(value) if value.isdigit() and len(value) < 9 else default


class EchoWork:
    """What came with a head."""

    def __init__(self, told: dict[str, Any], headers: Mapping[bytes, bytes]) -> None:
        self.told = told
        self.headers = headers
        self.abandoned = False


class EchoCore:
    """Answers with what it was given. Headers steer it: ``x-refuse`` (by the head alone), ``x-steps`` (others' turns
    first), ``x-status``, ``x-close``, ``x-bytes`` (so long an answer). An announced body that is over the limit is
    refused by the head, too, as by the real core, unless :attr:`trusting`.
    """

    def __init__(self, limits: Limits) -> None:
        self.state = SimpleNamespace(limits=limits)
        self.begun: list[str] = []
        self.run_bodies: list[int] = []
        self.refusals: list[str] = []
        self.trusting = False

    def begin(
        self, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes]
    ) -> EchoWork | Response:
        self.begun.append(path)
        if b"x-refuse" in headers:
            return json_reply(b'{"refused":true}', 401)
        length = headers.get(b"content-length", b"")
        if not self.trusting and length.isdigit() and int(length) > self.state.limits.body_bytes:
            return error_reply(too_large(self.state.limits.body_bytes))
        told = {
            "method": method,
            "path": path,
            "query": query.decode("latin-1"),
            "headers": sorted(
                [name.decode("latin-1"), value.decode("latin-1")] for name, value in headers.items()
            ),
        }
        return EchoWork(told, headers)

    def run(self, work: EchoWork, body: bytes) -> Response:
        self.run_bodies.append(len(body))
        size = number(work.headers, b"x-bytes", 0)
        if size:
            return json_reply(b"x" * size)
        told = work.told | {"length": len(body), "sha256": sha256(body).hexdigest()}
        response = json_reply(encode_json(told), min(599, max(200, number(work.headers, b"x-status", 200))))
        if b"x-close" in work.headers:
            response.headers.append((b"connection", b"close"))
        return response

    def refused(self, work: EchoWork, error: TenantryError) -> Response:
        self.refusals.append(error.code)
        return error_reply(error)


class EchoScheduler:
    """Runs work on later turns of the loop, as many later as its header says, or once :attr:`gate` is open."""

    def __init__(self, core: EchoCore) -> None:
        self.core = core
        self.abandoned = 0
        self.gate: asyncio.Event | None = None

    def submit(self, work: EchoWork, body: bytes, done: Callable[[Response], None]) -> None:
        self._wait(work, body, done, min(9, number(work.headers, b"x-steps", 0)))

    def _wait(self, work: EchoWork, body: bytes, done: Callable[[Response], None], turns: int) -> None:
        loop = asyncio.get_running_loop()
        if turns > 0:
            loop.call_soon(self._wait, work, body, done, turns - 1)
        elif self.gate is not None and not self.gate.is_set():
            loop.call_later(0.01, self._wait, work, body, done, 0)
        elif not work.abandoned:
            loop.call_soon(lambda: done(self.core.run(work, body)))

    def abandon(self, work: EchoWork) -> None:
        work.abandoned = True
        self.abandoned += 1


def listener() -> socket.socket:
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(512)
    return one


class Edge(NamedTuple):
    port: int
    core: EchoCore
    server: Any
    scheduler: EchoScheduler


@contextlib.asynccontextmanager
async def own_edge(
    limits: Limits | None = None, bounds: Bounds | None = None, certificate: Certificate | None = None
) -> AsyncIterator[Edge]:
    core: Any = EchoCore(limits or Limits())
    scheduler: Any = EchoScheduler(core)
    server = Server(CoreHandler(core, scheduler), core.state.limits, bounds)
    one = listener()
    await server.start([one], certificate)
    try:
        yield Edge(one.getsockname()[1], core, server, scheduler)
    finally:
        await server.stop()
        one.close()


@contextlib.asynccontextmanager
async def uvicorn_edge(limits: Limits | None = None) -> AsyncIterator[Edge]:
    core: Any = EchoCore(limits or Limits())
    scheduler: Any = EchoScheduler(core)
    config = uvicorn.Config(
        application(core, scheduler),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    one = listener()
    running = asyncio.create_task(server.serve([one]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Edge(one.getsockname()[1], core, server, scheduler)
    finally:
        server.should_exit = True
        await running
        one.close()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


def answers(data: bytes, bodiless: tuple[int, ...] = ()) -> list[Answer]:
    """The whole final answers in what a server sent; those with these numbers have no body (HEAD)."""
    told: list[Answer] = []
    while data:
        head, found, rest = data.partition(b"\r\n\r\n")
        assert found, data
        first, *lines = head.split(b"\r\n")
        version, status, _ = first.split(b" ", 2)
        assert version == b"HTTP/1.1", first
        if int(status) == 100:
            data = rest
            continue
        headers = {}
        for line in lines:
            name, _, value = line.partition(b": ")
            assert name.decode() not in headers, head
            headers[name.decode()] = value.decode("latin-1")
        length = 0 if len(told) in bodiless else int(headers["content-length"])
        assert len(rest) >= length, data
        told.append(Answer(int(status), headers, rest[:length]))
        data = rest[length:]
    return told


class Caller:
    """A connection whose every byte is up to the test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, **options: Any) -> "Caller":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26, **options))

    async def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # the server may have closed already
            self.writer.write(data)
            await self.writer.drain()

    @property
    def waiting(self) -> bytes:
        """What has come and was not read."""
        return bytes(self.reader._buffer)  # type: ignore[attr-defined]

    @property
    def ended(self) -> bool:
        """Whether the server has closed."""
        return self.reader._eof or self.reader.exception() is not None  # type: ignore[attr-defined, no-any-return]

    async def answer(self) -> Answer:
        """The next answer."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        if head.startswith(b"HTTP/1.1 100 "):
            return Answer(100, {}, b"")
        one = answers(head, (0,))[0]
        return one._replace(body=await self.reader.readexactly(int(one.headers["content-length"])))

    async def rest(self, seconds: float = 10) -> bytes:
        """All until the server closes."""
        with contextlib.suppress(OSError):
            return await asyncio.wait_for(self.reader.read(), seconds)
        return b""

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def call(port: int, **options: Any) -> AsyncIterator[Caller]:
    caller = await Caller.connect(port, **options)
    try:
        yield caller
    finally:
        caller.close()
