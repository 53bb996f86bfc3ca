"""Raw records made from a plan itself, for proving that an export scores as the plan does.

Every column is walked through what can make a difference: both sides of its thresholds, each of its words,
an unseen word, white space, known tokens alone and in pairs, and missing values.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tenantry.plan.ir import (
    CategoryColumn,
    DateColumn,
    NumberColumn,
    PlanColumn,
    PlanSpec,
    TextColumn,
    WordPart,
)

LIMIT = 200
"""Most values walked through per column."""
_FORMATS = {"ymd": "%Y-%m-%d", "mdy": "%m/%d/%Y", "dmy": "%d/%m/%Y"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def probe_records(spec: PlanSpec, rows: int = 400, seed: int = 0) -> list[dict[str, Any]]:
    """``rows`` records, the same for the same plan and seed; the first one is empty."""
    rng = np.random.default_rng(seed)
    thresholds: dict[int, list[float]] = {}
    for tree in spec.trees:
        for slot, threshold in zip(tree.feature.tolist(), tree.threshold.tolist(), strict=True):
            thresholds.setdefault(slot, []).append(threshold)
    records: list[dict[str, Any]] = [{} for _ in range(rows)]
    for name in spec.inputs:
        views = [column for column in spec.columns if column.name == name]
        values = [value for column in views for value in _values(column, thresholds, rng)]
        if len(values) > LIMIT:
            values = [values[i] for i in sorted(rng.choice(len(values), LIMIT, replace=False))]
        picks = rng.permutation(np.resize(np.arange(len(values)), rows - 1))
        for record, pick in zip(records[1:], picks.tolist(), strict=True):
            record[name] = values[pick]
    return records


def _values(
    column: PlanColumn, thresholds: dict[int, list[float]], rng: np.random.Generator
) -> Iterator[Any]:
    yield None
    match column:
        case NumberColumn():
            yield from (0.0, -1.5, 1e30, -1e30, 1e300, "", "not a number", *column.format.nulls)
            yield from _both_sides(thresholds.get(column.slot, []))
        case DateColumn():
            yield "no date"
            days = [*_both_sides(thresholds.get(column.days, [])), *rng.uniform(-30_000, 60_000, 60).tolist()]
            yield from (_date(day, column, timed=i % 2 == 0) for i, day in enumerate(days))
        case CategoryColumn():
            yield from (
                "",
                "never seen before",
                f" {column.words[0]} " if column.words else " ",
                *column.words,
            )
            if column.part != "word":
                yield from (made for word in column.words for made in _whole(word, column.part))
        case TextColumn():
            yield from ("", " ", "!?", "never seen before")
            yield from (token.upper() for token in column.tokens)
            known = list(column.tokens) or ["word"]
            for length in rng.integers(2, 30, 100).tolist():
                yield ", ".join(rng.choice([*known, "other"], length).tolist())
                yield " ".join(rng.choice(known, length).tolist())


def _both_sides(thresholds: list[float]) -> Iterator[float]:
    for threshold in sorted(set(thresholds)):
        yield threshold
        yield float(np.nextafter(np.float32(threshold), np.float32(np.inf)))


def _date(days: float, column: DateColumn, *, timed: bool) -> str:
    days = min(max(days, -700_000.0), 2_900_000.0)  # years 1 to 9999 are all that a date text can say
    moment = _EPOCH + timedelta(seconds=round(days * 86_400))
    text = moment.strftime(_FORMATS[column.order])
    return text + moment.strftime(" %H:%M:%S") if timed else text


def _whole(word: str, part: WordPart) -> Iterator[str]:
    """Values that have this part."""
    if part == "email_domain":
        yield f"someone@{word.upper()}"
    elif part == "url_domain":
        yield f"https://www.{word}:80/somewhere"
    else:
        yield f"{word} and more"
