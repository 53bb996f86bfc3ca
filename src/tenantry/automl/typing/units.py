"""Units of one kind in one column: which there are, and what makes them one scale."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenantry.plan.ir import NumberFormat

MOSTLY = 0.95
MAX_UNITS = 200
_PAIR = re.compile(
    r"([0-9](?:[0-9.,]|[\u00a0\u2009\u202f ](?=[0-9]{3}))*(?:[eE][+-]?[0-9]+(?![a-zA-Z]))?)([^0-9]*)"
)
_OUT_OF = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(/ ?(?:5|10|20|100))")
_LEAD = re.compile(r"^[^0-9]{0,8}?(?=[.,]?[0-9])")
_CURRENCY = re.compile(
    r"(?<![A-Za-z])(?:USD|EUR|GBP|CHF|INR|CAD|AUD|SEK|NOK|DKK|CNY|BRL|JPY)(?![A-Za-z])|[$€£¥₹]"
)

_KINDS: dict[str, dict[str, float]] = {
    "mass": {
        "kg kgs kilo kilos kilogram kilograms": 1.0, "g gr grs gram grams": 1e-3, "mg milligram milligrams": 1e-6,
        "µg mcg ug": 1e-9, "t ton tons tonne tonnes": 1000.0, "lb lbs pound pounds": 0.45359237,
        "oz ounce ounces": 0.028349523125, "st stone": 6.35029318,
    },
    "length": {
        "m meter meters metre metres mtr": 1.0, "cm cms": 0.01, "mm": 1e-3, "µm um": 1e-6,
        "km kms kilometers kilometres": 1e3, "in inch inches \" ″ ''": 0.0254, "ft foot feet ' ′": 0.3048,
        "yd yard yards": 0.9144, "mi mile miles": 1609.344,
    },
    "duration": {
        "s sec secs second seconds": 1.0, "ms": 1e-3, "min mins minute minutes m": 60.0, "h hr hrs hour hours": 3600.0,
        "d day days": 86_400.0, "w wk wks week weeks": 604_800.0, "mo mos mon mth mths month months": 2_629_746.0,
        "y yr yrs year years": 31_556_952.0,
    },
    "volume": {
        "l liter liters litre litres ltr": 1.0, "ml milliliter milliliters": 1e-3, "cl": 0.01, "dl": 0.1, "hl": 100.0,
        "cc cm3 cm³": 1e-3, "m3 m³": 1e3, "gal gallon gallons": 3.785411784, "qt": 0.946352946, "pt": 0.473176473,
        "fl oz": 0.0295735295625,
    },
    "area": {
        "m2 m² sqm qm sq m": 1.0, "km2 km²": 1e6, "ha hectare hectares": 1e4, "acre acres ac": 4046.8564224,
        "sqft ft2 ft² sf sq ft": 0.09290304,
    },
    "data": {
        "b byte bytes": 1.0, "kb kib": 1024.0, "mb mib": 1024.0**2, "gb gib": 1024.0**3, "tb tib": 1024.0**4,
    },
    "speed": {"km/h kmh kph kmph": 1.0, "mph mi/h": 1.609344, "m/s": 3.6, "kn kt knots": 1.852},
    "power": {"kw": 1.0, "w watt watts": 1e-3, "mw": 1e3, "hp bhp": 0.745699872, "ps": 0.73549875},
    "energy": {"kj": 1.0, "j": 1e-3, "kcal": 4.184, "cal": 4.184e-3, "kwh": 3600.0, "wh": 3.6, "mwh": 3.6e6},
    "frequency": {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    "pay": {
        "/year /yr /y /a per year per annum a year yearly annually p.a. pa": 1.0,
        "/month /mo per month a month monthly p.m. pm pcm": 12.0, "/week /wk per week a week weekly pw": 52.0,
        "/day per day a day daily": 260.0, "/hour /hr /h per hour an hour hourly ph": 2080.0,
    },
}  # fmt: skip
_SPACED = ("fl oz", "sq m", "sq ft", "per year", "per annum", "a year", "per month", "a month", "per week", "a week",
           "per day", "a day", "per hour", "an hour")  # fmt: skip
_BY_MAGNITUDE = {
    1e3: "k K T tsd Tsd thousand Thousand", 1e6: "M m MM mm mn Mn mln mio Mio million Million millions",
    1e9: "B b bn Bn BN mrd Mrd billion Billion", 1e12: "tn trillion Trillion", 1e5: "lakh lakhs Lakh Lakhs lac Lac",
    1e7: "crore crores Crore cr Cr",
}  # fmt: skip
_MAGNITUDES = {word: factor for factor, words in _BY_MAGNITUDE.items() for word in words.split()}
_ALONE = frozenset({"m", "b", "T", "t", "mm", "MM"})
"""Letters that say a magnitude only beside another: ``5 m`` is five metres, ``T`` and ``k`` are thousands."""


def _words(kind: str) -> dict[str, float]:
    words: dict[str, float] = {}
    for names, factor in _KINDS[kind].items():
        rest = names
        for spaced in _SPACED:
            if f" {spaced} " in f" {rest} ":
                words[spaced] = factor
                rest = f" {rest} ".replace(f" {spaced} ", " ").strip()
        words |= dict.fromkeys(rest.split(), factor)
    return words


_WORDS = {kind: _words(kind) for kind in _KINDS}


@dataclass(frozen=True, slots=True)
class UnitFinding:
    """The units of a column, for :class:`~tenantry.plan.ir.NumberFormat`, and what was found in words."""

    units: tuple[tuple[str, float], ...]
    magnitudes: bool
    evidence: str


def find_units(texts: Sequence[str], counts: npt.NDArray[np.int64]) -> UnitFinding | None:
    """The units of a column where there are several of one kind, or magnitudes (k, M, bn); None where one unit, or
    none, stands behind all numbers: then nothing has to be scaled."""
    out_of = _out_of(texts)
    if out_of is not None:
        return out_of
    rows: list[list[str]] = [_units(text) for text in texts]
    seen: Counter[str] = Counter()
    for units, count in zip(rows, counts, strict=True):
        seen.update({unit: int(count) for unit in set(units) if unit})
    if not seen or len(seen) > MAX_UNITS:
        return None
    total = max(1, int(counts.sum()))
    found = _magnitudes(rows, counts, seen, total)
    if found is not None:
        return found
    for kind, words in _WORDS.items():
        fits = [all(unit == "" or _key(unit) in words for unit in units) and bool(units) for units in rows]
        if sum(int(c) for c, fit in zip(counts, fits, strict=True) if fit) < MOSTLY * total:
            continue
        known = {unit: words[_key(unit)] for unit in seen if _key(unit) in words}
        if len(set(known.values())) < 2:
            return None
        base_unit = _base(rows, counts, known)
        base = known[base_unit]
        return UnitFinding(_table(known, words, base), False, _evidence(kind, known, seen, total, base_unit))
    return None


def _base(rows: list[list[str]], counts: npt.NDArray[np.int64], known: dict[str, float]) -> str:
    """The unit that most rows begin with, in its most frequent spelling: the others are read in it."""
    first: Counter[str] = Counter()
    for units, count in zip(rows, counts, strict=True):
        if units and units[0] in known:
            first[units[0]] += int(count)
    by_factor: Counter[float] = Counter()
    for unit, count in first.items():
        by_factor[known[unit]] += count
    factor = by_factor.most_common(1)[0][0]
    return max((unit for unit in first if known[unit] == factor), key=lambda unit: first[unit])


def _out_of(texts: Sequence[str]) -> UnitFinding | None:
    """``4.1/5``: points out of one number, where more than one of them is in use and none is above it."""
    found = [_OUT_OF.fullmatch(text) for text in texts]
    tails = {match[2] for match in found if match}
    if len(tails) != 1 or sum(map(bool, found)) < MOSTLY * len(found) or len(found) < 3:
        return None
    tail = tails.pop()
    if any(match and float(match[1]) > float(tail.strip("/ ")) for match in found):
        return None
    return UnitFinding(((tail, 1.0),), False, f"points out of {tail.strip('/ ')}")


def _magnitudes(
    rows: list[list[str]], counts: npt.NDArray[np.int64], seen: Counter[str], total: int
) -> UnitFinding | None:
    bare = {unit: _CURRENCY.sub("", unit).strip(" .+") for unit in seen}
    known = {unit: _MAGNITUDES[short] for unit, short in bare.items() if short in _MAGNITUDES}
    others = {unit for unit, short in bare.items() if not short}
    if not known or (len(set(known.values())) == 1 and {bare[u] for u in known} <= _ALONE):
        return None
    fits = [len(units) == 1 and (units[0] == "" or units[0] in known or units[0] in others) for units in rows]
    if sum(int(c) for c, fit in zip(counts, fits, strict=True) if fit) < MOSTLY * total:
        return None
    table = dict.fromkeys(others, 1.0) | known
    for word, factor in _MAGNITUDES.items():
        if word not in _ALONE or factor in known.values():
            table.setdefault(word, factor)
    shown = ", ".join(repr(unit) for unit, _ in seen.most_common(4) if unit in known)
    words = f"numbers with magnitudes ({shown}), which are multiplied out"
    return UnitFinding(tuple(table.items()), True, words)


def _units(text: str) -> list[str]:
    """What stands behind each number of a text; nothing where it does not begin as a number does."""
    start = _LEAD.match(text)
    if start is None:
        return []
    return [match[2].strip(" ,\u00a0\u2009\u202f)") for match in _PAIR.finditer(text, start.end())]


def _key(unit: str) -> str:
    folded = unit.lower().rstrip(".")
    return folded if folded else unit.lower()


def _table(known: dict[str, float], words: dict[str, float], base: float) -> tuple[tuple[str, float], ...]:
    """The spellings that were seen, and how else they may be written."""
    table = dict(known)
    for word, factor in words.items():
        for spelling in (word, word.upper(), word.capitalize()):
            table.setdefault(spelling, factor)
    return tuple((unit, factor / base) for unit, factor in list(table.items())[:MAX_UNITS])


def _evidence(kind: str, known: dict[str, float], seen: Counter[str], total: int, base: str) -> str:
    shown = ", ".join(
        f"{unit} ({seen[unit] / total:.0%})" for unit, _ in seen.most_common(4) if unit in known
    )
    return f"units of {kind}: {shown}; all read in {base}"


def unit_format(finding: UnitFinding, number_format: NumberFormat) -> NumberFormat:
    """The format with these units, in place of a unit that is skipped."""
    return NumberFormat(decimal=number_format.decimal, nulls=number_format.nulls, units=finding.units)
