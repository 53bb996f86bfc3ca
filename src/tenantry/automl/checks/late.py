"""Columns that may be known only after the event, by the pattern in which they are filled in.

A step of a process fills several columns at once. A column that is filled only where a column that knows the outcome is
filled comes of the same step, or of a later one. Columns that are always filled together, in part of the rows, come of
one step too; whether that step comes in time only the user knows (docs/decisions/automl-leakage.md).
"""

import hashlib

import numpy as np

from tenantry.automl.arrays import Bools
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.typing import TypedColumn

ENOUGH_ROWS = 500
FOLLOWS = 0.99
"""Share of a column's values that stand beside a value of the leak."""
SPARSE = 0.9
"""Columns filled in more often than this follow nothing."""
TOGETHER = 3
"""Columns that one step must fill before it is asked about."""
BOTH_SIDES = 0.2


def check_late(context: Context) -> list[Verdict]:
    """Leaves out what is filled only where a leak is; asks about columns that one step fills."""
    if len(context.target.rows) < ENOUGH_ROWS:
        return []
    found = [item for column in context.columns for item in _follows(column, context.leaks)]
    gone = {item.finding.columns[-1] for item in found}
    return found + _together([column for column in context.columns if column.name not in gone])


def _follows(column: TypedColumn, leaks: tuple[TypedColumn, ...]) -> list[Verdict]:
    filled = ~column.missing_rows()
    if not 0 < filled.mean() <= SPARSE:
        return []
    for leak in leaks:
        there = ~leak.missing_rows()
        beside = float(there[filled].mean())
        if beside >= FOLLOWS and there.mean() <= SPARSE:
            return [
                verdict(
                    "filled_after_leak",
                    (leak.name, column.name),
                    f"{column.name} is filled in only where {leak.name} is ({beside:.1%} of its values), "
                    f"and {leak.name} knows the outcome",
                    "Left out by default. If it is known before the outcome, include it by name.",
                    severity="warning",
                    leave_out=True,
                    reason=f"leakage: filled in only where {leak.name} is",
                    beside=round(beside, 4),
                    by_chance=round(float(there.mean()), 4),
                )
            ]
    return []


def _together(columns: list[TypedColumn]) -> list[Verdict]:
    """The largest set of columns that are missing in the very same rows."""
    sets: dict[bytes, list[str]] = {}
    shares: dict[bytes, float] = {}
    for column in columns:
        absent = column.missing_rows()
        share = float(absent.mean())
        if not BOTH_SIDES <= share <= 1 - BOTH_SIDES:
            continue
        key = _digest(absent)
        sets.setdefault(key, []).append(column.name)
        shares[key] = share
    largest = max(sets, key=lambda key: len(sets[key]), default=b"")
    if len(sets.get(largest, [])) < TOGETHER:
        return []
    names = sets[largest]
    return [
        verdict(
            "filled_together",
            tuple(names),
            f"{', '.join(names[:4])}{' and more' if len(names) > 4 else ''} are filled in together, in "
            f"{1 - shares[largest]:.0%} of the rows: one step of the process writes them",
            "Kept. Ask whether that step comes before the prediction is needed; if it does not, exclude them.",
            severity="warning",
            filled=round(1 - shares[largest], 4),
        )
    ]


def _digest(mask: Bools) -> bytes:
    return hashlib.blake2b(np.packbits(mask).tobytes(), digest_size=16).digest()
