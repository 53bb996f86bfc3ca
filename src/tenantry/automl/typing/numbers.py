"""Numbers in text: how they are written, their unit, and which of them mean missing."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from tenantry.automl.typing.distinct import SAMPLE, Distinct
from tenantry.plan.ir import NumberFormat
from tenantry.plan.kernel import parse_numbers
from tenantry.schema import SemanticType

F64 = npt.NDArray[np.float64]

MOSTLY = 0.95
"""Share of the rows that must read as numbers."""
WITH_FEW_WORDS = 0.7
"""… or this share, where all that does not is at most three words (such as ``unknown``, ``n/a``, ``TBD``)."""

_CURRENCY = re.compile(
    r"[$€£¥₹]|(?<![A-Za-z])(?:USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CNY|BRL)(?![A-Za-z])"
)
_TAIL = re.compile(r"^[^0-9]*[0-9][0-9.,'\u00a0\u2009 ]*(?:[eE][+-]?[0-9]+)?\s*(.*)$", re.DOTALL)
_SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0)


@dataclass(frozen=True, slots=True)
class NumberFinding:
    """How a column writes numbers. ``strays`` are the words that are none and so mean missing."""

    type: SemanticType
    format: NumberFormat
    parsed: F64
    strays: tuple[str, ...]
    evidence: str


def find_numbers(values: Distinct) -> NumberFinding | None:
    """The number format that reads a column, or None where it holds no numbers. ``parsed`` is per distinct value."""
    if not values.values:
        return None
    if values.numeric:
        parsed = parse_numbers(list(values.values), NumberFormat())
        return _finish(values, NumberFormat(), parsed, SemanticType.NUMBER, "the file holds numbers")
    texts = values.texts
    for unit_tail in (False, True):
        found = _best_decimal(texts, values, unit_tail=unit_tail)
        if found is None:
            continue
        number_format, parsed, share = found
        if unit_tail and not _one_unit(texts, parsed):
            return None
        kind = _kind(texts, parsed, unit_tail=unit_tail)
        words = f"{share:.1%} of the values read as numbers"
        if number_format.decimal == ",":
            words += " with a decimal comma"
        return _finish(values, number_format, parsed, kind, words)
    return None


def _best_decimal(
    texts: list[str], values: Distinct, *, unit_tail: bool
) -> tuple[NumberFormat, F64, float] | None:
    """The decimal sign under which most rows are numbers, if enough are; a point where both do as well."""
    best: tuple[NumberFormat, F64, float] | None = None
    signs: tuple[Literal[".", ","], ...] = (".", ",")
    for sign in signs:
        number_format = NumberFormat(decimal=sign, unit_tail=unit_tail)
        parsed = parse_numbers(texts, number_format)
        share = float(values.counts[~np.isnan(parsed)].sum() / values.counts.sum())
        if best is None or share > best[2] + 1e-9:
            best = (number_format, parsed, share)
        if share == 1.0:
            break
    if best is None:
        return None
    _, parsed, share = best
    strays = int(np.isnan(parsed).sum())
    few_words = share >= WITH_FEW_WORDS and strays <= 3 and len(texts) - strays >= 10
    return best if share >= MOSTLY or few_words else None


def _one_unit(texts: list[str], parsed: F64) -> bool:
    """Whether what follows the numbers is a unit: few different tails, each behind several numbers."""
    tails = Counter(
        match[1].strip().lower() for text in texts if (match := _TAIL.match(text)) and match[1].strip()
    )
    numbers = len(np.unique(parsed[~np.isnan(parsed)]))
    return bool(tails) and len(tails) <= 12 and numbers > 2 * len(tails)


def _kind(texts: list[str], parsed: F64, *, unit_tail: bool) -> SemanticType:
    """Currency, percent, quantity or plain, by what most texts carry."""
    known = np.flatnonzero(~np.isnan(parsed))
    read = [texts[i] for i in known[:SAMPLE]]
    if sum("%" in text for text in read) > 0.5 * len(read):
        return SemanticType.PERCENT
    if sum(bool(_CURRENCY.search(text)) for text in read) > 0.5 * len(read):
        return SemanticType.CURRENCY
    return SemanticType.QUANTITY if unit_tail else SemanticType.NUMBER


def _finish(
    values: Distinct, number_format: NumberFormat, parsed: F64, kind: SemanticType, words: str
) -> NumberFinding:
    nulls = find_sentinels(parsed, values.counts)
    strays = tuple(str(values.values[i]) for i in np.flatnonzero(np.isnan(parsed)))
    if strays:
        words += "; read as missing: " + ", ".join(repr(s[:20]) for s in strays[:3])
    if nulls:
        shown = ", ".join(f"{v:g}" for v in nulls)
        words += f"; {shown} stands far from all other values and often, so it means missing"
    number_format = replace(number_format, nulls=nulls)
    cleaned = np.where(np.isin(parsed, nulls), np.nan, parsed) if nulls else parsed
    return NumberFinding(kind, number_format, cleaned, strays[:50], words)


def find_sentinels(parsed: F64, counts: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Numbers such as 999 that stand for missing: a usual sign for it, at an end of the range, taken by at least 1 %
    of the rows (and 5 rows), and farther from its neighbour than all other values spread.

    -1 needs no such gap when all others are whole and not negative, but then at least 2 % of the rows.
    """
    known = ~np.isnan(parsed)
    numbers, places = np.unique(parsed[known], return_inverse=True)
    if len(numbers) < 4:
        return ()
    weight = np.bincount(places, counts[known])
    total = weight.sum()
    found: list[float] = []
    for end, rest in ((0, numbers[1:]), (len(numbers) - 1, numbers[:-1])):
        value = float(numbers[end])
        if value not in _SENTINELS or weight[end] < max(5, 0.01 * total):
            continue
        gap = float(rest[0] - value) if end == 0 else float(value - rest[-1])
        spread = float(rest[-1] - rest[0])
        whole = bool((rest == np.floor(rest)).all())
        if gap > max(spread, 10.0) or (
            value == -1 and rest[0] >= 0 and whole and weight[end] >= 0.02 * total
        ):
            found.append(value)
    return tuple(found)
