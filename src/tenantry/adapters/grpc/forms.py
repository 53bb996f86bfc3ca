"""Inference requests as gRPC carries them: to the same inputs as REST's, and the outputs back.

Values come typed (``contents``, one repeated field a datatype) or raw (``raw_input_contents``, the bytes of REST's
binary tensors); the reply takes the form of the request, as Triton's clients expect.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from tenantry.adapters.grpc.messages import ModelInferResponse, ModelStreamInferResponse
from tenantry.errors import InvalidRequest
from tenantry.serving import Response, Work
from tenantry.serving.replies import encode_json
from tenantry.wire import (
    DATATYPES,
    InferRequest,
    InputTensor,
    LateRequest,
    LateTensor,
    OutputTensor,
    RequestedOutput,
    binary_values,
)

CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Datatype → the field of its typed values; FP16 and BF16 have none, and travel raw."""

LATE_ROWS = 4096
"""Typed values of more rows than this are read one input a step, so that others get their turn."""


class TypedTensor(LateTensor, frozen=True, kw_only=True, gc=False):
    """An input of a large request, whose values are still in their message."""

    contents: Any

    def ready(self) -> InputTensor:
        """The input with its values read. Raises ``InvalidRequest("input_data")``."""
        data = _values(self.name, self.datatype, self.shape[0], self.contents)
        return InputTensor(name=self.name, shape=self.shape, datatype=self.datatype, data=data)


class GrpcForm:
    """A ``ModelInferRequest`` as the :class:`~tenantry.serving.work.Form` of a piece of work.

    ``stream``: the reply is one of a stream's. ``size``: bytes of the message.
    """

    __slots__ = ("_message", "_read", "_stream", "size")

    def __init__(self, message: Any, *, stream: bool = False, size: int = 0) -> None:
        self._message = message
        self.size = size
        self._stream = stream
        self._read: tuple[InferRequest | LateRequest, memoryview] | None = None

    def request(self) -> tuple[InferRequest | LateRequest, memoryview]:
        """The request, and its raw inputs one after the other; read once, for the log and for shadows too.

        Raises ``InvalidRequest``: ``input_shape``, ``input_datatype`` or ``input_data``.
        """
        read = self._read
        if read is None:
            read = self._read = self._request()
        return read

    def _request(self) -> tuple[InferRequest | LateRequest, memoryview]:
        message = self._message
        raws = message.raw_input_contents
        inputs: list[Any] = _raw_inputs(message.inputs, raws) if raws else _typed_inputs(message.inputs)
        late = any(isinstance(tensor, LateTensor) for tensor in inputs)
        outputs = [
            RequestedOutput(name=output.name, parameters=_parameters(output.parameters))
            for output in message.outputs
        ]
        made = (LateRequest if late else InferRequest)(
            inputs=inputs,
            id=message.id or None,
            parameters=_parameters(message.parameters),
            outputs=outputs or None,
        )
        return made, memoryview(raws[0] if len(raws) == 1 else b"".join(raws))

    def rest(self) -> tuple[bytes, int | None]:
        """The same request as REST's body, and the length of its JSON where raw inputs follow."""
        request, tail = self.request()
        inputs = [tensor.ready() if isinstance(tensor, LateTensor) else tensor for tensor in request.inputs]
        head = encode_json(
            InferRequest(inputs=inputs, id=request.id, parameters=request.parameters, outputs=request.outputs)
        )
        return (head + tail, len(head)) if tail else (head, None)

    def reply(self, work: Work, request_id: str | None, outputs: list[OutputTensor]) -> Response:
        """The reply's message, serialised."""
        whole = ModelStreamInferResponse() if self._stream else ModelInferResponse()
        response = whole.infer_response if self._stream else whole
        response.model_name = work.name
        response.model_version = work.version
        response.id = request_id or ""
        if self._stream:
            # Triton's clients of streams look for it: a model here gives one reply a request.
            response.parameters["triton_final_response"].bool_param = True
        raw = bool(self._message.raw_input_contents)
        for output in outputs:
            tensor = response.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
            if raw:
                response.raw_output_contents.append(binary_values(output))
            elif output.datatype == "BYTES":
                tensor.contents.bytes_contents.extend(text.encode() for text in output.values)
            else:
                tensor.contents.fp64_contents.extend(output.values)
        return Response(200, [], whole.SerializeToString())


