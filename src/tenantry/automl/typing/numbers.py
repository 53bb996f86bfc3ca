"""Numbers in text: how they are written, their units, and which of them mean missing."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from tenantry.automl.typing.distinct import SAMPLE, Distinct
from tenantry.automl.typing.units import find_units
from tenantry.plan.ir import NumberFormat
from tenantry.plan.kernel import parse_numbers
from tenantry.schema import SemanticType

F64 = npt.NDArray[np.float64]

MOSTLY = 0.95
"""Share of the rows that must read as numbers."""
WITH_FEW_WORDS = 0.7
"""… or this share, where all that does not is at most three words (such as ``unknown``, ``TBD``)."""
MAX_BOUNDS = 0.5
"""Most values that may be bounds (``<5``): where more are, they are classes."""

_CURRENCY = re.compile(
    r"[$€£¥₹₽₩₺₴₫₪₦₱฿]|z\u0142|K\u010d|(?<![A-Za-z])(?:USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CNY|RMB|BRL"
    r"|Rs|kr|HKD|SGD|NZD|ZAR|MXN|CZK|HUF|RUB|TRY|AED|SAR|THB|IDR|KRW|ILS)(?![A-Za-z])"
)
_TAIL = re.compile(r"^[^0-9]*[0-9][0-9.,'\u00a0\u2009 ]*(?:[eE][+-]?[0-9]+)?\s*(.*)$", re.DOTALL)
_CLOCK = re.compile(r"\d{1,3}:\d\d(?::\d\d(?:\.\d+)?)?(?:[ \u00a0\u202f]?[apAP][mM])?")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_SENTINELS = frozenset(
    {
        -1.0,
        -9.0,
        -99.0,
        -999.0,
        -9999.0,
        -99999.0,
        -999999.0,
        99.0,
        999.0,
        9999.0,
        99999.0,
        999999.0,
        9999999.0,
    }
    | {-8.0, -88.0, -888.0, 88.0, 888.0, 8888.0, 998.0, 9998.0, -998.0, -9998.0, 32767.0, -32768.0, 65535.0}
    | {2147483647.0, -2147483648.0, 1e20, -1e20, 1e30, -1e30}
)
_OFTEN_RARE = 1e6
"""Beyond this, a sentinel counts however rare it is."""


@dataclass(frozen=True, slots=True)
class NumberFinding:
    """How a column writes numbers. ``strays`` are the words that are none and so mean missing."""

    type: SemanticType
    format: NumberFormat
    parsed: F64
    strays: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A column read under one format: ``parsed`` per distinct value, and the share of the rows that were numbers."""

    format: NumberFormat
    parsed: F64
    share: float
    note: str = ""


def find_numbers(values: Distinct) -> NumberFinding | None:
    """The number format that reads a column, or None where it holds no numbers. ``parsed`` is per distinct value."""
    if not values.values:
        return None
    if values.numeric:
        parsed = parse_numbers(list(values.values), NumberFormat())
        return _finish(values, Reading(NumberFormat(), parsed, 1.0), SemanticType.NUMBER)
    texts = values.texts
    if is_code(texts) or _mostly_bounds(texts):
        return None
    found = next((r for r in _readings(values) if _enough(values, r)), None)
    if found is None or (found.format.unit_tail and not _one_unit(texts, found.parsed)):
        return None
    return _finish(values, found, _kind(texts, found))


def read_numbers(values: Distinct) -> NumberFinding | None:
    """As :func:`find_numbers`, but the best reading whatever its share: somebody said that it is a number."""
    if values.numeric:
        return find_numbers(values)
    best = max(_readings(values), key=lambda reading: reading.share, default=None)
    return None if best is None else _finish(values, best, _kind(values.texts, best))


def _readings(values: Distinct) -> list[Reading]:
    """The ways to read a column as numbers, the likeliest first."""
    texts = values.texts
    plain = _best_decimal(values, NumberFormat())
    if plain.share == 1.0:
        return [plain]
    readings = [plain]
    if sum(bool(_CLOCK.fullmatch(text)) for text in texts[:SAMPLE]) > 0.5 * len(texts[:SAMPLE]):
        clock = _best_decimal(values, NumberFormat(clock=True))
        readings.append(replace(clock, note="times as H:MM, read in hours"))
    units = find_units(texts, values.counts)
    if units is not None:
        readings.append(replace(_best_decimal(values, NumberFormat(units=units.units)), note=units.evidence))
    readings.sort(key=lambda reading: -reading.share)
    return [*readings, _best_decimal(values, NumberFormat(unit_tail=True))]


def _best_decimal(values: Distinct, form: NumberFormat) -> Reading:
    """The decimal sign under which most rows are numbers; a point where both do as well."""
    best: Reading | None = None
    signs: tuple[Literal[".", ","], ...] = (".", ",")
    total = max(1, values.counts.sum())
    for sign in signs:
        signed = replace(form, decimal=sign)
        parsed = parse_numbers(values.texts, signed)
        share = float(values.counts[~np.isnan(parsed)].sum() / total)
        if best is None or share > best.share + 1e-9:
            best = Reading(signed, parsed, share)
        if share == 1.0:
            break
    if best is None:
        raise AssertionError("no sign was tried")
    return best


