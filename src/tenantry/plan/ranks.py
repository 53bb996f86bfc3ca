"""Where a value stands among the records that a plan was learnt from.

Loads neither NumPy nor the compiler: scoring processes use it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from tenantry.plan.meta import ColumnMeta


class Rank(NamedTuple):
    """Shares of the training records (0–1) that are lower, or earlier, and that are higher, or later."""

    lower: float
    higher: float


def rank_of(number: float, quantiles: Sequence[float]) -> Rank | None:
    """The place of a number on a ladder of quantiles; None where the ladder tells nothing apart.

    Between two rungs it is in proportion. On a rung it is what is sure: how many equal values there are up to the
    next rung cannot be known.

    >>> rank_of(3, (0, 2, 4, 4, 4)), rank_of(4, (0, 2, 4, 4, 4)), rank_of(9, (0, 2, 4, 4, 4)), rank_of(1, (1, 1))
    (Rank(lower=0.375, higher=0.625), Rank(lower=0.25, higher=0.0), Rank(lower=1.0, higher=0.0), None)
    """
    last = len(quantiles) - 1
    if last < 1 or quantiles[0] == quantiles[last]:
        return None
    first, after = bisect_left(quantiles, number), bisect_right(quantiles, number)
    if after == 0 or first > last:
        return Rank(1.0, 0.0) if after else Rank(0.0, 1.0)
    if first < after:
        return Rank(max(first - 1, 0) / last, max(last - after, 0) / last)
    below, above = quantiles[first - 1], quantiles[first]
    share = (first - 1 + (number - below) / (above - below)) / last
    return Rank(share, 1.0 - share)


def share_of(word: str, column: ColumnMeta) -> float | None:
    """The share of the training records (0–1) with this word; None where it is none of the most frequent."""
    try:
        place = column.top_values.index(word)
    except ValueError:
        return None
    return column.top_shares[place] if place < len(column.top_shares) else None


def per_cent(share: float) -> str:
    """A share in words that never round to nothing or to all.

    >>> per_cent(0.934), per_cent(0.004), per_cent(0.999), per_cent(0.0), per_cent(1.0)
    ('93 %', 'under 1 %', 'over 99 %', '0 %', '100 %')
    """
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"
