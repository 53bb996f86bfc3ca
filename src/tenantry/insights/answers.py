"""A plan's scores as an answer, and records held against what the plan knows."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.plan import Plan
from tenantry.schema import Signature, Task

Record = Mapping[str, Any]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a record comes to. ``score``: the positive class's probability, the likeliest class's, or the value;
    ``label`` and ``probabilities`` (by class, in the signature's order) are None for a value."""

    label: str | None
    score: float
    probabilities: dict[str, float] | None


def answer_of(signature: Signature, scores: Sequence[float]) -> Answer:
    """The answer that one record's scores come to, as the scoring API gives it."""
    classes = signature.classes
    if signature.task is Task.REGRESSION:
        return Answer(label=None, score=scores[0], probabilities=None)
    if signature.task is Task.MULTICLASS:
        top = max(range(len(scores)), key=scores.__getitem__)
        return Answer(
            label=classes[top], score=scores[top], probabilities=dict(zip(classes, scores, strict=True))
        )
    positive, p = positive_of(signature), scores[0]
    other = next(c for c in classes if c != positive)
    return Answer(
        label=positive if p >= signature.threshold else other,
        score=p,
        probabilities={c: p if c == positive else 1.0 - p for c in classes},
    )


def positive_of(signature: Signature) -> str:
    """The class that the score of a two-class model speaks of."""
    return signature.positive_class or signature.classes[-1]


def check_columns(plan: Plan, names: Iterable[str], what: str) -> None:
    """Raise ``InvalidRequest("record_unknown")`` for names that are no columns of the plan."""
    known = set(plan.columns)
    unknown = sorted(name for name in names if name not in known)
    if unknown:
        near = get_close_matches(unknown[0][:100], plan.columns[:500], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InvalidRequest(
            "record_unknown", f"{what} {unknown[0][:100]!r}, which is no column of the model{hint}"
        )


def check_record(plan: Plan, record: Record) -> None:
    """Raise ``InvalidRequest("record_unknown")`` for a record that has none of the plan's columns."""
    if plan.columns and not set(plan.columns) & set(record):
        raise InvalidRequest(
            "record_unknown", f"the record has none of the model's columns, such as {plan.columns[0]!r}"
        )


def shown(value: Any) -> Any:
    """A value as JSON and people take it: numbers in six digits."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def told(value: Any) -> str:
    """A value in words."""
    if value is None:
        return "missing"
    if isinstance(value, float):
        return f"{value:.6g}"
    return repr(value) if isinstance(value, str) else str(value)


def told_score(score: float, task: Task) -> str:
    """A probability with two digits, a value with four that count."""
    return f"{score:.4g}" if task is Task.REGRESSION else f"{score:.2f}"
