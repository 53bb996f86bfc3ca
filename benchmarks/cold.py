"""Models that are not in memory: the first request of one, and 200 at once beside hot tenants.

Hot tenants: 20 models, an open loop at a constant rate, first alone (quiet), then while 200 cold models are asked at
the same moment, from connections of another process's making (storm); in turn, several times, each time other cold
models. Loads are counted by the cold replies' versions and the worker's own metrics where it has them.
"""

import argparse
import json
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from benchmarks.homes import MODEL, OPERATOR, furnish, key_of, record, table_plan, tenant_of
from benchmarks.rivals import ask
from benchmarks.servers import Server, home_folder, ours
from tenantry.loadtest import Load, Recorded, Requests, Stage, Target, assemble, load_test

HOT, STORM = 20, 200
FIRSTS = 100
SETTLED_SECONDS = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement of hot tenants")
    parser.add_argument("--rate", type=float, default=600.0, help="requests a second of hot tenants")
    given = parser.parse_args()
    models = HOT + FIRSTS + STORM * given.rounds
    with home_folder() as home:
        furnish(home, models, table_plan())
        with ours(home) as server:
            print("20 raw columns (12 numbers, 6 categories, 2 dates), 100 trees of 31 leaves, one worker.\n")
            print(firsts(server))
            print()
            # The storm comes from a process of its own, so that its sender does not hold up the hot tenants'.
            with ProcessPoolExecutor(1, get_context("spawn")) as other:
                other.submit(at_once, server.url, requests_for(server, range(1)), 0.0).result()
                print(storms(server, other, given.rounds, given.seconds, given.rate))
            loads = loads_of(server)
            if loads is not None:
                asked = HOT + FIRSTS + STORM * given.rounds
                verdict = "none twice" if loads == asked else f"{loads - asked:+d} against the models asked"
                print(
                    f"\nLoads counted by the worker: {loads:,} for {asked:,} models that were asked: {verdict}."
                )
    return 0


def firsts(server: Server) -> str:
    """One request after the other, each on a new connection: a model's first, then its second."""
    rows: list[tuple[float, float]] = []
    for number in range(HOT, HOT + FIRSTS):
        body = json.dumps(record("table", number)).encode()
        headers = {"Authorization": f"Bearer {key_of(number)}"}
        cold, _ = ask(server, f"/predict/{MODEL}", body, headers)
        warm, _ = ask(server, f"/predict/{MODEL}", body, headers)
        rows.append((cold, warm))
    cold, warm = (sorted(column) for column in zip(*rows, strict=True))
    middle = statistics.median(cold)
    return (
        "| request | median ms | p90 ms | worst ms | bar |\n|---|---|---|---|---|\n"
        f"| a model's first | {middle:.2f} | {cold[89]:.2f} | {cold[-1]:.2f} | {verdict(middle, 1)} |\n"
        f"| its second | {statistics.median(warm):.2f} | {warm[89]:.2f} | {warm[-1]:.2f} | |"
    )


def storms(server: Server, other: ProcessPoolExecutor, rounds: int, seconds: float, rate: float) -> str:
    quiet, stormy, cold = [], [], []
    hot = requests_for(server, range(HOT))
    watch_hot(server, hot, rate, 1.0)
    for number in range(rounds):
        quiet.append(watch_hot(server, hot, rate, seconds))
        first = HOT + FIRSTS + number * STORM
        storm = requests_for(server, range(first, first + STORM))
        told = other.submit(at_once, server.url, storm, time.monotonic() + seconds / 2)
        stormy.append(watch_hot(server, hot, rate, seconds))
        cold.append(told.result())
    ratios = [
        b.latency.p99 / a.latency.p99 for a, b in zip(quiet, stormy, strict=True) if a.latency and b.latency
    ]
    middle = statistics.median(ratios)
    errors = sum(round(stage.errors * stage.requests) for stage in (*quiet, *stormy, *cold))
    p99 = [
        statistics.median(stage.latency.p99 for stage in some if stage.latency) for some in (quiet, stormy)
    ]
    last = statistics.median(stage.latency.max for stage in cold if stage.latency)
    return (
        f"| hot tenants at {rate:,.0f}/s | p99 ms, median of {rounds} |\n|---|---|\n"
        f"| quiet | {p99[0]:.2f} |\n| {STORM} cold models at once in the midst of {seconds:g} s | {p99[1]:.2f} |\n"
        f"| ratio of pairs | {middle:.2f} [{min(ratios):.2f}–{max(ratios):.2f}], {verdict(middle, 2)} |\n\n"
        f"All {STORM} cold answers were there after {last:.0f} ms (median of {rounds}). Failed: {errors}."
    )


def verdict(value: float, most: float) -> str:
    return f"≤ {most:g}: {'met' if value <= most else 'MISSED'}"


def requests_for(server: Server, numbers: range) -> Requests:
    pairs = [
        (
            Target(tenant=tenant_of(i), model=MODEL, key=key_of(i)),
            [json.dumps(record("table", i)).encode()],
        )
        for i in numbers
    ]
    return assemble(server.url, pairs)


def watch_hot(server: Server, hot: Requests, rate: float, seconds: float) -> Stage:
    load = Load(
        url=server.url,
        requests=hot,
        shape="poisson",
        rates=(rate,),
        duration=seconds,
        warmup=0.0,
        connections=64,
    )
    return load_test(load).stages[0]


def at_once(url: str, storm: Requests, moment: float) -> Stage:
    """Every target once, all in the ten milliseconds after ``moment`` (monotonic), on connections of their own."""
    many = len(storm.targets)
    recorded = Recorded(
        offsets=tuple(0.01 * i / many for i in range(many)), targets=tuple(range(many)), picks=(0,) * many
    )
    time.sleep(max(0.0, moment - time.monotonic()))
    load = Load(url=url, requests=storm, shape="replay", recorded=recorded, connections=STORM)
    return load_test(load).stages[0]


def loads_of(server: Server) -> int | None:
    """Loads that the worker counted, by its metrics, once they stand still (they are published now and then); None
    where it tells none.
    """
    before, now = None, counted(server)
    while now is not None and now != before:
        time.sleep(SETTLED_SECONDS)
        before, now = now, counted(server)
    return now


def counted(server: Server) -> int | None:
    asked = Request(
        f"http://{urlsplit(server.url).netloc}/metrics", headers={"Authorization": f"Bearer {OPERATOR}"}
    )
    try:
        with urlopen(asked, timeout=10) as reply:  # noqa: S310 — a server of our own
            lines = reply.read().decode().splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("tenantry_model_loads_total")]
    return round(sum(float(line.rpartition(" ")[2]) for line in found)) if found else None


if __name__ == "__main__":
    sys.exit(main())
