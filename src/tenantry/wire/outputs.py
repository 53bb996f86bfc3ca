"""From output columns to the reply body of an inference request, in JSON or in binary form."""

from array import array
from typing import Any, NamedTuple

import msgspec

_encode = msgspec.json.Encoder().encode


class OutputTensor(NamedTuple):
    """One output: ``values`` row-major (str for BYTES, floats for FP64)."""

    name: str
    datatype: str
    shape: list[int]
    values: list[Any]
    binary: bool


def encode_infer(
    name: str, version: str, request_id: str | None, outputs: list[OutputTensor]
) -> tuple[bytes, int | None]:
    """The reply's body, and the length of its JSON part where binary tensors follow (None where none does).

    Numbers that are not finite are ``null`` in JSON.
    """
    heads: list[dict[str, Any]] = []
    tails: list[bytes] = []
    for output in outputs:
        head: dict[str, Any] = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
        if output.binary:
            raw = binary_values(output)
            head["parameters"] = {"binary_data_size": len(raw)}
            tails.append(raw)
        else:
            head["data"] = output.values
        heads.append(head)
    reply: dict[str, Any] = {"model_name": name, "model_version": version}
    if request_id:
        reply["id"] = request_id
    reply["outputs"] = heads
    head_bytes = _encode(reply)
    if not any(output.binary for output in outputs):
        return head_bytes, None
    return b"".join((head_bytes, *tails)), len(head_bytes)


def binary_values(output: OutputTensor) -> bytes:
    """An output's values as the binary tensor extension, and gRPC's raw contents, carry them."""
    if output.datatype != "BYTES":
        return array("d", output.values).tobytes()
    parts: list[bytes] = []
    for value in output.values:
        raw = value.encode()
        parts += (len(raw).to_bytes(4, "little"), raw)
    return b"".join(parts)
