"""Columns that say the same as an earlier one."""

import hashlib

import numpy as np

from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.typing import TypedColumn


def check_duplicate_columns(context: Context) -> list[Verdict]:
    """Leaves out a column whose every value equals an earlier column's; tells of one that only renames its values."""
    found: list[Verdict] = []
    equal: dict[bytes, TypedColumn] = {}
    alike: dict[bytes, TypedColumn] = {}
    for column in context.columns:
        if len(column.values.values) < 2:
            continue
        shape = _partition(column)
        twin = equal.setdefault(_content(column, shape), column)
        if twin is not column:
            found.append(_same(twin, column))
            continue
        # Where no value occurs twice, every value of one column goes with one of any other such column.
        if len(column.values.values) == column.values.present:
            continue
        other = alike.setdefault(shape, column)
        if other is not column:
            found.append(_renamed(other, column))
    return found


def _content(column: TypedColumn, shape: bytes) -> bytes:
    """A digest of the column's values, row by row."""
    digest = hashlib.blake2b(shape, digest_size=16)
    for value in column.values.values:
        digest.update(str(value).encode("utf-8", "surrogatepass") + b"\0")
    return digest.digest()


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
