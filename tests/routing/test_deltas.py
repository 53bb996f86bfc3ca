"""Publishing what changed: deltas equal whole tables, whatever happens to files and processes."""

import itertools
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.routing import worlds

from tenantry.admission import Policy, Quota
from tenantry.errors import Corrupt
from tenantry.routing import (
    Endpoint,
    EndpointTable,
    KeyEntry,
    TenantEntry,
    VersionRef,
    advance,
    load_current,
    next_number,
    prune,
    save,
)
from tenantry.routing.store import MOST_DELTAS
from tenantry.tenancy import TenantId

ACME, BOLT = TenantId("acme"), TenantId("bolt")
encode = msgspec.msgpack.Encoder(order="sorted").encode


def fleet(tenants: int = 200) -> EndpointTable:
    names = [TenantId(f"t{number}") for number in range(tenants)]
    ref = VersionRef(path="blobs/aa/bb", sha256="ab" * 32)
    return EndpointTable(
        number=1,
        created=1.0,
        keys={f"{name}-key": KeyEntry(id=name, role="scorer", tenant=name) for name in names},
        endpoints={
            name: {"churn": Endpoint(versions={"1": ref}, aliases={"champion": "1"})} for name in names
        },
        tenants={name: TenantEntry(attributes={"region": "eu"}) for name in names},
    )


def next_of(table: EndpointTable, **changes: Any) -> EndpointTable:
    return msgspec.structs.replace(table, number=table.number + 1, created=table.created + 1.0, **changes)


def with_key(table: EndpointTable) -> EndpointTable:
    number = table.number + 1
    return next_of(table, keys={**table.keys, f"key{number}": KeyEntry(id=f"k{number}", role="scorer")})


def changed(dice: random.Random, table: EndpointTable) -> EndpointTable:
    """One to three random changes of any kind."""
    parts: dict[str, Any] = {
        part: dict(getattr(table, part)) for part in ("keys", "endpoints", "tenants", "policies")
    }
    rules = table.rules
    for _ in range(dice.randint(1, 3)):
        tenant, kind = TenantId(f"t{dice.randrange(70)}"), dice.randrange(12)
        if kind == 0:
            parts["keys"].pop(dice.choice(sorted(parts["keys"])), None)
        elif kind == 1:
            key = KeyEntry(
                id=f"k{dice.randrange(50)}", role="viewer", tenant=tenant, expires=dice.choice((None, 9.5))
            )
            parts["keys"][f"h{dice.randrange(50)}"] = key
        elif kind < 5:
            names = {**parts["endpoints"].get(tenant, {}), dice.choice(worlds.MODELS): worlds.endpoint(dice)}
            parts["endpoints"][tenant] = names
        elif kind == 5:
            parts["endpoints"].pop(tenant, None)
        elif kind == 6:
            parts["endpoints"][tenant] = {}
        elif kind == 7:
            names = dict(parts["endpoints"].get(tenant, {}))
            names.pop(dice.choice(("churn", *worlds.MODELS)), None)
            parts["endpoints"][tenant] = names
        elif kind == 8:
            parts["tenants"][tenant] = TenantEntry(quota=Quota(weight=dice.choice((1.0, 2.0))))
        elif kind == 9:
            parts["tenants"].pop(tenant, None)
        elif kind == 10:
            parts["policies"][dice.choice("ab")] = Policy(priority=dice.randint(1, 4))
            parts["policies"].pop(dice.choice("ab"), None)
        else:
            rules = worlds.rules(dice, dice.randint(0, 2))
    return next_of(table, **parts, rules=rules)


def files(folder: Path, suffix: str) -> list[str]:
    return sorted(path.name for path in folder.glob(f"*{suffix}"))


def test_a_thousand_changes_by_deltas_equal_the_whole_tables(tmp_path: Path) -> None:
    dice = random.Random(3)
    table = fleet(60)
    save(tmp_path, table)
    near = far = load_current(tmp_path)
    assert near is not None
    assert far is not None
    written = {".delta": 0, ".table": 0}
    for step in range(1000):
        newer = changed(dice, table)
        path = save(tmp_path, newer, table)
        written[path.suffix] += 1
        table = newer
        near = advance(tmp_path, near)
        assert near is not None
        # Bytes and not ==, since a metric may be NaN.
        expected = encode(table)
        assert encode(near) == expected
        if dice.random() < 0.02:
            far = advance(tmp_path, far)
            assert far is not None
            assert encode(far) == expected
        if step % 25 == 0:
            assert encode(load_current(tmp_path)) == expected
        if step % 10 == 0:
            prune(tmp_path)
    assert written[".delta"] > 900
    assert written[".table"] >= 1000 // (MOST_DELTAS + 2)


