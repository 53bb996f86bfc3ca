"""A supervisor's children: commands with a role, each with the process that does it at the moment."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tenantry.app import sockets

FIRST_PAUSE, LAST_PAUSE = 0.05, 10.0
"""Pause before a child that died again is started, in seconds; doubled each time."""
STEADY_SECONDS = 3.0
"""A child that lived this long starts over with the first pause: it did start, so it is no crash loop."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # looked up here, since little is safe between fork and exec


class Child(NamedTuple):
    """One process to keep alive. In ``argv``, ``{fd:NAME}`` stands for the inherited socket of that name, and
    ``{at:NAME}`` for the host:port of a reserved one.
    """

    name: str
    argv: tuple[str, ...]


def scoring_worker(
    home: Path,
    number: int,
    log_level: str = "info",
    log_format: str = "auto",
    *,
    workers: int = 1,
    more: Sequence[str] = (),
) -> Child:
    """The command of a scoring worker on the socket ``data``; ``more`` are further arguments of ``app.serve``."""
    argv = (sys.executable, "-m", "tenantry.app.serve", "--home", str(home), "--fd", "{fd:data}")
    which = ("--worker", str(number), "--workers", str(max(workers, number + 1)))
    return Child(
        f"serve-{number}", (*argv, *which, "--log-level", log_level, "--log-format", log_format, *more)
    )


class Running:
    """A child's process and its history. ``due``: when it is started again, by the monotonic clock."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.due = 0.0
        self.pause = FIRST_PAUSE
        self.started = 0.0

    def spawn(self, listening: Mapping[str, socket.socket], reserved: Mapping[str, socket.socket]) -> None:
        """Start the process over a supervisor's sockets. Raises ``OSError``, ``subprocess.SubprocessError``."""
        named = {name: opened for name, opened in listening.items() if f"{{fd:{name}}}" in self.child.argv}
        argv = [_filled(word, named, reserved) for word in self.child.argv]
        parent = os.getpid()
        self.process = subprocess.Popen(  # noqa: S603 — commands of our own, no shell
            argv,
            stdin=subprocess.DEVNULL,
            pass_fds=[opened.fileno() for opened in named.values()],
            process_group=0,  # Ctrl-C is ours to hand on, and a kill reaches a child's own children
            preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 — a supervisor's process has one thread
        )
        self.started = time.monotonic()

    def bury(self, now: float) -> float:
        """Forget a process that died; returns the pause before the next."""
        self.process = None
        if now - self.started >= STEADY_SECONDS:
            self.pause = FIRST_PAUSE
        return self.put_off(now)

    def put_off(self, now: float) -> float:
        """Let the next process wait, and the one after it longer; returns this pause."""
        pause = self.pause
        self.due = now + pause
        self.pause = min(LAST_PAUSE, 2 * pause)
        return pause


def _filled(word: str, opened: Mapping[str, socket.socket], reserved: Mapping[str, socket.socket]) -> str:
    if word.startswith("{at:"):
        return sockets.bound_address(reserved[word[4:-1]])
    return str(opened[word[4:-1]].fileno()) if word.startswith("{fd:") else word


def _die_with(parent: int) -> None:
    """In the child, before its program: SIGTERM when the supervisor ends, and the usual signals."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
