"""The C kernel for Python: the open :class:`Plan`, and the reading functions of :mod:`tenantry.plan.parse` with the
same results bit for bit, fast enough for whole training columns.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tenantry.plan import _kernel
from tenantry.plan._kernel import category_word, tokens
from tenantry.plan.dates import DATE_PARTS
from tenantry.plan.hashing import build_table, table_key
from tenantry.plan.ir import F32, F64, DateDigits, DateOrder, NumberFormat
from tenantry.plan.layout import DIGITS, ORDERS
from tenantry.plan.model import Plan
from tenantry.plan.parse import TF_WEIGHTS, Csr

__all__ = ["Csr", "Plan", "category_word", "parse_dates", "parse_numbers", "text_matrix", "tokens"]


def parse_numbers(values: Iterable[Any], format: NumberFormat) -> F64:  # noqa: A002 (the word of the domain)
    """Values → float64 (n,), NaN where missing or not a number (:func:`tenantry.plan.parse.parse_numbers`)."""
    units = _table([unit for unit, _ in format.units])
    factors = np.array([factor for _, factor in format.units], np.float64).tobytes()
    nulls = np.array(format.nulls, np.float64).tobytes()
    comma = format.decimal == ","
    raw = _kernel.parse_numbers(_list(values), comma, format.unit_tail, format.clock, nulls, *units, factors)
    return np.frombuffer(bytearray(raw), np.float64)


def parse_dates(values: Iterable[Any], order: DateOrder, digits: DateDigits = "") -> F64:
    """Values → float64 (n, 7), the parts of dates (:func:`tenantry.plan.parse.parse_dates`)."""
    raw = _kernel.parse_dates(_list(values), ORDERS.index(order), DIGITS.index(digits))
    return np.frombuffer(bytearray(raw), np.float64).reshape(-1, DATE_PARTS)


def text_matrix(values: Iterable[Any], tokens: Sequence[str], idf: F32, *, scripts: bool = False) -> Csr:
    """TF-IDF rows over known tokens (:func:`tenantry.plan.parse.text_matrix`)."""
    data, indices, ends = _kernel.text_matrix(
        _list(values),
        *_table(tokens),
        np.ascontiguousarray(idf, np.float32).tobytes(),
        TF_WEIGHTS.tobytes(),
        scripts,
    )
    return Csr(
        np.frombuffer(bytearray(data), np.float32),
        np.frombuffer(bytearray(indices), np.int32),
        np.frombuffer(bytearray(ends), np.int64),
    )


def _table(words: Sequence[str]) -> tuple[bytes, bytes, int, int, int]:
    """A hash table that gives each word its number: entries, strings, longest probe, longest word, key."""
    strings = bytearray()
    raw = [word.encode() for word in words]
    key = table_key(raw)
    entries, longest = build_table(raw, range(len(raw)), key, strings)
    packed = entries.tobytes() if raw else b""
    return packed, bytes(strings), longest, max(map(len, raw), default=0), key


def _list(values: Iterable[Any]) -> list[Any]:
    return values if isinstance(values, list) else list(values)