def test_a_delta_names_only_what_changed(tmp_path: Path) -> None:
    table = fleet(2000)
    whole = save(tmp_path, table)
    delta = save(tmp_path, with_key(table), table)
    assert delta.suffix == ".delta"
    assert delta.stat().st_size < 200 < whole.stat().st_size / 1000
    assert next_number(tmp_path) == 3


def test_what_did_not_change_is_shared_and_stays_compiled(tmp_path: Path) -> None:
    save(tmp_path, fleet())
    first = load_current(tmp_path)
    assert first is not None
    compiled = {name: first.compiled(TenantId(name), "churn") for name in ("t1", "t2", "t3", "t4")}
    endpoints = {**first.endpoints, TenantId("t1"): {"churn": worlds.endpoint(random.Random(1))}}
    tenants = {**first.tenants, TenantId("t2"): TenantEntry(attributes={"region": "us"})}
    gone = TenantId("t3")
    del endpoints[gone]
    save(tmp_path, next_of(first, endpoints=endpoints, tenants=tenants), first)
    second = advance(tmp_path, first)
    assert second is not None
    assert second.keys is first.keys
    assert second.endpoints[TenantId("t4")] is first.endpoints[TenantId("t4")]
    assert second.compiled(TenantId("t4"), "churn") is compiled["t4"]
    assert second.compiled(TenantId("t1"), "churn") is not compiled["t1"]
    assert second.compiled(TenantId("t2"), "churn") is not compiled["t2"]
    assert second.compiled(gone, "churn") is None
    # The older table still answers as it did, for the requests that hold it.
    assert first.compiled(TenantId("t1"), "churn") is compiled["t1"]


def test_nothing_newer_is_none(tmp_path: Path) -> None:
    table = fleet()
    assert advance(tmp_path, table) is None
    save(tmp_path, table)
    assert advance(tmp_path, table) is None
    assert advance(tmp_path, with_key(table)) is None


def test_a_change_of_nearly_everything_is_written_as_a_whole(tmp_path: Path) -> None:
    table = fleet()
    save(tmp_path, table)
    emptied = next_of(table, keys={}, endpoints={})
    assert save(tmp_path, emptied, table).suffix == ".delta"  # what is gone is only named
    filled = next_of(emptied, endpoints=fleet(300).endpoints)
    assert save(tmp_path, filled, emptied).suffix == ".table"
    assert advance(tmp_path, table) == filled


def test_without_the_published_table_a_whole_is_written(tmp_path: Path) -> None:
    table = fleet()
    save(tmp_path, table)
    second = with_key(table)
    save(tmp_path, second)
    third = with_key(second)
    assert save(tmp_path, third, table).suffix == ".table"  # table 1 is not the published one any more
    assert load_current(tmp_path) == third
    assert advance(tmp_path, table) == third
    assert files(tmp_path, ".delta") == []


def publish_many(folder: Path, table: EndpointTable, count: int) -> list[EndpointTable]:
    tables = [table]
    for _ in range(count):
        tables.append(with_key(tables[-1]))
        save(folder, tables[-1], tables[-2])
    return tables


def test_the_chain_is_folded_into_a_whole_and_workers_need_not_read_it(tmp_path: Path) -> None:
    table = fleet()
    save(tmp_path, table)
    tables = publish_many(tmp_path, table, MOST_DELTAS + 5)
    prune(tmp_path, keep=1)
    assert files(tmp_path, ".table") == [f"{MOST_DELTAS + 2:012d}.table"]
    assert load_current(tmp_path) == tables[-1]
    # Without the whole table, only deltas can have led here.
    (tmp_path / files(tmp_path, ".table")[0]).unlink()
    for number in (MOST_DELTAS - 3, MOST_DELTAS, MOST_DELTAS + 1, MOST_DELTAS + 4):
        assert advance(tmp_path, tables[number]) == tables[-1]
    with pytest.raises(Corrupt):
        advance(tmp_path, tables[0])  # more than 64 changes ago


def test_growing_deltas_are_folded_at_half_the_base(tmp_path: Path) -> None:
    table = fleet(20)
    base = save(tmp_path, table).stat().st_size
    deltas = 0
    while True:
        newer = with_key(table)
        path = save(tmp_path, newer, table)
        table = newer
        if path.suffix == ".table":
            break
        deltas += path.stat().st_size
        assert deltas <= base / 2
    assert deltas > base / 3
    assert load_current(tmp_path) == table


