"""The records learnt from that are most like a given one, and what became of them.

Two records are far apart in two ways, which count alike: in the columns that matter (for numbers and dates the share of
records between them, for words 0 or 1, weighted by the column's impact), and in why the model answers as it does (the
sum of the differences of their contributions). docs/decisions/insights-similar.md has what was measured against it.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from tenantry.bundle.insights import RecordSample, SampleColumn
from tenantry.insights.answers import Record, check_record
from tenantry.plan import Plan
from tenantry.plan._kernel import category_word
from tenantry.plan.meta import ColumnMeta
from tenantry.plan.ranks import rank_of
from tenantry.schema import NUMERIC_TYPES, SemanticType, Task

MOST = 100
TELLING = 0.1
"""A number differs worth telling from this share of records between the two on."""

_ORDERED = (*NUMERIC_TYPES, SemanticType.DATE, SemanticType.DATETIME)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A column in which two records differ, and how much of the distance that is."""

    column: str
    value: Any
    weight: float


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """One similar record. ``similarity``: 1 where it is equal in all that matters, 0 where it is as far as half of the
    sample, or farther;
    ``outcome``: what became of it; ``score``: what the model said of it without having seen it; ``key``: its record
    key; ``differs``: the columns in which it is another, the weightiest first."""

    key: Any
    similarity: float
    outcome: str | float
    score: float | None
    record: dict[str, Any]
    differs: tuple[Difference, ...]


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest records, the nearest first, and their outcomes together: a share a class, or the mean value.

    ``sample``: among how many of ``rows`` training records they were looked for; ``not_compared``: columns of the model
    that the sample does not keep."""

    neighbours: tuple[Neighbour, ...]
    outcomes: dict[str, float]
    mean: float | None
    sample: int
    rows: int
    not_compared: tuple[str, ...]
    text: str


def find_similar(plan: Plan, sample: RecordSample, record: Record, k: int = 10) -> Similar:
    """The ``k`` (1–100) records of the sample that are most like the given one.

    Errors: ``InvalidRequest`` record_unknown; ``InvalidData`` record_value.
    """
    check_record(plan, record)
    told = {column.column.name: column for column in plan.meta.columns}
    kept = [column for column in sample.columns if column.name in told]
    weights = _weights([told[column.name] for column in kept])
    parts = [
        _differences(plan, told[column.name], column, record.get(column.name), weight)
        for column, weight in zip(kept, weights, strict=True)
    ]
    count = len(sample.outcomes)
    apart = [sum(column) for column in zip(*parts, strict=True)] or [0.0] * count
    totals = [
        (a + b) / 2 for a, b in zip(_scaled(apart), _scaled(_reasoned(plan, sample, record)), strict=True)
    ]
    nearest = sorted(range(count), key=lambda i: (totals[i], i))[: max(1, min(k, MOST))]
    found = tuple(
        Neighbour(
            key=_value(sample.key, i),
            similarity=round(max(0.0, 1.0 - totals[i]), 2),
            outcome=sample.outcomes[i],
            score=sample.scores[i],
            record={column.name: _value(column, i) for column in kept},
            differs=_telling(kept, parts, weights, i),
        )
        for i in nearest
    )
    return _summary(plan, sample, found)


def _weights(columns: list[ColumnMeta]) -> list[float]:
    """The impacts, to sum to 1; all alike where none has any."""
    total = sum(column.impact for column in columns)
    return [column.impact / total if total > 0 else 1 / len(columns) for column in columns]


def _scaled(distances: list[float]) -> list[float]:
    """Distances as multiples of the middle one."""
    middle = sorted(distances)[len(distances) // 2] if distances else 0.0
    return [distance / middle for distance in distances] if middle > 0 else [0.0] * len(distances)


def _differences(
    plan: Plan, told: ColumnMeta, column: SampleColumn, value: Any, weight: float
) -> list[float]:
    """Weighted distance of each sampled record in one column; a gap differs from any value, and not from a gap."""
    if column.places:
        [here] = places(plan, told, [value])
        gap = 0.0 if here is None else 1.0
        by_value = [
            gap if place is None else 1.0 if here is None else abs(here - place) for place in column.places
        ]
    else:
        word = None if value is None else category_word(value)
        by_value = [0.0 if category_word(other) == word else 1.0 for other in column.values]
        gap = 0.0 if word is None else 1.0
    weighted = [weight * apart for apart in (*by_value, gap)]
    return [weighted[code] for code in column.codes]  # the last, -1, is the gap's


def places(plan: Plan, told: ColumnMeta, values: Sequence[Any]) -> list[float | None]:
    """Where values of a number or date stand among the training records, 0–1, as the plan reads them; None for what
    reads as missing."""
    name = told.column.name
    slot = plan.value_slots[plan.columns.index(name)]
    found: list[float | None] = []
    for value in values:
        number = struct.unpack_from("<f", plan.encode({name: value}), 4 * slot)[0] if slot >= 0 else math.nan
        rank = None if math.isnan(number) else rank_of(number, told.quantiles)
        middle = 0.0 if rank is None else round((rank.lower + 1.0 - rank.higher) / 2, 4)
        found.append(None if math.isnan(number) else middle)
    return found


def is_ordered(told: ColumnMeta) -> bool:
    """Whether a column's values have places."""
    return told.column.type in _ORDERED and bool(told.quantiles)


def _reasoned(plan: Plan, sample: RecordSample, record: Record) -> list[float]:
    """How far apart the contributions of the record and of each sampled one are, in sum over columns and outputs."""
    count, width = len(sample.outcomes), len(sample.explained)
    place = {name: i for i, name in enumerate(plan.columns)}
    if not width or len(sample.parts) != width * plan.n_outputs or not place.keys() >= set(sample.explained):
        return [0.0] * count
    totals = [0.0] * count
    for output in range(plan.n_outputs):
        own = plan.explain(record, output)
        for i, name in enumerate(sample.explained):
            here = own[place[name]] / sample.step
            totals = [
                t + abs(c - here) for t, c in zip(totals, sample.parts[output * width + i], strict=True)
            ]
    return totals


def _value(column: SampleColumn | None, i: int) -> Any:
    code = -1 if column is None else column.codes[i]
    return None if column is None or code < 0 else column.values[code]


def _telling(
    columns: list[SampleColumn], parts: list[list[float]], weights: list[float], i: int
) -> tuple[Difference, ...]:
    found = [
        Difference(column=column.name, value=_value(column, i), weight=round(part[i], 4))
        for column, part, weight in zip(columns, parts, weights, strict=True)
        if part[i] > 0 and part[i] >= TELLING * weight
    ]
    return tuple(sorted(found, key=lambda one: -one.weight))


def _summary(plan: Plan, sample: RecordSample, found: tuple[Neighbour, ...]) -> Similar:
    signature, target = plan.meta.signature, plan.meta.target
    count = len(found)
    outcomes: dict[str, float] = {}
    mean = None
    if signature.task is Task.REGRESSION:
        mean = sum(float(one.outcome) for one in found) / max(count, 1)
        text = f"the {count} most similar records have a mean {target} of {mean:.4g}"
    else:
        counts = {name: sum(one.outcome == name for one in found) for name in signature.classes}
        outcomes = {name: round(number / max(count, 1), 4) for name, number in counts.items()}
        named = signature.positive_class or max(counts, key=lambda name: counts[name])
        text = f"{counts[named]} of the {count} most similar records have {target} = {named}"
    return Similar(
        neighbours=found,
        outcomes=outcomes,
        mean=mean,
        sample=len(sample.outcomes),
        rows=sample.total,
        not_compared=sample.left_out,
        text=text,
    )
