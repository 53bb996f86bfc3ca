"""An open loop at 2, 5 and 10 times what one worker can do, each right after one at once that: how much of it is still
answered in time.

Requests of at least 4 ms of CPU each (rows with reasons of a model of 500 trees, as many as that takes: work, and not
bytes to read, is what there is too much of), 20 tenants alike, deadline 200 ms by their SLO class. Capacity is a closed
loop's, measured first. Goodput: answers within the deadline, from when each request was due; refusals: 429 and 503 at
the door, not those that were let in and ran out of time.
"""

import argparse
import json
import statistics
import sys

from benchmarks.homes import MODEL, furnish, key_of, record, table_plan, tenant_of
from benchmarks.servers import Server, home_folder, ours
from tenantry.admission import Policy
from tenantry.loadtest import Load, Requests, Stage, Target, assemble, load_test
from tenantry.loadtest.summary import EXPIRED

TENANTS, DEADLINE_MS, WORK_MS, TREES = 20, 200.0, 4.0, 500
LEVELS = (2, 5, 10)
PATH = "/predict/{model}?explain=3"
CONNECTIONS = 768
Runs = dict[int, list[tuple[Stage, Stage]]]
"""By level: a run at the capacity, and one above it right after."""
COLUMNS = (
    "requests a second",
    "goodput a second",
    "of the 1× goodput",
    "bar",
    "p99 ms of answers",
    "refused",
    "refusals' p50 / p99 ms",
    "bar",
    "let in, ran out of time",
    "lost",
    "send lag p99 ms",
)


def requests_of(server: Server, rows: int) -> Requests:
    """A body of ``rows`` rows for each tenant."""
    pairs = []
    for i in range(TENANTS):
        body = json.dumps([record("table", 100 * i + row) for row in range(rows)]).encode()
        pairs.append((Target(tenant=tenant_of(i), model=MODEL, key=key_of(i)), [body]))
    return assemble(server.url, pairs, path=PATH)


def closed(server: Server, requests: Requests, seconds: float, connections: int = 16) -> tuple[float, float]:
    """Answers a second of a closed loop, and the server's CPU milliseconds for each."""
    before = server.cpu_seconds()
    load = Load(
        url=server.url,
        requests=requests,
        shape="closed",
        connections=connections,
        exponent=0.0,
        warmup=0.0,
        duration=seconds,
    )
    stage = load_test(load).stages[0]
    return stage.throughput, 1000 * (server.cpu_seconds() - before) / max(1, stage.requests)


def sized(server: Server) -> tuple[Requests, int, float]:
    """Requests of enough rows for ``WORK_MS`` of CPU, their rows and what they take."""
    rows = 2
    while True:
        requests = requests_of(server, rows)
        closed(server, requests, 0.5)
        _, work = closed(server, requests, 1.0)
        if work >= WORK_MS or rows >= 256:
            return requests, rows, work
        rows = max(rows + 1, int(rows * 1.1 * WORK_MS / work))


def open_loop(server: Server, requests: Requests, rate: float, seconds: float) -> Stage:
    load = Load(
        url=server.url,
        requests=requests,
        rates=(rate,),
        connections=CONNECTIONS,
        exponent=0.0,
        warmup=1.0,
        duration=seconds,
        timeout=3.0,
        deadline_ms=DEADLINE_MS,
    )
    return load_test(load).stages[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one measurement")
    given = parser.parse_args()
    with home_folder() as home:
        furnish(home, TENANTS, table_plan(TREES), policy=Policy(deadline_ms=DEADLINE_MS, objective_ms=50.0))
        with ours(home) as server:
            requests, rows, work = sized(server)
            capacity, _ = closed(server, requests, 3.0)
            print(
                f"One worker, requests of {rows} rows with reasons by {TREES} trees ({work:.2f} ms of CPU each),"
                f" deadline {DEADLINE_MS:g} ms; capacity of a closed loop {capacity:,.0f}/s; medians of {given.rounds}"
                f" rounds of {given.seconds:g} s.\n"
            )
            runs: Runs = {level: [] for level in LEVELS}
            for _ in range(given.rounds):
                for level in LEVELS:
                    base = open_loop(server, requests, capacity, given.seconds)
                    above = open_loop(server, requests, level * capacity, given.seconds)
                    runs[level].append((base, above))
    print(table(runs))
    return 0


def table(runs: Runs) -> str:
    lines = [
        f"| offered | {' | '.join(COLUMNS)} |",
        "|" + "---|" * (1 + len(COLUMNS)),
    ]
    bases = [(base, base) for pairs in runs.values() for base, _ in pairs]
    for level, pairs in {1: bases, **runs}.items():
        stages = [above for _, above in pairs]
        goodput = statistics.median(stage.goodput for stage in stages)
        shares = [above.goodput / max(1e-9, base.goodput) for base, above in pairs]
        share = statistics.median(shares)
        refusals = [stage.refusals for stage in stages if stage.refusals]
        p50, p99 = (
            (statistics.median(r.p50 for r in refusals), statistics.median(r.p99 for r in refusals))
            if refusals
            else (0.0, 0.0)
        )
        outcomes = [o for s in stages for o in s.outcomes]
        expired = sum(o.count for o in outcomes if o.code == EXPIRED)
        refused = sum(o.count for o in outcomes if o.status in (429, 503)) - expired
        lost = sum(o.count for o in outcomes if o.status not in (200, 429, 503))
        total = sum(stage.requests for stage in stages)
        answers = [stage.latency.p99 for stage in stages if stage.latency]
        lines.append(
            f"| {level}× | {statistics.median(s.offered or 0.0 for s in stages):,.0f} | {goodput:,.0f}"
            f" | {100 * share:.0f} % [{100 * min(shares):.0f}–{100 * max(shares):.0f}] "
            f" | {_bar(share >= 0.9, '≥ 90 %') if level > 1 else ''}"
            f" | {statistics.median(answers) if answers else 0:.0f} | {100 * refused / total:.0f} %"
            f" | {p50:.2f} / {p99:.2f} | {_bar(p99 < 5, '< 5 ms') if refusals else ''} "
            f" | {100 * expired / total:.1f} % | {lost}"
            f" | {statistics.median(s.send_lag_p99_ms for s in stages):.1f} |"
        )
    lines.append(
        "\nThe send lag is the generator's own lateness on the same two cores; it is in every latency beside it."
    )
    return "\n".join(lines)


def _bar(met: bool, text: str) -> str:  # noqa: FBT001 — a verdict
    return f"{text}: {'met' if met else 'MISSED'}"


if __name__ == "__main__":
    sys.exit(main())
