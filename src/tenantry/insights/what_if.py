"""What if the record were another: both scores side by side, and what each column's part in them becomes."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tenantry.insights.answers import (
    Answer,
    Record,
    answer_of,
    check_columns,
    check_record,
    positive_of,
    shown,
    told,
    told_score,
)
from tenantry.plan import Plan
from tenantry.plan.reasons import SMALLEST
from tenantry.schema import Signature, Task


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One column that is another: its value before and after; ``None`` is missing."""

    column: str
    old: Any
    new: Any


class ReasonChange(msgspec.Struct, frozen=True, kw_only=True):
    """A column's contribution (see ``plan.reasons.Reason``) before and after, and how far it moved."""

    column: str
    before: float
    after: float
    moved: float


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """Two records' answers. ``moved``: how far the score that ``before`` was about moved: the same class's
    probability, or the value. ``reasons``: columns whose part changed, the most moved first."""

    changes: tuple[Change, ...]
    before: Answer
    after: Answer
    moved: float
    reasons: tuple[ReasonChange, ...]
    text: str


def what_if(plan: Plan, record: Record, changes: Mapping[str, Any]) -> WhatIf:
    """Score the record, and the same record with ``changes``.

    Errors: ``InvalidRequest`` record_unknown; ``InvalidData`` record_value.
    """
    check_record(plan, record)
    check_columns(plan, changes, "the changes name")
    signature = plan.meta.signature
    changed = {**record, **changes}
    scores = plan.score_rows([record, changed])
    before, after = (answer_of(signature, row) for row in scores)
    output = subject_of(signature, before)
    made = tuple(
        Change(column=name, old=record.get(name), new=value)
        for name, value in changes.items()
        if record.get(name) != value
    )
    return WhatIf(
        changes=made,
        before=before,
        after=after,
        moved=scores[1][output] - scores[0][output],
        reasons=_reasons(plan, record, changed, output),
        text=words(signature, made, scores[0][output], scores[1][output], before),
    )


def subject_of(signature: Signature, answer: Answer) -> int:
    """The output that an answer's score is: that of the likeliest of several classes, else the first."""
    if signature.task is Task.MULTICLASS and answer.label is not None:
        return signature.classes.index(answer.label)
    return 0


def words(
    signature: Signature, changes: tuple[Change, ...], before: float, after: float, answer: Answer
) -> str:
    """Changes and what they do, such as: if Contract were 'One year': chance of Yes 0.71 → 0.34."""
    if signature.task is Task.REGRESSION:
        subject = "the estimate"
    elif signature.task is Task.BINARY:
        subject = f"the chance of {positive_of(signature)}"
    else:
        subject = f"the chance of {answer.label}"
    arrow = f"{subject} {told_score(before, signature.task)} → {told_score(after, signature.task)}"
    if not changes:
        return f"nothing changes: {arrow}"
    return f"if {' and '.join(f'{c.column} were {told(shown(c.new))}' for c in changes)}: {arrow}"


def _reasons(plan: Plan, old: Record, new: Record, output: int) -> tuple[ReasonChange, ...]:
    factor = plan.calibration[1] if plan.meta.signature.task is Task.REGRESSION else 1.0
    pairs = zip(plan.columns, plan.explain(old, output), plan.explain(new, output), strict=True)
    moved = [
        ReasonChange(column=name, before=factor * a, after=factor * b, moved=factor * (b - a))
        for name, a, b in pairs
        if abs(b - a) >= SMALLEST
    ]
    return tuple(sorted(moved, key=lambda reason: -abs(reason.moved)))
