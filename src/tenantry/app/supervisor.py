"""The parent of a running server: it owns the listening sockets, and keeps its children alive.

Children are commands with a role: scoring workers, the control process, training workers. They inherit the
sockets, so connections wait in the kernel while a child is replaced. A child that dies is started again, at
once at first and then with growing pauses; when the supervisor dies, however, its children are told to stop
(Linux: PR_SET_PDEATHSIG).
"""

import fcntl
import json
import os
import resource
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tenantry import __version__
from tenantry.app import sockets
from tenantry.app.children import Child, Running
from tenantry.errors import Conflict
from tenantry.telemetry import get_logger

GRACE_SECONDS = 35.0
"""How long children may take to stop before they are killed: longer than a scoring worker waits for its requests
(``Limits.drain_seconds``, 20) and then writes its inference log. A stop lasts only as long as the slowest child's."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = get_logger("supervisor")


class Supervisor:
    """Runs children over sockets for one home folder.

    ``listen``: socket name → (host, port); port 0 takes a free one. After :meth:`start`, ``run/server.json``
    holds ``pid``, ``version``, ``started``, ``NAME_url`` for each socket, and ``processes`` (name → pid).

    ``reserve``: the same for sockets that are held but not listened on, for children that can only listen themselves,
    side by side (SO_REUSEPORT); their ``NAME_url`` is host:port, as clients of gRPC want it.

    ``secure``: names of sockets on which children speak TLS.
    """

    def __init__(
        self,
        home: Path,
        listen: Mapping[str, tuple[str, int]],
        children: Sequence[Child],
        *,
        reserve: Mapping[str, tuple[str, int]] | None = None,
        secure: Collection[str] = (),
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._folder = home / "run"
        self._listen = dict(listen)
        self._children = [Running(child) for child in children]
        self._grace = grace_seconds
        self._secure = frozenset(secure)
        self._sockets: dict[str, socket.socket] = {}
        self._reserve = dict(reserve or {})
        self._reserved: dict[str, socket.socket] = {}
        self._lock: int | None = None
        self._started = 0.0
        self._untold = False
        """Whether the facts on disk are behind."""

    @property
    def facts(self) -> Path:
        """The file that tells other processes where the server is."""
        return self._folder / "server.json"

    @property
    def urls(self) -> dict[str, str]:
        """Socket name → URL, once started."""
        served = {
            name: sockets.url(opened, "https" if name in self._secure else "http")
            for name, opened in self._sockets.items()
        }
        return served | {name: sockets.address(opened) for name, opened in self._reserved.items()}

    @property
    def pids(self) -> dict[str, int]:
        """Child name → process id, of those that live."""
        alive = ((one.child.name, one.process) for one in self._children)
        return {name: process.pid for name, process in alive if process is not None}

    def start(self) -> None:
        """Take the home folder, listen, start all children, write the facts.

        Raises ``Conflict("already_running")`` or ``Unavailable("port_taken")``.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            for name, (host, port) in self._listen.items():
                self._sockets[name] = sockets.listening(host, port)
            for name, (host, port) in self._reserve.items():
                self._reserved[name] = sockets.reserved(host, port)
            _raise_file_limit()
            self._started = time.time()
            for one in self._children:
                one.spawn(self._sockets, self._reserved)
            self._write_facts()
        except BaseException:
            self.stop()
            raise
        _say(_log.info, "started", **self.urls, processes=len(self._children))

    def step(self) -> float:
        """Reap the dead and start again those that are due; returns seconds until something is due (at most
        1).
        """
        now = time.monotonic()
        for one in self._children:
            if one.process is not None and one.process.poll() is not None:
                code, pause = one.process.returncode, one.bury(now)
                _say(_log.error, "child died", child=one.child.name, code=code, restart_in=round(pause, 2))
                self._untold = True
            if one.process is None and one.due <= now:
                self._try_spawn(one, now)
                self._untold = True
        if self._untold:
            self._try_write_facts()
        waits = [one.due - now for one in self._children if one.process is None]
        return max(0.0, min([1.0, *waits]))

    def stop(self) -> None:
        """Ask all children to stop, wait, kill what is left, and give the home folder free."""
        alive = [one.process for one in self._children if one.process is not None]
        for process in alive:
            process.terminate()
        # Not held any longer than the children hold them: who connects from now on is refused, and need not wait.
        self._close_sockets()
        until = time.monotonic() + self._grace
        for process in alive:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                _say(_log.warning, "killed", pid=process.pid)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for one in self._children:
            one.process = None
        self._release()
        _say(_log.info, "stopped")

    def run(self, on_start: Callable[["Supervisor"], None] | None = None) -> int:
        """Start, keep going until SIGTERM, SIGINT or SIGHUP, stop; returns the exit code 0. Main thread
        only.
        """
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        stopped: list[int] = []
        previous = {number: signal.signal(number, lambda n, _: stopped.append(n)) for number in STOP_SIGNALS}
        previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            self.start()
            try:
                if on_start is not None:
                    on_start(self)
                while not stopped:
                    select.select([reader], [], [], self.step())
                    with suppress(BlockingIOError):
                        os.read(reader, 4096)
            finally:
                self.stop()
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)
        return 0

    def _try_spawn(self, one: Running, now: float) -> None:
        """Start a child again, or see to it that it is tried later: the system may have no room at the moment."""
        try:
            one.spawn(self._sockets, self._reserved)
        except (OSError, subprocess.SubprocessError) as error:
            pause = one.put_off(now)
            _say(_log.error, "child not started", child=one.child.name, error=str(error), again_in=pause)

    def _try_write_facts(self) -> None:
        """Write the facts, or leave it to the next step: the disk may be full at the moment."""
        try:
            self._write_facts()
        except OSError as error:
            _say(_log.error, "facts not written", path=str(self.facts), error=str(error))
        else:
            self._untold = False

    def _write_facts(self) -> None:
        facts: dict[str, Any] = {"pid": os.getpid(), "version": __version__, "started": self._started}
        facts |= {f"{name}_url": url for name, url in self.urls.items()}
        facts["processes"] = self.pids
        temporary = self.facts.with_suffix(".new")
        temporary.write_text(json.dumps(facts, indent=2) + "\n")
        temporary.replace(self.facts)

    def _take_lock(self) -> None:
        lock = os.open(self._folder / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise Conflict(
                "already_running", f"a server runs on {self._folder.parent} already; see {self.facts}"
            ) from error
        self._lock = lock

    def _close_sockets(self) -> None:
        for opened in (*self._sockets.values(), *self._reserved.values()):
            opened.close()
        self._sockets.clear()
        self._reserved.clear()

    def _release(self) -> None:
        self._close_sockets()
        try:
            self.facts.unlink(missing_ok=True)
        except OSError as error:  # readers look whether the process in it lives
            _say(_log.error, "facts not removed", path=str(self.facts), error=str(error))
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _say(log: Callable[..., object], event: str, **values: Any) -> None:
    """Log, unless that cannot be written: a full disk under the log is no reason to end."""
    with suppress(OSError):
        log(event, **values)


def _raise_file_limit() -> None:
    """Connections are file descriptors: take as many as the system lets this user have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65_536
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, 65_536), hard))
