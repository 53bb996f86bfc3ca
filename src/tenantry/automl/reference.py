"""Bins and counts of the training data, against which later records and scores are held (monitoring).

``{"rows", "features": {name: {...}}, "score": {"edges", "counts"}}``. A number or date has ``edges`` (inner quantiles,
rising; a date's in days since 1970-01-01) and ``counts`` (one more than edges; bin i holds edges[i-1] < x <= edges[i]);
a word column has ``words`` (word → count, the 50 most frequent) and ``other``; every feature has ``missing``; a text's
edges are of its length in bytes, a place's of its latitude.
"""

from typing import Any

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.typing import DATE_TYPES, TEXT_TYPES, TypedColumn
from tenantry.schema import NUMERIC_TYPES, SemanticType

BINS = 10
SCORE_BINS = 20
TOP_WORDS = 50


def reference_bins(columns: tuple[TypedColumn, ...], scores: F64) -> dict[str, Any]:
    """``scores``: one a row: the positive class's probability, the top class's, or the value."""
    edges, counts = _histogram(scores, SCORE_BINS)
    return {
        "rows": columns[0].values.rows,
        "features": {column.name: _feature(column) for column in columns},
        "score": {"edges": edges, "counts": counts, "mean": float(scores.mean())},
    }


def _feature(column: TypedColumn) -> dict[str, Any]:
    missing = int(column.missing_rows().sum())
    kind = column.type.value
    if column.type in NUMERIC_TYPES:
        values = column.numbers()
    elif column.type in DATE_TYPES:
        values = column.dates()[:, 0]
    elif column.type is SemanticType.GEOLOCATION:
        values = column.points()[:, 0]
    elif column.type in TEXT_TYPES:
        values = np.array([np.nan if t is None else len(t.encode()) for t in column.texts()])
    else:
        return {"type": kind, "missing": missing, **_words(column)}
    edges, counts = _histogram(values[~np.isnan(values)], BINS)
    return {"type": kind, "missing": missing, "edges": edges, "counts": counts}


def _words(column: TypedColumn) -> dict[str, Any]:
    codes, words = column.words()
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    top = np.argsort(-counts, kind="stable")[:TOP_WORDS]
    return {"words": {words[i]: int(counts[i]) for i in top}, "other": int(counts.sum() - counts[top].sum())}


def _histogram(values: F64, bins: int) -> tuple[list[float], list[int]]:
    if not len(values):
        return [], [0]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return [float(edge) for edge in edges], [int(count) for count in counts]
