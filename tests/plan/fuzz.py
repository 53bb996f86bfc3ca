"""Damages plan files in every way that comes to mind, and uses what still opens. A crash ends the process.

usage: python -m tests.plan.fuzz SEED ROUNDS [KERNEL]   (KERNEL: another build of the extension, a sanitised one say)
"""

import contextlib
import importlib.util
import random
import sys
from pathlib import Path
from typing import Any

ODD_32 = (
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    0x7FFF,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFF8,
    0xFFFFFFFF,
)
LONG = "late good " * 500


def load_kernel(path: str) -> None:
    spec = importlib.util.spec_from_file_location("tenantry.plan._kernel", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"no kernel at {path}")
    sys.modules["tenantry.plan._kernel"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["tenantry.plan._kernel"])


def damage(data: bytearray, rng: random.Random, header: int) -> None:
    """One of: a flipped bit, a random byte, an odd 32-bit or 16-bit number, a swapped block, a lost or added end."""
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        in_header = rng.random() < 0.4
        at = rng.randrange(24, header if in_header else len(data))
        match rng.randrange(7):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.randrange(256)
            case 2 | 3:
                at -= at % 4
                near = int.from_bytes(data[at : at + 4], "little") + rng.choice((-1, 1, 64, 128))
                value = rng.choice((*ODD_32, len(data), len(data) - 4, near & 0xFFFFFFFF))
                data[at : at + 4] = value.to_bytes(4, "little")
            case 4:
                at -= at % 2
                data[at : at + 2] = rng.choice((0, 1, 0xFF, 0x7FFF, 0xFFFE, 0xFFFF)).to_bytes(2, "little")
            case 5:
                size, to = rng.randrange(1, 64), rng.randrange(24, len(data))
                data[to : to + size] = data[at : at + size]
            case _:
                if rng.random() < 0.3:
                    del data[rng.randrange(len(data)) :]
                    return
    data[16:24] = len(data).to_bytes(8, "little")


def records(names: tuple[str, ...], rng: random.Random) -> list[dict[str, Any]]:
    values = (
        None,
        "",
        "good late",
        LONG,
        "x" * 5000,
        1e308,
        -1,
        "2024-03-05",
        "Two year",
        True,
        10**400,
        "東京",
        b"1",
    )
    return [{}, {name: rng.choice(values) for name in names}, dict.fromkeys(names, LONG)]


def use(plan: Any, rng: random.Random) -> None:
    from tenantry.errors import InvalidData

    some = records(plan.columns, rng)
    plan.score_rows(some)
    for record in some:
        plan.margins(record)
        plan.encode(record)
        plan.explain(record, plan.n_outputs - 1)
    plan.score_columns([[record.get(name) for record in some] for name in plan.columns], len(some))
    with contextlib.suppress(InvalidData):  # only lists and places take a list
        plan.score({name: ["good", None, "late good", 12.5] for name in plan.columns})
    _ = (plan.value_slots, plan.meta_json, plan.data)


def main(seed: int, rounds: int) -> None:
    from tests.plan.specs import random_spec

    from tenantry.errors import Corrupt, Unsupported
    from tenantry.plan import Plan, compile_plan, layout

    rng = random.Random(seed)
    opened = 0
    for i in range(rounds):
        if i % 40 == 0:
            whole = compile_plan(random_spec(rng.randrange(1 << 30)))
        data = bytearray(whole)
        damage(data, rng, layout.HEADER.itemsize + 96 * 3)
        if data == whole:
            continue
        for verify in (True, False):  # a checksum that an attacker has repaired is one that is not looked at
            try:
                plan = Plan(bytes(data), verify=verify)
            except (Corrupt, Unsupported):
                continue
            if verify:
                raise SystemExit("a damaged file passed its checksum")
            opened += 1
            use(plan, rng)
    sys.stdout.write(f"{opened} of {rounds} damaged files opened and scored\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    if len(sys.argv) > 3:
        load_kernel(sys.argv[3])
    main(int(sys.argv[1]), int(sys.argv[2]))
