"""Takes connections from a listening socket that several workers share, one a turn of the loop.

A loop that takes all that wait at once gives every caller of a burst to the worker that woke first. Taken one by one,
they go to whoever comes round first, and who is busy comes round less often: two workers answered 1.0 times the rows
of one when a client opened its 16 connections at once, and about twice as many so.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tenantry.telemetry import get_logger

PAUSE_SECONDS = 0.5
"""How long to leave callers waiting where none can be taken: most often there are no file handles left."""

_log = get_logger("http")


class Acceptor:
    """Makes a protocol for every caller of ``listening``, and closes it at the end; ``secured``: arguments for TLS."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        secured: dict[str, Any],
    ) -> None:
        self._loop = loop
        self._listening = listening
        self._factory = factory
        self._secured = secured
        self._opening: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Take no more callers."""
        if self._pause is not None:
            self._pause.cancel()
        else:
            self._loop.remove_reader(self._listening.fileno())
        self._listening.close()

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            opened, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # a sibling was first, or the caller has gone
        except OSError as error:
            _log.error("no caller can be taken; trying again soon", error=str(error))
            self._loop.remove_reader(self._listening.fileno())
            self._pause = self._loop.call_later(PAUSE_SECONDS, self._listen)
            return
        task = self._loop.create_task(self._open(opened))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, opened: socket.socket) -> None:
        opened.setblocking(False)
        if opened.family != socket.AF_UNIX:
            with suppress(OSError):
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._loop.connect_accepted_socket(self._factory, opened, **self._secured)
        except OSError:  # gone meanwhile, or no handshake came about (TimeoutError and SSLError are OSErrors)
            opened.close()
