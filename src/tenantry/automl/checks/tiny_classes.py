"""Outcomes with so few rows that nothing said of them is sure."""

import numpy as np

from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.schema import Task

FEW = 50
"""Rows of an outcome below which a fifth, which one fold is judged on, is fewer than ten."""


def check_tiny_classes(context: Context) -> list[Verdict]:
    """Tells which outcomes have fewer than 50 rows, the rarest first."""
    if context.target.task is Task.REGRESSION:
        return []
    counts = np.bincount(context.target.y, minlength=len(context.target.classes))
    few = [int(k) for k in np.argsort(counts, kind="stable") if counts[k] < FEW]
    if not few:
        return []
    shown = ", ".join(f"{context.target.classes[k]} ({counts[k]})" for k in few[:5])
    more = f" and {len(few) - 5} more" if len(few) > 5 else ""
    return [
        verdict(
            "tiny_classes",
            (context.target_name,),
            f"outcomes with fewer than {FEW} rows: {shown}{more}",
            "They are learnt, but each is judged on a handful of rows; bring more examples, or join outcomes.",
            rows={context.target.classes[k]: int(counts[k]) for k in few},
        )
    ]
