"""Ten thousand models, each of a tenant of its own, in two scoring workers: what they take, and what comes back.

Some are trained (20 raw columns: 12 numbers, 6 categories of about 800 words, 2 dates; 100 trees × 31 leaves);
the others are copies with leaves of their own, so that every file differs. Both workers are the real process; each is
asked for every model over HTTP. PSS is that of both together: what they share counts once.
"""

import argparse
import asyncio
import contextlib
import gc
import hashlib
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import uvloop

from benchmarks import plan_model as trained
from tenantry.access import digest_of
from tenantry.app.scoring import PlanRuntime
from tenantry.plan import layout
from tenantry.routing import Endpoint, EndpointTable, KeyEntry, VersionRef, next_number, save
from tenantry.serving.models import Model
from tenantry.serving.residency import Residency
from tenantry.tenancy import TenantId

ROWS = 9_000
MASK = 0xFFFFFFFFFFFFFFFF
P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
)  # fmt: skip


# --- the plans ---


def trained_plans(count: int) -> list[tuple[bytes, dict[str, Any]]]:
    """Plans trained on shares of one table, and a record for each."""
    frame, y = trained.table(2 * ROWS)
    found = []
    rng = np.random.default_rng(3)
    for _ in range(count):
        chosen = rng.choice(len(frame), ROWS, replace=False)
        part, target = frame.iloc[chosen].reset_index(drop=True), y[chosen]
        pipeline = trained.train(part, target)
        record = {k: (None if v != v else v) for k, v in part.iloc[0].to_dict().items()}  # noqa: PLR0124
        found.append((trained.plan_of(pipeline, part, target), record))
    return found


def varied(data: bytes, count: int, seed: int) -> list[bytes]:
    """Copies with other leaves and the checksum that is theirs."""
    head = np.frombuffer(data, layout.HEADER, 1)[0]
    offset, leaves = (int(v) for v in head["section"][layout.Section.LEAVES])
    copies = np.repeat(np.frombuffer(data, np.uint8)[None, :], count, axis=0)
    factors = np.random.default_rng(seed).normal(1, 0.1, (count, leaves)).astype(np.float32)
    values = np.frombuffer(data, "<f4", leaves, offset)[None, :] * factors
    copies[:, offset : offset + 4 * leaves] = values.astype("<f4").view(np.uint8)
    where = layout.HEADER.fields["checksum"][1]
    copies[:, where : where + 8] = xxh64_of_each(copies[:, layout.CHECKSUM_FROM :])[:, None].view(np.uint8)
    return [copy.tobytes() for copy in copies]


def xxh64_of_each(rows: Any) -> Any:
    """XXH64 (seed 0) of many byte strings of one length, at least 32, side by side."""
    u = np.uint64
    size = rows.shape[1]
    whole = size // 32 * 32
    words = np.ascontiguousarray(rows[:, :whole]).view("<u8")

    def turn(x: Any, bits: int) -> Any:
        return (x << u(bits)) | (x >> u(64 - bits))

    def step(lane: Any, word: Any) -> Any:
        return turn(lane + word * u(P2), 31) * u(P1)

    lanes = [np.full(len(rows), start & MASK, u) for start in (P1 + P2, P2, 0, -P1)]
    for i in range(0, words.shape[1], 4):
        lanes = [step(lane, words[:, i + k]) for k, lane in enumerate(lanes)]
    h = sum(
        (turn(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)), np.zeros(len(rows), u)
    )
    for lane in lanes:
        h = (h ^ step(np.zeros_like(lane), lane)) * u(P1) + u(P4)
    h += u(size)
    at = whole
    for width, kind in ((8, "<u8"), (4, "<u4"), (1, "u1")):
        while size - at >= width:
            word = np.ascontiguousarray(rows[:, at : at + width]).view(kind)[:, 0].astype(u)
            if width == 8:
                h = turn(h ^ step(np.zeros_like(word), word), 27) * u(P1) + u(P4)
            elif width == 4:
                h = turn(h ^ (word * u(P1)), 23) * u(P2) + u(P3)
            else:
                h = turn(h ^ (word * u(P5)), 11) * u(P1)
            at += width
    h = (h ^ (h >> u(33))) * u(P2)
    h = (h ^ (h >> u(29))) * u(P3)
    return h ^ (h >> u(32))


