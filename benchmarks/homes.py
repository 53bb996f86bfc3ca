"""Home folders that hold many tenants' models, made in seconds: plans by the thousand, keys, an endpoint table.

A plan is compiled once; the others are the same trees with leaves of their own, which is as many bytes to read, map
and walk as a trained model would be.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tenantry.access import digest_of
from tenantry.admission import DEFAULT_POLICY, Policy
from tenantry.plan import compile_plan, layout
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    NumberColumn,
    PlanColumn,
    PlanSpec,
    Tree,
)
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.routing import Endpoint, EndpointTable, KeyEntry, VersionRef, save
from tenantry.schema import Column, SemanticType, Signature, Task
from tenantry.tenancy import TenantId

FLOATS = tuple(f"column_{i}" for i in range(20))
NUMBERS = tuple(f"amount_{i}" for i in range(12))
WORDS = {"country": 60, "plan": 5, "channel": 12, "merchant": 500, "device": 30, "city": 200}
DATES = ("signup", "event")
TREES, LEAVES = 100, 31
MODEL = "m"
OPERATOR = "tnk_bench_operator"
CHUNK = 500
"""Plans that are varied at a time."""
U64 = NDArray[np.uint64]


def forest(slots: int, seed: int = 0, trees: int = TREES) -> tuple[Tree, ...]:
    """Random trees of 31 leaves."""
    rng = np.random.default_rng(seed)
    nodes = LEAVES - 1
    children = np.arange(1, 2 * nodes + 1)
    children = np.where(children < nodes, children, ~(children - nodes)).astype(np.int32)
    return tuple(
        Tree(
            output=0,
            feature=rng.integers(0, slots, nodes).astype(np.int32),
            threshold=rng.normal(size=nodes).astype(np.float32),
            default_left=rng.random(nodes) < 0.5,
            left=children[0::2],
            right=children[1::2],
            value=rng.normal(scale=0.1, size=LEAVES).astype(np.float32),
            cover=np.full(nodes, 100.0),
            leaf_cover=np.full(LEAVES, 50.0),
        )
        for _ in range(trees)
    )


def floats_plan() -> bytes:
    """20 numbers."""
    columns = tuple(NumberColumn(name=name, slot=i) for i, name in enumerate(FLOATS))
    return _plan(columns, dict.fromkeys(FLOATS, SemanticType.NUMBER), len(FLOATS))


def table_plan(trees: int = TREES) -> bytes:
    """20 raw columns as tables have them: 12 numbers, 6 categories, 2 dates; 24 slots."""
    rng = np.random.default_rng(1)
    numbers = tuple(NumberColumn(name=name, slot=i) for i, name in enumerate(NUMBERS))
    words = tuple(
        CategoryColumn(
            name=name,
            words=tuple(f"{name}-{code:04d}" for code in range(many)),
            rows=np.arange(many, dtype=np.int32),
            missing_row=many,
            unseen_row=many,
            slots=(12 + i,),
            values=rng.normal(size=(many + 1, 1)).astype(np.float32),
            weights=np.zeros((many + 1, 1), np.float32),
            mean_weight=np.zeros(1, np.float32),
        )
        for i, (name, many) in enumerate(WORDS.items())
    )
    dates = tuple(
        DateColumn(name=name, order="ymd", days=18 + 3 * i, month=19 + 3 * i, weekday=20 + 3 * i)
        for i, name in enumerate(DATES)
    )
    kinds = {
        **dict.fromkeys(NUMBERS, SemanticType.NUMBER),
        **dict.fromkeys(WORDS, SemanticType.CATEGORY),
        **dict.fromkeys(DATES, SemanticType.DATE),
    }
    return _plan((*numbers, *words, *dates), kinds, 24, trees)


def _plan(
    columns: tuple[PlanColumn, ...], kinds: dict[str, SemanticType], slots: int, trees: int = TREES
) -> bytes:
    inputs = tuple(Column(name=name, type=kind) for name, kind in kinds.items())
    quantiles = tuple(float(q) for q in np.linspace(-3, 3, 21))
    meta = PlanMeta(
        signature=Signature(task=Task.BINARY, inputs=inputs, classes=("No", "Yes"), positive_class="Yes"),
        columns=tuple(
            ColumnMeta(column=c, quantiles=quantiles if c.type is SemanticType.NUMBER else ()) for c in inputs
        ),
        target="y",
        expected=(0.0,),
    )
    return compile_plan(
        PlanSpec(
            task=Task.BINARY,
            n_outputs=1,
            n_slots=slots,
            columns=columns,
            trees=forest(slots, trees=trees),
            linear=None,
            base=np.zeros(1),
            forest_weight=1.0,
            linear_weight=0.0,
            calibration=Calibration(kind="sigmoid"),
            meta=msgspec.to_builtins(meta),
        )
    )


def record(kind: str, seed: int) -> dict[str, Any]:
    """A record of ``floats`` or of a ``table``."""
    rng = np.random.default_rng(seed)
    if kind == "floats":
        return {name: round(float(value), 4) for name, value in zip(FLOATS, rng.normal(size=20), strict=True)}
    found: dict[str, Any] = {
        name: round(float(v), 2) for name, v in zip(NUMBERS, rng.normal(0, 50, 12), strict=True)
    }
    found |= {name: f"{name}-{rng.integers(0, many):04d}" for name, many in WORDS.items()}
    days = rng.integers(15_000, 20_000, len(DATES))
    return found | {n: str(np.datetime64("1970-01-01") + d) for n, d in zip(DATES, days, strict=True)}


def key_of(number: int) -> str:
    """The key of a tenant."""
    return f"tnk_bench_{number:05d}"


def tenant_of(number: int) -> str:
    """The name of a tenant."""
    return f"tenant-{number:05d}"


def furnish(home: Path, tenants: int, plan: bytes, *, policy: Policy | None = None) -> EndpointTable:
    """``tenants`` tenants with a key and one model each, behind one published table. Tenant 0 has ``plan`` itself;
    every deployment has ``policy``, the default one if None.
    """
    refs: list[VersionRef] = []
    for data in varied(plan, tenants):
        path = home / "blobs" / tenant_of(len(refs)) / "plan"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        digest = sha256(data).hexdigest()
        refs.append(VersionRef(path=str(path.relative_to(home)), sha256=digest, size=len(data)))
    keys = {
        digest_of(key_of(i)): KeyEntry(id=f"k{i}", role="scorer", tenant=TenantId(tenant_of(i)))
        for i in range(tenants)
    }
    keys[digest_of(OPERATOR)] = KeyEntry(id="operator", role="operator")
    table = EndpointTable(
        number=1,
        created=0.0,
        keys=keys,
        endpoints={
            TenantId(tenant_of(i)): {MODEL: Endpoint(versions={"1": ref}, aliases={"champion": "1"})}
            for i, ref in enumerate(refs)
        },
        policies={} if policy is None else {DEFAULT_POLICY: policy},
    )
    save(home / "endpoints", table)
    return table


def varied(plan: bytes, count: int, seed: int = 5) -> Iterator[bytes]:
    """``plan``, and ``count - 1`` others with leaves of their own and checksums that hold."""
    yield plan
    rng = np.random.default_rng(seed)
    head = np.frombuffer(plan, layout.HEADER, 1)[0]
    span = head["section"][layout.Section.LEAVES]
    at, many = int(span["offset"]), int(span["count"])
    leaves = np.frombuffer(plan, np.float32, many, at)
    place = layout.HEADER.fields["checksum"][1]  # type: ignore[index]
    for start in range(1, count, CHUNK):
        batch = np.tile(np.frombuffer(plan, np.uint8), (min(CHUNK, count - start), 1))
        changed = leaves * rng.normal(1.0, 0.2, (len(batch), many)).astype(np.float32)
        batch[:, at : at + 4 * many] = changed.view(np.uint8)
        sums = xxh64_rows(batch[:, layout.CHECKSUM_FROM :])
        batch[:, place : place + 8] = sums.astype("<u8").view(np.uint8).reshape(len(batch), 8)
        yield from (row.tobytes() for row in batch)


_P = tuple(
    np.uint64(p)
    for p in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
    )
)


def xxh64_rows(rows: NDArray[np.uint8]) -> U64:
    """XXH64 (seed 0) of every row at once: rows of one length, over 32 bytes, a multiple of 4."""
    p1, p2, p3, p4 = _P
    length = rows.shape[1]
    assert length >= 32
    assert length % 4 == 0
    stripes = length // 32
    words = np.ascontiguousarray(rows[:, : stripes * 32]).view("<u8").reshape(len(rows), stripes, 4)
    with np.errstate(over="ignore"):
        lanes = np.array([p1 + p2, p2, np.uint64(0), np.uint64(0) - p1], np.uint64)
        state = np.tile(lanes, (len(rows), 1))
        for stripe in range(stripes):
            state = _turn(state, words[:, stripe])
        found = sum((_rotate(state[:, i], n) for i, n in enumerate((1, 7, 12, 18))), np.uint64(0))
        for i in range(4):
            found = (found ^ _turn(np.zeros_like(found), state[:, i])) * p1 + p4
        found = found + np.uint64(length)
        rest = np.ascontiguousarray(rows[:, stripes * 32 :])
        for at in range(0, rest.shape[1] - 7, 8):
            word = np.ascontiguousarray(rest[:, at : at + 8]).view("<u8")[:, 0]
            found = _rotate(found ^ _turn(np.zeros_like(found), word), 27) * p1 + p4
        if rest.shape[1] % 8:
            last = np.ascontiguousarray(rest[:, -4:]).view("<u4")[:, 0].astype(np.uint64)
            found = _rotate(found ^ (last * p1), 23) * p2 + p3
        found = (found ^ (found >> np.uint64(33))) * p2
        found = (found ^ (found >> np.uint64(29))) * p3
        return np.asarray(found ^ (found >> np.uint64(32)), np.uint64)


def _turn(state: U64, word: U64) -> U64:
    return _rotate(state + word * _P[1], 31) * _P[0]


def _rotate(value: U64, bits: int) -> U64:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


def zipf_sequence(count: int, length: int = 50_000, exponent: float = 1.0, seed: int = 3) -> Sequence[int]:
    """Which of ``count`` targets each request asks, by Zipf's law."""
    weights = 1.0 / np.arange(1, count + 1) ** exponent
    drawn = np.random.default_rng(seed).choice(count, length, p=weights / weights.sum())
    return [int(number) for number in drawn]
