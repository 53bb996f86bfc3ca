"""Types of the Open Inference Protocol v2 (REST), as KServe and Triton publish them.

Spec: kserve "Open Inference Protocol" v2 REST, with Triton's extensions for binary tensor data,
classification, parameters and schedule policy. Unknown members of a request are ignored, as the published
servers do.
"""

import json
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tenantry.errors import InvalidRequest

DATATYPES: dict[str, int] = {
    "BOOL": 1,
    "UINT8": 1,
    "UINT16": 2,
    "UINT32": 4,
    "UINT64": 8,
    "INT8": 1,
    "INT16": 2,
    "INT32": 4,
    "INT64": 8,
    "FP16": 2,
    "BF16": 2,
    "FP32": 4,
    "FP64": 8,
    "BYTES": 0,
}
"""Tensor datatypes → bytes of one element in binary form; 0 where elements carry their own length."""

EXTENSIONS = (
    "binary_tensor_data", "classification", "model_repository", "model_repository(unload_dependents)", "parameters",
    "schedule_policy", "statistics",
)  # fmt: skip
"""Extensions that the server names in its metadata."""

Parameters = dict[str, Any]
Dimension = Annotated[int, Meta(ge=0, le=2**31)]


class InputTensor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One input. ``data`` is UNSET where the values follow in binary form, and None where every value is
    missing.
    """

    name: str
    shape: list[Dimension]
    datatype: str
    parameters: Parameters | None = None
    data: list[Any] | UnsetType | None = UNSET


class LateTensor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An input of a large request, whose values are still JSON text, so that each can be read in its own turn."""

    name: str
    shape: list[Dimension]
    datatype: str
    parameters: Parameters | None = None
    data: msgspec.Raw = msgspec.Raw()

    def ready(self) -> InputTensor:
        """The input with its values read. Raises ``InvalidRequest("body_json")``."""
        data: list[Any] | UnsetType | None = UNSET
        if self.data:
            try:
                data = _data_decoder.decode(self.data)
            except msgspec.ValidationError as error:
                raise _wrong(f"the data of input {self.name!r} are wrong: {error}", error) from error
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                raise InvalidRequest(
                    "body_json", f"the data of input {self.name!r} are wrong: {error}"
                ) from error
        return InputTensor(
            name=self.name, shape=self.shape, datatype=self.datatype, parameters=self.parameters, data=data
        )


class RequestedOutput(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One output that the caller wants, and in which form."""

    name: str
    parameters: Parameters | None = None


class InferRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The JSON part of an inference request."""

    inputs: list[InputTensor]
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[RequestedOutput] | None = None


class LateRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The JSON part of a large inference request."""

    inputs: list[LateTensor]
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[RequestedOutput] | None = None


class TensorMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Name, datatype and shape of one input or output; -1 stands for the number of rows."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Reply of ``GET /v2/models/{name}``. ``parameters`` says what the tensors cannot: task, classes,
    target.
    """

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]
    parameters: Parameters


class ServerMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Reply of ``GET /v2``."""

    name: str
    version: str
    extensions: tuple[str, ...] = EXTENSIONS


LATE_BYTES = 256 << 10
"""JSON above this size is read in parts; below, in one go (a millisecond or so)."""

_data_decoder: msgspec.json.Decoder[list[Any] | None] = msgspec.json.Decoder(list[Any] | None)
_infer_decoder = msgspec.json.Decoder(InferRequest)
_late_decoder = msgspec.json.Decoder(LateRequest)
_any_decoder = msgspec.json.Decoder()
_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def decode_infer(data: bytes | memoryview) -> InferRequest | LateRequest:
    """Read the JSON part of an inference request. Raises ``InvalidRequest("body_json")`` naming the place."""
    try:
        return (_infer_decoder if len(data) <= LATE_BYTES else _late_decoder).decode(data)
    except msgspec.ValidationError as error:
        raise _wrong(f"the inference request is wrong: {error}", error) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        value = _lenient(bytes(data), error)
    try:
        return msgspec.convert(value, InferRequest)
    except msgspec.ValidationError as error:
        raise InvalidRequest("body_json", f"the inference request is wrong: {error}") from error


def read_json(data: bytes | msgspec.Raw) -> Any:
    """Read any JSON. Raises ``InvalidRequest("body_json")`` naming the place."""
    try:
        return _any_decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return _lenient(bytes(data), error)


def read_records(data: bytes) -> Any:
    """Read JSON that is probably a list of records; a large list's items stay text (``msgspec.Raw``) for later.

    Raises as :func:`read_json`.
    """
    if len(data) > LATE_BYTES and data.lstrip()[:1] == b"[":
        try:
            return _list_decoder.decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return _lenient(data, error)
    return read_json(data)


def _wrong(message: str, error: msgspec.ValidationError) -> InvalidRequest:
    """A refusal of JSON that is well formed. msgspec says by its words alone that a number was too large."""
    return InvalidRequest("number_range" if "Number out of range" in str(error) else "body_json", message)


def _lenient(raw: bytes, error: Exception) -> Any:
    """Read JSON with the literals NaN and Infinity, which are none of its own.

    Some clients write them for floats (tritonclient with ``binary_data=False``, Python's json of a data
    frame), and the standard library reads them.
    """
    if b"NaN" in raw or b"Infinity" in raw:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError) as second:
            error = second
    if isinstance(error, msgspec.ValidationError):
        # Of any JSON only a number can be wrong in itself: 1e999 is beyond what a float holds.
        raise InvalidRequest("number_range", f"a number in the body cannot be held: {error}") from error
    what = "nested too deeply" if isinstance(error, RecursionError) else f"not JSON: {error}"
    what = what if raw.strip() else "empty"
    raise InvalidRequest("body_json", f"the body is {what}") from error
