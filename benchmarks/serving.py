"""One hot model behind one scoring worker, beside a bare uvicorn echo in the same run.

The echo is the limit of this HTTP server: raw ASGI, uvloop, httptools; it decodes the JSON record and answers a
constant. The load (keep-alive, closed loop) runs on the same cores. CPU is that of the server's whole process tree.
"""

import argparse
import contextlib
import json
import sys

import numpy as np

from benchmarks.closed import WRK, Figures, Traffic, measure, median, request, traffic
from benchmarks.homes import LEAVES, MODEL, TREES, floats_plan, furnish, key_of, record
from benchmarks.servers import Server, echo, edges, home_folder, ours

ECHO = "bare echo"
INFER = f"/v2/models/{MODEL}/infer"


def cases() -> dict[str, tuple[str, bytes, dict[str, str], int]]:
    """Name → (path, body, headers, rows)."""
    one = record("floats", 1)
    tensors = [{"name": n, "shape": [1], "datatype": "FP64", "data": [v]} for n, v in one.items()]
    size = {"binary_data_size": 8}
    heads = [{"name": n, "shape": [1], "datatype": "FP64", "parameters": size} for n in one]
    head = json.dumps({"inputs": heads, "parameters": {"binary_data_output": True}}).encode()
    binary = head + np.array(list(one.values())).tobytes()
    split = {"Inference-Header-Content-Length": str(len(head))}
    path = f"/predict/{MODEL}"
    return {
        "/predict, one record": (path, json.dumps(one).encode(), {}, 1),
        "/predict, one record, 3 reasons": (f"{path}?explain=3", json.dumps(one).encode(), {}, 1),
        "/predict, 100 records": (path, json.dumps([one] * 100).encode(), {}, 100),
        "v2 infer, JSON": (INFER, json.dumps({"inputs": tensors}).encode(), {}, 1),
        "v2 infer, binary": (INFER, binary, split, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement, whole seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    own = "own" if "own" in edges() else None
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(home_folder())
        furnish(home, 1, floats_plan())
        bare, worker = stack.enter_context(echo()), stack.enter_context(ours(home, edge=own))
        key = {"Authorization": f"Bearer {key_of(0)}"}
        loads: dict[str, tuple[Server, Traffic, int]] = {}
        for name, (path, body, headers, rows) in cases().items():
            if not loads:
                raw = request(bare, path, body, key)
                loads[ECHO] = (bare, stack.enter_context(traffic([raw], [0])), 1)
            raw = request(worker, path, body, key | headers)
            loads[name] = (worker, stack.enter_context(traffic([raw], [0])), rows)
        runs: dict[str, list[tuple[Figures, Figures]]] = {name: [] for name in loads}
        for number in range(given.rounds + 1):
            for name, (server, load, _) in loads.items():
                busy = measure(server, load, given.connections, given.seconds if number else 1.0)
                alone = measure(server, load, 1, 1.0)
                if number:  # the first round warms up
                    runs[name].append((busy, alone))
    print(
        f"One worker, one model ({TREES} trees of {LEAVES} leaves, 20 columns), {given.connections} connections by"
        f" {'wrk' if WRK else 'our own client'}; medians of {given.rounds} rounds.\n"
    )
    print(table(runs, {name: rows for name, (_, _, rows) in loads.items()}))
    return 0


def table(runs: dict[str, list[tuple[Figures, Figures]]], rows: dict[str, int]) -> str:
    """Medians over the rounds, in Markdown."""
    lines = [
        "| request | requests a second | rows a second | CPU µs a request | over the echo | p50 µs, one connection |",
        "|---|---|---|---|---|---|",
    ]
    base = median([busy for busy, _ in runs[ECHO]]).cpu_us
    for name, pairs in runs.items():
        busy, alone = (median(column) for column in zip(*pairs, strict=True))
        assert not busy.bad, f"{name}: {busy.bad} failed"
        lines.append(
            f"| {name} | {busy.rate:,.0f} | {busy.rate * rows[name]:,.0f} | {busy.cpu_us:.0f}"
            f" | {busy.cpu_us - base:+.0f} | {1000 * alone.p50_ms:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
