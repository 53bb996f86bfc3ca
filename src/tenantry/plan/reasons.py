"""The strongest attributions of one prediction, in words for people.

Loads neither NumPy nor the compiler: scoring processes use it.
"""

import math
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from tenantry.plan._kernel import category_word
from tenantry.plan.meta import ColumnMeta
from tenantry.plan.model import Plan
from tenantry.schema import NUMERIC_TYPES, SemanticType, Signature, Task

__all__ = ["Reason", "reasons"]

SMALLEST = 1e-9
"""Contributions below this are rounding, not reasons."""
TELLING_SHARE = 75
"""A number's place among the training records is told from this share (per cent) on."""
LONGEST_VALUE = 60

_DATES = (SemanticType.DATE, SemanticType.DATETIME)


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One column's part in one prediction. ``contribution`` is its exact Shapley value in margin space (log odds for a
    probability), before calibration: it moved the margin by that much from the average record's."""

    column: str
    value: str | float | int | bool | None
    contribution: float
    direction: Literal["up", "down"]
    text: str


def reasons(plan: Plan, record: Mapping[str, Any], k: int, output: int | None = None) -> list[Reason]:
    """The ``k`` strongest reasons, strongest first (equal ones in column order).

    ``output`` says whose: of several classes the likeliest where it is ``None``. Errors: ``InvalidData``
    (record_value).
    """
    if output is None:
        scores = plan.score(record) if plan.n_outputs > 1 else (0.0,)
        output = scores.index(max(scores))
    contributions = plan.explain(record, output)
    order = sorted(range(len(contributions)), key=lambda i: -abs(contributions[i]))
    strong = [i for i in order[: max(k, 0)] if SMALLEST <= abs(contributions[i]) < math.inf]
    if not strong:
        return []
    meta, slots = plan.meta, plan.encode(record)
    told = {column.column.name: column for column in meta.columns}
    effect = _effect(meta.signature, output)
    found = []
    for i in strong:
        name, slot = plan.columns[i], plan.value_slots[i]
        number = struct.unpack_from("<f", slots, 4 * slot)[0] if slot >= 0 else None
        value = record.get(name)
        rises = contributions[i] > 0
        found.append(
            Reason(
                column=name,
                value=_shown(value),
                contribution=contributions[i],
                direction="up" if rises else "down",
                text=f"{_subject(name, value, number, told.get(name))}: {'raises' if rises else 'lowers'} {effect}",
            )
        )
    return found


def _effect(signature: Signature, output: int) -> str:
    if signature.task is Task.REGRESSION:
        return "the estimate"
    if signature.task is Task.BINARY:
        name = signature.positive_class
    else:
        name = signature.classes[output] if output < len(signature.classes) else None
    return "the chance" if name is None else f"the chance of {name}"


def _shown(value: Any) -> str | float | int | bool | None:
    """The value as JSON can carry it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return category_word(value)


def _subject(name: str, value: Any, number: float | None, told: ColumnMeta | None) -> str:
    word = category_word(value)
    if word is None:
        return f"{name} is missing"
    word = _rounded(value, word)
    short = word if len(word) <= LONGEST_VALUE else f"{word[: LONGEST_VALUE - 1]}…"
    kind = told.column.type if told else None
    if number is not None and math.isnan(number):
        return f"{name} is {short}, which reads as missing"
    if kind is SemanticType.TEXT:
        return f"{name} says “{short}”"
    if number is None or told is None or not told.quantiles or kind not in (*NUMERIC_TYPES, *_DATES):
        return f"{name} is {short}"
    return f"{name} is {short}{_place(number, told.quantiles, kind in _DATES)}"


def _rounded(value: Any, word: str) -> str:
    """A computed number in six digits, where that is shorter and as plain; anything else as it stands."""
    if not isinstance(value, float):
        return word
    short = f"{value:.6g}"
    return short if len(short) < len(word) and ("e" in word or "e" not in short) else word


def _place(number: float, quantiles: Sequence[float], is_date: bool) -> str:  # noqa: FBT001 (of the two callers' words)
    """Where a number stands among the training records, if that tells anything."""
    low, high = ("earlier", "later") if is_date else ("lower", "higher")
    last = len(quantiles) - 1
    if last < 1 or quantiles[0] == quantiles[last]:
        return ""
    above, below = bisect_right(quantiles, number), bisect_left(quantiles, number) - 1
    if above == 0 or below == last:
        return f" ({low if above == 0 else high} than every record learnt from)"
    for word, share in ((low, round(100 * (last - above) / last)), (high, round(100 * below / last))):
        if share >= TELLING_SHARE:
            return f" ({word} than {share} % of records)"
    return ""
