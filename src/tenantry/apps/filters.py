"""Segments and example sets: the rows of a table for which conditions hold."""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tenantry.apps._definition import Filter
from tenantry.errors import InvalidRequest
from tenantry.plan.ir import NumberFormat
from tenantry.plan.kernel import parse_numbers

Mask = npt.NDArray[np.bool_]
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def apply_filters(table: pa.Table, filters: Sequence[Filter]) -> pa.Table:
    """The rows for which every filter holds, in order.

    A value that is a number compares numerically, also with a text column (``"1,200"`` is 1200; what is no
    number fulfils no comparison). A value that is a text compares exactly, without surrounding white space;
    with ``<`` and its like in alphabetical order, which is the order of time for ISO dates. An empty text is
    null. A null fulfils ``is null``, ``!=`` and ``not in`` only. Raises ``InvalidRequest("column_missing")``.
    """
    if not filters:
        return table
    keep = np.ones(table.num_rows, dtype=np.bool_)
    for condition in filters:
        if condition.column not in table.column_names:
            raise InvalidRequest(
                "column_missing", f"a filter names the column {condition.column!r}, which the table lacks"
            )
        keep &= _mask(_Column(table.column(condition.column)), condition)
    return table.filter(pa.array(keep))


class _Column:
    """One column as text and as numbers, each made when first asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column
        self._text: npt.NDArray[np.object_] | None = None
        self._numbers: npt.NDArray[np.float64] | None = None

    @property
    def text(self) -> npt.NDArray[np.object_]:
        """Stripped text, None where missing."""
        if self._text is None:
            self._text = np.array([_word(value) for value in self._column.to_pylist()], dtype=np.object_)
        return self._text

    @property
    def numbers(self) -> npt.NDArray[np.float64]:
        """Numbers, NaN where missing or no number."""
        if self._numbers is None:
            self._numbers = np.asarray(parse_numbers(list(self.text), NumberFormat()), dtype=np.float64)
        return self._numbers

    @property
    def missing(self) -> Mask:
        """True where there is no value."""
        return np.array([word is None for word in self.text], dtype=np.bool_)


def _word(value: object) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() or None


def _mask(column: _Column, condition: Filter) -> Mask:
    if condition.op == "is null":
        return column.missing
    if condition.op == "is not null":
        return ~column.missing
    if condition.op in ("==", "in"):
        return _equal(column, condition.value)
    if condition.op in ("!=", "not in"):
        return ~_equal(column, condition.value)
    return _ordered(column, _ORDERS[condition.op], condition.value)


def _equal(column: _Column, value: object) -> Mask:
    if isinstance(value, list):
        hits = [_equal(column, item) for item in value]
        return np.logical_or.reduce(hits) if hits else np.zeros(len(column.text), dtype=np.bool_)
    if isinstance(value, bool):
        word = "true" if value else "false"
        return np.array([text is not None and text.lower() == word for text in column.text], dtype=np.bool_)
    if isinstance(value, int | float):
        return np.asarray(column.numbers == float(value))
    wanted = str(value).strip()
    return np.array([text == wanted for text in column.text], dtype=np.bool_)


def _ordered(column: _Column, compare: Callable[[Any, Any], Any], value: object) -> Mask:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return np.asarray(compare(column.numbers, float(value)))
    wanted = str(value).strip()
    return np.array([text is not None and compare(text, wanted) for text in column.text], dtype=np.bool_)
