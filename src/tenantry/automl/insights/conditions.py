"""Conditions on raw columns as marks on rows: the bins of each column, and for ordered ones their tails."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenantry.automl.arrays import I64
from tenantry.automl.insights.bins import Binned, span_words
from tenantry.automl.typing import DATE_TYPES, TypedColumn
from tenantry.bundle.insights import Condition


@dataclass(frozen=True, slots=True)
class Candidate:
    """``marks[i]``: whether row i fulfils all conditions; ``column``: the number of the column of a single one."""

    column: int
    conditions: tuple[Condition, ...]
    marks: npt.NDArray[np.bool_]

    def joined(self, other: "Candidate") -> "Candidate":
        """Both conditions at once."""
        return Candidate(-1, (*self.conditions, *other.conditions), self.marks & other.marks)


def candidates_of(
    binned: list[tuple[TypedColumn, Binned]], halves: tuple[I64, I64], fewest: int
) -> list[Candidate]:
    """Every single condition with enough rows in both halves, and enough rows outside."""
    found: list[Candidate] = []
    for number, (column, parts) in enumerate(binned):
        for condition, codes in _conditions(column, parts):
            marks = np.isin(parts.codes, codes)
            counts = [int(marks[half].sum()) for half in halves]
            if min(counts) >= fewest and all(
                len(half) - count >= fewest for half, count in zip(halves, counts, strict=True)
            ):
                found.append(Candidate(number, (condition,), marks))
    return found


def _conditions(column: TypedColumn, parts: Binned) -> list[tuple[Condition, list[int]]]:
    ranges = [b for b, part in enumerate(parts.bins) if part.kind == "range"]
    found = [
        (Condition(column=column.name, text=f"{column.name} is missing", missing=True), [b])
        for b, part in enumerate(parts.bins)
        if part.kind == "missing"
    ]
    found += [
        (Condition(column=column.name, text=f"{column.name} is {part.label}", word=part.label), [b])
        for b, part in enumerate(parts.bins)
        if part.kind == "word"
    ]
    last = len(ranges) - 1
    spans = {(b, b) for b in ranges} | {(0, b) for b in ranges} | {(b, last) for b in ranges}
    for first, final in sorted(spans - {(0, last)}):
        found.append((_range(column, parts, first, final), list(range(first, final + 1))))
    return found


def _range(column: TypedColumn, parts: Binned, first: int, final: int) -> Condition:
    is_date = column.type in DATE_TYPES
    words = (
        parts.bins[first].label if first == final else span_words(parts.ends, first, final, is_date=is_date)
    )
    said = words if words[0] in "≤≥" else f"is {words}"
    return Condition(
        column=column.name,
        text=f"{column.name} {said}",
        low=parts.bins[first].low,
        high=parts.bins[final].high,
    )
