"""Slots that need no fitting: numbers, parts of dates, differences of dates, places."""

from dataclasses import dataclass, field

import numpy as np

from tenantry.automl.arrays import F32, F64
from tenantry.automl.encoders.slot import Slot
from tenantry.automl.typing import DATE_TYPES, TypedColumn
from tenantry.schema import NUMERIC_TYPES, SemanticType

MAX_DATE_PAIRS = 15
_PARTS = ("days", "month", "weekday", "day", "hour", "yearday")
_NAMES = {"yearday": "day of the year"}
MIN_SEASON_DAYS = 400
"""A year day says more than the days alone only where years come back."""


@dataclass(slots=True)
class FixedSlots:
    """``values`` is rows × slots, float32, NaN where missing."""

    slots: list[Slot] = field(default_factory=list)
    columns: list[F32] = field(default_factory=list)
    differences: list[tuple[int, int, int]] = field(default_factory=list)
    """(slot, left slot, right slot)"""

    def add(self, slot: Slot, values: F32) -> int:
        """Append one slot; returns its number."""
        self.slots.append(slot)
        self.columns.append(values)
        return len(self.slots) - 1

    def matrix(self, rows: int) -> F32:
        """All slots side by side."""
        if not self.columns:
            return np.zeros((rows, 0), dtype=np.float32)
        return np.ascontiguousarray(np.column_stack(self.columns), dtype=np.float32)


def fixed_slots(columns: list[TypedColumn]) -> FixedSlots:
    """One slot a number; days, month, weekday, day, hour and year day of a date where they vary; latitude and longitude
    of a place; date differences in days."""
    fixed = FixedSlots()
    days: list[int] = []
    for at, column in enumerate(columns):
        if column.type in NUMERIC_TYPES:
            fixed.add(Slot(at, "value", column.name), column.numbers().astype(np.float32))
        elif column.type in DATE_TYPES:
            days.append(_date_slots(fixed, at, column))
        elif column.type is SemanticType.GEOLOCATION:
            for i, part in enumerate(("latitude", "longitude")):
                fixed.add(
                    Slot(at, part, f"{part} of {column.name}"), column.points()[:, i].astype(np.float32)
                )
    pairs = [(a, b) for i, a in enumerate(days) for b in days[i + 1 :]]
    for left, right in pairs[:MAX_DATE_PAIRS]:
        name = f"{fixed.slots[left].name} minus {fixed.slots[right].name}"
        values = fixed.columns[left] - fixed.columns[right]
        slot = fixed.add(Slot(fixed.slots[left].column, "difference", name), values)
        fixed.differences.append((slot, left, right))
    return fixed


def _date_slots(fixed: FixedSlots, at: int, column: TypedColumn) -> int:
    """Returns the slot of the days. A whole date's days are kept whole, so that they are exact in float32."""
    parts = column.dates()
    first = fixed.add(Slot(at, "days", f"{column.name}"), parts[:, 0].astype(np.float32))
    for i, part in enumerate(_PARTS[1:], start=1):
        values = parts[:, i].astype(np.float32)
        if part == "hour" and column.type is not SemanticType.DATETIME:
            continue
        if part == "yearday" and not _has_seasons(parts):
            continue
        if len(np.unique(values[~np.isnan(values)])) > 1:
            fixed.add(Slot(at, part, f"{_NAMES.get(part, part)} of {column.name}"), values)
    return first


def _has_seasons(parts: F64) -> bool:
    """Whether year days say more than days and months do: the dates span more than a year, and lie on several days of
    their months."""
    known = parts[~np.isnan(parts[:, 0])]
    return len(known) > 0 and bool(np.ptp(known[:, 0]) >= MIN_SEASON_DAYS and np.ptp(known[:, 3]) > 0)
