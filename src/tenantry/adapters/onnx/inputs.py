"""Raw values to the inputs of an exported graph (docs/onnx.md), read by the functions that the plan itself uses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
import numpy as np

from tenantry.errors import InvalidData
from tenantry.plan.ir import DateDigits, DateOrder, NumberFormat, WordPart
from tenantry.plan.kernel import category_word, parse_dates, parse_numbers, tokens
from tenantry.plan.layout import ORDERS
from tenantry.plan.parts import word_part

BYTES_SUFFIX = ":bytes"
Feed = dict[str, Any]
Read = Callable[[list[Any]], Any]


class Input(msgspec.Struct, frozen=True):
    """One entry of the graph's ``tenantry.inputs``: which column it is, and how that column's text is read."""

    input: str
    column: str
    kind: Literal["number", "date", "category", "text"]
    decimal: str = ""
    unit_tail: bool = False
    units: Mapping[str, float] = {}
    clock: bool = False
    order: str = ""
    digits: DateDigits = ""
    part: WordPart = "word"
    prefix_bytes: int = 0

    @property
    def whole(self) -> bool:
        """Whether it says how its column is read; the first exports did not."""
        if self.kind == "number":
            return self.decimal in (".", ",")
        return self.kind != "date" or self.order in ORDERS


input_decoder = msgspec.json.Decoder(tuple[Input, ...])


def fill(inputs: Sequence[Input], with_bytes: frozenset[str], columns: Sequence[Any], rows: int) -> Feed:
    """The graph's inputs for ``rows`` rows of columns (None = all missing). Several inputs may read one column.

    Raises ``InvalidData("record_value")`` for a value that no column takes, ``ValueError`` for a column of another
    length, ``TypeError`` for one that is neither a list nor a buffer of float64.
    """
    names = dict.fromkeys(one.column for one in inputs)
    if len(columns) != len(names):
        raise ValueError(f"{len(columns)} columns in place of {len(names)}")
    given = dict(zip(names, columns, strict=True))
    feed: Feed = {}
    for one in inputs:
        values = _values(one, given[one.column], rows)
        try:
            if one.kind == "number":
                feed[one.input] = values if isinstance(values, np.ndarray) else _numbers(one, values)
            elif one.kind == "date":
                feed[one.input] = _days(one, values)
            elif one.kind == "category":
                words = [word_part(category_word(value), one.part, one.prefix_bytes) for value in values]
                feed[one.input] = _texts([word or "" for word in words])
            else:
                words = [category_word(value) for value in values]
                feed[one.input] = _texts([_joined(word) for word in words])
                if one.input in with_bytes:
                    feed[one.input + BYTES_SUFFIX] = np.array([_length(word) for word in words])
        except InvalidData as error:
            raise _about(one.column, error) from error
    return feed


def fill_one(inputs: Sequence[Input], with_bytes: frozenset[str], record: Mapping[str, Any]) -> Feed:
    """The same for one record."""
    return fill_records(inputs, with_bytes, [record])


def fill_records(
    inputs: Sequence[Input], with_bytes: frozenset[str], records: Sequence[Mapping[str, Any]]
) -> Feed:
    """The same for several."""
    names = dict.fromkeys(one.column for one in inputs)
    columns = [[record.get(name) for record in records] for name in names]
    return fill(inputs, with_bytes, columns, len(records))


def _values(one: Input, column: Any, rows: int) -> Any:
    """A column's values: a list, or an array where a buffer of numbers can be taken as it is."""
    if column is None:
        return [None] * rows
    values = column
    if not isinstance(column, list):
        view = memoryview(column)
        if view.format not in ("d", "<d") or view.ndim != 1:
            raise TypeError(f"column '{one.column}' is neither None nor a list nor a buffer of float64")
        values = np.frombuffer(view, np.float64)
        if one.kind != "number":
            values = values.tolist()
    if len(values) != rows:
        raise ValueError(f"column '{one.column}' has {len(values)} values in place of {rows}")
    return values


def _numbers(one: Input, values: list[Any]) -> Any:
    # Numbers that mean missing are the graph's own business.
    written = NumberFormat(
        decimal="," if one.decimal == "," else ".",
        unit_tail=one.unit_tail,
        units=tuple(one.units.items()),
        clock=one.clock,
    )
    return parse_numbers(values, written)


def _days(one: Input, values: list[Any]) -> Any:
    return np.ascontiguousarray(parse_dates(values, cast("DateOrder", one.order), one.digits)[:, 0])


def _texts(words: list[str]) -> Any:
    return np.array(words, dtype=object)


def _joined(text: str | None) -> str:
    """A text as its tokens; one space where there is a text without any."""
    return "" if text is None else " ".join(word for word in tokens(text) if " " not in word) or " "


def _length(text: str | None) -> float:
    return float("nan") if text is None else float(len(text.encode()))


def _about(column: str, error: InvalidData) -> InvalidData:
    """The kernel names the value's place ("value 3 holds …", "the value holds …"); a caller wants the column."""
    what = error.message.partition(" holds ")[2]
    return InvalidData(error.code, f"column '{column}' holds {what}", hint=error.hint, details=error.details)
