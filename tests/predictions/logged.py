"""Requests for the log, and segments that hold them as a worker writes them."""

import random
from pathlib import Path

from tenantry.predictions.block import Row, encode_block
from tenantry.predictions.record import KIND
from tenantry.segments import SegmentWriter

NOON = 1_750_000_000.0 - 1_750_000_000.0 % 86_400 + 43_200  # of some day, UTC
DAY = 86_400.0


def row(number: int, tenant: str = "acme", deployment: str = "churn", at: float | None = None) -> Row:
    """Request ``number``, by default that many seconds after noon."""
    chance = random.Random(number)
    arrived = NOON + number if at is None else at
    body = b'{"n": %d, "more": "%s"}' % (number, chance.randbytes(chance.randrange(40)).hex().encode())
    outcomes = [
        (chance.choice(["Yes", "No"]), chance.random(), (0.25, 0.75), None) for _ in range(number % 3)
    ]
    status = 200 if outcomes else 400
    code = "" if outcomes else "body_json"
    identity = f"r{number}"
    kind = ("json-records", "oip-json", "oip-binary")[number % 3]
    header_length = 7 if kind == "oip-binary" else None
    return (
        arrived, arrived + 0.25, tenant, deployment, "3", "default", identity, status, code, kind, header_length,
        len(outcomes), body, outcomes,
    )  # fmt: skip


def spool(
    folder: Path, rows: list[Row], *, block: int = 50, segment_bytes: int = 4000, worker: int = 0
) -> None:
    """Write the rows as closed segments."""
    writer = SegmentWriter(folder, KIND, worker, max_bytes=segment_bytes)
    for start in range(0, len(rows), block):
        assert writer.append(encode_block(rows[start : start + block], 0.0, deflate=start % 100 == 0))
    assert writer.close()
