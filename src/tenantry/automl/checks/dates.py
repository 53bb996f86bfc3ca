"""Dates whose every value lies in a past that will not come back."""

import numpy as np

from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.typing import DATE_TYPES

_SHORT = 366.0


def check_dates(context: Context) -> list[Verdict]:
    """Tells of dates that span less than a year: later records will lie outside, and seasons were never seen."""
    found: list[Verdict] = []
    for column in context.columns:
        if column.type not in DATE_TYPES:
            continue
        days = column.dates()[:, 0]
        span = float(np.nanmax(days) - np.nanmin(days))
        if span >= _SHORT:
            continue
        found.append(
            verdict(
                "short_date_range",
                (column.name,),
                f"{column.name} spans {span:.0f} days only",
                "Kept. Later dates will be treated like the last one; train again as time goes on.",
                days=round(span, 1),
            )
        )
    return found
