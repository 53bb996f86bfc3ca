"""A small real HTTP server whose answers each test writes itself."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

import pytest


class Asked(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked], Awaitable[bytes]]


def reply(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    """The bytes of one reply; ``x_a="1"`` becomes the header x-a."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class SmallServer:
    """Answers in a thread of its own. An empty answer closes the connection."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._ready.wait(10)

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=512)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while answered := await self.answer(await self._read(reader)):
                writer.write(answered)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split()
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])
        }
        asked = Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
        self.asked.append(asked)
        return asked


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], SmallServer]]:
    """Start a server with its answer."""
    running: list[SmallServer] = []

    def start(answer: Answer) -> SmallServer:
        running.append(SmallServer(answer))
        return running[-1]

    yield start
    for server in running:
        server.close()


async def fine(asked: Asked) -> bytes:
    """Everything is well."""
    return reply(b'{"predictions":[]}', x_tenantry_version="3", x_tenantry_rule="Default")
