"""Rows of typed columns as the raw records that a caller would send."""

from typing import Any

from tenantry.automl.arrays import I64
from tenantry.automl.typing import TypedColumn

Record = dict[str, Any]


def raw_records(columns: tuple[TypedColumn, ...], rows: I64) -> list[Record]:
    """One mapping a row; a missing value is None."""
    lists = [
        [None if c < 0 else column.values.values[c] for c in column.values.codes[rows]] for column in columns
    ]
    names = [column.name for column in columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]


def hostile_records(columns: tuple[TypedColumn, ...], like: list[Record]) -> list[Record]:
    """Records that no table holds: all null, none of the columns, unseen words, huge and non-finite numbers, wrong
    kinds in every column, each alone and among the values of an ordinary record."""
    odd: tuple[Any, ...] = (
        None,
        "",
        " \t ",
        "never seen before",
        "\u2603 \U0001f600",
        "9" * 400,
        -1e308,
        1e308,
        float("inf"),
        float("-inf"),
        float("nan"),
        0,
        -0.0,
        1 << 80,
        True,
        "2024-02-30",
        "31/12/1999",
        "x" * 5000,
        "$1,234.50",
        "(12)",
    )
    names = [column.name for column in columns]
    records: list[Record] = [{}, {"no such column": 1}]
    records += [dict.fromkeys(names, value) for value in odd]
    for i, value in enumerate(odd):
        if like:
            record = dict(like[i % len(like)])
            record[names[i % len(names)]] = value
            records.append(record)
    return records
