"""What a table looks like, column by column, before anybody learns from it (A15)."""

from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

SAMPLE_ROWS = 100_000
"""Distinct values and examples come from the first rows only, so that profiling stays a fraction of reading.
"""


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One column. ``missing``: share of nulls, 0–1; ``distinct``: distinct values among the first
    ``SAMPLE_ROWS`` rows; ``examples``: the most frequent values as text.
    """

    name: str
    missing: float
    distinct: int
    examples: tuple[str, ...]


def profile_table(table: pa.Table) -> tuple[ColumnProfile, ...]:
    """Profile every column of an Arrow table, in order."""
    head = table.slice(0, SAMPLE_ROWS)
    return tuple(
        _profile(field.name, table.column(i), head.column(i), table.num_rows)
        for i, field in enumerate(table.schema)
    )


def _profile(name: str, whole: Any, head: Any, rows: int) -> ColumnProfile:
    missing = whole.null_count / rows if rows else 0.0
    if pa.types.is_nested(head.type) or pa.types.is_null(head.type):
        return ColumnProfile(name=name, missing=missing, distinct=0, examples=())
    counts = pc.value_counts(head.combine_chunks().drop_null())
    top = sorted(counts, key=lambda item: (-item["counts"].as_py(), str(item["values"].as_py())))[:5]
    examples = tuple(str(item["values"].as_py())[:80] for item in top)
    return ColumnProfile(name=name, missing=missing, distinct=len(counts), examples=examples)
