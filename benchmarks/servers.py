"""Servers under measurement, and what they cost: CPU and memory of their whole process trees, from /proc."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tenantry.app.children import scoring_worker
from tenantry.app.supervisor import Supervisor
from tenantry.telemetry import configure

ECHO = """
import sys, socket, asyncio, msgspec, uvicorn, uvloop
decode = msgspec.json.Decoder().decode
HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
async def app(scope, receive, send):
    message = await receive()
    decode(message["body"] or b"0")
    await send(HEAD)
    await send({"type": "http.response.body", "body": b'{"score":0.123456789}'})
config = uvicorn.Config(
    app, http="httptools", lifespan="off", interface="asgi3", ws="none", access_log=False, log_config=None
)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(uvicorn.Server(config).serve([socket.socket(fileno=int(sys.argv[1]))]))
"""
"""The limit of this HTTP server: raw ASGI, uvloop, httptools; it decodes the record and answers a constant."""


class Server(NamedTuple):
    """A running server. ``roots``: its first processes."""

    url: str
    roots: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far."""
        return sum(map(cpu_seconds, tree(self.roots)))

    def pss_mb(self) -> float:
        """Memory, shared pages divided by their users."""
        return sum(map(pss_kb, tree(self.roots))) / 1024


def tree(roots: Sequence[int]) -> list[int]:
    """The processes and all that came of them."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    todo = list(roots)
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, 0.0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_kb(pid: int) -> int:
    """Proportional set size of a process, 0 for one that is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


@contextlib.contextmanager
def ours(home: Path, workers: int = 1, edge: str | None = None, more: Sequence[str] = ()) -> Iterator[Server]:
    """Scoring workers on a home folder, as ``tenantry up`` starts them; ``edge``: ``own`` or ``uvicorn``."""
    extra = (*(("--http", edge) if edge else ()), *more)
    configure("warning", "auto")  # of the supervisor here; the workers log as they do by default
    children = [scoring_worker(home, number, workers=workers, more=extra) for number in range(workers)]
    supervisor = Supervisor(home, {"data": ("127.0.0.1", 0)}, children)
    with log_to(home / "log"):
        supervisor.start()
    try:
        server = Server(supervisor.urls["data"], tuple(supervisor.pids.values()))
        wait_for(server, "/v2/health/ready")
        yield server
    finally:
        supervisor.stop()


@contextlib.contextmanager
def log_to(file: Path) -> Iterator[None]:
    """What is started inside writes its log to a file: a terminal would be part of what is measured."""
    before = os.dup(2)
    try:
        with file.open("wb") as opened:
            os.dup2(opened.fileno(), 2)
            yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def edges() -> list[str]:
    """The HTTP edges that this build can be told to use; an empty list where there is one only."""
    command = [sys.executable, "-m", "tenantry.app.serve", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return ["uvicorn", "own"] if "--http" in said else []


@contextlib.contextmanager
def echo() -> Iterator[Server]:
    """The bare uvicorn echo."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        number = listening.fileno()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with started([sys.executable, "-c", ECHO, str(number)], url, "/", keep=[number]) as server:
            yield server


@contextlib.contextmanager
def started(
    command: Sequence[str],
    url: str,
    ready: str,
    *,
    keep: Sequence[int] = (),
    environment: dict[str, str] | None = None,
    seconds: float = 120.0,
    folder: Path | None = None,
) -> Iterator[Server]:
    """A server of one command, from when it answers ``ready`` with 200 to its end (its process group's)."""
    log = tempfile.NamedTemporaryFile(prefix="bench-server-", suffix=".log", delete=False)  # noqa: SIM115
    process = subprocess.Popen(
        command,
        pass_fds=keep,
        env=os.environ | (environment or {}),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        cwd=folder,
    )
    try:
        server = Server(url, (process.pid,))
        try:
            wait_for(server, ready, seconds, process)
        except TimeoutError as error:
            said = Path(log.name).read_text(errors="replace")[-1500:]
            raise TimeoutError(f"{command[0]} did not start: {said}") from error
        yield server
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
        log.close()
        Path(log.name).unlink()


def wait_for(
    server: Server, path: str, seconds: float = 60.0, process: "subprocess.Popen[bytes] | None" = None
) -> None:
    """Until a GET answers 200. Raises ``TimeoutError``."""
    until = time.monotonic() + seconds
    parts = urlsplit(server.url)
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
            connection.request("GET", path)
            status = connection.getresponse().status
            connection.close()
            if status == 200:
                return
        if time.monotonic() > until or (process is not None and process.poll() is not None):
            raise TimeoutError(f"{server.url} does not answer")
        time.sleep(0.05)


@contextlib.contextmanager
def home_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tenantry-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
