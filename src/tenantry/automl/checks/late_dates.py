"""Dates that lie after the moment of prediction: what they stand for was not known then."""

from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.checks.univariate import judge_alone
from tenantry.automl.typing import DATE_TYPES, TypedColumn
from tenantry.schema import Task

ENOUGH_ROWS = 100
MOST = 0.95
"""Share of a date's values that lie on or after the other date; the rest are slips."""
TRULY_LATER = 0.5
ALWAYS = 0.95
"""A date that is filled in this often says when the record began."""
TELLS = 0.6
"""AUROC of nothing but whether the date is filled in (R² 0.05 for values)."""
TELLS_VALUES = 0.05


@dataclass(frozen=True, slots=True)
class _Late:
    column: str
    after: str
    share: float
    days: float


def check_late_dates(context: Context) -> list[Verdict]:
    """Asks, in one finding, about dates after the definition's ``time``; and, where none is named, about dates that
    follow another date and whose being filled in tells the outcome."""
    dates = [c for c in context.columns if c.type in DATE_TYPES]
    late = [found for c in dates if (found := _late(c, dates, context)) is not None]
    if not late:
        return []
    late.sort(key=lambda found: -found.share)
    shown = "; ".join(
        f"{one.column} lies on or after {one.after} in {one.share:.0%} of the rows (half of them by "
        f"{one.days:.0f} days or more)"
        for one in late[:3]
    )
    return [
        verdict(
            "date_after_event",
            tuple(one.column for one in late),
            shown,
            "Kept. Unless it is a plan, it was not known at that time: exclude it, and what was written down with it.",
            severity="warning",
            later={one.column: round(one.share, 4) for one in late},
        )
    ]


def _late(column: TypedColumn, dates: list[TypedColumn], context: Context) -> _Late | None:
    when = column.dates()[:, 0]
    if context.time is not None:
        return _follows(column.name, when, context.time) if column.name != context.time.name else None
    filled = float(np.isfinite(when).mean())
    if not 0.05 <= filled < ALWAYS or not _filling_tells(column, context):
        return None
    begins = [c for c in dates if c is not column and np.isfinite(c.dates()[:, 0]).mean() >= ALWAYS]
    found = [late for c in begins if (late := _follows(column.name, when, c)) is not None]
    return max(found, key=lambda late: late.share, default=None)


def _filling_tells(column: TypedColumn, context: Context) -> bool:
    tells = judge_alone(column, context.target, context.groups).missing
    return tells >= (TELLS_VALUES if context.target.task is Task.REGRESSION else TELLS)


def _follows(name: str, when: F64, other: TypedColumn) -> _Late | None:
    if other.type not in DATE_TYPES:
        return None
    gap = when - other.dates()[:, 0]
    gap = gap[np.isfinite(gap)]
    if len(gap) < ENOUGH_ROWS or (gap >= 0).mean() < MOST or (gap > 0).mean() < TRULY_LATER:
        return None
    return _Late(name, other.name, float((gap >= 0).mean()), float(np.median(gap)))
