"""The strongest attributions of one prediction, in words for people.

Loads neither NumPy nor the compiler: scoring processes use it.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tenantry.plan._kernel import category_word
from tenantry.plan.meta import ColumnMeta
from tenantry.plan.model import Plan
from tenantry.plan.ranks import Rank, per_cent, rank_of, share_of
from tenantry.schema import NUMERIC_TYPES, SemanticType, Signature, Task

__all__ = ["Reason", "reasons"]

SMALLEST = 1e-9
"""Contributions below this are rounding, not reasons."""
TELLING_SHARE = 0.75
"""A number's place among the training records is told from this share on."""
MANIFOLD = 10
"""From ten times on, a rise is told as a multiple."""
LONGEST_VALUE = 60
"""Characters of a value within a reason's text."""
LONGEST_ECHO = 200
"""Characters of a reason's ``value``: a long text is told, not sent back."""

_DATES = (SemanticType.DATE, SemanticType.DATETIME)


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One column's part in one prediction: how far it moved the answer from the average record's, as an exact Shapley
    value. ``contribution`` is in log odds, before calibration, for a probability; for a number it is in the target's
    unit, or, where the model learnt the target's logarithm (the text then says per cent), in natural logarithms.

    ``rank``: the share of training records (0–1) with a lower number or an earlier date; ``share``: of those with the
    same word, or where the value is missing, of those that lack it too. None where the plan cannot tell.
    """

    column: str
    value: str | float | int | bool | None
    contribution: float
    direction: Literal["up", "down"]
    text: str
    rank: float | None = None
    share: float | None = None


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
    kind, factor = plan.calibration if meta.signature.task is Task.REGRESSION else ("", 1.0)
    found = []
    for i in strong:
        name, slot = plan.columns[i], plan.value_slots[i]
        number = struct.unpack_from("<f", slots, 4 * slot)[0] if slot >= 0 else None
        value = _listed(record.get(name))
        moved = factor * contributions[i]
        if not 0 < abs(moved) < math.inf:
            continue
        rises = moved > 0
        size = _size(kind, moved)
        rank, share = _standing(value, number, told.get(name))
        subject = _subject(plan, i, value, number, told.get(name), rank, share)
        found.append(
            Reason(
                column=name,
                value=_shown(value),
                contribution=moved,
                direction="up" if rises else "down",
                text=f"{subject}: {'raises' if rises else 'lowers'} {effect}{size}",
                rank=None if rank is None else round(rank.lower, 4),
                share=share,
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


def _listed(value: Any) -> Any:
    """A list as people write one; anything else as it is."""
    return (
        ", ".join(word for word in map(category_word, value) if word)
        if isinstance(value, list | tuple)
        else value
    )


def _shown(value: Any) -> str | float | int | bool | None:
    """The value as JSON can carry it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**64):
        return value
    word = value if isinstance(value, str) else category_word(value)
    return word if word is None else _cut(word, LONGEST_ECHO)


def _cut(word: str, longest: int) -> str:
    return word if len(word) <= longest else f"{word[: longest - 1]}…"


def _size(kind: str, moved: float) -> str:
    """How far an estimate was moved, in words; nothing for a chance, whose scale log odds are not."""
    if kind == "linear":
        return f" by about {_plain(abs(moved))}"
    if kind != "exp":
        return ""
    factor = math.exp(min(abs(moved), 500.0))
    if moved > 0 and factor >= MANIFOLD:
        return f" about {_plain(factor)}-fold"
    return f" by about {_plain(100 * (factor - 1 if moved > 0 else 1 - 1 / factor))} %"


def _plain(size: float) -> str:
    """Two digits, or three from a hundred on, as people write them."""
    short = float(f"{size:.3g}" if size >= 100 else f"{size:.2g}")
    return f"{short:,.0f}" if 10 <= short < 1e15 else f"{short:g}"


def _standing(value: Any, number: float | None, told: ColumnMeta | None) -> tuple[Rank | None, float | None]:
    """A number's place, or how common a word or a gap is; for a text nothing."""
    if told is None:
        return None, None
    word, kind = category_word(value), told.column.type
    if word is None or (number is not None and math.isnan(number)):
        return None, told.missing
    if kind in (*NUMERIC_TYPES, *_DATES):
        return (None if number is None else rank_of(number, told.quantiles)), None
    return None, None if kind is SemanticType.TEXT else share_of(word, told)


def _subject(
    plan: Plan,
    column: int,
    value: Any,
    number: float | None,
    told: ColumnMeta | None,
    rank: Rank | None,
    share: float | None,
) -> str:
    name = plan.columns[column]
    word = category_word(value)
    if word is None:
        return f"{name} is missing{_common(share)}"
    if number is None and plan.unseen(column, word):
        # A word that came once has no entry either.
        return f"{name} is '{_cut(word, LONGEST_VALUE)}' (hardly or never seen in training)"
    short = _cut(_rounded(value, word), LONGEST_VALUE)
    kind = told.column.type if told else None
    if number is not None and math.isnan(number):
        return f"{name} is {short}, which reads as missing{_common(share)}"
    if kind is SemanticType.TEXT:
        return f"{name} says “{short}”"
    return f"{name} is {short}{_place(rank, kind in _DATES) if rank else _common(share)}"


def _rounded(value: Any, word: str) -> str:
    """A computed number in six digits, where that is shorter and as plain; anything else as it stands."""
    if not isinstance(value, float):
        return word
    short = f"{value:.6g}"
    return short if len(short) < len(word) and ("e" in word or "e" not in short) else word


def _place(rank: Rank, is_date: bool) -> str:  # noqa: FBT001 (of the two callers' words)
    """Where a number stands among the training records, if that tells anything."""
    low, high = ("earlier", "later") if is_date else ("lower", "higher")
    for word, share in ((low, rank.higher), (high, rank.lower)):
        if share == 1:
            return f" ({word} than every record learnt from)"
        if share >= TELLING_SHARE:
            return f" ({word} than {per_cent(share)} of records)"
    return ""


def _common(share: float | None) -> str:
    """How common a word or a gap is among the training records."""
    if share is None:
        return ""
    return f" (like {per_cent(share)} of records)" if share > 0 else " (like no record learnt from)"