def _raw_inputs(tensors: Any, raws: Any) -> list[InputTensor]:
    """Inputs whose values are in ``raws``, in the same order."""
    sizes = [len(raw) for raw in raws]
    if len(sizes) != len(tensors):
        raise InvalidRequest(
            "input_data",
            f"the request has {len(tensors)} inputs, but {len(sizes)} raw_input_contents; it must be one each",
        )
    inputs = []
    for tensor, size in zip(tensors, sizes, strict=True):
        if tensor.HasField("contents"):
            raise _unfit(tensor.name, "has contents, although the request has raw_input_contents")
        inputs.append(
            InputTensor(
                name=tensor.name,
                shape=_shape(tensor),
                datatype=tensor.datatype,
                parameters={**_region(tensor), "binary_data_size": size},
            )
        )
    return inputs


def _typed_inputs(tensors: Any) -> list[InputTensor | TypedTensor]:
    rows = tensors[0].shape[0] if tensors and tensors[0].shape else 0
    if rows > LATE_ROWS:
        return [
            TypedTensor(
                name=tensor.name,
                shape=_shape(tensor) or [0],
                datatype=tensor.datatype,
                contents=_contents(tensor),
            )
            for tensor in tensors
        ]
    return [_typed(tensor) for tensor in tensors]


def _typed(tensor: Any) -> InputTensor:
    shape, region = _shape(tensor), _region(tensor)
    data = (
        UNSET
        if region
        else _values(tensor.name, tensor.datatype, shape[0] if shape else 0, _contents(tensor))
    )
    return InputTensor(name=tensor.name, shape=shape, datatype=tensor.datatype, parameters=region, data=data)


def _contents(tensor: Any) -> Any:
    if not tensor.HasField("contents") and tensor.shape and tensor.shape[0]:
        raise _unfit(tensor.name, "has no contents, and the request no raw_input_contents")
    return tensor.contents


def _values(name: str, datatype: str, rows: int, contents: Any) -> list[Any]:
    field = CONTENTS.get(datatype)
    if field is None:
        if datatype not in DATATYPES:
            raise InvalidRequest(
                "input_datatype", f"input {name!r} has an unknown datatype, {datatype[:40]!r}"
            )
        raise _unfit(name, f"is {datatype}, which has no typed contents: send it in raw_input_contents")
    values = getattr(contents, field)
    if len(values) != rows:  # before they are copied
        raise _unfit(name, f"has {len(values)} values in {field}, but its shape says {rows}")
    if datatype != "BYTES":
        return list(values)
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as error:
        raise _unfit(name, "has a value that is no UTF-8 text") from error


def _shape(tensor: Any) -> list[int]:
    shape = list(tensor.shape)
    if shape and not 0 <= min(shape) <= max(shape) <= 2**31:
        raise InvalidRequest(
            "input_shape", f"input {tensor.name!r} has the shape {shape[:8]}; it must be [rows] or [rows, 1]"
        )
    return shape


def _region(tensor: Any) -> dict[str, Any]:
    """The one parameter of an input that REST's reader has to see: it refuses shared memory."""
    region = "shared_memory_region"
    return {region: True} if region in tensor.parameters else {}


def _parameters(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Parameters as plain values; one without a value is None."""
    if not given:
        return None
    values = {}
    for name, parameter in given.items():
        choice = parameter.WhichOneof("parameter_choice")
        values[name] = None if choice is None else getattr(parameter, choice)
    return values


def _unfit(name: str, what: str) -> InvalidRequest:
    return InvalidRequest("input_data", f"input {name!r} {what}", details={"input": name})
