"""Columns that know the outcome: filled in after it, or made from it.

Data alone can show three things (docs/decisions/automl-leakage.md says where each threshold comes from):

- a column that alone tells the outcome almost perfectly, far better than any other;
- a number that copies the target, on its own scale;
- a column whose *being filled in* tells the outcome.
"""

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.checks.context import Context, Verdict, verdict
from tenantry.automl.checks.univariate import Alone, judge_alone
from tenantry.automl.typing import TEXT_TYPES, TypedColumn
from tenantry.schema import NUMERIC_TYPES, Task

ALMOST_PERFECT = 0.94
SUSPICIOUS = 0.85
SETTLES = 0.5
"""Share of the rarer outcomes' rows that a merely suspicious column must settle alone."""
ERROR_RATIO = 0.5
"""Its error, 1 - AUROC, must be at most this share of the next column's."""
FILLED_IN = 0.9
EXPLAINS = 0.97
COPY_WITHIN = 0.05
COPY_SHARE = 0.3
COPY_LIFT = 4.0
COPY_R2 = 0.6
ENOUGH_ROWS = 500
"""Below this, an easy problem and a leak look alike: columns are kept, with a warning."""

_ACTION = (
    "Left out by default. If it is known before the outcome, include it by name; if not, it must stay out, "
    "since it will not be known when a prediction is needed."
)
_KEPT = (
    "Kept, since there are too few rows to tell a leak from an easy problem. Check that it is known in time."
)


def check_leakage(context: Context) -> list[Verdict]:
    """Leaves out what looks like the outcome in disguise; with few rows it only warns."""
    alone = [
        judge_alone(c, context.target, context.groups) for c in context.columns if c.type not in TEXT_TYPES
    ]
    found = _filled_in(alone, context) + _copies(context) + _standing_out(alone, context)
    seen: set[str] = set()
    kept: list[Verdict] = []
    for item in found:
        if item.finding.columns[0] not in seen:
            seen.add(item.finding.columns[0])
            kept.append(item)
    if len(seen) == len(context.columns):
        return [_only_warn(item) for item in kept]
    return kept if len(context.target.rows) >= ENOUGH_ROWS else [_only_warn(item) for item in kept]


def _standing_out(alone: list[Alone], context: Context) -> list[Verdict]:
    """The columns before the first wide gap, read from the best column down."""
    ranked = sorted(alone, key=lambda a: -a.score)
    regression = context.target.task is Task.REGRESSION
    floor = 0.0 if regression else 0.5
    for n in range(1, min(len(ranked), max(1, len(ranked) // 3)) + 1):
        top, rest = ranked[:n], ranked[n].score if n < len(ranked) else floor
        if not _suspicious(top[-1], regression=regression):
            return []
        if 1 - top[-1].score <= ERROR_RATIO * (1 - max(rest, floor)):
            return [_stands_out(a, rest, context) for a in top]
    return []


def _suspicious(alone: Alone, *, regression: bool) -> bool:
    if regression:
        return alone.score >= EXPLAINS
    return alone.score >= ALMOST_PERFECT or (alone.score >= SUSPICIOUS and alone.certain >= SETTLES)


def _stands_out(alone: Alone, rest: float, context: Context) -> Verdict:
    measure = "R²" if context.target.task is Task.REGRESSION else "AUROC"
    return _leak(
        alone.name,
        f"{alone.name} alone tells {context.target_name} with {measure} {alone.score:.3f}; "
        f"the best of the others reaches {rest:.3f}",
        f"leakage: alone reaches {measure} {alone.score:.2f}, the next column {rest:.2f}",
        score=round(alone.score, 4),
        next_best=round(rest, 4),
        settled=round(alone.certain, 4),
    )


def _filled_in(alone: list[Alone], context: Context) -> list[Verdict]:
    """Whether a value is there tells the outcome."""
    if context.target.task is Task.REGRESSION:
        return []
    return [
        _leak(
            a.name,
            f"whether {a.name} has a value tells {context.target_name} with AUROC {a.missing:.3f}",
            f"leakage: being filled in tells the outcome (AUROC {a.missing:.2f})",
            score=round(a.missing, 4),
        )
        for a in alone
        if a.missing >= FILLED_IN
    ]


def _copies(context: Context) -> list[Verdict]:
    """Numbers within 5 % of the target in many rows, far more of them than when the rows are shuffled."""
    if context.target.task is not Task.REGRESSION:
        return []
    y = np.asarray(context.target.y, dtype=np.float64)
    found: list[Verdict] = []
    for column in context.columns:
        if column.type not in NUMERIC_TYPES:
            continue
        near, chance = _nearness(column, y)
        if near < COPY_SHARE or near < COPY_LIFT * chance:
            continue
        score = judge_alone(column, context.target, context.groups).score
        if score < COPY_R2:
            continue
        found.append(
            _leak(
                column.name,
                f"{column.name} lies within 5 % of {context.target_name} in {near:.0%} of the rows "
                f"(by chance: {chance:.0%}), and alone explains {score:.0%} of it",
                f"leakage: within 5 % of the target in {near:.0%} of the rows",
                near=round(near, 4),
                by_chance=round(chance, 4),
                score=round(score, 4),
            )
        )
    return found


def _nearness(column: TypedColumn, y: F64) -> tuple[float, float]:
    """Share of rows within 5 % of the target, as they are and with the rows shuffled."""
    x = column.numbers()
    shuffled = np.random.default_rng(0).permutation(y)
    near = [float((np.abs(x - t) <= COPY_WITHIN * np.abs(t)).mean()) for t in (y, shuffled)]
    return near[0], near[1]


def _leak(name: str, message: str, reason: str, **evidence: float) -> Verdict:
    return verdict(
        "leakage", (name,), message, _ACTION, severity="warning", leave_out=True, reason=reason, **evidence
    )


def _only_warn(item: Verdict) -> Verdict:
    found = item.finding
    return verdict(
        "leakage_suspected", found.columns, found.message, _KEPT, severity="warning", **found.evidence
    )