def _enough(values: Distinct, reading: Reading) -> bool:
    strays = int(np.isnan(reading.parsed).sum())
    few_words = reading.share >= WITH_FEW_WORDS and strays <= 3 and len(values.values) - strays >= 10
    return reading.share >= MOSTLY or few_words


def is_code(texts: list[str]) -> bool:
    """Whether digits are a code, not a quantity: zero-padded to one length of at least three, or often led by zeros."""
    digits = [t for t in texts[:SAMPLE] if t.isdigit()]
    if len(digits) < 0.95 * len(texts[:SAMPLE]):
        return False
    padded = sum(t[0] == "0" and len(t) >= 3 for t in digits)
    one_length = len({len(t) for t in digits}) == 1
    return padded > 0 and (one_length or padded > 0.05 * len(digits))


def _mostly_bounds(texts: list[str]) -> bool:
    sample = texts[:SAMPLE]
    return sum(t[0] in "<>~≤≥≈" for t in sample) > MAX_BOUNDS * len(sample)


def _one_unit(texts: list[str], parsed: F64) -> bool:
    """Whether what follows the numbers is a unit: few different tails, each behind several numbers."""
    tails = Counter(
        match[1].strip().lower() for text in texts if (match := _TAIL.match(text)) and match[1].strip()
    )
    if tails.keys() <= _ORDINALS:
        return bool(tails)
    numbers = len(np.unique(parsed[~np.isnan(parsed)]))
    return len(tails) <= 12 and numbers > 2 * len(tails)


def _kind(texts: list[str], reading: Reading) -> SemanticType:
    """Currency, percent, quantity or plain, by what most texts carry."""
    known = np.flatnonzero(~np.isnan(reading.parsed))
    read = [texts[i] for i in known[:SAMPLE]]
    if sum("%" in text for text in read) > 0.5 * len(read):
        return SemanticType.PERCENT
    if sum(bool(_CURRENCY.search(text)) for text in read) > 0.5 * len(read):
        return SemanticType.CURRENCY
    form = reading.format
    scaled = form.units and "magnitudes" not in reading.note
    return SemanticType.QUANTITY if form.unit_tail or form.clock or scaled else SemanticType.NUMBER


def _finish(values: Distinct, reading: Reading, kind: SemanticType) -> NumberFinding:
    parsed = reading.parsed
    words = (
        "the file holds numbers" if values.numeric else f"{reading.share:.1%} of the values read as numbers"
    )
    if reading.format.decimal == ",":
        words += " with a decimal comma"
    if reading.note:
        words += f"; {reading.note}"
    nulls = find_sentinels(parsed, values.counts)
    strays = tuple(str(values.values[i]) for i in np.flatnonzero(np.isnan(parsed)))
    if strays:
        words += "; read as missing: " + ", ".join(repr(s[:20]) for s in strays[:3])
    if nulls:
        shown = ", ".join(f"{v:g}" for v in nulls)
        words += f"; {shown} stands far from all other values and often, so it means missing"
    number_format = replace(reading.format, nulls=nulls)
    cleaned = np.where(np.isin(parsed, nulls), np.nan, parsed) if nulls else parsed
    return NumberFinding(kind, number_format, cleaned, strays, words)


def find_sentinels(parsed: F64, counts: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Numbers such as 999 that stand for missing: a usual sign for it, at an end of the range, taken by at least 1 %
    of the rows (and 5 rows), and farther from its neighbour than all other values spread. Up to three at each end (998
    and 999).

    -1 needs no such gap when all others are whole and not negative, but then at least 2 % of the rows.
    """
    known = ~np.isnan(parsed)
    numbers, places = np.unique(parsed[known], return_inverse=True)
    weight = np.bincount(places, counts[known]).astype(np.float64)
    total = weight.sum()
    found: list[float] = []
    low, high = 0, len(numbers)
    for _ in range(3):
        if high - low >= 4 and _is_sentinel(numbers[low:high], weight[low:high], total, at=0):
            found.append(float(numbers[low]))
            low += 1
        if high - low >= 4 and _is_sentinel(numbers[low:high], weight[low:high], total, at=-1):
            found.append(float(numbers[high - 1]))
            high -= 1
    return tuple(sorted(found))


def _is_sentinel(numbers: F64, weight: F64, total: float, at: int) -> bool:
    """Whether the number at this end means missing; other sentinels beside it do not count as its neighbours."""
    value = float(numbers[at])
    enough = weight[at] >= max(5, 0.01 * total) or abs(value) > _OFTEN_RARE
    if value not in _SENTINELS or not enough:
        return False
    rest = numbers[1:] if at == 0 else numbers[:-1]
    if len(rest) > 3:
        near = rest[0] if at == 0 else rest[-1]
        if float(near) in _SENTINELS and abs(float(near) - value) <= 2 and abs(value) >= 88:
            rest = rest[1:] if at == 0 else rest[:-1]
    gap = float(rest[0] - value) if at == 0 else float(value - rest[-1])
    spread = float(rest[-1] - rest[0])
    whole = bool((rest == np.floor(rest)).all())
    return gap > max(spread, 10.0) or (
        value == -1 and rest[0] >= 0 and whole and bool(weight[at] >= 0.02 * total)
    )
