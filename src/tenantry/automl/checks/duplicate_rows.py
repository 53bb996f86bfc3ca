"""Rows that come more than once."""

import numpy as np
import numpy.typing as npt

from tenantry.automl.arrays import I64, Bools
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.typing import TEXT_TYPES, TypedColumn
from tenantry.schema import SemanticType

NOTABLE = 0.01
RARE = 5


def row_keys(columns: tuple[TypedColumn, ...], rows: int) -> npt.NDArray[np.uint64]:
    """A 64-bit hash a row of its values in all columns but identifiers: equal for equal rows.

    Two unequal rows share one with a chance of about rows² / 10^19.
    """
    mixed = np.zeros(rows, dtype=np.uint64)
    rng = np.random.default_rng(0)
    for column in columns:
        if column.type is SemanticType.IDENTIFIER:
            continue
        keys = rng.integers(0, 1 << 63, len(column.values.values) + 1, dtype=np.uint64)
        mixed = (mixed * np.uint64(0x9E3779B97F4A7C15)) ^ keys[column.values.codes]
        mixed ^= mixed >> np.uint64(29)
    return mixed


def row_groups(columns: tuple[TypedColumn, ...], rows: int) -> I64:
    """A number a row, the same for copies: rows that are equal in all columns but identifiers, and hold rare values in
    two columns, or a rare text.

    Without rare values (at most five rows have them), equal rows are rather different records that happen to be alike,
    as in any table of few words; to keep those in one fold would make the model look worse than it is.
    """
    rare = np.zeros(rows, dtype=np.int64)
    for column in columns:
        if column.type is not SemanticType.IDENTIFIER:
            rare += (2 if column.type in TEXT_TYPES else 1) * _is_rare(column)
    names, groups = np.unique(row_keys(columns, rows), return_inverse=True)
    alone = rare < 2
    groups[alone] = len(names) + np.arange(int(alone.sum()))
    return np.asarray(groups, dtype=np.int64)


def _is_rare(column: TypedColumn) -> Bools:
    """Which rows hold a value that at most five rows hold."""
    return np.asarray(np.append(column.values.counts <= RARE, False)[column.values.codes])


def check_duplicate_rows(context: Context) -> list[Verdict]:
    """Tells of tables in which at least 1 % of the rows copy an earlier one."""
    rows = len(context.groups)
    repeats = rows - len(np.unique(context.groups))
    if repeats < max(2, NOTABLE * rows):
        return []
    return [
        verdict(
            "duplicate_rows",
            (),
            f"{repeats} of {rows} rows copy an earlier row, rare values included",
            "Equal rows were kept in one fold, so that they do not flatter the figures. Remove mistakes.",
            severity="warning" if repeats >= 0.1 * rows else "info",
            repeats=repeats,
            rows=rows,
        )
    ]
