"""A column in a few parts that people can name: ranges, periods, words, and the missing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.typing import DATE_TYPES, TEXT_TYPES, TypedColumn
from tenantry.bundle.insights import Bin
from tenantry.schema import NUMERIC_TYPES, SemanticType

WORD_LENGTH = 80
_PERIODS = (("D", 16), ("M", 12), ("M", 24), ("Y", 16))
"""Calendar periods, the finest first, and up to how many of them a column of dates is cut into."""
_FREE = TEXT_TYPES | {SemanticType.PHONE, SemanticType.IDENTIFIER, SemanticType.GEOLOCATION}


@dataclass(frozen=True, slots=True)
class Binned:
    """``codes[i]`` is the bin of row i; ``ends``: the least and the largest value of each range, in order."""

    bins: tuple[Bin, ...]
    codes: I64
    ends: tuple[tuple[float, float], ...]


def bin_column(column: TypedColumn, most: int) -> Binned | None:
    """Up to ``most`` bins, and those of other words and of gaps; None for free texts, which have no such parts."""
    if column.type in _FREE:
        return None
    if column.type in DATE_TYPES:
        return _ordered(column, column.dates()[:, 0], most, is_date=True)
    if column.type in NUMERIC_TYPES:
        return _ordered(column, column.numbers(), most, is_date=False)
    return _words(column, most)


def told_number(value: float) -> str:
    """A number in words: four digits that count, thousands marked and whole.

    >>> told_number(1234567.8), told_number(0.12345), told_number(-20.0), told_number(1000)
    ('1,234,568', '0.1235', '-20', '1,000')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def told_day(days: float) -> str:
    """A date's day in ISO form."""
    return str(np.datetime64(int(np.floor(days)), "D"))


def _ordered(column: TypedColumn, values: F64, most: int, *, is_date: bool) -> Binned | None:
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    found = _periods(known, most) if is_date else None
    edges, names = found or (_cuts(known, most), None)
    count = len(edges) + 1
    codes = np.full(len(values), count, dtype=np.int64)
    codes[~np.isnan(values)] = np.searchsorted(edges, known, side="left")
    members = [np.sort(values[codes == b]) for b in range(count)]
    ends = [(float(part[0]), float(part[-1])) for part in members]
    lows, highs = [None, *edges.tolist()], [*edges.tolist(), None]
    bins = [
        Bin(
            label=names[b] if names else span_words(ends, b, b, is_date=is_date),
            kind="range",
            count=len(members[b]),
            share=_share(len(members[b]), len(values)),
            low=lows[b],
            high=highs[b],
        )
        for b in range(count)
    ]
    rows = [_row_of(values, codes, b, part[(len(part) - 1) // 2]) for b, part in enumerate(members)]
    return _finished(column, bins, codes, rows, ends)


def _cuts(known: F64, most: int) -> F64:
    """Inner edges: between each of a few different numbers, else so that bins hold as many records each."""
    distinct = np.unique(known)
    if len(distinct) <= most:
        return np.asarray(distinct[:-1])
    edges = np.unique(np.quantile(known, np.linspace(0, 1, most + 1)[1:-1], method="inverted_cdf"))
    return np.asarray(edges[edges < distinct[-1]])


def span_words(ends: Sequence[tuple[float, float]], first: int, final: int, *, is_date: bool) -> str:
    """Bins ``first`` to ``final`` in words, by the least and the largest value in them.

    >>> ends = [(0, 2), (3, 3), (4, 9)]
    >>> [span_words(ends, a, b, is_date=False) for a, b in [(0, 0), (1, 1), (0, 1), (1, 2), (2, 2)]]
    ['≤ 2', '3', '≤ 3', '≥ 3', '≥ 4']
    """
    low, high = ends[first][0], ends[final][1]
    tell = told_day if is_date else told_number
    if low == high:
        return tell(low)
    if first == 0:
        return f"to {tell(high)}" if is_date else f"≤ {tell(high)}"
    if final == len(ends) - 1:
        return f"from {tell(low)}" if is_date else f"≥ {tell(low)}"
    return f"{tell(low)} – {tell(high)}"


def _periods(known: F64, most: int) -> tuple[F64, list[str]] | None:
    """Days, months, or years, where there are few enough of them; each has a record."""
    days = np.floor(known).astype(np.int64).astype("datetime64[D]")
    for unit, limit in _PERIODS:
        periods = np.unique(days.astype(f"datetime64[{unit}]"))
        if 1 < len(periods) <= min(limit, most + 2):
            starts = periods.astype("datetime64[D]").astype(np.float64)
            # A bin holds what is above its low edge: any time of the day before belongs to the bin below.
            return np.nextafter(starts[1:], -np.inf), [str(period) for period in periods]
    return None


def _words(column: TypedColumn, most: int) -> Binned | None:
    codes, words = column.words()
    if not words:
        return None
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    top = np.argsort(-counts, kind="stable")[:most]
    top = top[counts[top] > 0]
    place = np.full(len(words) + 1, len(top), dtype=np.int64)
    place[top] = np.arange(len(top))
    rest = int(counts.sum() - counts[top].sum())
    place[-1] = len(top) + (rest > 0)
    found = place[codes]
    total = len(codes)
    bins = [
        Bin(label=words[i][:WORD_LENGTH], kind="word", count=int(counts[i]), share=_share(counts[i], total))
        for i in top
    ]
    rows = [int(np.argmax(found == b)) for b in range(len(top))]
    if rest:
        others = int((counts > 0).sum()) - len(top)
        bins.append(Bin(label=f"{others} others", kind="other", count=rest, share=_share(rest, total)))
        rows.append(-1)
    return _finished(column, bins, found, rows, [])


def _finished(
    column: TypedColumn, bins: list[Bin], codes: I64, rows: list[int], ends: list[tuple[float, float]]
) -> Binned:
    """Give each bin its raw value, and add that of the missing where there are any."""
    raw = column.values
    valued = [
        Bin(
            label=b.label, kind=b.kind, count=b.count, share=b.share, low=b.low, high=b.high,
            value=None if row < 0 else raw.values[raw.codes[row]],
        )
        for b, row in zip(bins, rows, strict=True)
    ]  # fmt: skip
    gaps = int((codes == len(bins)).sum())
    if gaps:
        valued.append(Bin(label="missing", kind="missing", count=gaps, share=_share(gaps, len(codes))))
    return Binned(tuple(valued), codes, tuple(ends))


def _row_of(values: F64, codes: I64, code: int, value: float) -> int:
    """A row of the bin that holds this value."""
    return int(np.flatnonzero((codes == code) & (values == value))[0])


def _share(count: float, total: int) -> float:
    return round(float(count) / max(total, 1), 4)
