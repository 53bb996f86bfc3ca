"""Columns that the target is computed from: the parts of a sum, or the factors of a product."""

from dataclasses import dataclass, replace

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.schema import NUMERIC_TYPES, Task

ENOUGH_ROWS = 500
SAMPLE = 5_000
"""Rows that are looked at; a formula holds in all of them or in none."""
MOST_COLUMNS = 300
MOST_PARTS = 8
EXACT = 0.9999
"""R² from which a plain sum or product is no chance, rounding aside."""
NEARLY = 0.995
"""R² from which it is asked whether the target is computed; parts that were rounded before leave such a rest."""
UNIT = 0.01
"""How far a factor may be from 1 or -1 for a plain sum or product."""


@dataclass(frozen=True, slots=True)
class _Formula:
    columns: tuple[str, ...]
    factors: F64
    r2: float

    @property
    def plain(self) -> bool:
        """Whether every part counts once, for or against, and nothing is left unexplained."""
        return self.r2 >= EXACT and bool((np.abs(np.abs(self.factors) - 1) <= UNIT).all())


def check_target_parts(context: Context) -> list[Verdict]:
    """Leaves out the parts of a plain sum or product that is the target; asks about weighted ones."""
    rows = len(context.target.rows)
    if context.target.task is not Task.REGRESSION or rows < ENOUGH_ROWS:
        return []
    names = [c.name for c in context.columns if c.type in NUMERIC_TYPES][:MOST_COLUMNS]
    if len(names) < 2:
        return []
    chosen = np.linspace(0, rows - 1, min(rows, SAMPLE)).astype(np.int64)
    by_name = {column.name: column for column in context.columns}
    x = np.column_stack([np.nan_to_num(by_name[name].numbers()[chosen]) for name in names])
    y = np.asarray(context.target.y, dtype=np.float64)[chosen]
    formula, kind = find_formula(names, x, y), "sum"
    if formula is None and (y > 0).all():
        positive = np.flatnonzero((x > 0).all(axis=0))
        some = [names[i] for i in positive]
        formula, kind = find_formula(some, np.log(x[:, positive]), np.log(y)), "product"
    if formula is None:
        return []
    return [_computed(formula, kind, context)]


def find_formula(names: list[str], x: F64, y: F64) -> _Formula | None:
    """The fewest columns of which the target is a linear combination, exactly or else nearly, or ``None``.

    Orthogonal matching pursuit: always the column that goes best with what is left unexplained, then a fit of all.
    """
    if x.shape[1] < 2 or np.ptp(y) == 0:
        return None
    centred, left = x - x.mean(axis=0), y - y.mean()
    total, spread = float(left @ left), centred.std(axis=0)
    usable, chosen = spread > 1e-12 * (1 + np.abs(x).max(axis=0)), list[int]()
    nearly: _Formula | None = None
    for _ in range(min(MOST_PARTS, int(usable.sum()))):
        gain = np.abs(left @ centred) / np.where(usable, spread, np.inf)
        gain[chosen] = -1.0
        chosen.append(int(gain.argmax()))
        factors = np.linalg.lstsq(centred[:, chosen], y - y.mean(), rcond=None)[0]
        left = y - y.mean() - centred[:, chosen] @ factors
        r2 = 1 - float(left @ left) / total
        if r2 < NEARLY or (r2 < EXACT and nearly is not None):
            continue
        if len(chosen) == 1:
            if r2 >= EXACT:
                return None  # one column alone: the business of other checks
            continue
        nearly = _Formula(tuple(names[i] for i in chosen), factors, r2)
        if r2 >= EXACT:
            break
    return nearly


def _computed(formula: _Formula, kind: str, context: Context) -> Verdict:
    others = len(context.columns) > len(formula.columns)
    parts = ", ".join(formula.columns)
    plain = formula.plain and others
    how = f"the {kind} of" if formula.plain else f"a weighted {kind} of"
    found = verdict(
        "target_computed",
        formula.columns,
        f"{context.target_name} is {how} {parts} (R² {formula.r2:.5f})",
        "Left out by default: whoever knows the parts needs no prediction. Include those that are known earlier."
        if plain
        else "Kept. If all of these are known in time, a formula does without a model; if not, exclude them.",
        severity="warning",
        leave_out=plain,
        reason=f"leakage: {context.target_name} is {how} {parts}",
        r2=round(formula.r2, 6),
        factors=[round(float(f), 4) for f in formula.factors],
    )
    return replace(found, leave_all=True)
