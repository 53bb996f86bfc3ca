"""The own HTTP edge as a whole: accepts from given sockets, keeps times, and ends gracefully."""

import asyncio
import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from tenantry.serving.defects import Defects
from tenantry.serving.http.acceptor import Acceptor
from tenantry.serving.http.bounds import Bounds
from tenantry.serving.http.common import Common
from tenantry.serving.http.connection import Connection
from tenantry.serving.http.handler import Handler
from tenantry.serving.http.times import look
from tenantry.serving.limits import Limits
from tenantry.serving.tls import Certificate
from tenantry.telemetry import get_logger

_HANDSHAKE_SECONDS = 10.0
_CERTIFICATE_SECONDS = 5.0
"""How often the certificate's files are looked at."""
_log = get_logger("http")


class Server:
    """Serves a handler on listening sockets of one event loop."""

    def __init__(self, handler: Handler, limits: Limits, bounds: Bounds | None = None) -> None:
        self.common = Common(handler, limits, bounds or Bounds(), time.monotonic(), time.time())
        self._acceptors: list[Acceptor] = []
        self._ticking: asyncio.Task[None] | None = None
        self._certificate: Certificate | None = None
        self._defects = Defects("a tick of the HTTP edge failed; the next one comes")

    async def start(self, sockets: Sequence[socket.socket], certificate: Certificate | None = None) -> None:
        """Accept from now on. The sockets are closed with the server; siblings that share one hold their own."""
        loop = asyncio.get_running_loop()
        self.tick()
        self._certificate = certificate
        secured: dict[str, Any] = {}
        if certificate is not None:
            secured = {"ssl": certificate.context, "ssl_handshake_timeout": _HANDSHAKE_SECONDS}
        for one in sockets:
            one.setblocking(False)
            factory = partial(Connection, self.common, loop)
            self._acceptors.append(Acceptor(loop, one, factory, secured))
        self._ticking = loop.create_task(self._tick())

    def tick(self) -> None:
        """Take the time for all connections, and cut off who is late."""
        common = self.common
        common.now = time.monotonic()
        common.answers.tick(time.time())
        late = look(common)
        if late:
            _log.warning(
                "callers cut off", **{reason.replace(" ", "_"): count for reason, count in late.items()}
            )

    async def _tick(self) -> None:
        seen = time.monotonic()
        while True:
            await asyncio.sleep(self.common.bounds.tick_seconds)
            try:
                self.tick()
                if self._certificate is not None and self.common.now - seen > _CERTIFICATE_SECONDS:
                    seen = self.common.now
                    self._certificate.look()
            except Exception as error:  # noqa: BLE001 — without ticks nobody would ever be late
                self._defects.tell(error)

    async def stop(self) -> None:
        """Accept no more, answer what is in flight, close the rest; after ``drain_seconds`` cut what is left."""
        for acceptor in self._acceptors:
            acceptor.close()
        common = self.common
        for connection in list(common.connections):
            connection.drain()
        until = time.monotonic() + common.limits.drain_seconds
        while common.connections and time.monotonic() < until:
            await asyncio.sleep(0.02)
        if common.connections:
            _log.warning("requests cut off by the stop", connections=len(common.connections))
        for connection in list(common.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)


async def serve(
    handler: Handler,
    sockets: Sequence[socket.socket],
    *,
    limits: Limits,
    stop: asyncio.Event,
    bounds: Bounds | None = None,
    certificate: Certificate | None = None,
) -> None:
    """Answer until ``stop`` is set; then finish the requests in flight. ``sockets`` are of any stream family."""
    server = Server(handler, limits, bounds)
    await server.start(sockets, certificate)
    try:
        await stop.wait()
    finally:
        await server.stop()
