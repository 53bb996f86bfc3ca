"""One hot model behind one scoring worker, beside a bare uvicorn echo in the same run.

The echo is the limit of this HTTP server: raw ASGI, uvloop, httptools; it decodes the JSON record and answers a
constant. The load comes from this process (uvloop, keep-alive, closed loop) on the same cores. CPU is that of the
server's process.
"""

import argparse
import asyncio
import contextlib
import hashlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import uvloop

from tenantry.access import digest_of
from tenantry.plan import compile_plan
from tenantry.plan.ir import Calibration, NumberColumn, PlanSpec, Tree
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.routing import Endpoint, EndpointTable, KeyEntry, VersionRef, save
from tenantry.schema import Column, SemanticType, Signature, Task
from tenantry.tenancy import TenantId

COLUMNS, TREES, LEAVES = 20, 100, 31
KEY = "tnk_benchmark"
ECHO = """
import sys, socket, asyncio, msgspec, uvicorn, uvloop
decode = msgspec.json.Decoder().decode
HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
async def app(scope, receive, send):
    message = await receive()
    decode(message["body"])
    await send(HEAD)
    await send({"type": "http.response.body", "body": b'{"score":0.123456789}'})
config = uvicorn.Config(
    app, http="httptools", lifespan="off", interface="asgi3", ws="none", access_log=False, log_config=None
)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(uvicorn.Server(config).serve([socket.socket(fileno=int(sys.argv[1]))]))
"""


def random_plan() -> bytes:
    """100 trees of 31 leaves over 20 numbers."""
    rng = np.random.default_rng(0)
    nodes = LEAVES - 1
    children = np.arange(1, 2 * nodes + 1)
    children = np.where(children < nodes, children, ~(children - nodes)).astype(np.int32)
    trees = tuple(
        Tree(
            output=0,
            feature=rng.integers(0, COLUMNS, nodes).astype(np.int32),
            threshold=rng.normal(size=nodes).astype(np.float32),
            default_left=rng.random(nodes) < 0.5,
            left=children[0::2],
            right=children[1::2],
            value=rng.normal(scale=0.1, size=LEAVES).astype(np.float32),
            cover=np.full(nodes, 100.0),
            leaf_cover=np.full(LEAVES, 50.0),
        )
        for _ in range(TREES)
    )
    inputs = tuple(Column(name=f"column_{i}", type=SemanticType.NUMBER) for i in range(COLUMNS))
    signature = Signature(task=Task.BINARY, inputs=inputs, classes=("No", "Yes"), positive_class="Yes")
    meta = PlanMeta(
        signature=signature, columns=tuple(ColumnMeta(column=c) for c in inputs), target="y", expected=(0.0,)
    )
    return compile_plan(
        PlanSpec(
            task=Task.BINARY,
            n_outputs=1,
            n_slots=COLUMNS,
            columns=tuple(NumberColumn(name=c.name, slot=i) for i, c in enumerate(inputs)),
            differences=(),
            trees=trees,
            linear=None,
            base=np.zeros(1),
            forest_weight=1.0,
            linear_weight=0.0,
            calibration=Calibration(kind="sigmoid"),
            meta=msgspec.to_builtins(meta),
        )
    )


def furnish(home: Path) -> None:
    """A home folder with one tenant and one model."""
    data = random_plan()
    (home / "plan").write_bytes(data)
    ref = VersionRef(path="plan", sha256=hashlib.sha256(data).hexdigest())
    tenant = TenantId("bench")
    save(
        home / "endpoints",
        EndpointTable(
            number=1,
            created=0.0,
            keys={digest_of(KEY): KeyEntry(id="k", role="scorer", tenant=tenant)},
            endpoints={tenant: {"m": Endpoint(versions={"1": ref}, aliases={"champion": "1"})}},
        ),
    )


