"""The values that a column could have instead: those that occur among the records learnt from, the nearest first."""

import struct
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from tenantry.insights.answers import Record, shown
from tenantry.plan import Plan
from tenantry.plan.meta import ColumnMeta
from tenantry.plan.ranks import rank_of
from tenantry.schema import NUMERIC_TYPES, SemanticType

WORD_SIZE = 0.5
"""How large a change from one word to another counts: as much as a number that passes half of the records. Words have
no order, so no word is nearer than another."""
CUT = 80
"""Top values of this length may be cut, and are no values then."""
WHOLE_SHARE = 0.6
"""A column most of whose quantiles are whole numbers has whole numbers only: the others lie between two of them."""

_DATES = (SemanticType.DATE, SemanticType.DATETIME)
_FREE = (
    SemanticType.TEXT,
    SemanticType.EMAIL,
    SemanticType.URL,
    SemanticType.PHONE,
    SemanticType.IDENTIFIER,
    SemanticType.GEOLOCATION,
)
_EPOCH = date(1970, 1, 1)


class Step(NamedTuple):
    """One column set to one value. ``size``: the share of training records that a number passes, or ``WORD_SIZE``."""

    column: str
    value: Any
    size: float


def steps_of(plan: Plan, record: Record, columns: Iterable[str]) -> list[Step]:
    """Every step that the plan's description knows of, for the columns named; free texts have none."""
    told = {column.column.name: column for column in plan.meta.columns}
    slots = dict(zip(plan.columns, plan.value_slots, strict=True))
    encoded = plan.encode(record)
    steps: list[Step] = []
    for name in columns:
        meta = told.get(name)
        if meta is None or meta.column.type in _FREE:
            continue
        if meta.column.type in (*NUMERIC_TYPES, *_DATES):
            slot = slots[name]
            now = struct.unpack_from("<f", encoded, 4 * slot)[0] if slot >= 0 else float("nan")
            steps += _numbers(meta, now)
        else:
            word = record.get(name)
            steps += [
                Step(name, value, WORD_SIZE)
                for value in meta.top_values
                if len(value) < CUT and value != str(word)
            ]
    return steps


def _numbers(meta: ColumnMeta, now: float) -> list[Step]:
    quantiles = meta.quantiles
    is_date = meta.column.type in _DATES
    whole = is_date or _mostly_whole(quantiles)
    here = rank_of(now, quantiles) if now == now else None  # noqa: PLR0124 (NaN: missing now)
    steps = []
    for number in sorted({round(q) if whole else shown(q) for q in quantiles}):
        there = rank_of(number, quantiles)
        if number == now or there is None:
            continue
        size = WORD_SIZE if here is None else abs(there.lower - here.lower)
        steps.append(Step(meta.column.name, _iso(number) if is_date else number, size))
    return steps


def _mostly_whole(quantiles: Sequence[float]) -> bool:
    return sum(q == int(q) for q in quantiles) >= WHOLE_SHARE * len(quantiles)


def _iso(days: float) -> str:
    return (_EPOCH + timedelta(days=int(days))).isoformat()
