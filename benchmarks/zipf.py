"""Zipf(1.0) over 1,000 tenants' models, a key each, 20 numbers in JSON, 16 connections: CPU a request and p99.

Every server runs all the time and is measured in turn, round by round, so that each pair of figures is of the same
minute. The bare echo gets our body, every rival its own native one. ``--rivals FOLDER`` (made by ``benchmarks.rivals
--setup``) measures those too. CPU is that of the server's whole process tree.
"""

import argparse
import contextlib
import json
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.closed import WRK, Figures, Traffic, measure, median, ratio, request, traffic
from benchmarks.homes import MODEL, floats_plan, furnish, key_of, record, zipf_sequence
from benchmarks.rivals import MODELS, RIVALS, installed, name_of, row_of
from benchmarks.servers import Server, echo, edges, home_folder, ours
from tenantry.loadtest.replies import read_reply

ECHO = "bare uvicorn echo"
BARS = {
    "tenantry": {ECHO: 1.6, "triton": 1 / 3, "kserve": 1 / 8, "mlserver": 1 / 10},
    "tenantry, own protocol": {ECHO: 1.0, "triton": 1 / 6, "kserve": 1 / 20},
}
"""CPU a request, ours over theirs at most."""


class Entry(NamedTuple):
    """A server in the race."""

    title: str
    server: Server
    load: Traffic


def mine(server: Server) -> list[bytes]:
    """Our requests, a key each."""
    return [
        request(
            server,
            f"/predict/{MODEL}",
            json.dumps(record("floats", i)).encode(),
            {"Authorization": f"Bearer {key_of(i)}"},
        )
        for i in range(MODELS)
    ]


@contextlib.contextmanager
def entries(home: Path, folder: Path | None) -> Iterator[dict[str, Entry]]:
    """All servers, started and with their requests ready."""
    order = zipf_sequence(MODELS)
    names = [name_of(i) for i in range(MODELS)]
    with contextlib.ExitStack() as stack:
        found = {}

        def add(name: str, title: str, server: Server, requests: list[bytes]) -> None:
            found[name] = Entry(title, server, stack.enter_context(traffic(requests, order)))

        bare = stack.enter_context(echo())
        add(ECHO, ECHO, bare, mine(bare))
        for edge in edges() or [None]:
            copy = home if edge is None else home / edge
            if edge is not None:
                furnish(copy, MODELS, floats_plan())
            server = stack.enter_context(ours(copy, edge=edge))
            title = "tenantry, own protocol" if edge == "own" else "tenantry"
            add(title, title, server, mine(server))
        for name in installed(folder):
            rival = RIVALS[name]
            assert folder is not None
            server = stack.enter_context(rival.start(folder, names))
            bodies = [json.dumps(rival.body(names[i], row_of(i))).encode() for i in range(MODELS)]
            paths = [rival.path(model) for model in names]
            requests = [request(server, path, body) for path, body in zip(paths, bodies, strict=True)]
            add(name, rival.title, server, requests)
        yield found


def touch(entry: Entry) -> None:
    """Ask every model once, so that none is loaded while it counts."""
    parts = urlsplit(entry.server.url)
    with socket.create_connection((str(parts.hostname), parts.port or 80)) as connection:
        for one in entry.load.requests:
            connection.sendall(one)
            said = b""
            while (reply := read_reply(said)) is None:
                said += connection.recv(65_536)
            assert reply.status == 200, said[:300]


def race(found: dict[str, Entry], rounds: int, seconds: float, connections: int) -> dict[str, list[Figures]]:
    """Every server once a round, in an order of its own; before that every model is asked."""
    runs: dict[str, list[Figures]] = {name: [] for name in found}
    for entry in found.values():
        touch(entry)
        measure(entry.server, entry.load, connections, seconds)
    chance = random.Random(1)
    for _ in range(rounds):
        names = list(found)
        chance.shuffle(names)
        for name in names:
            runs[name].append(measure(found[name].server, found[name].load, connections, seconds))
    return runs


def table(found: dict[str, Entry], runs: dict[str, list[Figures]]) -> str:
    lines = [
        "| server | requests a second | CPU µs a request | p50 ms | p99 ms | PSS MB | failed |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, entry in found.items():
        m = median(runs[name])
        lines.append(
            f"| {entry.title} | {m.rate:,.0f} | {m.cpu_us:.0f} | {m.p50_ms:.2f} | {m.p99_ms:.2f}"
            f" | {entry.server.pss_mb():,.0f} | {m.bad} |"
        )
    lines += [
        "",
        "| ours against | | CPU a request, ours over theirs | bar | p99, ours over theirs | p99 at or below |",
        "|---|---|---|---|---|---|",
    ]
    for our in (name for name in found if name.startswith("tenantry")):
        for name in (name for name in found if not name.startswith("tenantry")):
            lines.append(_against(found, runs, our, name))
    return "\n".join(lines)


def _against(found: dict[str, Entry], runs: dict[str, list[Figures]], our: str, name: str) -> str:
    cpu = ratio(runs[our], runs[name], "cpu_us")
    bar = BARS.get(our, {}).get(name)
    verdict = ""
    if bar is not None:
        verdict = f"≤ {bar:.3g}: {'met' if float(cpu.split()[0]) <= bar else 'MISSED'}"
    below = sum(a.p99_ms <= b.p99_ms for a, b in zip(runs[our], runs[name], strict=True))
    p99 = ratio(runs[our], runs[name], "p99_ms")
    return f"| {our} | {found[name].title} | {cpu} | {verdict} | {p99} | {below} of {len(runs[our])} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rivals", type=Path, help="the folder of the rivals' environments")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement, whole seconds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    with home_folder() as home:
        if not edges():
            furnish(home, MODELS, floats_plan())
        with entries(home, given.rivals) as found:
            runs = race(found, given.rounds, given.seconds, given.connections)
            print(
                f"{MODELS:,} models (100 trees of 31 leaves, 20 numbers in JSON), Zipf(1.0), {given.connections}"
                f" connections by {'wrk' if WRK else 'our own client'}, one worker, {given.rounds} rounds of"
                f" {given.seconds:g} s; medians, ratios of pairs [range].\n"
            )
            print(table(found, runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
