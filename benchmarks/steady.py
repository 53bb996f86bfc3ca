"""A million requests through one worker: whether its memory grows, whether any fails, and the inference log's disk.

A closed loop, Zipf(1.0) over 1,000 tenants' models of two versions each, with everything on: keys, a rule on a header
and a sticky split, metrics (scraped once a second), and the inference log of every request. Memory is read between
runs of a second; from a tenth of the requests on, when every model has long been asked, it is to stay where it is.
Afterwards the segments are folded into Parquet, and the requests in there are counted.
"""

import argparse
import http.client
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from benchmarks.closed import WRK, measure, request, traffic
from benchmarks.homes import MODEL, OPERATOR, floats_plan, furnish, key_of, record, zipf_sequence
from benchmarks.servers import Server, home_folder, ours
from benchmarks.zipf import Entry, touch
from tenantry.adapters.arrow import ParquetLogFiles
from tenantry.predictions import LogKeeper
from tenantry.predictions.record import KIND
from tenantry.routing import save
from tenantry.routing.rules import Alias, Arm, Match, Rule, Split

MODELS, CALLERS = 1_000, 3
"""Callers of a model: as many keys of the split, the first of them in the region that has a rule of its own."""
WARM_SHARE, MOST_GROWTH = 0.1, 0.02
ANSWERED = 'tenantry_requests_total{outcome="ok"}'
FAILURES = "client_error", "server_error", "shed"
DROPPED = (
    "tenantry_inference_log_dropped_total",
    'tenantry_segments_dropped_total{kind="inference"}',
    'tenantry_records_dropped_total{kind="inference"}',
)
HEADERS = {"x-region": "eu"}, {}, {}


class Sample(NamedTuple):
    """The worker after so many requests: resident memory and the anonymous part of it, in KB."""

    requests: int
    rss: int
    anonymous: int


class Run(NamedTuple):
    """What a million requests came to. ``peak``: most memory at any time, in KB."""

    samples: list[Sample]
    seconds: float
    bad: int
    told: dict[str, float]
    peak: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    with home_folder() as home:
        with_rules(home)
        with ours(home, edge="own") as server:
            run = drive(server, given.requests, given.connections)
        # The worker has ended cleanly: its log is on the disk as a whole.
        spool = size_of(home / "spool" / KIND)
        logged = LogKeeper(home / "spool", home / "predictions", ParquetLogFiles()).drain()
        kept = size_of(home / "predictions")
    print(
        f"{MODELS:,} models (100 trees of 31 leaves, 20 numbers in JSON), two versions, a rule and a split each,"
        f" Zipf(1.0), {given.connections} connections by {'wrk' if WRK else 'our own client'}, one worker.\n"
    )
    print(table(run, spool, kept, logged))
    return 0


def with_rules(home: Path) -> None:
    """Every deployment with a second version (the same plan, counted and logged apart), a rule and a split."""
    table = furnish(home, MODELS, floats_plan())
    rules = (
        Rule(name="europe", action=Alias("steady"), match=Match(headers={"x-region": ("eu",)})),
        Rule(name="trial", action=Split(arms=(Arm("1", 0.8), Arm("2", 0.2)), sticky="header:x-user")),
    )
    endpoints = {
        tenant: {
            name: msgspec.structs.replace(
                one,
                versions={"1": one.versions["1"], "2": one.versions["1"]},
                aliases={"champion": "2", "steady": "1"},
                rules=rules,
            )
            for name, one in named.items()
        }
        for tenant, named in table.endpoints.items()
    }
    save(home / "endpoints", msgspec.structs.replace(table, number=table.number + 1, endpoints=endpoints))


def requests_of(server: Server) -> list[bytes]:
    """One request of each caller of each model, a model's beside each other."""
    return [
        request(
            server,
            f"/predict/{MODEL}",
            json.dumps(record("floats", CALLERS * model + caller)).encode(),
            {
                "Authorization": f"Bearer {key_of(model)}",
                "x-user": f"user-{model}-{caller}",
                **HEADERS[caller],
            },
        )
        for model in range(MODELS)
        for caller in range(CALLERS)
    ]


