"""Bodies to send: records from a file, or random ones that a model's inputs allow."""

import csv
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.loadtest.discover import Input
from tenantry.loadtest.requests import INFER, PREDICT

Protocol = Literal["predict", "v2"]
POOL = 64
"""How many different bodies are made for models with the same inputs."""
PATHS: dict[Protocol, str] = {"predict": PREDICT, "v2": INFER}
_WORDS = ("yes", "no", "basic", "standard", "premium", "north", "south", "other")
_FIRST_DAY = date(2020, 1, 1)
Record = dict[str, Any]


def read_records(file: Path, limit: int = 10_000) -> list[Record]:
    """The first records of a CSV file (values as text, empty ones as null) or of JSON lines.

    Raises ``InvalidRequest("load_records")``.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            if file.suffix.lower() in (".jsonl", ".ndjson"):
                lines = (line for line in opened if line.strip())
                found = [_object(line) for line, _ in zip(lines, range(limit), strict=False)]
            else:
                rows = csv.DictReader(opened)
                found = [_from_csv(row) for row, _ in zip(rows, range(limit), strict=False)]
    except OSError as error:
        raise InvalidRequest("load_records", f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise InvalidRequest("load_records", f"{file}: {error}") from error
    if not found:
        raise InvalidRequest("load_records", f"{file} holds no record")
    return found


def random_records(inputs: Sequence[Input], count: int, seed: int = 0) -> list[Record]:
    """Records of the right types: numbers for numbers; words, dates and a null now and then for all else.

    A model's metadata name its columns, not the words it has learnt: for real categories, send records of a file.
    """
    chance = random.Random(seed)
    return [{one.name: _value(one.datatype, chance) for one in inputs} for _ in range(count)]


def bodies(
    records: Sequence[Record],
    *,
    protocol: Protocol = "predict",
    rows: int = 1,
    inputs: Sequence[Input] = (),
    pool: int = POOL,
) -> list[bytes]:
    """Up to ``pool`` different bodies of ``rows`` records each, the records in turn.

    ``inputs`` are wanted for ``v2``, whose tensors have types; a record's text becomes a number where the input is one.
    """
    # Every record once in turn, unless the pool is full; many rows and few records make fewer different bodies.
    count = min(pool, max(1, -(-len(records) // rows)))
    made = []
    for number in range(count):
        part = [records[(number * rows + row) % len(records)] for row in range(rows)]
        if protocol == "v2":
            made.append(_tensors(part, inputs))
        else:
            made.append(msgspec.json.encode(part[0] if rows == 1 else part))
    return made


def _tensors(records: Sequence[Record], inputs: Sequence[Input]) -> bytes:
    tensors = [
        {
            "name": one.name,
            "shape": [len(records)],
            "datatype": one.datatype,
            "data": [_typed(record.get(one.name), one.datatype) for record in records],
        }
        for one in inputs
    ]
    return msgspec.json.encode({"inputs": tensors})


def _typed(value: Any, datatype: str) -> Any:
    if datatype == "BYTES":
        return None if value is None else str(value)
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _value(datatype: str, chance: random.Random) -> Any:
    if chance.random() < 0.02:
        return None
    if datatype == "BOOL":
        return chance.random() < 0.5
    if datatype.startswith(("INT", "UINT")):
        return chance.randrange(100)
    if datatype.startswith("FP"):
        return round(chance.lognormvariate(2, 1.5), 3)
    if chance.random() < 0.7:
        return chance.choice(_WORDS)
    return (_FIRST_DAY + timedelta(days=chance.randrange(2000))).isoformat()


def _object(line: str) -> Record:
    return msgspec.json.decode(line, type=Record)


def _from_csv(row: dict[str | Any, Any]) -> Record:
    if None in row:
        raise ValueError("a line has more fields than the heading")
    return {name: value or None for name, value in row.items()}
