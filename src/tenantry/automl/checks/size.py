"""Tables from which little can be learnt, or of which one outcome is rare."""

import numpy as np

from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.schema import Task

SMALL = 500
RARE = 0.02


def check_size(context: Context) -> list[Verdict]:
    """Warns of fewer than 500 rows, and of an outcome in fewer than 2 % of them."""
    found: list[Verdict] = []
    rows = len(context.target.rows)
    if rows < SMALL:
        found.append(
            verdict(
                "small_data",
                (),
                f"{rows} rows with a known outcome",
                "The model is usable, but its figures are uncertain: look at the intervals, and train again with more.",
                severity="warning",
                rows=rows,
            )
        )
    if context.target.task is Task.BINARY:
        counts = np.bincount(context.target.y, minlength=2)
        rare = int(counts.argmin())
        if counts[rare] < RARE * rows:
            found.append(
                verdict(
                    "rare_outcome",
                    (context.target_name,),
                    f"{context.target.classes[rare]} is the outcome of {counts[rare]} of {rows} rows",
                    "Judge the model by average precision and lift rather than accuracy.",
                    rows=int(counts[rare]),
                )
            )
    return found
