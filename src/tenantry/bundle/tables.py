"""Arrow tables to scores: columns go to the plan as the buffers that Arrow keeps, not as a Python object a value.

Not imported by the package itself: a scoring process carries no Arrow.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tenantry.plan import Plan
from tenantry.plan.kernel import category_word


def score_table(plan: Plan, table: pa.Table, threads: int = 1) -> npt.NDArray[np.float64]:
    """Calibrated scores, (rows, outputs): what ``plan.score_rows(table.to_pylist())`` gives, bit for bit.

    Columns of the plan that the table lacks are missing, others are ignored. At most ``threads`` threads; the scores
    do not depend on them. Raises ``InvalidData`` (record_value) as the plan does.
    """
    data = plan.score_columns(plan_columns(plan, table), table.num_rows, threads)
    return np.frombuffer(data, np.float64).reshape(table.num_rows, plan.n_outputs)


def plan_columns(plan: Plan, table: pa.Table) -> list[Any]:
    """``table`` as ``plan.score_columns`` takes it: an entry for each of the plan's columns."""
    present = set(table.column_names)
    return [
        _entry(table.column(name), number) if name in present else None
        for name, number in zip(plan.columns, plan.reads_numbers, strict=True)
    ]


def _entry(column: pa.ChunkedArray, number: bool | None) -> Any:  # noqa: FBT001 (the plan's own answer)
    """``number``: whether the plan reads the column as a number; None where it also reads it as words."""
    types, kind = pa.types, column.type
    if types.is_dictionary(kind):
        return _entry(pc.cast(column, kind.value_type), number)
    if types.is_null(kind):
        return None
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _text(column)
    if number is False and (types.is_integer(kind) or types.is_boolean(kind)):
        return _text(pc.cast(column, pa.string()))
    if number is False and types.is_floating(kind):
        return _words(column)
    if types.is_floating(kind) or (number and types.is_integer(kind)):
        floats = pc.cast(column, pa.float64(), safe=False)
        return np.ascontiguousarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)
    return column.to_pylist()


def _words(column: pa.ChunkedArray) -> Any:
    """Numbers that are read as words: each distinct one is spelt once."""
    codes = column.combine_chunks().dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.combine_chunks()
    spelt = pa.array([category_word(value) for value in codes.dictionary.to_pylist()], pa.string())
    return _text(pa.chunked_array([spelt.take(codes.indices)]))


def _text(column: pa.ChunkedArray) -> Any:
    """Offsets and UTF-8; a list where they are too long for 32 bits. A missing value is empty text: that is missing."""
    if column.nbytes >= 2**31 - 8 * (len(column) + 1):
        return column.to_pylist()
    if not len(column):
        return np.zeros(1, np.int32), b""
    whole = pa.concat_arrays(pc.fill_null(pc.cast(column, pa.string()), "").chunks)
    _, offsets, text = whole.buffers()
    ends = np.frombuffer(offsets, np.int32)[whole.offset : whole.offset + len(whole) + 1]
    return ends, b"" if text is None else text
