"""Rows that models are judged on although an equal row was learnt from."""

import numpy as np

from tenantry.automl.arrays import I64
from tenantry.automl.checks.context import Verdict, verdict
from tenantry.automl.checks.duplicate_rows import row_keys
from tenantry.automl.typing import TypedColumn

NOTABLE = 0.05


def check_split_copies(columns: tuple[TypedColumn, ...], folds: I64, *, by_time: bool) -> list[Verdict]:
    """Tells where at least 5 % of the judged rows equal, outcome included, a row that was learnt from.

    ``columns``: the features and the target; ``folds``: the fold in which a row is judged, -1 where it only trains;
    ``by_time``: whether earlier folds are learnt from only.
    """
    keys = np.unique(row_keys(columns, len(folds)), return_inverse=True)[1]
    first, last = np.full(int(keys.max()) + 1, len(folds)), np.full(int(keys.max()) + 1, -2)
    np.minimum.at(first, keys, folds)
    np.maximum.at(last, keys, folds)
    seen = first[keys] < folds if by_time else first[keys] != last[keys]
    judged = folds >= 0
    copies, rows = int((seen & judged).sum()), int(judged.sum())
    if copies < max(2, NOTABLE * rows):
        return []
    return [
        verdict(
            "copies_across_split",
            (),
            f"{copies} of the {rows} judged rows equal a row that was learnt from, outcome included",
            "Where these are different records that happen to be alike, nothing is wrong. Where they are copies, "
            "the figures flatter: remove them.",
            copies=copies,
            rows=rows,
        )
    ]
