"""A small, fast HTTP/1.1 client: keep-alive connections that send ready-made bytes and read whole replies."""

import asyncio
from typing import Any, Protocol

from tenantry.loadtest.replies import FAULTY, Reply, read_reply


class Shot:
    """One request on its way. ``due``: when it was meant to be sent; ``sent``: when it was (monotonic seconds; 0.0: not
    yet).
    """

    __slots__ = ("due", "pick", "raw", "sent", "target")

    def __init__(self, due: float, target: int, pick: int, raw: bytes) -> None:
        self.due = due
        self.target = target
        self.pick = pick
        self.raw = raw
        self.sent = 0.0


class Keeper(Protocol):
    """Who owns connections: told of each one's turns."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def opened(self, connection: "Connection") -> None:
        """The connection can take a shot."""
        ...

    def answered(self, connection: "Connection", shot: Shot, reply: Reply) -> None:
        """A whole reply came; the connection is free unless the reply closes it."""
        ...

    def lost(self, connection: "Connection", shot: Shot | None) -> None:
        """The connection ended, with a shot on its way or none."""
        ...


class Connection(asyncio.Protocol):
    """One connection: at most one request on its way."""

    __slots__ = ("_buffer", "_keeper", "shot", "transport")

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._buffer = b""
        self.shot: Shot | None = None
        self.transport: Any = None

    def send(self, shot: Shot) -> None:
        """Send a request; the connection must be free."""
        self.shot = shot
        shot.sent = self._keeper.now()
        self.transport.write(shot.raw)

    def close(self) -> None:
        """Drop the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: Any) -> None:
        """The connection stands."""
        self.transport = transport
        self._keeper.opened(self)

    def data_received(self, data: bytes) -> None:
        """A part of a reply, or all of it."""
        shot = self.shot
        if shot is None:  # nothing was asked: a server's farewell, such as a 408
            self.transport.abort()
            return
        if self._buffer:
            data = self._buffer + data
        reply = read_reply(data)
        if reply is None:
            self._buffer = data
            return
        if reply is FAULTY:
            self.transport.abort()
            return
        self._finish(shot, reply)

    def eof_received(self) -> bool:
        """The server has closed its side: the end of a reply without a length."""
        shot = self.shot
        if shot is not None and self._buffer:
            reply = read_reply(self._buffer, ended=True)
            if reply is not None and reply is not FAULTY:
                self._finish(shot, reply)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        del exc
        shot, self.shot = self.shot, None
        self._keeper.lost(self, shot)

    def _finish(self, shot: Shot, reply: Reply) -> None:
        self._buffer = b""
        self.shot = None
        if reply.closes:
            self.transport.abort()
        self._keeper.answered(self, shot, reply)
