"""Whether the order of the rows in time matters: a date by which they stand, and an outcome that moves with it."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_distribution

from tenantry.automl.arrays import F64, I64
from tenantry.automl.prepare import Prepared
from tenantry.automl.target import Target
from tenantry.automl.typing import DATE_TYPES, TypedColumn
from tenantry.bundle.scorecard import Finding
from tenantry.schema import NUMERIC_TYPES, SemanticType, Task

ENOUGH_ROWS = 500
ENOUGH_DAYS = 30
SORTED = 0.99
PRESENT = 0.98
BLOCKS = 10
DRIFT = 0.02
"""Share of the outcome's variance that lies between tenths of the time."""
BY_CHANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Order:
    """A date column along which the outcome moves; ``sure``: the rows also stand in its order, as in a log."""

    column: TypedColumn
    sure: bool
    finding: Finding


def moments(column: TypedColumn) -> F64 | None:
    """A number a row that rises with time, NaN where missing: days, or the number itself; None for a type without
    order."""
    if column.type in DATE_TYPES:
        read = column.dates()
        hours = read[:, 4] if column.type is SemanticType.DATETIME else 0.0
        return np.asarray(np.floor(read[:, 0]) + np.nan_to_num(hours) / 24.0)
    if column.type in NUMERIC_TYPES or column.type is SemanticType.IDENTIFIER:
        numbers = column.numbers()
        return None if np.isnan(numbers).all() else numbers
    return None


def find_order(prepared: Prepared) -> list[Order]:
    """Date columns along which the outcome moves, the one that rows are sorted by first."""
    rows = len(prepared.target.rows)
    if rows < ENOUGH_ROWS:
        return []
    found: list[Order] = []
    for column in prepared.columns:
        if column.type not in DATE_TYPES:
            continue
        when = moments(column)
        if when is None:
            continue
        known = np.flatnonzero(~np.isnan(when)).astype(np.int64)
        if len(known) < PRESENT * rows or len(np.unique(np.floor(when[known]))) < ENOUGH_DAYS:
            continue
        drift, chance = _drift(prepared.target, when, known)
        if drift >= DRIFT and chance <= BY_CHANCE:
            found.append(_order(column, drift, prepared, sure=_in_order(when[known])))
    return sorted(found, key=lambda order: not order.sure)[:1]


def _drift(target: Target, when: F64, known: I64) -> tuple[float, float]:
    """Share of the outcome's variance between tenths of the time (of the class that moves most), and the chance that
    rows in random order show as much."""
    place = np.searchsorted(
        np.unique(np.quantile(when[known], np.linspace(0, 1, BLOCKS + 1)[1:-1])), when[known]
    )
    y = np.asarray(target.y, dtype=np.float64)[known]
    sides = (
        [y]
        if target.task is Task.REGRESSION
        else [(y == k).astype(float) for k in range(len(target.classes))]
    )
    counts = np.bincount(place)
    best = 0.0
    for side in sides:
        centred = side - side.mean()
        between = float((np.bincount(place, centred) ** 2 / np.maximum(counts, 1)).sum())
        best = max(best, between / max(float((centred**2).sum()), 1e-300))
    used = int(np.count_nonzero(counts))
    top, rest = max(1, used - 1), max(1, len(known) - used)
    ratio = (best / top) / max((1 - best) / rest, 1e-300)
    return best, float(f_distribution.sf(ratio, top, rest)) * len(sides)


def _in_order(when: F64) -> bool:
    steps = np.diff(when)
    return max(float((steps >= 0).mean()), float((steps <= 0).mean())) >= SORTED


def _order(column: TypedColumn, drift: float, prepared: Prepared, *, sure: bool) -> Order:
    outcome = prepared.target_column.name
    if sure:
        message = f"the rows stand in the order of {column.name}, and {outcome} moves with it"
        action = (
            "Models are judged on rows that came after those they learnt from. Where later records are no aim, say "
            "split: random."
        )
    else:
        message = f"{outcome} moves with {column.name}"
        action = (
            f"Nothing was done. If the model is for later records than these, name {column.name} as time: figures "
            "from rows of all times are then too good."
        )
    finding = Finding(
        code="split_by_time" if sure else "outcome_moves_with_time",
        severity="info",
        columns=(column.name,),
        message=message,
        action=action,
        evidence={"share_of_variance": round(drift, 4)},
    )
    return Order(column, sure, finding)
