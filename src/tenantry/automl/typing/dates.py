"""Dates in text and numbers: whether they are dates, in which order day, month and year stand, what a number counts."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenantry.automl.typing.distinct import Distinct
from tenantry.plan.ir import DateDigits, DateOrder
from tenantry.plan.kernel import parse_dates

F64 = npt.NDArray[np.float64]
MOSTLY = 0.95
WITH_FEW_WORDS = 0.7
"""Share of the rows that must be dates, and where all that is none is at most three words (``unknown``)."""
NEARLY_ALL = 0.99
"""… of a column of numbers, which could be something else."""
_ORDERS: tuple[DateOrder, ...] = ("ymd", "mdy", "dmy")
_SHAPE = re.compile(
    r"\d{1,4}[-/.]\d{1,4}|\d{8}(?!\d)|\d{14}(?!\d)|\d{4}-?[qQ]\d|[qQ]\d[- /]|\d{6}(?!\d)"
    r"|\d{1,4}[a-z]{0,2}[-. /]{0,2}[^\W\d]{2,10}|[^\W\d]{3,10}\.?,?[-/' ]"
)
"""What a date can begin like; the parser decides, this only saves it work."""
_NAME = re.compile(
    r"(?:^| )(?:date|dates|datetime|time|timestamp|ts|dt|dob|dat|datum|fecha|epoch|when|day|month|birthday|born|created"
    r"|updated|modified|opened|closed|joined|registered|signup|expires|expiry|seen|login|posted|at|on|ymd)(?: |$)"
)
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
_WINDOWS: tuple[tuple[DateDigits, float, float, str], ...] = (
    ("seconds", 3.0e8, 4.1e9, "seconds since 1970"),
    ("millis", 3.0e11, 4.1e12, "milliseconds since 1970"),
    ("micros", 3.0e14, 4.1e15, "microseconds since 1970"),
    ("excel", 18_000.0, 75_000.0, "days as spreadsheets count them"),
)
_NULL_DATES = ("9999-12-31", "2999-12-31", "2099-12-31", "1900-01-01", "1899-12-31", "1899-12-30", "1753-01-01",
               "1970-01-01", "0001-01-01", "1111-11-11", "1800-01-01")  # fmt: skip


@dataclass(frozen=True, slots=True)
class DateFinding:
    """How a column writes dates; ``parsed`` is per distinct value, NaN for ``strays`` (words) and ``nulls`` (days that
    mean missing); ``share`` of the rows that are dates; ``timed``: it has times of day."""

    order: DateOrder
    digits: DateDigits
    nulls: tuple[float, ...]
    strays: tuple[str, ...]
    parsed: F64
    share: float
    timed: bool
    evidence: str


def find_dates(name: str, values: Distinct) -> DateFinding | None:
    """How the column's dates are written, or None. Where the data fit two orders, month first wins, as in files from US
    software, and the evidence says so."""
    if values.boolean or not values.values:
        return None
    if values.numeric or all(_PLAIN.fullmatch(text) for text in values.texts[:50]):
        return _numbers(name, values)
    sample = values.texts[:200]
    if not values.dated and sum(bool(_SHAPE.match(t)) for t in sample) < 0.6 * len(sample):
        return None
    found = read_dates(values)
    return found if found is not None and _enough(values, found) and _plausible(found.parsed) else None


def read_dates(values: Distinct) -> DateFinding | None:
    """As :func:`find_dates`, but the best reading whatever its share: somebody said that it is a date."""
    raw = list(values.values)
    shares: dict[tuple[DateOrder, DateDigits], float] = {}
    for digits in _digits_among(values):
        for order in _ORDERS:
            parsed = parse_dates(raw, order, digits)
            shares[order, digits] = float(values.counts[~np.isnan(parsed[:, 0])].sum())
    (order, digits), most = max(shares.items(), key=lambda item: item[1])
    total = max(1.0, float(values.counts.sum()))
    twin: DateOrder = "dmy" if order == "mdy" else "mdy"
    words = _evidence(order, most / total, shares[twin, digits] / total)
    if digits:
        words += f"; plain numbers are {_MEANS[digits]}"
    return None if most == 0 else _finish(values, order, digits, words)


_MEANS: dict[DateDigits, str] = {"day": "year, month and day", "month": "year and month"}
_MEANS |= {digits: words for digits, _, _, words in _WINDOWS}


def _digits_among(values: Distinct) -> list[DateDigits]:
    """What the plain numbers of a column may be: nothing, and whatever most of them fit."""
    plain = [float(t) for t in values.texts if _PLAIN.fullmatch(t)]
    if not plain:
        return [""]
    fits: list[DateDigits] = [d for d, low, high, _ in _WINDOWS if all(low <= v <= high for v in plain)]
    if all(1e7 <= v < 1e8 for v in plain):
        fits.append("day")
    if all(190_001 <= v <= 210_012 for v in plain):
        fits.append("month")
    return ["", *fits]


def _numbers(name: str, values: Distinct) -> DateFinding | None:
    """Numbers that are dates: by what they hold (20240305), or by what they hold and the column's name."""
    numbers = np.array([float(v) for v in values.texts if _PLAIN.fullmatch(v)])
    if len(numbers) < NEARLY_ALL * len(values.values) or len(numbers) < 3:
        return None
    named = bool(_NAME.search(_spaced(name)))
    kinds: list[tuple[DateDigits, float, float]] = [
        ("day", 19_000_101, 21_001_231),
        ("day", 19_000_101_000_000, 21_001_231_235_959),
        ("month", 190_001, 210_012),
    ]
    kinds += [(digits, low, high) for digits, low, high, _ in _WINDOWS if named]
    for digits, low, high in kinds:
        whole = digits == "excel" or bool((numbers == np.floor(numbers)).all())
        if not whole or ((numbers < low) | (numbers > high)).mean() > 1 - NEARLY_ALL:
            continue
        if digits == "month" and not named and len(numbers) < 12:
            continue
        words = f"whole numbers that are {_MEANS[digits]}"
        found = _finish(values, "ymd" if digits == "day" else "mdy", digits, words)
        if found.share >= NEARLY_ALL:
            return found
    return None


