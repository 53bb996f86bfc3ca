"""Dates in text: whether they are dates, and in which order day, month and year stand."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenantry.automl.typing.distinct import Distinct
from tenantry.plan.ir import DateOrder
from tenantry.plan.kernel import parse_dates

F64 = npt.NDArray[np.float64]
MOSTLY = 0.95
_ORDERS: tuple[DateOrder, ...] = ("ymd", "mdy", "dmy")
_SHAPE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{8}(?!\d)"
    r"|\d{1,2}[- ]?[A-Za-z]{3,9}\.?,?[- ]?\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{2,4}"
)
"""What a date can begin like; the parser decides, this only saves it work."""


@dataclass(frozen=True, slots=True)
class DateFinding:
    """The order of a date column; ``parsed`` is per distinct value; ``timed``: it has times of day."""

    order: DateOrder
    parsed: F64
    timed: bool
    evidence: str


def find_dates(values: Distinct) -> DateFinding | None:
    """The order under which the column is dates, or None. Where the data fit two orders, month first wins, as in
    files from US software, and the evidence says so."""
    if values.numeric or values.boolean or not values.values:
        return None
    texts = values.texts
    sample = texts[:200]
    if not values.dated and sum(bool(_SHAPE.match(t)) for t in sample) < 0.9 * len(sample):
        return None
    shares: dict[DateOrder, float] = {}
    parses: dict[DateOrder, F64] = {}
    for each in _ORDERS:
        parses[each] = parse_dates(texts, each)
        known = ~np.isnan(parses[each][:, 0])
        shares[each] = float(values.counts[known].sum() / values.counts.sum())
    order: DateOrder = max(_ORDERS, key=lambda o: shares[o])
    if shares[order] < MOSTLY:
        return None
    parsed = parses[order]
    years = 1970 + parsed[~np.isnan(parsed[:, 0]), 0] / 365.2425
    if np.quantile(years, 0.05) < 1800 or np.quantile(years, 0.95) > 2200:
        return None
    days = parsed[:, 0]
    timed = bool(np.nanmax(np.abs(days - np.floor(days))) > 0)
    return DateFinding(order, parsed, timed, _evidence(order, shares))


def _evidence(order: DateOrder, shares: dict[DateOrder, float]) -> str:
    names = {"ymd": "year first", "mdy": "month first", "dmy": "day first"}
    words = f"{shares[order]:.1%} of the values read as dates, {names[order]}"
    twin: DateOrder = "dmy" if order == "mdy" else "mdy"
    if order != "ymd" and shares[order] - shares[twin] < 1e-9:
        words += f" (the data would fit {names[twin]} just as well)"
    elif order != "ymd":
        words += f" ({names[twin]} would read {shares[twin]:.1%})"
    return words
