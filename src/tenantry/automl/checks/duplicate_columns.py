"""Columns that say the same as an earlier one."""

import numpy as np

from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.typing import TypedColumn


def check_duplicate_columns(context: Context) -> list[Verdict]:
    """Leaves out a column whose every value equals an earlier column's; tells of one that only renames its values."""
    found: list[Verdict] = []
    seen: dict[bytes, TypedColumn] = {}
    for column in context.columns:
        if len(column.values.values) < 2:
            continue
        shape = _partition(column)
        twin = seen.setdefault(shape, column)
        if twin is column:
            continue
        same = [str(v) for v in column.values.values] == [str(v) for v in twin.values.values]
        found.append(_same(twin, column) if same else _renamed(twin, column))
    return found


def _partition(column: TypedColumn) -> bytes:
    """Which rows are alike, whatever the values: codes numbered by first appearance. Equal only for equal
    partitions."""
    codes = column.values.codes
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return bytes(np.where(codes < 0, -1, order[place]).astype(np.int32).tobytes())


def _same(twin: TypedColumn, column: TypedColumn) -> Verdict:
    return verdict(
        "duplicate_column",
        (twin.name, column.name),
        f"{column.name} equals {twin.name} in every row",
        f"{column.name} was left out.",
        leave_out=True,
        reason=f"equals {twin.name}",
    )


def _renamed(twin: TypedColumn, column: TypedColumn) -> Verdict:
    return verdict(
        "same_information",
        (twin.name, column.name),
        f"{column.name} is {twin.name} in other words: each value of one goes with one value of the other",
        "Both were kept; their impact is shared between them.",
    )
