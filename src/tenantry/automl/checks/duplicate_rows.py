"""Rows that come more than once."""

import numpy as np

from tenantry.automl.arrays import I64
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.typing import TypedColumn
from tenantry.schema import SemanticType

NOTABLE = 0.01


def row_groups(columns: tuple[TypedColumn, ...], rows: int) -> I64:
    """A number a row, the same for rows that are equal in all columns but identifiers. 64-bit hashes: two unequal rows
    share a number with a chance of about rows² / 10^19."""
    mixed = np.zeros(rows, dtype=np.uint64)
    rng = np.random.default_rng(0)
    for column in columns:
        if column.type is SemanticType.IDENTIFIER:
            continue
        keys = rng.integers(0, 1 << 63, len(column.values.values) + 1, dtype=np.uint64)
        mixed = (mixed * np.uint64(0x9E3779B97F4A7C15)) ^ keys[column.values.codes]
        mixed ^= mixed >> np.uint64(29)
    return np.asarray(np.unique(mixed, return_inverse=True)[1], dtype=np.int64)


def check_duplicate_rows(context: Context) -> list[Verdict]:
    """Tells of tables in which at least 1 % of the rows repeat an earlier one."""
    rows = len(context.groups)
    repeats = rows - len(np.unique(context.groups))
    if repeats < max(2, NOTABLE * rows):
        return []
    return [
        verdict(
            "duplicate_rows",
            (),
            f"{repeats} of {rows} rows repeat an earlier row in all columns",
            "Equal rows were kept in one fold, so that they do not flatter the figures. Remove mistakes.",
            severity="warning" if repeats >= 0.1 * rows else "info",
            repeats=repeats,
            rows=rows,
        )
    ]
