"""Whole tables through the plan in one thread and two, in turns with FLAML's and AutoGluon's own predictions.

A rival trains in its own environment (``bulk_rival.py``), chooses its model itself, and predicts the same rows, which
it gets as a DataFrame. Each round takes every one once; of each the least round counts.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from tenantry.bundle.tables import score_table
from tenantry.plan import Plan

PEER = Path(__file__).with_name("bulk_rival.py")
BUDGETS = {"flaml": 10, "autogluon": 30}
"""Seconds that a rival trains."""
TITLES = {"flaml": "FLAML", "autogluon": "AutoGluon"}
BARS = {"flaml": 5, "autogluon": 10}
ROUNDS = 15
COPIES = 10
"""Of the table, where threads are compared: a call takes some 100 ms."""


class Cost(NamedTuple):
    """µs a row."""

    cpu: float
    wall: float


class Rival(NamedTuple):
    name: str
    title: str
    measure: Callable[[], Cost]


def bulk(plan: Plan, train: pd.DataFrame, many: pd.DataFrame, folder: Path, rivals: Path | None) -> str:
    """The table; ``train`` has the target in its column y."""
    from benchmarks.plan import records_of

    records, arrow = records_of(many), pa.Table.from_pandas(many, preserve_index=False)
    assert np.array_equal(score_table(plan, arrow, 2)[:, 0], [s[0] for s in plan.score_rows(records)])
    ours = {
        "Arrow table, 1 thread": lambda: score_table(plan, arrow, 1),
        "Arrow table, 2 threads": lambda: score_table(plan, arrow, 2),
        "list of dicts, 1 thread": lambda: plan.score_rows(records),
    }
    with contextlib.ExitStack() as running:
        found = list(_rivals(running, train, many, folder, rivals)) if rivals else []
        costs: dict[str, list[Cost]] = {}
        for _ in range(ROUNDS):
            for name, call in ours.items():
                costs.setdefault(name, []).append(_cost(call, len(many)))
            for rival in found:
                costs.setdefault(rival.name, []).append(rival.measure())
    best = {name: Cost(*(min(part) for part in zip(*all_of, strict=True))) for name, all_of in costs.items()}
    return f"{_table(best, list(ours), found)}\n\n{_threads(plan, pa.concat_tables([arrow] * COPIES))}"


def _threads(plan: Plan, table: pa.Table) -> str:
    """What a second thread gains on the wall, in pairs of calls; the load says whether there was a core for it."""
    gains = []
    for _ in range(ROUNDS):
        one, two = (_cost(lambda n=n: score_table(plan, table, n), len(table)).wall for n in (1, 2))
        gains.append(one / two)
    low, middle, high = min(gains), statistics.median(gains), max(gains)
    return (
        f"Wall time of an Arrow table of {len(table):,} rows, one thread over two: {middle:.2f} [{low:.2f}–{high:.2f}] "
        f"in {ROUNDS} pairs, while {os.getloadavg()[0]:.1f} tasks wanted the machine's {os.cpu_count()} cores."
    )


def _cost(call: Callable[[], Any], rows: int) -> Cost:
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    call()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return Cost(cpu / 1000 / rows, wall / 1000 / rows)


def _rivals(
    running: contextlib.ExitStack, train: pd.DataFrame, many: pd.DataFrame, folder: Path, rivals: Path
) -> Iterator[Rival]:
    """Those that are set up, trained and waiting."""
    train.to_csv(folder / "train.csv", index=False)
    many.to_csv(folder / "test.csv", index=False)
    for name, seconds in BUDGETS.items():
        python = rivals / name / "bin" / "python"
        if not python.exists():
            print(f"{name} is not set up in {rivals}", file=sys.stderr)
            continue
        command: list[str | Path] = [
            python,
            "-W",
            "ignore",
            PEER,
            name,
            folder / "train.csv",
            folder / "test.csv",
            str(seconds),
        ]
        pipe = subprocess.PIPE
        peer = running.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        said = _answer(peer)
        yield Rival(name, f"{TITLES[name]} {said['version']} ({said['model']}, {seconds} s)", _asker(peer))


def _asker(peer: "subprocess.Popen[str]") -> Callable[[], Cost]:
    def ask() -> Cost:
        assert peer.stdin is not None
        peer.stdin.write("\n")
        peer.stdin.flush()
        said = _answer(peer)
        return Cost(said["cpu"], said["wall"])

    return ask


def _answer(peer: "subprocess.Popen[str]") -> dict[str, Any]:
    """The next line of JSON; libraries write others to the same place."""
    assert peer.stdout is not None
    for line in peer.stdout:
        if line.startswith("{"):
            said: dict[str, Any] = json.loads(line)
            return said
    raise RuntimeError(f"a rival ended: {peer.wait()}")


def _table(best: dict[str, Cost], ours: list[str], rivals: list[Rival]) -> str:
    heads = ["", "CPU µs a row", "wall µs a row", *(f"CPU of {rival.title}" for rival in rivals)]
    lines = [f"| {' | '.join(heads)} |", f"|---|---:|---:|{'---|' * len(rivals)}"]
    for name in ours:
        cells = [f"plan, {name}", f"{best[name].cpu:.2f}", f"{best[name].wall:.2f}"]
        for rival in rivals:
            times, bar = best[rival.name].cpu / best[name].cpu, BARS[rival.name]
            cells.append(f"{times:.1f}× ours, ≥ {bar}×: {'met' if times >= bar else 'MISSED'}")
        lines.append(f"| {' | '.join(cells)} |")
    for rival in rivals:
        cost = best[rival.name]
        lines.append(f"| {rival.title} | {cost.cpu:.2f} | {cost.wall:.2f} |{' |' * len(rivals)}")
    return "\n".join(lines)