def drive(server: Server, count: int, connections: int) -> Run:
    """Runs of a second until the worker has answered ``count`` requests; memory and metrics are read after each."""
    requests = requests_of(server)
    (worker,) = server.roots
    with traffic(requests, ()) as load:  # every model in memory, every caller known
        touch(Entry("", server, load))
    told = scraped(server)
    order = [CALLERS * model + at % CALLERS for at, model in enumerate(zipf_sequence(MODELS))]
    samples, seconds, bad = [], 0.0, 0
    while told[ANSWERED] < count:
        at = int(told[ANSWERED]) % len(order)
        with traffic(requests, order[at:] + order[:at]) as load:
            begun = time.perf_counter()
            bad += measure(server, load, connections, 1.0).bad
            seconds += time.perf_counter() - begun
        told = scraped(server)
        status = status_of(worker)
        samples.append(Sample(int(told[ANSWERED]), status["VmRSS"], status["RssAnon"]))
    return Run(samples, seconds, bad, told, status_of(worker)["VmHWM"])


def status_of(pid: int) -> dict[str, int]:
    """What the kernel says of a process's memory, in KB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines)
        if "kB" in rest
    }


def scraped(server: Server) -> dict[str, float]:
    """The series of ``/metrics``."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {OPERATOR}"})
    page = connection.getresponse().read().decode()
    connection.close()
    pairs = (line.rpartition(" ") for line in page.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def growth(points: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """From (requests, bytes): how much more there was in the end than when a tenth was done, as shares of the latter;
    by the two readings themselves, and by the straight line through all readings between them.
    """
    first = WARM_SHARE * points[-1][0]
    warm = [point for point in points if point[0] >= first]
    slope, start = statistics.linear_regression(*zip(*warm, strict=True))
    base = start + slope * warm[0][0]
    return warm[-1][1] / warm[0][1] - 1.0, slope * (warm[-1][0] - warm[0][0]) / base


def table(run: Run, spool: int, kept: int, logged: int) -> str:
    answered = int(run.told[ANSWERED])
    failed = run.bad + sum(
        int(run.told.get(f'tenantry_requests_total{{outcome="{o}"}}', 0)) for o in FAILURES
    )
    dropped = sum(int(run.told.get(name, 0)) for name in DROPPED)
    warm = next(one for one in run.samples if one.requests >= WARM_SHARE * answered)
    last = run.samples[-1]
    ends, line = growth([(one.requests, one.rss) for one in run.samples])
    fitted = 1024 * line * warm.rss / (last.requests - warm.requests)
    rows = [
        ("requests answered", f"{answered:,}", ""),
        ("a second", f"{(last.requests - run.samples[0].requests) / run.seconds:,.0f}", ""),
        ("failed, by the client's count and the worker's", f"{failed}", _bar(failed == 0, "0")),
        (f"RSS after {warm.requests:,} requests and after the last, MB; at most",
         f"{warm.rss / 1024:.1f}, {last.rss / 1024:.1f}; {run.peak / 1024:.1f}", ""),
        ("of it anonymous, MB", f"{warm.anonymous / 1024:.1f}, {last.anonymous / 1024:.1f}", ""),
        ("growth of RSS between the two, %", f"{100 * ends:.2f}", _bar(ends < MOST_GROWTH, "< 2")),
        (f"the same by a line through all {len(run.samples)} readings, % (bytes a request)",
         f"{100 * line:.2f} ({fitted:.1f})", _bar(line < MOST_GROWTH, "< 2")),
        ("inference log in segments, MB (bytes a request)", f"{spool / 1e6:,.0f} ({spool / answered:.0f})", ""),
        (f"the same folded into Parquet ({MODELS * CALLERS:,} bodies come again and again)",
         f"{kept / 1e6:,.0f} ({kept / answered:.0f})", ""),
        ("requests in it, and dropped on the way", f"{logged:,}, {dropped}",
         _bar(logged == answered and not dropped, "all, 0")),
    ]  # fmt: skip
    return "\n".join(["| | measured | bar |", "|---|---:|---|", *(f"| {' | '.join(row)} |" for row in rows)])


def _bar(met: bool, text: str) -> str:  # noqa: FBT001 — a verdict
    return f"{text}: {'met' if met else 'MISSED'}"


if __name__ == "__main__":
    sys.exit(main())
