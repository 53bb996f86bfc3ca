"""The target in disguise: in another unit, as a function of itself, in its own words, or as the sum of its parts."""

import re

import numpy as np

from tenantry.automl.arrays import F64, I64, Bools
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.target import Target
from tenantry.automl.typing import TEXT_TYPES, TypedColumn
from tenantry.schema import NUMERIC_TYPES, Task

ENOUGH_ROWS = 500
"""Below this, columns are kept with a warning, as in the other leak checks."""
SAME_ORDER = 0.9995
"""Rank correlation with the target, either way."""
SAME_UNIT = 0.999999
DISTINCT = 20
"""A column of fewer values cannot be a function of a target of many."""
FILLED = 0.5
AGREES = 0.9
"""Cohen's kappa of a column's words with the outcome that they name."""
NAMES = 0.8
"""Share of a column's values that must name an outcome."""
FEWEST = 10
"""Rows of each of two outcomes without which agreement means nothing."""

_ACTION = (
    "Left out by default. A model is of use only where this is not known yet; if it is known before "
    "the outcome, include it by name."
)
_KEPT = "Kept, since too few rows or no other columns are there. Check that it is known before the outcome."


def check_disguise(context: Context) -> list[Verdict]:
    """Leaves out columns that are the target in another unit or form, or that name the outcome."""
    if context.target.task is Task.REGRESSION:
        found = [item for column in context.columns for item in _same_order(column, context)]
    else:
        found = [item for column in context.columns for item in _names_outcome(column, context)]
    kept = len(context.target.rows) < ENOUGH_ROWS or len(found) == len(context.columns)
    return [disguised(name, message, leave_out=not kept, **figures) for name, message, figures in found]


def disguised(name: str, message: str, *, leave_out: bool, **figures: float) -> Verdict:
    """A column that is the target in other words."""
    return verdict(
        "target_in_disguise",
        (name,),
        message,
        _ACTION if leave_out else _KEPT,
        severity="warning",
        leave_out=leave_out,
        reason=f"leakage: {message}",
        **figures,
    )


_Found = list[tuple[str, str, dict[str, float]]]


def _same_order(column: TypedColumn, context: Context) -> _Found:
    if column.type not in NUMERIC_TYPES or len(column.values.values) < DISTINCT:
        return []
    x, y = column.numbers(), np.asarray(context.target.y, dtype=np.float64)
    known = np.isfinite(x)
    if known.mean() < FILLED or len(np.unique(x[known])) < DISTINCT or np.ptp(y[known]) == 0:
        return []
    x, y = x[known], y[known]
    ranks = _correlation(_ranks(x), _ranks(y))
    if abs(ranks) < SAME_ORDER:
        return []
    name = context.target_name
    if abs(_correlation(x, y)) >= SAME_UNIT:
        message = f"{column.name} is {name} in another unit: one is the other times a number, plus a number"
    else:
        message = f"{column.name} orders the rows as {name} does (rank correlation {ranks:.4f})"
    return [(column.name, message, {"rank_correlation": round(ranks, 6)})]


def _ranks(x: F64) -> F64:
    """Ranks from 0; equal values share their mean rank."""
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[place])


def _correlation(x: F64, y: F64) -> float:
    spread = float(x.std() * y.std())
    return float(((x - x.mean()) * (y - y.mean())).mean()) / spread if spread > 0 else 0.0


def _names_outcome(column: TypedColumn, context: Context) -> _Found:
    """Words that are, or hold, the name of one outcome, and agree with it."""
    if column.type in TEXT_TYPES:
        return []
    codes, words = column.words()
    named = _outcomes_named(words, context.target.classes)
    said = np.append(named, -1)[codes]
    filled, tells = codes >= 0, said >= 0
    if not tells.any() or tells.sum() < NAMES * filled.sum():
        return []
    kappa = _kappa(said, context.target, tells)
    if kappa < AGREES:
        return []
    right = float((said[tells] == context.target.y[tells]).mean())
    message = f"{column.name} names {context.target_name}: its words are right in {right:.1%} of the {tells.sum()} rows"
    return [(column.name, message, {"kappa": round(kappa, 4), "rows": int(tells.sum())})]


def _outcomes_named(words: tuple[str, ...], classes: tuple[str, ...]) -> I64:
    """The class that each word names, -1 for none or several."""
    wanted = {name.strip().casefold(): number for number, name in enumerate(classes)}
    found = np.full(len(words), -1, dtype=np.int64)
    for place, word in enumerate(words):
        folded = word.strip().casefold()
        hits = {wanted[folded]} if folded in wanted else set()
        if not hits:  # numbers and single letters are parts of too many words
            tokens = set(re.findall(r"\w+", folded))
            hits = {n for name, n in wanted.items() if len(name) > 2 and name in tokens}
        if len(hits) == 1:
            found[place] = hits.pop()
    return found


def _kappa(said: I64, target: Target, rows: Bools) -> float:
    """Cohen's kappa of what a column says with the outcome: agreement beyond what the shares alone give."""
    size = len(target.classes)
    said, y = said[rows], np.asarray(target.y, dtype=np.int64)[rows]
    shares = [np.bincount(values, minlength=size) for values in (said, y)]
    if any((counts >= FEWEST).sum() < 2 for counts in shares):
        return 0.0
    chance = float((shares[0] * shares[1]).sum()) / len(y) ** 2
    return (float((said == y).mean()) - chance) / (1 - chance)