def damages() -> Iterator[tuple[str, Any]]:
    yield "torn", lambda path: path.write_bytes(path.read_bytes()[:-3])
    yield "empty", lambda path: path.write_bytes(b"")
    yield "flipped", lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    yield "longer", lambda path: path.write_bytes(path.read_bytes() + b"\x00")
    yield "gone", lambda path: path.unlink()


@pytest.mark.parametrize("damage", [pytest.param(hurt, id=name) for name, hurt in damages()])
def test_a_spoilt_delta_keeps_the_last_good_table(tmp_path: Path, damage: Any) -> None:
    table = fleet()
    save(tmp_path, table)
    tables = publish_many(tmp_path, table, 3)
    damage(tmp_path / "000000000003.delta")
    for read in (load_current, lambda folder: advance(folder, tables[1])):
        with pytest.raises(Corrupt) as caught:
            read(tmp_path)
        assert caught.value.code == "table_corrupt"
    # Who has got past it is not concerned, and the next whole table mends it.
    assert advance(tmp_path, tables[2]) == tables[3]
    mended = with_key(tables[3])
    save(tmp_path, mended)
    assert advance(tmp_path, tables[1]) == mended


@pytest.mark.parametrize("damage", [pytest.param(hurt, id=name) for name, hurt in damages()])
def test_a_spoilt_delta_of_the_past_costs_only_a_whole_read(tmp_path: Path, damage: Any) -> None:
    table = fleet()
    save(tmp_path, table)
    tables = publish_many(tmp_path, table, MOST_DELTAS + 1)
    damage(tmp_path / f"{MOST_DELTAS:012d}.delta")
    assert advance(tmp_path, tables[MOST_DELTAS - 2]) == tables[-1]


def test_a_delta_of_another_history_is_not_applied(tmp_path: Path) -> None:
    table = fleet()
    save(tmp_path, table)
    (second,) = publish_many(tmp_path, table, 1)[1:]
    # A table of the same number, from before the folder was restored from a backup.
    stranger = msgspec.structs.replace(fleet(3), created=77.0)
    assert advance(tmp_path, stranger) == second


def test_a_delta_of_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = fleet()
    save(tmp_path, table)
    monkeypatch.setattr("tenantry.routing.delta.TABLE_FORMAT", 99)
    save(tmp_path, with_key(table), table)
    with pytest.raises(Corrupt, match="format 99"):
        load_current(tmp_path)


def test_prune_keeps_what_readers_may_still_ask_for(tmp_path: Path) -> None:
    table = fleet()
    save(tmp_path, table)
    tables = publish_many(tmp_path, table, 5 * (MOST_DELTAS + 1))
    prune(tmp_path, keep=2)
    assert len(files(tmp_path, ".table")) == 2
    assert len(files(tmp_path, ".delta")) <= 2 * (MOST_DELTAS + 1)
    assert advance(tmp_path, tables[-MOST_DELTAS]) == tables[-1]
    assert load_current(tmp_path) == tables[-1]


WRITER = """
import itertools, sys
from pathlib import Path
import msgspec
from tenantry.routing import EndpointTable, KeyEntry, load_current, next_number, prune, save
folder = Path(sys.argv[1])
keys = {f"k{n}": KeyEntry(id="0", role="scorer") for n in range(300)}
known = load_current(folder)
for number in itertools.count(next_number(folder)):
    # Every table says its number in two places that change together.
    mark = KeyEntry(id=str(number), role="scorer")
    marks = {"number": mark, f"k{number % 300}": mark}
    newer = EndpointTable(number=number, created=float(number), keys={**(known.keys if known else keys), **marks})
    save(folder, newer, known)
    prune(folder, 1)
    known = newer
    print(number, flush=True)
"""


def consistent(table: EndpointTable | None) -> bool:
    return (
        table is not None
        and table.keys["number"].id == str(table.number)
        and table.keys[f"k{table.number % 300}"].id == str(table.number)
    )


def test_readers_and_killed_writers(tmp_path: Path) -> None:
    folder = tmp_path / "endpoints"
    held: EndpointTable | None = None
    taken = 0
    for round_number in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as writer:
            assert writer.stdout is not None
            first = int(writer.stdout.readline())
            assert held is None or first > held.number
            until = time.monotonic() + 0.5 + 0.05 * round_number
            for look in itertools.count():
                newer = load_current(folder) if held is None or look % 7 == 0 else advance(folder, held)
                if newer is not None:
                    assert consistent(newer)
                    assert held is None or newer.number >= held.number
                    taken += held is None or newer.number > held.number
                    held = newer
                if time.monotonic() > until:
                    break
            writer.kill()
        assert consistent(load_current(folder))
    assert taken > 20
