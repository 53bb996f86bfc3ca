"""What a decision costs by the number and kind of rules, and what a change costs among 10,000 tenants.

Decisions: the least of several means over blocks of calls. Changes: medians; wall clock where files are synced, CPU
time of the thread for what a worker does. The bars: 0.5 µs for a decision that is constant for the endpoint, 2 with
rules on headers, 4 with a split; 1 ms for a worker to take over a change.
"""

import hashlib
import statistics
import tempfile
import time
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from tenantry.routing import (
    Endpoint,
    EndpointTable,
    KeyEntry,
    TenantEntry,
    VersionRef,
    advance,
    load_current,
    save,
)
from tenantry.routing.rules import Action, Arm, Canary, Match, Pin, Rule, Shadow, Split
from tenantry.tenancy import TenantId

Result = TypeVar("Result")
ACME = TenantId("acme")
CALLS, BLOCKS = 50_000, 5
TENANTS, VERSIONS, CHANGES = 10_000, 3, 50
HEADERS = {
    b"host": b"127.0.0.1:8080",
    b"content-type": b"application/json",
    b"authorization": b"Bearer 0123456789abcdef",
    b"x-region": b"eu",
    b"x-tier": b"gold",
    b"x-user": b"user-123456",
}


def main() -> None:
    decisions()
    print()
    changes()


def decisions() -> None:
    split = Split(arms=(Arm("1", 9.0), Arm("2", 1.0)), sticky="header:x-user")
    shadow, canary = Shadow(ref="3", share=0.5), Canary(ref="challenger", share=0.1, rollout="ro1")
    cases: list[tuple[str, list[Rule], float | None]] = [
        ("no rules", [], 0.5),
        *((f"{n} rules on tenant attributes", tenant_rules(n), 0.5) for n in (1, 256)),
        *((f"{n} rules on a header", header_rules(n), 2.0) for n in (1, 16, 256)),
        ("256 rules on two headers", two_header_rules(256), 2.0),
        ("a split", named(split), 4.0),
        ("255 rules on a header, then a split", [*header_rules(255), *named(split)], 4.0),
        ("a shadow and a canary", named(shadow, canary), 4.0),
    ]
    print("| a decision | µs | bar |\n|---|---:|---|")
    for label, rules, bar in cases:
        compiled = table(rules).compiled(ACME, "churn")
        assert compiled is not None
        decide = compiled.decide
        spent = timeit.repeat(
            lambda decide=decide: decide(None, HEADERS, {}, "b7e1f4"), number=CALLS, repeat=BLOCKS
        )
        print(f"| {label} | {min(spent) / CALLS * 1e6:.2f} | {judged(min(spent) / CALLS * 1e6, bar)} |")


def changes() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        whole, _ = taken(lambda: save(folder, fleet()))
        size = next(folder.glob("*.table")).stat().st_size
        read, held = taken(lambda: load_current(folder), time.thread_time)
        assert held is not None
        compiled, _ = taken(
            lambda: [held.compiled(tenant, "churn") for tenant in held.endpoints], time.thread_time
        )
        published, took, sizes = [], [], []
        for number in range(CHANGES):
            newer = moved(held, TenantId(f"tenant-{number:05d}"))
            spent, path = taken(lambda newer=newer, held=held: save(folder, newer, held))
            published.append(spent)
            sizes.append(path.stat().st_size)
            spent, got = taken(lambda held=held: advance(folder, held), time.thread_time)
            took.append(spent)
            assert got == newer
            held = got
    print(f"| {TENANTS:,} tenants, {VERSIONS} versions each | ms | bytes | bar |\n|---|---:|---:|---|")
    print(f"| publish the whole table, wall | {whole:.1f} | {size:,} | |")
    print(f"| read it, CPU | {read:.1f} | | |")
    print(f"| make every endpoint ready to decide, CPU | {compiled:.1f} | | |")
    print(f"| publish one tenant's change, wall | {statistics.median(published):.2f} | {max(sizes):,} | |")
    worker = statistics.median(took)
    print(f"| take it over in a worker, CPU | {worker:.2f} | | {judged(worker, 1.0)} |")


def taken(work: Callable[[], Result], clock: Callable[[], float] = time.perf_counter) -> tuple[float, Result]:
    """Milliseconds, and the result."""
    start = clock()
    result = work()
    return (clock() - start) * 1e3, result


def judged(figure: float, bar: float | None) -> str:
    return "" if bar is None else f"≤ {bar:g}: {'met' if figure <= bar else 'missed'}"


def table(rules: Sequence[Rule]) -> EndpointTable:
    versions = {number: VersionRef(path=f"p/{number}", sha256=number * 64) for number in "123"}
    endpoint = Endpoint(versions=versions, aliases={"champion": "1", "challenger": "2"}, rules=tuple(rules))
    entry = TenantEntry(attributes={"tier": "gold"})
    return EndpointTable(number=1, created=0.0, endpoints={ACME: {"churn": endpoint}}, tenants={ACME: entry})


def named(*actions: Action) -> list[Rule]:
    return [Rule(name=f"rule-{number}", action=action) for number, action in enumerate(actions)]


def header_rules(count: int, header: str = "x-region") -> list[Rule]:
    # None holds, so a list that was walked would be walked to its end.
    return [
        Rule(name=f"{header}-{n}", action=Pin("2"), match=Match(headers={header: (f"other-{n}",)}))
        for n in range(count)
    ]


def two_header_rules(count: int) -> list[Rule]:
    return header_rules(count // 2) + header_rules(count // 2, "x-tier")


def tenant_rules(count: int) -> list[Rule]:
    return [
        Rule(name=f"tier-{n}", action=Pin("2"), match=Match(attributes={"tier": (f"tier-{n}",)}))
        for n in range(count)
    ]


def fleet() -> EndpointTable:
    names = [TenantId(f"tenant-{number:05d}") for number in range(TENANTS)]
    return EndpointTable(
        number=1,
        created=0.0,
        keys={
            digest(f"key of {name}"): KeyEntry(id=f"key-{name}", role="scorer", tenant=name) for name in names
        },
        endpoints={name: {"churn": deployment(name)} for name in names},
        tenants={name: TenantEntry(attributes={"region": "eu", "tier": "gold"}) for name in names},
    )


def deployment(tenant: TenantId) -> Endpoint:
    digests = {str(number): digest(f"{tenant}/{number}") for number in range(1, VERSIONS + 1)}
    versions = {
        number: VersionRef(
            path=f"blobs/{tenant}/{sha[:2]}/{sha}",
            sha256=sha,
            size=116_000,
            metrics={"auroc": 0.81, "log_loss": 0.4},
        )
        for number, sha in digests.items()
    }
    return Endpoint(versions=versions, aliases={"champion": "2", "challenger": "3"})


def moved(table: EndpointTable, tenant: TenantId) -> EndpointTable:
    endpoint = msgspec.structs.replace(table.endpoints[tenant]["churn"], aliases={"champion": "3"})
    endpoints = {**table.endpoints, tenant: {"churn": endpoint}}
    return msgspec.structs.replace(table, number=table.number + 1, endpoints=endpoints)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
