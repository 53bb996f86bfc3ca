"""Two scoring workers against one: bulk requests of 100 rows, a closed loop of 16 connections, in turn.

On two cores the load generator takes its part of them; its share is given, and what is left is what two workers can
have: the ratio that is possible is named beside the ratio that was measured.
"""

import argparse
import json
import os
import sys

from benchmarks.closed import WRK, Figures, measure, median, ratio, request, traffic
from benchmarks.homes import MODEL, furnish, key_of, record, table_plan
from benchmarks.servers import home_folder, ours

ROWS, TENANTS = 100, 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement, whole seconds")
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    runs: dict[int, list[Figures]] = {1: [], 2: []}
    with home_folder() as first, home_folder() as second:
        for home in (first, second):
            furnish(home, TENANTS, table_plan())
        with ours(first) as one, ours(second, 2) as two:
            servers = {1: one, 2: two}
            bodies = [
                json.dumps([record("table", ROWS * i + row) for row in range(ROWS)]).encode()
                for i in range(TENANTS)
            ]
            for number in range(given.rounds + 1):
                for workers, server in servers.items():
                    requests = [
                        request(server, f"/predict/{MODEL}", body, {"Authorization": f"Bearer {key_of(i)}"})
                        for i, body in enumerate(bodies)
                    ]
                    with traffic(requests, list(range(TENANTS))) as load:
                        figures = measure(server, load, given.connections, given.seconds if number else 1.0)
                    if number:  # the first round warms up
                        runs[workers].append(figures)
    print(
        f"Requests of {ROWS} rows (12 numbers, 6 categories, 2 dates), {given.connections} connections by"
        f" {'wrk' if WRK else 'our own client'}, {os.cpu_count()} cores; medians of {given.rounds} rounds.\n"
    )
    print(table(runs))
    return 0


def table(runs: dict[int, list[Figures]]) -> str:
    lines = [
        "| workers | rows a second | CPU µs a row | p99 ms | the generator's cores | failed |",
        "|---|---|---|---|---|---|",
    ]
    for workers, some in runs.items():
        m = median(some)
        lines.append(
            f"| {workers} | {ROWS * m.rate:,.0f} | {m.cpu_us / ROWS:.2f} | {m.p99_ms:.1f}"
            f" | {m.generator:.2f} | {m.bad} |"
        )
    rate, cpu = ratio(runs[2], runs[1], "rate"), ratio(runs[2], runs[1], "cpu_us")
    left = (os.cpu_count() or 1) - median(runs[2]).generator
    lines += [
        "",
        "| two over one, pairs [range] | | bar |",
        "|---|---|---|",
        f"| rows a second | {rate} | ≥ 1.7: {'met' if float(rate.split()[0]) >= 1.7 else 'MISSED'} |",
        f"| CPU a row | {cpu} | ≤ 1.1: {'met' if float(cpu.split()[0]) <= 1.1 else 'MISSED'} |",
        "",
        f"The generator left two workers {left:.2f} cores; a ratio of {min(2.0, left):.2f} was possible at most.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
