"""Lists in one value: ``red;green``, ``a|b|c``, ``Python, SQL``, ``["x", "y"]``."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tenantry.automl.typing.distinct import Distinct
from tenantry.plan.ir import ListDelimiter
from tenantry.plan.parts import is_array, list_items

DELIMITERS: tuple[ListDelimiter, ...] = ("|", ";", ",")
MOSTLY = 0.95
MIN_SEVERAL = 0.1
"""Share of the rows that must hold two items or more."""
LONGEST_ITEM = 40
"""Characters of an item on average: beyond this they are sentences."""
MIN_RECURRING = {"|": 0.5, ";": 0.5, ",": 0.8}
"""Share of all mentions that must be of items which come back. Commas stand in sentences and names, too."""
MIN_WANDERING = 0.3
"""Share of the recurring items that must stand in several places of their lists: those of ``Last, First``, of addresses
and of paths through a catalogue keep to one."""
MOST_VALUES = 5000


@dataclass(frozen=True, slots=True)
class ListFinding:
    """``delimiter``: what parts the items of a text that is no JSON array."""

    delimiter: ListDelimiter
    evidence: str


def find_lists(values: Distinct) -> ListFinding | None:
    """How the column writes lists, or None."""
    texts = values.texts
    arrays = [is_array(text) for text in texts[:MOST_VALUES]]
    if sum(arrays) >= MOSTLY * len(arrays):
        items = {item for text in texts[:MOST_VALUES] for item in list_items(text, ",") or ()}
        return ListFinding(",", f"JSON arrays of {len(items)} different words") if len(items) > 1 else None
    if any(text[:1] in "[{" for text in texts[:50]):
        return None  # arrays of something else, objects
    for delimiter in DELIMITERS:
        if sum(delimiter in text for text in texts[:200]) >= MIN_SEVERAL * len(texts[:200]):
            found = _judge(values, delimiter)
            if found is not None:
                return found
    return None


def likely_delimiter(values: Distinct) -> ListDelimiter:
    """What most rows of a column hold that somebody called a list."""
    rows = {
        d: sum(int(c) for t, c in zip(values.texts, values.counts, strict=True) if d in t) for d in DELIMITERS
    }
    best = max(DELIMITERS, key=lambda d: rows[d])
    return best if rows[best] else ","


def _judge(values: Distinct, delimiter: ListDelimiter) -> ListFinding | None:
    lists = [list_items(text, delimiter) or [] for text in values.texts[:MOST_VALUES]]
    rows = values.counts[: len(lists)]
    several = np.array([len(items) > 1 for items in lists])
    mentions = Counter(chain.from_iterable(lists))
    if rows[several].sum() < MIN_SEVERAL * rows.sum() or several.sum() < 2 or len(mentions) < 2:
        return None
    if sum(map(len, mentions)) > LONGEST_ITEM * len(mentions) or len(mentions) > len(lists) * 2:
        return None
    recurring = {item for item, count in mentions.items() if count > 1}
    if sum(mentions[item] for item in recurring) < MIN_RECURRING[delimiter] * sum(mentions.values()):
        return None
    if _wandering(lists, recurring) < MIN_WANDERING:
        return None
    share = float(rows[several].sum() / rows.sum())
    return ListFinding(
        delimiter,
        f"lists parted by {delimiter!r}: {len(mentions)} different items, two or more in {share:.0%} of the rows",
    )


def _wandering(lists: list[list[str]], recurring: set[str]) -> float:
    """Share of the recurring items that stand in several places of their lists."""
    places: dict[str, set[int]] = {}
    for items in lists:
        for place, item in enumerate(items):
            if item in recurring:
                places.setdefault(item, set()).add(place)
    return sum(len(found) > 1 for found in places.values()) / max(1, len(places))
