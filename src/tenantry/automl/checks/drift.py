"""Whether a table to be scored looks like the one that a model learnt from, before the first score is given.

Held against the ``reference`` that a model package carries (:mod:`tenantry.automl.reference`). The yardsticks are those
of TransmogrifAI's RawFeatureFilter: fill rates, their difference and ratio, and the Jensen–Shannon divergence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tenantry.automl.arrays import F64
from tenantry.automl.checks.context import Verdict, verdict
from tenantry.automl.typing import DATE_TYPES, TEXT_TYPES, TypedColumn, type_table
from tenantry.bundle.scorecard import Finding
from tenantry.errors import InvalidData
from tenantry.schema import NUMERIC_TYPES, SemanticType

ENOUGH_ROWS = 100
FILL_GAP = 0.5
FILL_RATIO = 20.0
DIVERGENCE = 0.25
"""In bits, 0 (the same) to 1 (nothing in common); what fewer rows than ENOUGH_ROWS give by chance comes near it."""


@dataclass(frozen=True, slots=True)
class _Shares:
    """Shares of rows by bin or word, training and new, of the rows that have a value."""

    before: F64
    now: F64


def check_table(reference: Mapping[str, Any], table: pa.Table) -> tuple[Finding, ...]:
    """:func:`check_drift` of a raw table, whose columns are read by the types that training found.

    A column whose values do not fit its type any more is read as what it looks like now.
    """
    columns: list[TypedColumn] = []
    for name, bins in reference["features"].items():
        if name not in table.column_names:
            continue
        try:
            columns += type_table(table, [name], {name: SemanticType(bins["type"])})
        except InvalidData:
            columns += type_table(table, [name])
    return check_drift(reference, tuple(columns))


def check_drift(reference: Mapping[str, Any], columns: tuple[TypedColumn, ...]) -> tuple[Finding, ...]:
    """Findings about features of the table that is to be scored; the largest divergence first.

    ``reference``: as :func:`tenantry.automl.reference.reference_bins` made it. ``columns``: the new table's, read by
    the model's types; a feature that is not among them counts as empty. Fewer than 100 rows give no finding.
    """
    by_name = {column.name: column for column in columns}
    rows = max((column.values.rows for column in columns), default=0)
    if rows < ENOUGH_ROWS:
        return ()
    found: list[tuple[float, Verdict]] = []
    for name, bins in reference["features"].items():
        item = _judge(name, bins, int(reference["rows"]), by_name.get(name))
        if item is not None:
            found.append(item)
    return tuple(item.finding for _, item in sorted(found, key=lambda pair: -pair[0]))


def _judge(
    name: str, bins: Mapping[str, Any], rows: int, column: TypedColumn | None
) -> tuple[float, Verdict] | None:
    before = 1 - bins["missing"] / max(1, rows)
    now = (
        0.0
        if column is None or column.type is SemanticType.EMPTY
        else 1 - float(column.missing_rows().mean())
    )
    low, high = sorted((before, now))
    if high - low >= FILL_GAP or (high > FILL_RATIO * low and high >= 0.05):
        return 1.0 + high - low, _filled(name, before, now)
    if column is None or now == 0:
        return None
    shares = _shares(bins, column)
    distance = jensen_shannon(shares.before, shares.now)
    return (distance, _shifted(name, distance)) if distance >= DIVERGENCE else None


def jensen_shannon(p: F64, q: F64) -> float:
    """Divergence in bits of two distributions over the same bins (Lin 1991): 0 for equal ones, 1 for none in common."""
    middle = (p + q) / 2
    parts = [
        part * np.log2(np.where(part > 0, part, 1.0) / np.where(middle > 0, middle, 1.0)) for part in (p, q)
    ]
    return float(max(0.0, (parts[0].sum() + parts[1].sum()) / 2))


def _shares(bins: Mapping[str, Any], column: TypedColumn) -> _Shares:
    if "edges" in bins:
        values = _numbers(column)
        known = values[~np.isnan(values)]
        counts = np.bincount(np.searchsorted(bins["edges"], known), minlength=len(bins["counts"]))
        return _Shares(
            _share(np.asarray(bins["counts"], dtype=np.float64)), _share(counts.astype(np.float64))
        )
    codes, words = column.words()
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    now = dict(zip(words, counts, strict=True))
    listed = [float(now.pop(word, 0)) for word in bins["words"]]
    before = [*map(float, bins["words"].values()), float(bins["other"])]
    return _Shares(_share(np.array(before)), _share(np.array([*listed, float(sum(now.values()))])))


def _numbers(column: TypedColumn) -> F64:
    if column.type in NUMERIC_TYPES:
        return column.numbers()
    if column.type in DATE_TYPES:
        return np.asarray(column.dates()[:, 0])
    if column.type is SemanticType.GEOLOCATION:
        return np.asarray(column.points()[:, 0])
    if column.type in TEXT_TYPES:
        return np.array([np.nan if text is None else len(text.encode()) for text in column.texts()])
    return np.full(column.values.rows, np.nan)


def _share(counts: F64) -> F64:
    return counts / max(1.0, float(counts.sum()))


def _filled(name: str, before: float, now: float) -> Verdict:
    return verdict(
        "fill_rate_changed",
        (name,),
        f"{name} has a value in {now:.0%} of the rows to score, and had one in {before:.0%} of the training rows",
        "Look at how the two tables are made. If the column will stay like this, train again.",
        severity="warning",
        training=round(before, 4),
        scoring=round(now, 4),
    )


def _shifted(name: str, distance: float) -> Verdict:
    return verdict(
        "distribution_changed",
        (name,),
        f"{name} is distributed otherwise than in training (Jensen–Shannon divergence {distance:.2f} of 1)",
        "Scores rest on what training showed. Check that the column means the same; if it does, train again.",
        severity="warning",
        divergence=round(distance, 4),
    )
