"""A closed loop against a server: wrk where it is installed, else tenantry's own load client."""

import json
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.servers import Server
from tenantry.loadtest import Drive, Requests, Target, drive
from tenantry.loadtest.replay import Recorded

SCRIPT = Path(__file__).with_name("load.lua")
WRK = shutil.which("wrk")


class Figures(NamedTuple):
    """One run. ``cpu_us``: of the whole server, a request; ``generator``: cores that the load generator took."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    bad: int
    generator: float


class Traffic(NamedTuple):
    """Requests made ready, and the order in which they are sent, kept in a file for wrk."""

    file: Path
    requests: Sequence[bytes]
    order: Sequence[int]


def request(server: Server, path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """The bytes of one POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {urlsplit(server.url).netloc}",
        "Content-Type: application/json",
    ]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@contextmanager
def traffic(requests: Sequence[bytes], order: Sequence[int]) -> Iterator[Traffic]:
    """Write what wrk reads."""
    with tempfile.NamedTemporaryFile(prefix="bench-traffic-") as file:
        for one in requests:
            file.write(b"%d\n" % len(one) + one)
        file.write(b"order\n" + "\n".join(str(number + 1) for number in order).encode() + b"\n")
        file.flush()
        yield Traffic(Path(file.name), requests, order)


def measure(server: Server, load: Traffic, connections: int = 16, seconds: float = 2.0) -> Figures:
    """One run of a closed loop."""
    before = server.cpu_seconds()
    run = _wrk if WRK else _own
    count, took, p50, p99, bad, generator = run(server, load, connections, seconds)
    spent = server.cpu_seconds() - before
    return Figures(count / took, p50, p99, 1e6 * spent / max(1, count), bad, generator / took)


def median(runs: Sequence[Figures]) -> Figures:
    """Medians of each figure; all failures."""
    middle = [statistics.median(column) for column in zip(*runs, strict=True)]
    return Figures(*middle[:4], sum(run.bad for run in runs), middle[5])


def ratio(ours: Sequence[Figures], theirs: Sequence[Figures], figure: str) -> str:
    """Ours over theirs, run by run: the median of the pairs, and their range."""
    pairs = [getattr(a, figure) / getattr(b, figure) for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(pairs):.2f} [{min(pairs):.2f}–{max(pairs):.2f}]"


Raw = tuple[int, float, float, float, int, float]


def _wrk(server: Server, load: Traffic, connections: int, seconds: float) -> Raw:
    before = _children_seconds()
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds:g}s",
        "--timeout",
        "10s",
        "-s",
        str(SCRIPT),
        server.url,
    ]
    if seconds != int(seconds):
        raise ValueError("wrk takes whole seconds")
    done = subprocess.run(
        command, env=os.environ | {"REQUESTS": str(load.file)}, capture_output=True, text=True, check=True
    )
    told = json.loads(next(line[5:] for line in done.stdout.splitlines() if line.startswith("JSON ")))
    used = _children_seconds() - before
    return told["requests"], told["seconds"], told["p50"], told["p99"], told["bad"], used


def _own(server: Server, load: Traffic, connections: int, seconds: float) -> Raw:
    """The same by our client: all requests as bodies of one target would not do, so each is a target of its own."""
    splits = [one.index(b"Content-Length") for one in load.requests]
    requests = Requests(
        targets=tuple(Target(tenant="-", model="-", key="-") for _ in load.requests),
        heads=tuple(one[:at] for one, at in zip(load.requests, splits, strict=True)),
        tails=tuple(one[at:] for one, at in zip(load.requests, splits, strict=True)),
        spans=tuple((number, 1) for number in range(len(load.requests))),
    )
    many = int(seconds * 40_000)
    order = tuple(load.order[number % len(load.order)] for number in range(many))
    recorded = Recorded(offsets=(0.0,) * many, targets=order, picks=(0,) * many)
    started = time.perf_counter()
    samples = drive(
        Drive(
            url=server.url,
            requests=requests,
            shape="closed",
            connections=connections,
            duration=seconds,
            recorded=recorded,
        )
    )
    took = time.perf_counter() - started
    times = sorted(1000 * value for value in samples.latency)
    good = sum(
        1 for status, _ in (list(samples.outcomes)[number] for number in samples.outcome) if status == 200
    )
    p50, p99 = (times[int(len(times) * share)] for share in (0.5, 0.99))
    return len(times), took, p50, p99, len(times) - good, samples.cpu_seconds


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