# --- the home folder ---


def furnish(home: Path, models: int, distinct: int) -> tuple[EndpointTable, list[bytes], int]:
    """Plans, a table with a tenant for each, a request body for each, and the bytes of all plans."""
    bases = trained_plans(distinct)
    each = -(-models // distinct)
    refs: list[VersionRef] = []
    bodies: list[bytes] = []
    for seed, (data, record) in enumerate(bases):
        body = msgspec.json.encode(record)
        for copy in varied(data, min(each, models - len(refs)), seed):
            digest = hashlib.sha256(copy).hexdigest()
            path = home / "blobs" / digest[:2] / digest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(copy)
            refs.append(VersionRef(path=str(path.relative_to(home)), sha256=digest, size=len(copy)))
            bodies.append(body)
    table = publish(home, refs)
    return table, bodies, sum(ref.size for ref in refs)


def publish(home: Path, refs: list[VersionRef]) -> EndpointTable:
    table = EndpointTable(
        number=next_number(home / "endpoints"),
        created=0.0,
        keys={
            digest_of(f"tnk_{i}"): KeyEntry(id=str(i), role="scorer", tenant=TenantId(f"t{i}"))
            for i in range(len(refs))
        },
        endpoints={
            TenantId(f"t{i}"): {"m": Endpoint(versions={"1": ref}, aliases={"champion": "1"})}
            for i, ref in enumerate(refs)
        },
    )
    save(home / "endpoints", table)
    return table


# --- what a process takes ---


def memory(pid: int) -> dict[str, float]:
    """Rss, Pss, Pss_Anon and so on, in KB."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = float(rest.split()[0])
    return found


class Client:
    """One connection to one worker; a call is timed from the first byte sent to the last received."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, model: int, body: bytes) -> float:
        started = time.perf_counter()
        self.writer.write(request(model, body))
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        await self.reader.readexactly(length)
        return time.perf_counter() - started


def request(model: int, body: bytes) -> bytes:
    head = f"POST /predict/m HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer tnk_{model}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def first_score(port: int, body: bytes, started: float) -> float:
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            client = Client(port)
            await client.open()
            await client.ask(0, body)
            client.writer.close()
            return time.perf_counter() - started


async def touch(port: int, bodies: list[bytes]) -> tuple[list[float], list[float]]:
    """Each model's first and second request, one connection: seconds."""
    client = Client(port)
    await client.open()
    first, second = [], []
    for model, body in enumerate(bodies):
        first.append(await client.ask(model, body))
        second.append(await client.ask(model, body))
    client.writer.close()
    return first, second


# --- in a process of its own: what comes back, cycles, and how long a load holds the interpreter ---


def given_back(home: str, refs: list[VersionRef], give: Any) -> None:
    """RSS (KB) with no model, with all of them, and with none again."""
    with ThreadPoolExecutor(1) as loader:
        residency = Residency(Path(home), {"plan": PlanRuntime()}, 1 << 40, loader)
        tenant, seen = TenantId("t"), []
        for some in (refs[:100], refs):
            for ref in some:
                residency.load(tenant, ref).result()
            residency.settle()
            full = memory(os.getpid())["Rss"]
            residency.evict_all()
            loader.submit(gc.collect).result()
            seen.append(memory(os.getpid())["Rss"])
        give.send((seen[0], full, seen[1]))


def cycles(home: str, refs: list[VersionRef], count: int, give: Any) -> None:
    """Load and unload ``count`` models: the RSS after a tenth of them, and at the end."""
    room = int(100.5 * (refs[0].size + 6_000))
    with ThreadPoolExecutor(1) as loader:
        residency = Residency(Path(home), {"plan": PlanRuntime()}, room, loader)
        tenant, seen = TenantId("t"), []
        for i in range(count):
            ref = refs[i % len(refs)]
            if residency.find(tenant, ref) is None:
                residency.load(tenant, ref).result()
                residency.settle()
            if i % (count // 10) == count // 10 - 1:
                residency.evict_all()
                loader.submit(gc.collect).result()
                seen.append(memory(os.getpid())["Rss"])
        give.send((seen, residency.counts()))


def pieces(home: str, refs: list[VersionRef], give: Any) -> None:
    """CPU seconds of the two pieces of a load that hold the interpreter: the kernel's checks, and the objects."""
    runtime, found = PlanRuntime(), []
    for ref in refs:
        path = Path(home) / ref.path
        path.read_bytes()
        started = time.thread_time()
        plan = runtime.open(path)
        opened = time.thread_time()
        Model(plan, runtime)
        found.append((opened - started, time.thread_time() - opened))
    give.send(found)


def apart(job: Callable[..., None], *arguments: Any) -> Any:
    """The result of ``job`` in a fresh process."""
    context = multiprocessing.get_context("spawn")
    take, give = context.Pipe(duplex=False)
    process = context.Process(target=job, args=(*arguments, give))
    process.start()
    give.close()  # so that a process that fails is noticed
    result = take.recv()
    process.join()
    return result


# --- the table ---


@contextlib.contextmanager
def server(command: list[str]) -> Iterator[tuple[int, int]]:
    """(port, pid) of a worker that takes its listening socket as a file descriptor in place of FD."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        number = listening.fileno()
        argv = [sys.executable, *(str(number) if word == "FD" else word for word in command)]
        with subprocess.Popen(argv, pass_fds=[number]) as process:
            try:
                yield listening.getsockname()[1], process.pid
            finally:
                process.terminate()


class Workers:
    """The scoring workers, each with a socket of its own, so that each can be asked for every model."""

    def __init__(self, home: Path, count: int) -> None:
        self.command = [
            "-m",
            "tenantry.app.serve",
            "--home",
            str(home),
            "--fd",
            "FD",
            "--log-level",
            "warning",
        ]
        self.count = count

    @contextlib.contextmanager
    def run(self) -> Iterator[list[tuple[int, int]]]:
        with contextlib.ExitStack() as stack:
            yield [
                stack.enter_context(server([*self.command, "--worker", str(i)])) for i in range(self.count)
            ]


def both(workers: list[tuple[int, int]], name: str = "Pss") -> float:
    return sum(memory(pid)[name] for _, pid in workers)


def steady(workers: list[tuple[int, int]]) -> float:
    """PSS of all workers (KB) once it has stopped moving."""
    last = both(workers)
    for _ in range(20):
        time.sleep(1.0)
        now = both(workers)
        if abs(now - last) < 0.002 * last:
            return now
        last = now
    return last


def touch_all(workers: list[tuple[int, int]], bodies: list[bytes]) -> tuple[list[float], list[float]]:
    """Every model in every worker, twice: seconds of the first requests, and of the second."""
    rounds = [uvloop.run(touch(port, bodies)) for port, _ in workers]
    return [t for first, _ in rounds for t in first], [t for _, second in rounds for t in second]


def let_go(home: Path, refs: list[VersionRef]) -> None:
    """Another version for every tenant: the workers forget all models that they hold."""
    publish(home, [VersionRef(path="none", sha256=ref.sha256[::-1]) for ref in refs])
    time.sleep(3)


def measure(home: Path, models: int, distinct: int) -> list[tuple[str, str, str]]:
    table, bodies, total = furnish(home, models, distinct)
    refs = [table.endpoints[TenantId(f"t{i}")]["m"].versions["1"] for i in range(models)]
    size = total / models
    rows = [("plan file, mean, KB", f"{size / 1000:,.1f}", verdict(size <= 120_000, "≤ 120"))]
    started = time.perf_counter()
    with Workers(home, 2).run() as workers:
        start = uvloop.run(first_score(workers[0][0], bodies[0], started))
        uvloop.run(first_score(workers[1][0], bodies[0], started))
        rows.append(("first score after start, s", f"{start:.2f}", verdict(start <= 3, "≤ 3")))
        start_pss = both(workers)
        # A first round: afterwards the workers know every tenant (counters, limits), and hold no model.
        first, second = touch_all(workers, bodies)
        let_go(home, refs)
        base, base_anon = steady(workers), both(workers, "Pss_Anon")
        publish(home, refs)
        time.sleep(2)
        touch_all(workers, bodies)
        full, anon = both(workers), both(workers, "Pss_Anon")
        each = 1024 * (full - base) / models
        objects = 1024 * (anon - base_anon) / models / len(workers)
        rows += [
            (f"PSS of 2 workers, {models:,} models touched in each, MB", f"{full / 1000:,.0f}",
             verdict(full / 1000 <= 1500, "≤ 1,500")),
            ("PSS before the first request; with every tenant known and no model, MB",
             f"{start_pss / 1000:,.0f}; {base / 1000:,.0f}", ""),
            ("PSS a resident model / its plan's bytes", f"{each / size:.3f}", verdict(each / size <= 1.2, "≤ 1.2")),
            ("of it anonymous (Python objects), KB a model and worker", f"{objects / 1000:.2f}",
             verdict(objects <= 8000, "≤ 8")),
            ("cold first request, median, ms", f"{1e3 * statistics.median(first):.2f}",
             verdict(statistics.median(first) <= 1e-3, "≤ 1")),
            ("the same, 99 of 100", f"{1e3 * float(np.quantile(first, 0.99)):.2f}", ""),
            ("warm request, median, ms", f"{1e3 * statistics.median(second):.2f}", ""),
        ]  # fmt: skip
        let_go(home, refs)
        after = steady(workers)
        rows.append(
            ("PSS after everything was let go / with every tenant known and no model",
             f"{after / base:.3f}", verdict(after <= 1.05 * base, "≤ 1.05"))
        )  # fmt: skip
    return rows + alone(home, refs)


def alone(home: Path, refs: list[VersionRef]) -> list[tuple[str, str, str]]:
    """What is measured in a process without HTTP."""
    base, full, after = apart(given_back, str(home), refs)
    seen, counts = apart(cycles, str(home), refs[:1000], 10_000)
    slope = seen[-1] / seen[0] - 1
    opening, making = (
        np.array(some) * 1e6 for some in zip(*apart(pieces, str(home), refs[:1000]), strict=True)
    )
    return [
        (f"RSS of a residency alone: {len(refs):,} models / none / let go again, MB",
         f"{full / 1000:,.0f} / {base / 1000:.0f} / {after / 1000:.0f} ({after / base:.3f})",
         verdict(after <= 1.05 * base, "≤ 1.05")),
        (f"RSS growth over 10,000 uses of 1,000 models with room for 100 ({counts.loads:,} loads), %",
         f"{100 * slope:.2f}", verdict(slope < 0.02, "< 2")),
        ("a load's longest piece that holds the interpreter (mapping and checking), µs, median; 99 of 100",
         f"{np.median(opening):.0f}; {np.quantile(opening, 0.99):.0f}", ""),
        ("the next (its objects), µs", f"{np.median(making):.0f}; {np.quantile(making, 0.99):.0f}", ""),
    ]  # fmt: skip


def verdict(met: bool, bar: str) -> str:  # noqa: FBT001
    return f"{bar}: {'met' if met else 'MISSED'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--distinct", type=int, default=24, help="how many plans are trained")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tenantry-bench-") as folder:
        rows = measure(Path(folder), given.models, given.distinct)
    print("| | measured | bar |\n|---|---:|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