def _spaced(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z]+", " ", parted.lower())


def _finish(values: Distinct, order: DateOrder, digits: DateDigits, words: str) -> DateFinding:
    parsed = parse_dates(list(values.values), order, digits).copy()
    wrong = np.isnan(parsed[:, 0])
    share = 1.0 - float(values.counts[wrong].sum() / max(1, values.counts.sum()))
    strays = tuple(str(values.values[i]) for i in np.flatnonzero(wrong))
    nulls = _null_days(parsed[:, 0], values.counts)
    if strays:
        words += "; read as missing: " + ", ".join(repr(s[:20]) for s in strays[:3])
    if nulls:
        parsed[np.isin(parsed[:, 0], nulls)] = np.nan
        shown = ", ".join(str(np.datetime64(int(day), "D")) for day in nulls)
        words += f"; {shown} stands far from all other dates, so it means missing"
    days = parsed[:, 0]
    timed = bool(len(days) and np.nanmax(np.abs(days - np.floor(days)), initial=0.0) > 0)
    return DateFinding(order, digits, nulls, strays, parsed, share, timed, words)


def _null_days(days: F64, counts: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Days such as 9999-12-31 that mean missing: at an end of the range and farther from all others than those spread,
    and 20 years; within reach of living memory also often (1 % of the rows, and 5)."""
    found: list[float] = []
    total = counts[~np.isnan(days)].sum()
    for text in _NULL_DATES:
        day = float(np.datetime64(text, "D").astype(int))
        rest = days[~np.isnan(days) & (days != day) & ~np.isin(days, found)]
        here = counts[days == day].sum()
        if not here or len(rest) < 3:
            continue
        gap = max(float(rest.min()) - day, day - float(rest.max()))
        rare = "1850" < text < "2200" and here < max(5, 0.01 * total)
        if gap > max(float(rest.max() - rest.min()), 7305.0) and not rare:
            found.append(day)
    return tuple(sorted(found))


def _enough(values: Distinct, found: DateFinding) -> bool:
    strays = len(found.strays)
    few_words = found.share >= WITH_FEW_WORDS and strays <= 3 and len(values.values) - strays >= 5
    return found.share >= MOSTLY or few_words


def _plausible(parsed: F64) -> bool:
    """Whether nearly all years are 1800 to 2200."""
    known = parsed[~np.isnan(parsed[:, 0]), 0]
    if not len(known):
        return False
    years = 1970 + known / 365.2425
    return bool(np.quantile(years, 0.05) >= 1800 and np.quantile(years, 0.95) <= 2200)


def _evidence(order: DateOrder, share: float, twin_share: float) -> str:
    names = {"ymd": "year first", "mdy": "month first", "dmy": "day first"}
    twin: DateOrder = "dmy" if order == "mdy" else "mdy"
    words = f"{share:.1%} of the values read as dates, {names[order]}"
    if order != "ymd" and share - twin_share < 1e-9:
        words += f" (the data would fit {names[twin]} just as well)"
    elif order != "ymd":
        words += f" ({names[twin]} would read {twin_share:.1%})"
    return words
