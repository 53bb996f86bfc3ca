"""The smallest changes that give a record another answer: first of one column, then of two.

A search over values that occur, not over all numbers: a few hundred scores of the plan, a few milliseconds. What it
finds is what the model would say, which is no promise that the change causes the outcome.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Any

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.insights.answers import Answer, Record, answer_of, check_columns, check_record, positive_of
from tenantry.insights.steps import Step, steps_of
from tenantry.insights.what_if import Change, subject_of, words
from tenantry.plan import Plan
from tenantry.schema import Signature, Task

MOST = 5
"""Changes that are told."""
PAIR_COLUMNS = 6
PAIR_STEPS = 5
"""Pairs are made of the steps that come nearest to the goal alone: 15 pairs of columns with 25 pairs of values each."""
SCORED_AT_ONCE = 200


class Goal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the answer shall become: a ``label``, a score of ``at_least`` or ``at_most``, or one moved ``by`` so much.

    Without any, another label than now: of several classes any.
    """

    label: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    by: float | None = None


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """Changes that reach the goal (or come nearest), and the answer then. ``size``: the sum over the columns of the
    share of training records that a number passes, or 0.5 for a word."""

    changes: tuple[Change, ...]
    after: Answer
    size: float
    text: str


class Flips(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, the smallest first: at most one set of changes for a set of columns. ``nearest``: where nothing
    reaches the goal, what comes nearest. ``reached``: the record is there already. ``tried``: how many changed
    records were scored."""

    goal: str
    reached: bool
    before: Answer
    found: tuple[Flip, ...]
    nearest: Flip | None
    tried: int


Toward = Callable[[Sequence[float]], float]
"""How far scores have come: the goal is reached from 0 on, and less is farther away."""


class _Tried(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...]
    scores: tuple[float, ...]
    gain: float

    @property
    def size(self) -> float:
        return sum(step.size for step in self.steps)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(step.column for step in self.steps)


def find_flips(
    plan: Plan, record: Record, goal: Goal, *, columns: Iterable[str] = (), fixed: Iterable[str] = ()
) -> Flips:
    """Look for the smallest changes that reach the goal.

    ``columns``: those that may change (default: all but free texts); ``fixed``: those that may not. Errors:
    ``InvalidRequest`` record_unknown, goal_invalid; ``InvalidData`` record_value.
    """
    check_record(plan, record)
    allowed, held = tuple(columns), set(fixed)
    check_columns(plan, allowed, "'columns' names")
    check_columns(plan, held, "'fixed' names")
    signature = plan.meta.signature
    now = plan.score(record)
    before = answer_of(signature, now)
    toward, told = _toward(signature, goal, now, before)
    if toward(now) >= 0:
        return Flips(goal=told, reached=True, before=before, found=(), nearest=None, tried=0)
    steps = steps_of(plan, record, [name for name in allowed or plan.columns if name not in held])
    singles = _score(plan, record, [(step,) for step in steps], toward)
    best = _smallest(singles)
    pairs: list[_Tried] = []
    if len(best) < MOST:
        pairs = _score(plan, record, _pairs(singles, {tried.columns[0] for tried in best}), toward)
        best += _smallest(pairs)[: MOST - len(best)]
    everything = singles + pairs
    nearest = max(everything, key=lambda tried: tried.gain, default=None) if not best else None
    return Flips(
        goal=told,
        reached=False,
        before=before,
        found=tuple(_flip(signature, record, before, now, tried) for tried in best[:MOST]),
        nearest=None if nearest is None else _flip(signature, record, before, now, nearest),
        tried=len(everything),
    )


def _score(plan: Plan, record: Record, sets: list[tuple[Step, ...]], toward: Toward) -> list[_Tried]:
    tried: list[_Tried] = []
    for start in range(0, len(sets), SCORED_AT_ONCE):
        part = sets[start : start + SCORED_AT_ONCE]
        rows = plan.score_rows([{**record, **{s.column: s.value for s in steps}} for steps in part])
        tried += [
            _Tried(steps, tuple(scores), toward(scores)) for steps, scores in zip(part, rows, strict=True)
        ]
    return tried


def _smallest(tried: list[_Tried]) -> list[_Tried]:
    """For each set of columns the smallest change that reaches the goal (of equal ones the farthest reaching)."""
    best: dict[tuple[str, ...], _Tried] = {}
    for one in tried:
        known = best.get(one.columns)
        if one.gain >= 0 and (known is None or (one.size, -one.gain) < (known.size, -known.gain)):
            best[one.columns] = one
    return sorted(best.values(), key=lambda one: (one.size, -one.gain))


def _pairs(singles: list[_Tried], enough: set[str]) -> list[tuple[Step, ...]]:
    """Two columns at once, of those that come nearest alone and that are not enough alone."""
    by_column: dict[str, list[_Tried]] = {}
    for one in sorted(singles, key=lambda one: -one.gain):
        if one.columns[0] not in enough:
            by_column.setdefault(one.columns[0], []).append(one)
    nearest = list(by_column.values())[:PAIR_COLUMNS]
    return [
        (a.steps[0], b.steps[0])
        for first, second in combinations(nearest, 2)
        for a in first[:PAIR_STEPS]
        for b in second[:PAIR_STEPS]
    ]


def _flip(signature: Signature, record: Record, before: Answer, now: Sequence[float], tried: _Tried) -> Flip:
    changes = tuple(
        Change(column=step.column, old=record.get(step.column), new=step.value) for step in tried.steps
    )
    output = subject_of(signature, before)
    after = answer_of(signature, tried.scores)
    text = words(signature, changes, now[output], tried.scores[output], before)
    if signature.task is Task.MULTICLASS and after.label != before.label:
        text += f", and it would be {after.label}"
    return Flip(changes=changes, after=after, size=round(tried.size, 4), text=text)


def _toward(signature: Signature, goal: Goal, now: Sequence[float], before: Answer) -> tuple[Toward, str]:
    given = [name for name in ("label", "at_least", "at_most", "by") if getattr(goal, name) is not None]
    if len(given) > 1:
        raise InvalidRequest("goal_invalid", f"the goal names both {given[0]!r} and {given[1]!r}")
    if signature.task is Task.REGRESSION and (not given or goal.label is not None):
        raise InvalidRequest("goal_invalid", "a value has no label to flip: name at_least, at_most or by")
    if not given or goal.label is not None:
        return _toward_label(signature, goal.label, before)
    output = subject_of(signature, before)
    score = (
        "the estimate" if signature.task is Task.REGRESSION else f"the chance of {_class(signature, output)}"
    )
    if goal.by is not None:
        edge, up = now[output] + goal.by, goal.by > 0
    elif goal.at_least is not None:
        edge, up = goal.at_least, True
    else:
        edge, up = float(goal.at_most or 0.0), False
    sign = 1.0 if up else -1.0
    return (
        lambda scores: sign * (scores[output] - edge),
        f"{score} at {'least' if up else 'most'} {edge:.4g}",
    )


def _class(signature: Signature, output: int) -> str:
    return positive_of(signature) if signature.task is Task.BINARY else signature.classes[output]


def _toward_label(signature: Signature, label: str | None, before: Answer) -> tuple[Toward, str]:
    if label is not None and label not in signature.classes:
        raise InvalidRequest(
            "goal_invalid", f"{label[:80]!r} is none of the classes {', '.join(signature.classes[:5])}"
        )
    if signature.task is Task.BINARY:
        wanted = label or next(c for c in signature.classes if c != before.label)
        threshold = signature.threshold
        if wanted == positive_of(signature):
            return lambda scores: scores[0] - threshold, f"label {wanted}"
        below = math.nextafter(threshold, -math.inf)
        return lambda scores: below - scores[0], f"label {wanted}"
    place = signature.classes.index(label or str(before.label))
    if label is None:
        return lambda scores: _margin(scores, place), f"another label than {before.label}"
    return lambda scores: -_margin(scores, place), f"label {label}"


def _margin(scores: Sequence[float], place: int) -> float:
    """How far the best of the others is above this class; of equal ones the first is the answer."""
    others: list[Any] = [score for i, score in enumerate(scores) if i != place]
    return float(max(others) - scores[place])
