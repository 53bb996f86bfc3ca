"""Rows that are equal in all features and differ in the outcome: what no model of these columns can get right."""

from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import I64
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.checks.duplicate_rows import row_keys
from tenantry.automl.target import Target
from tenantry.schema import Task

NOTABLE = 0.01
"""Share of rows in conflict below which nothing is said."""
CEILING = 0.99
"""A ceiling above this hides nothing that matters."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """``conflicts``: rows with an equal row of another outcome. ``best``: the share of rows that the best rule of these
    columns gets right in this very table, or its R²."""

    conflicts: int
    best: float


def check_label_noise(context: Context) -> list[Verdict]:
    """Tells the ceiling where at least 1 % of the rows contradict an equal row."""
    rows = len(context.target.rows)
    if not context.columns:
        return []
    keys = np.unique(row_keys(context.columns, rows), return_inverse=True)[1]
    ceiling = find_ceiling(np.asarray(keys, dtype=np.int64), context.target)
    if ceiling.conflicts < NOTABLE * rows or ceiling.best > CEILING:
        return []
    limit = (
        f"no model of these columns can explain more than {ceiling.best:.1%} of {context.target_name} here"
        if context.target.task is Task.REGRESSION
        else f"no model of these columns can be right in more than {ceiling.best:.1%} of them"
    )
    return [
        verdict(
            "label_noise",
            (),
            f"{ceiling.conflicts} of {rows} rows equal another row in all columns and have another outcome: {limit}",
            "Look whether outcomes were recorded wrongly; if they are right, only further columns can tell these "
            "rows apart.",
            conflicts=ceiling.conflicts,
            rows=rows,
            ceiling=round(ceiling.best, 4),
        )
    ]


def find_ceiling(groups: I64, target: Target) -> Ceiling:
    """``groups``: one number a row (from 0), the same for rows with equal features."""
    size = int(groups.max()) + 1
    sizes = np.bincount(groups, minlength=size)
    if target.task is Task.REGRESSION:
        y = np.asarray(target.y, dtype=np.float64)
        y = y - y.mean()
        low, high = np.full(size, np.inf), np.full(size, -np.inf)
        np.minimum.at(low, groups, y)
        np.maximum.at(high, groups, y)
        between = float((np.bincount(groups, y, minlength=size) ** 2 / np.maximum(1, sizes)).sum())
        return Ceiling(int(sizes[high > low].sum()), between / float(y @ y))
    classes = len(target.classes)
    y = np.asarray(target.y, dtype=np.int64)
    counts = np.bincount(groups * classes + y, minlength=size * classes).reshape(size, classes)
    most = counts.max(axis=1)
    return Ceiling(int(sizes[most < sizes].sum()), float(most.sum() / len(y)))
