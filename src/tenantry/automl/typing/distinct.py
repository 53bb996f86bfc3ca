"""A column as its distinct values and where they stand. All typing works on distinct values, so a column of a million
rows and ten words costs ten parses."""

from dataclasses import dataclass
from typing import Any, cast

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tenantry.plan.parse import SPACE

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Raw = str | int | float
SAMPLE = 1000
"""Distinct values that are looked at where only the look of most values matters."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """``values[codes[i]]`` is row i's value, or it is null where ``codes[i]`` is -1.

    ``values`` are texts, or numbers where ``numeric``. ``dated``: the column came as dates or times, written here in
    ISO form. ``boolean``: it came as booleans, written here as ``true`` and ``false``.
    """

    values: list[Raw]
    codes: I32
    counts: I64
    numeric: bool = False
    dated: bool = False
    boolean: bool = False

    @property
    def rows(self) -> int:
        """Rows of the column, nulls included."""
        return len(self.codes)

    @property
    def texts(self) -> list[str]:
        """The distinct values as text."""
        return [str(value) for value in self.values] if self.numeric else cast("list[str]", self.values)

    @property
    def present(self) -> int:
        """Rows that are not null."""
        return int(self.counts.sum())

    def take(self, rows: npt.NDArray[np.int64]) -> "Distinct":
        """The same column with these rows only; values that no row has any more are dropped."""
        codes = self.codes[rows]
        counts = np.bincount(codes[codes >= 0], minlength=len(self.values))
        kept = np.flatnonzero(counts)
        place = np.full(len(self.values) + 1, -1, dtype=np.int32)
        place[kept] = np.arange(len(kept), dtype=np.int32)
        values = [self.values[i] for i in kept]
        return Distinct(values, place[codes], counts[kept], self.numeric, self.dated, self.boolean)


def distinct_values(column: pa.ChunkedArray | pa.Array) -> Distinct:
    """The distinct values of an Arrow column, in order of first appearance. Texts that are blank count as null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # several chunks of text too large for one array
        array = array.cast(pa.large_string()).combine_chunks()
    plain, flags = _plain(array)
    if pa.types.is_null(plain.type):
        return Distinct([], np.full(len(plain), -1, dtype=np.int32), np.zeros(0, dtype=np.int64))
    encoded = _without_blanks(plain).dictionary_encode()
    codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int32)
    values = encoded.dictionary.to_pylist()
    counts = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int64)
    return Distinct(values, codes, counts, **flags)


def _without_blanks(array: Any) -> Any:
    """Blank texts and NaN as null; texts without the white space around them, as the plan reads them."""
    if pa.types.is_floating(array.type):
        return pc.if_else(pc.is_nan(array), None, array)
    if pa.types.is_integer(array.type):
        return array
    trimmed = pc.utf8_trim(array, characters=SPACE)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def _plain(array: Any) -> tuple[Any, dict[str, bool]]:
    """The column as text or numbers, and how it came."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _plain(array.dictionary_decode())
    if pa.types.is_boolean(kind):
        return pc.if_else(array, "true", "false"), {"boolean": True}
    if pa.types.is_decimal(kind):
        return array.cast(pa.float64()), {"numeric": True}
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_duration(kind):
        numbers = array.cast(pa.int64()) if pa.types.is_duration(kind) else array
        return numbers, {"numeric": True}
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return array.cast(pa.string()), {"dated": True}
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return array, {}
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        decoded = [None if v is None else v.decode("utf-8", "replace") for v in array.to_pylist()]
        return pa.array(decoded, pa.string()), {}
    texts = [None if v is None else _json_text(v) for v in array.to_pylist()]
    return pa.array(texts, pa.string()), {}


def _json_text(value: object) -> str:
    """A nested value or a time of day as text."""
    return msgspec.json.encode(value, enc_hook=str).decode()
