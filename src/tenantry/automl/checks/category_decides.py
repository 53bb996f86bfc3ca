"""Words of a category that settle the outcome by themselves: association rules, and Cramér's V beside them.

Whether such a word is an honest sign or was written down after the outcome, data cannot tell, so it is asked.
"""

from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.typing import DATE_TYPES, TEXT_TYPES, TypedColumn
from tenantry.schema import NUMERIC_TYPES, SemanticType, Task

ENOUGH_ROWS = 500
CONFIDENCE = 0.98
SUPPORT = 50
"""Rows of a word and outcome together; fewer can be chance among many words."""
SHARE = 0.05
"""Of the rows of that outcome, the least that a column's rules must cover together."""
MOST_WORDS = 200
MOST_COLUMNS = 2
STRONG = 0.8
"""Cramér's V; the most of an honest column of 24 tables is 0.54."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """``covered``: the largest share of one outcome's rows that the column's rules settle."""

    column: str
    word: str
    outcome: str
    confidence: float
    support: int
    covered: float
    cramers_v: float


def check_category_decides(context: Context) -> list[Verdict]:
    """Asks about the two columns that settle or go with the outcome most."""
    if context.target.task is Task.REGRESSION or len(context.target.rows) < ENOUGH_ROWS:
        return []
    rules = [found for c in context.columns if (found := _rules(c, context)) is not None]
    ranked = sorted(rules, key=lambda rule: -max(rule.covered, rule.cramers_v))
    return [_ask(rule, context.target_name) for rule in ranked[:MOST_COLUMNS]]


def cramers_v(table: F64) -> float:
    """Cramér's V of a contingency table (rows: words, columns: outcomes), corrected for bias (Bergsma 2013): 0 for
    no association, 1 where words and outcomes go with each other one by one."""
    total = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / total
    known = expected > 0
    phi2 = float(((table - expected)[known] ** 2 / expected[known]).sum() / total)
    words, outcomes = table.shape
    excess = max(0.0, phi2 - (words - 1) * (outcomes - 1) / (total - 1))
    sides = [n - (n - 1) ** 2 / (total - 1) for n in (words, outcomes)]
    return float(np.sqrt(excess / max(1e-12, min(sides) - 1)))


def _rules(column: TypedColumn, context: Context) -> _Rules | None:
    if column.type in NUMERIC_TYPES | TEXT_TYPES | DATE_TYPES or column.type is SemanticType.IDENTIFIER:
        return None
    codes, words = column.words()
    if not 1 < len(words) <= MOST_WORDS:
        return None
    size, y = len(context.target.classes), np.asarray(context.target.y, dtype=np.int64)
    counts = np.bincount((codes + 1) * size + y, minlength=(len(words) + 1) * size)
    table = counts.reshape(len(words) + 1, size).astype(np.float64)[1:]
    association = cramers_v(table)
    usual = np.bincount(y, minlength=size) > 0.5 * len(y)
    confidence = table / np.maximum(1.0, table.sum(axis=1, keepdims=True))
    settles = (confidence >= CONFIDENCE) & (table >= SUPPORT) & ~usual
    covered = (table * settles).sum(axis=0) / np.bincount(y, minlength=size)
    outcome = int(covered.argmax())
    if covered[outcome] < SHARE and association < STRONG:
        return None
    word = int((table * settles)[:, outcome].argmax()) if settles.any() else int(table.max(axis=1).argmax())
    return _Rules(
        column.name,
        words[word],
        context.target.classes[outcome],
        float(confidence[word, outcome]),
        int(table[word, outcome]),
        float(covered[outcome]),
        association,
    )


def _ask(rule: _Rules, target: str) -> Verdict:
    if rule.covered >= SHARE:
        message = (
            f"where {rule.column} is {rule.word!r}, {target} is {rule.outcome!r} in {rule.confidence:.1%} of the rows "
            f"({rule.support}); such words settle {rule.covered:.0%} of the rows with that outcome"
        )
    else:
        message = (
            f"the words of {rule.column} go with those of {target} (Cramér's V {rule.cramers_v:.2f} of 1)"
        )
    return verdict(
        "category_decides",
        (rule.column,),
        message,
        f"Kept. Ask whether {rule.column} is written down before the outcome is known; if not, exclude it.",
        severity="warning",
        confidence=round(rule.confidence, 4),
        support=rule.support,
        covered=round(rule.covered, 4),
        cramers_v=round(rule.cramers_v, 4),
    )
