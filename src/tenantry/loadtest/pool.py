"""Connections to one server: shots go to a free one, new ones are opened up to a limit, the rest waits in order."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from tenantry.loadtest.client import Connection, Shot
from tenantry.loadtest.replies import Reply
from tenantry.loadtest.requests import Address

TIMED_OUT, LOST, REFUSED = "client_timeout", "connection_lost", "connect_failed"
"""Why a request got no reply: none in time; the connection broke; it could not be opened."""
_PAUSE_SECONDS = 0.02
"""Before a closed loop opens a connection again that could not be opened."""


class Sink(Protocol):
    """Where outcomes go."""

    def answered(self, shot: Shot, reply: Reply, now: float) -> None:
        """A reply came."""
        ...

    def failed(self, shot: Shot, why: str, now: float) -> None:
        """No reply came."""
        ...


class Pool:
    """Keeps connections busy. One event loop's.

    ``refill``: asked for the next shot whenever a connection is free and nothing waits (a closed loop).
    """

    now = staticmethod(time.monotonic)

    def __init__(
        self,
        address: Address,
        sink: Sink,
        *,
        limit: int,
        timeout: float,
        tls: ssl.SSLContext | None = None,
        refill: Callable[[], Shot | None] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._sink = sink
        self._limit = limit
        self._timeout = timeout
        self._tls = tls
        self._refill = refill
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._waiting: deque[Shot] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether any shot waits or is on its way."""
        return bool(self._waiting) or len(self._idle) < len(self._open)

    def fire(self, shot: Shot) -> None:
        """Send a shot on a free connection, or as soon as there is one."""
        if self._idle:
            self._idle.pop().send(shot)
            return
        self._waiting.append(shot)
        if len(self._opening) < min(len(self._waiting), self._limit - len(self._open)):
            self.widen()

    def widen(self) -> None:
        """Open one more connection."""
        task = self._loop.create_task(self._connect())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def opened(self, connection: Connection) -> None:
        """A connection stands."""
        self._open.add(connection)
        self._freed(connection)

    def answered(self, connection: Connection, shot: Shot, reply: Reply) -> None:
        """A connection has its reply."""
        self._sink.answered(shot, reply, self.now())
        if reply.closes:
            self._open.discard(connection)
            self._replace()
        else:
            self._freed(connection)

    def lost(self, connection: Connection, shot: Shot | None) -> None:
        """A connection has ended."""
        known = connection in self._open
        self._open.discard(connection)
        if shot is not None:
            self._sink.failed(shot, LOST, self.now())
        elif connection in self._idle:
            self._idle.remove(connection)
        if known:
            self._replace()

    def sweep(self) -> None:
        """Give up on what is older than the time-out; call it now and then."""
        now = self.now()
        # A shot that waited long for a connection still gets half a time-out for its answer.
        while self._waiting and now - self._waiting[0].due > self._timeout:
            self._sink.failed(self._waiting.popleft(), TIMED_OUT, now)
        for connection in list(self._open):
            shot = connection.shot
            if shot is not None and now - shot.due > self._timeout and now - shot.sent > self._timeout / 2:
                connection.shot = None
                self._sink.failed(shot, TIMED_OUT, now)
                connection.close()

    async def close(self) -> None:
        """Fail what still waits, and drop all connections."""
        self._refill = None
        now = self.now()
        for waiting in self._waiting:
            self._sink.failed(waiting, TIMED_OUT, now)
        self._waiting.clear()
        for task in list(self._opening):
            task.cancel()
        for connection in list(self._open):
            shot, connection.shot = connection.shot, None
            if shot is not None:
                self._sink.failed(shot, TIMED_OUT, now)
            connection.close()
        self._open.clear()
        await asyncio.sleep(0)

    def _freed(self, connection: Connection) -> None:
        shot = self._following()
        if shot is None:
            self._idle.append(connection)
        else:
            connection.send(shot)

    def _following(self) -> Shot | None:
        """What waits longest, else a closed loop's next."""
        if self._waiting:
            return self._waiting.popleft()
        return self._refill() if self._refill is not None else None

    def _replace(self) -> None:
        """A connection is gone: a closed loop keeps its number, an open loop opens what waiting shots need."""
        if self._refill is not None or len(self._opening) < len(self._waiting):
            self.widen()

    async def _connect(self) -> None:
        host, port = self._address.host, self._address.port
        name = host if self._tls is not None else None
        try:
            await asyncio.wait_for(
                self._loop.create_connection(
                    lambda: Connection(self), host, port, ssl=self._tls, server_hostname=name
                ),
                self._timeout,
            )
        except (OSError, TimeoutError):
            await self._not_opened()

    async def _not_opened(self) -> None:
        """One request pays for the connection that could not be had."""
        shot = self._following()
        if shot is not None:
            self._sink.failed(shot, REFUSED, self.now())
        await asyncio.sleep(_PAUSE_SECONDS)
        if self._refill is not None or self._waiting:
            self.widen()
