"""One loud tenant among 50: what the other 49 feel.

Each tenant's share is a fiftieth of what one worker can do (a closed loop's, measured first). The 49 others send half
of their share all the time, and in runs of their own 70 % of it; the loud one sends as they do (quiet), then 10 times
its share, then 50 times (more than the whole worker): in turn, round by round. Requests of at least 1 ms of CPU, so
that the server and not the generator is what is short.
"""

import argparse
import asyncio
import statistics
import sys

import msgspec
import uvloop

from benchmarks import overload
from benchmarks.homes import furnish, table_plan
from benchmarks.servers import Server, home_folder, ours
from tenantry.admission import Policy
from tenantry.loadtest import Drive, Requests, Stage, drive_async
from tenantry.loadtest.summary import stage_of

TENANTS, WORK_MS = 50, 2.0
FILLS = (0.5, 0.7)
"""Of its share, what each of the others sends."""
COLUMNS = (
    "others' p50 ms",
    "others' p99 ms",
    "p99 over quiet, pairs",
    "others' errors",
    "bar",
    "the loud one: answers a second",
    "its refusals",
)
TIMES = (None, 10.0, 50.0)
"""Of its share, what the loud one sends; None: as much as the others."""
Runs = dict[tuple[float, float | None], list[tuple[Stage, Stage]]]


def both(
    server: Server, requests: Requests, share: float, fill: float, times: float | None, seconds: float
) -> tuple[Stage, Stage]:
    """What the others and the loud one (the first tenant) met, driven at the same time."""
    loud = _part(requests, slice(0, 1))
    others = _part(requests, slice(1, None))
    rates = (fill * share * (TENANTS - 1), share * (fill if times is None else times))
    drives = [
        Drive(
            url=server.url,
            requests=part,
            shape="poisson",
            rate=rate,
            exponent=0.0,
            warmup=1.0,
            duration=seconds,
            timeout=3.0,
            connections=512,
            seed=seed,
        )
        for seed, (part, rate) in enumerate(zip((others, loud), rates, strict=True))
    ]

    async def together() -> list[Stage]:
        samples = await asyncio.gather(*(drive_async(drive) for drive in drives))
        return [
            stage_of(
                one, d.requests.targets, shape="poisson", offered=d.rate, connections=512, seconds=seconds
            )
            for one, d in zip(samples, drives, strict=True)
        ]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        first, second = runner.run(together())
    return first, second


def _part(requests: Requests, which: slice) -> Requests:
    return msgspec.structs.replace(
        requests, targets=requests.targets[which], heads=requests.heads[which], spans=requests.spans[which]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of one measurement")
    given = parser.parse_args()
    overload.TENANTS, overload.WORK_MS = TENANTS, WORK_MS
    with home_folder() as home:
        furnish(home, TENANTS, table_plan(), policy=Policy(deadline_ms=1000.0))
        with ours(home) as server:
            requests, rows, work = overload.sized(server)
            capacity, _ = overload.closed(server, requests, 3.0)
            share = capacity / TENANTS
            print(
                f"One worker, {TENANTS} tenants, requests of {rows} rows with reasons ({work:.2f} ms of CPU each);"
                f" capacity {capacity:,.0f}/s, a share {share:,.1f}/s;"
                f" medians of {given.rounds} rounds of {given.seconds:g} s.\n"
            )
            runs: Runs = {(fill, times): [] for fill in FILLS for times in TIMES}
            for _ in range(given.rounds):
                for (fill, times), stages in runs.items():
                    stages.append(both(server, requests, share, fill, times, given.seconds))
    print(table(runs))
    return 0


def table(runs: Runs) -> str:
    lines = [
        f"| the others send, of their share | the loud one sends | {' | '.join(COLUMNS)} |",
        "|" + "---|" * (2 + len(COLUMNS)),
    ]
    for (fill, times), pairs in runs.items():
        quiet = [stage.latency.p99 for stage, _ in runs[fill, None] if stage.latency]
        name = "quiet: as they do" if times is None else f"{times:g} times its share"
        lines.append("| " + " | ".join((f"{100 * fill:.0f} %", name, *row(pairs, quiet, times))) + " |")
    return "\n".join(lines)


def row(pairs: list[tuple[Stage, Stage]], quiet: list[float], times: float | None) -> tuple[str, ...]:
    others = [stage.latency for stage, _ in pairs if stage.latency]
    p50, p99 = (statistics.median(getattr(one, key) for one in others) for key in ("p50", "p99"))
    ratios = [one.p99 / base for one, base in zip(others, quiet, strict=True)]
    middle = statistics.median(ratios)
    errors = sum(round(stage.errors * stage.requests) for stage, _ in pairs)
    refused = sum(o.count for _, loud in pairs for o in loud.outcomes if o.status in (429, 503))
    total = sum(loud.requests for _, loud in pairs)
    bar = (
        f"≤ 1.5 and 0 errors: {'met' if middle <= 1.5 and not errors else 'MISSED'}" if times == 10.0 else ""
    )
    return (
        f"{p50:.2f}",
        f"{p99:.2f}",
        f"{middle:.2f} [{min(ratios):.2f}–{max(ratios):.2f}]",
        f"{errors}",
        bar,
        f"{statistics.median(loud.throughput for _, loud in pairs):,.1f}",
        f"{100 * refused / max(1, total):.0f} %",
    )


if __name__ == "__main__":
    sys.exit(main())
