"""Damaged plan files whose checksum is right again: where the kernel opens one, its twin must read the same in it.

Slots are compared bit for bit, margins and scores to 1e-6. What only explanations read (ratios, earlier edges) may
contradict the trees in a damaged file, and then any attribution is as good as another: those are not compared.

usage: python -m tests.plan.differential SEED ROUNDS
"""

import random
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tenantry.errors import Corrupt, InvalidData, Unsupported
from tenantry.plan import Plan, compile_plan, layout
from tenantry.plan.hashing import xxh64
from tenantry.plan.twin import Twin


def repaired(data: bytearray) -> bytes:
    """The bytes with the checksum that belongs to them."""
    data[24:32] = struct.pack("<Q", xxh64(bytes(data[layout.CHECKSUM_FROM :])))
    return bytes(data)


def some_records(names: tuple[str, ...], rng: random.Random) -> list[dict[str, Any]]:
    from tests.plan.specs import ADDRESSES, DATES, LISTS, NUMBERS, PLACES, TOKENS, WORDS

    texts = (*WORDS, *NUMBERS, *DATES, *LISTS, *PLACES, *ADDRESSES, " late  good not late ", "")
    values = (*texts, *texts, None, True, 0, -1.5, 999.0, 1e300, float("inf"), 10**30, 19787)
    lists: tuple[list[Any], ...] = (["good", None, " late good "], [52.5, "13.4"], [])
    return [
        {},
        *({name: rng.choice(values) for name in names} for _ in range(3)),
        {name: rng.choice((rng.choice(TOKENS), rng.choice(lists))) for name in names},
    ]


def _knots_ascend(twin: Twin) -> bool:
    """Whether an isotonic calibration is one: between knots in disorder every reader finds its own."""
    if layout.CALIBRATIONS[int(twin.head["calibration"])] != "isotonic":
        return True
    first, count = int(twin.head["knots"]), int(twin.head["n_knots"])
    return bool((np.diff(twin.sections[layout.Section.DOUBLES][first : first + count]) > 0).all())


def _answers(opened: Plan | Twin, record: dict[str, Any]) -> tuple[Any, ...] | str:
    """Slots, margins and scores of a record, or the code with which it was refused."""
    try:
        if isinstance(opened, Plan):
            slots = np.frombuffer(opened.encode(record), np.float32)
            return slots, np.array(opened.margins(record)), np.array(opened.score(record))
        with np.errstate(all="ignore"):
            return tuple(
                rows([record])[0] for rows in (opened.encode_rows, opened.margins_rows, opened.score_rows)
            )
    except InvalidData as error:
        return error.code


def _alike(ours: tuple[Any, ...] | str, twins: tuple[Any, ...] | str, *, calibrated: bool) -> str:
    """What differs; empty where nothing does. ``calibrated``: compare the scores too."""
    if isinstance(ours, str) or isinstance(twins, str):
        return "" if ours is twins or ours == twins else f"{ours} against {twins}"
    if not np.array_equal(ours[0], twins[0], equal_nan=True):
        return f"slots {ours[0]} against {twins[0]}"
    for what, one, other in (("margins", ours[1], twins[1]), ("scores", ours[2], twins[2]))[: 1 + calibrated]:
        scale = 1e-6 * max(1.0, float(np.max(np.abs(ours[1]), initial=0.0, where=np.isfinite(ours[1]))))
        if not np.allclose(one, other, rtol=1e-6, atol=scale, equal_nan=True):
            return f"{what} {one} against {other}"
    return ""


def compare(data: bytes, rng: random.Random) -> str | None:
    """What the two say differently of a file; empty where nothing, None where the kernel refuses it."""
    try:
        plan = Plan.from_bytes(data)
    except (Corrupt, Unsupported):
        return None
    twin = Twin(data)
    for record in some_records(plan.columns, rng):
        differs = _alike(_answers(plan, record), _answers(twin, record), calibrated=_knots_ascend(twin))
        if differs:
            return f"{record}: {differs}"
    return ""


def main(seed: int, rounds: int) -> None:
    from tests.plan.fuzz import damage
    from tests.plan.specs import random_spec

    rng = random.Random(seed)
    opened = 0
    for i in range(rounds):
        if i % 20 == 0:
            whole = compile_plan(random_spec(rng.randrange(1 << 30)))
        data = bytearray(whole)
        damage(data, rng, layout.HEADER.itemsize + 96 * 3)
        broken = repaired(data) if len(data) > layout.HEADER.itemsize else bytes(data)
        state = rng.randrange(1 << 30)
        try:
            differs = compare(broken, random.Random(state))
        except Exception as error:
            raise SystemExit(_kept(broken, f"round {i}: the twin fails: {error!r}")) from error
        if differs:
            raise SystemExit(_kept(broken, f"round {i}: {differs}"))
        opened += differs is not None
    sys.stdout.write(f"{opened} of {rounds} damaged files opened and read alike\n")


def _kept(data: bytes, what: str) -> str:
    path = Path(tempfile.mkdtemp()) / "differs.tnp"
    path.write_bytes(data)
    return f"{path}: {what}"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
