"""From one input tensor to one column of plain values.

A column is a list of None, bool, int, float or str, or an ``array('d')`` where the values came as binary
numbers; both are what a plan takes. Nothing here knows the model: any datatype may arrive for any column, and
the plan reads numbers out of text and words out of numbers by its own rules.
"""

import struct
from array import array
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import UNSET

from tenantry.errors import InvalidRequest, Unsupported
from tenantry.wire.oip import DATATYPES, InputTensor, Parameters

Values = Sequence[Any]
"""The values of one column, one per row: a list, or an ``array('d')``."""

_FORMATS: dict[str, Literal["B", "H", "I", "Q", "b", "h", "i", "q", "f"]] = {
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP32": "f",
}
_FLOATS = frozenset({"FP16", "BF16", "FP32", "FP64"})
_TYPES_OF_NUMBERS = frozenset({int, float, bool, type(None)})
_TYPES_OF_BYTES = frozenset({str, int, float, bool, type(None)})


def decode_tensor(
    tensor: InputTensor, binary: memoryview, *, as_float: bool
) -> tuple[int, Values | None, int]:
    """Read one input: (rows, its values or None where all are missing, bytes used of ``binary``).

    ``as_float``: binary numbers become an ``array('d')`` (for a column that is a number); otherwise they keep
    their kind, so that 3 stays the word "3" and true stays "true". Raises ``InvalidRequest``
    (``input_shape``, ``input_datatype``, ``input_data``) or ``Unsupported("shared_memory")``, each naming the
    input.
    """
    shape, parameters, data = tensor.shape, tensor.parameters, tensor.data
    if not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
        raise InvalidRequest(
            "input_shape", f"input {tensor.name!r} has the shape {shape[:8]}; it must be [rows] or [rows, 1]"
        )
    rows = shape[0]
    if tensor.datatype not in DATATYPES:
        raise InvalidRequest(
            "input_datatype", f"input {tensor.name!r} has an unknown datatype, {tensor.datatype[:40]!r}"
        )
    size = _binary_size(tensor, parameters) if parameters else None
    if size is not None:
        if data is not UNSET and data is not None:
            raise _unfit(tensor, "has both data and binary_data_size")
        if size > len(binary):
            raise _unfit(tensor, f"announces {size} binary bytes, but {len(binary)} are left in the body")
        return rows, _from_binary(tensor, binary[:size], rows, as_float=as_float), size
    if data is None:
        return rows, None, 0
    if data is UNSET:
        raise _unfit(tensor, "has neither data nor binary_data_size")
    return rows, _from_json(tensor, data, rows), 0


def _binary_size(tensor: InputTensor, parameters: Parameters) -> int | None:
    if "shared_memory_region" in parameters:
        raise Unsupported("shared_memory", f"input {tensor.name!r} lies in shared memory")
    size = parameters.get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise _unfit(tensor, "has a binary_data_size that is no count of bytes")
    return size


def _from_json(tensor: InputTensor, data: list[Any], rows: int) -> list[Any]:
    allowed = _TYPES_OF_BYTES if tensor.datatype == "BYTES" else _TYPES_OF_NUMBERS
    if len(data) == rows and allowed.issuperset(map(type, data)):
        return data
    data = _flat(tensor, data, rows)
    for where, value in enumerate(data):
        if type(value) not in allowed:
            word = _KIND_WORDS.get(type(value), "nested")
            raise _unfit(tensor, f"is {tensor.datatype}, but element {where} is {word}")
    return data


_KIND_WORDS: dict[type, str] = {str: "text", dict: "an object", list: "a list"}


def _flat(tensor: InputTensor, data: list[Any], rows: int) -> list[Any]:
    """Undo one level of nesting, as for the shape [rows, 1]; then the count must be right."""
    flat: list[Any] = []
    for item in data:
        if type(item) is list:
            flat.extend(item)
        else:
            flat.append(item)
    if len(flat) != rows:
        raise _unfit(tensor, f"has {len(flat)} elements, but its shape says {rows}")
    return flat


def _from_binary(tensor: InputTensor, raw: memoryview, rows: int, *, as_float: bool) -> Values:
    datatype = tensor.datatype
    if datatype == "BYTES":
        return _texts(tensor, raw, rows)
    need = rows * DATATYPES[datatype]
    if len(raw) != need:
        raise _unfit(tensor, f"has {len(raw)} binary bytes, but {rows} elements of {datatype} take {need}")
    if datatype == "FP64":
        column = array("d")
        column.frombytes(raw)
        return column if as_float else column.tolist()
    if datatype == "BOOL":
        values: list[Any] = [byte != 0 for byte in raw]
    elif datatype == "FP16":
        values = list(struct.unpack(f"<{rows}e", raw))
    elif datatype == "BF16":
        values = _widened(raw).cast("f").tolist()
    else:
        native = array(_FORMATS[datatype])
        native.frombytes(raw)
        values = native.tolist()
    return array("d", values) if as_float or datatype in _FLOATS else values


def _widened(raw: memoryview) -> memoryview:
    """BF16 is the upper half of an FP32."""
    wide = bytearray(2 * len(raw))
    wide[2::4] = raw[0::2]
    wide[3::4] = raw[1::2]
    return memoryview(wide)


def _texts(tensor: InputTensor, raw: memoryview, rows: int) -> list[Any]:
    """BYTES: each element is its length as a little-endian uint32, then its bytes, here UTF-8."""
    values: list[Any] = []
    at, end = 0, len(raw)
    whole = raw.tobytes()
    try:
        while at < end:
            start = at + 4
            at = start + int.from_bytes(whole[at:start], "little")
            if start > end or at > end:
                raise _unfit(tensor, f"ends inside of element {len(values)}")
            values.append(whole[start:at].decode())
    except UnicodeDecodeError as error:
        raise _unfit(tensor, f"has no UTF-8 text in element {len(values)}") from error
    if len(values) != rows:
        raise _unfit(tensor, f"has {len(values)} elements, but its shape says {rows}")
    return values


def _unfit(tensor: InputTensor, what: str) -> InvalidRequest:
    return InvalidRequest("input_data", f"input {tensor.name!r} {what}", details={"input": tensor.name})