def requests() -> dict[str, tuple[str, bytes, int]]:
    """Name → (which server, the request's bytes, rows in it)."""
    rng = np.random.default_rng(1)
    record = {f"column_{i}": round(float(v), 4) for i, v in enumerate(rng.normal(size=COLUMNS))}
    one = msgspec.json.encode(record)
    hundred = msgspec.json.encode([record] * 100)
    tensors = [{"name": n, "shape": [1], "datatype": "FP64", "data": [v]} for n, v in record.items()]
    v2 = msgspec.json.encode({"inputs": tensors})
    size = {"binary_data_size": 8}
    heads = [{"name": n, "shape": [1], "datatype": "FP64", "parameters": size} for n in record]
    head = msgspec.json.encode({"inputs": heads, "parameters": {"binary_data_output": True}})
    binary = head + np.array(list(record.values())).tobytes()
    infer = "/v2/models/m/infer"
    split = f"Inference-Header-Content-Length: {len(head)}\r\n"
    return {
        "bare echo": ("echo", request("/", one), 1),
        "/predict, one record": ("worker", request("/predict/m", one), 1),
        "/predict, one record, 3 reasons": ("worker", request("/predict/m?explain=3", one), 1),
        "/predict, 100 records": ("worker", request("/predict/m", hundred), 100),
        "v2 infer, JSON": ("worker", request(infer, v2), 1),
        "v2 infer, binary": ("worker", request(infer, binary, split), 1),
    }


def request(path: str, body: bytes, more: str = "") -> bytes:
    """The bytes of one POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Caller(asyncio.Protocol):
    """Sends the same request again as soon as its answer is whole."""

    def __init__(self, sent: bytes, latencies: list[float]) -> None:
        self.sent = sent
        self.latencies = latencies
        self.buffer = b""
        self.stopped = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.fire()

    def fire(self) -> None:
        self.started = time.perf_counter()
        self.transport.write(self.sent)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self.buffer.find(b"content-length: ", 0, end)
        if at < 0:
            whole = self.buffer.endswith(b"0\r\n\r\n")  # chunked
        else:
            length = int(self.buffer[at + 16 : self.buffer.index(b"\r", at)])
            whole = len(self.buffer) >= end + 4 + length
        if not whole:
            return
        assert self.buffer.startswith(b"HTTP/1.1 200"), self.buffer[:300]
        self.latencies.append(time.perf_counter() - self.started)
        self.buffer = b""
        if self.stopped:
            self.transport.close()
        else:
            self.fire()


async def load(port: int, sent: bytes, connections: int, seconds: float) -> list[float]:
    """Latencies in seconds of a closed loop."""
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(lambda: Caller(sent, latencies), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for caller in callers:
        caller.stopped = True
    await asyncio.sleep(0.1)
    return latencies


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def server(command: list[str]) -> Iterator[tuple[int, int]]:
    """(port, pid) of a server that takes its listening socket as a file descriptor in place of FD."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        number = listening.fileno()
        argv = [sys.executable, *(str(number) if word == "FD" else word for word in command)]
        with subprocess.Popen(argv, pass_fds=[number]) as process:
            try:
                yield listening.getsockname()[1], process.pid
            finally:
                process.terminate()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="tenantry-bench-"))
    furnish(home)
    worker = ["-m", "tenantry.app.serve", "--home", str(home), "--fd", "FD", "--log-level", "warning"]
    cases = requests()
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in cases}
    with server(["-c", ECHO, "FD"]) as echo, server(worker) as ours:
        where = {"echo": echo, "worker": ours}
        for _ in range(given.rounds):
            for name, (which, sent, _) in cases.items():
                port, pid = where[which]
                uvloop.run(load(port, sent, 1, 0.3))
                before, started = cpu_seconds(pid), time.perf_counter()
                done = uvloop.run(load(port, sent, given.connections, given.seconds))
                spent, took = cpu_seconds(pid) - before, time.perf_counter() - started
                single = statistics.median(uvloop.run(load(port, sent, 1, 0.5)))
                results[name].append((len(done) / took, 1e6 * spent / len(done), 1e6 * single))
    print(table(cases, results))
    return 0


def table(
    cases: dict[str, tuple[str, bytes, int]], results: dict[str, list[tuple[float, float, float]]]
) -> str:
    """Medians over the rounds, in Markdown."""
    lines = [
        f"One worker, one model ({TREES} trees of {LEAVES} leaves, {COLUMNS} columns), 16 connections; medians.",
        "",
        "| request | requests a second | rows a second | CPU µs a request | over the echo | p50 µs, one connection |",
        "|---|---|---|---|---|---|",
    ]
    echo = statistics.median(cpu for _, cpu, _ in results["bare echo"])
    for name, (_, _, rows) in cases.items():
        rate, cpu, single = (statistics.median(column) for column in zip(*results[name], strict=True))
        lines.append(
            f"| {name} | {rate:,.0f} | {rate * rows:,.0f} | {cpu:.0f} | {cpu - echo:+.0f} | {single:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
