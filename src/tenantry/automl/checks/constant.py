"""Columns that say the same of every row."""

import numpy as np

from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.schema import SemanticType

MIN_OTHERS = 10


def check_constant(context: Context) -> list[Verdict]:
    """Leaves out columns with one value, and those in which fewer than ten rows differ from the usual value."""
    found: list[Verdict] = []
    for column in context.columns:
        counts = np.append(column.values.counts, (column.values.codes < 0).sum())
        others = int(counts.sum() - counts.max())
        if column.type is not SemanticType.CONSTANT and (others >= MIN_OTHERS or column.values.rows < 100):
            continue
        if counts.argmax() == len(counts) - 1:
            continue  # mostly missing: the empty check's business
        usual = column.values.values[int(column.values.counts.argmax())]
        if others == 0:
            message, reason = f"{column.name} is {usual!r} in every row", "constant"
        else:
            message = f"{column.name} is {usual!r} in all rows but {others}"
            reason = f"nearly constant: {others} rows differ"
        found.append(
            verdict(
                "constant_column",
                (column.name,),
                message,
                "Left out, since it cannot tell rows apart.",
                leave_out=True,
                reason=reason,
                others=others,
            )
        )
    return found
