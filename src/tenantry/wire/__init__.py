"""What travels: the Open Inference Protocol v2 over REST, with its binary tensor extension.

Receives: request bodies. Hands on: typed requests and columns of plain values; and, the other way, reply
bodies. Never knows: tenants, models, HTTP status, or who asks.
"""

from tenantry.wire.bodies import inflate, split_body
from tenantry.wire.oip import (
    DATATYPES,
    EXTENSIONS,
    InferRequest,
    InputTensor,
    LateRequest,
    LateTensor,
    ModelMetadata,
    RequestedOutput,
    ServerMetadata,
    TensorMetadata,
    decode_infer,
    read_json,
    read_records,
)
from tenantry.wire.outputs import OutputTensor, binary_values, encode_infer
from tenantry.wire.tensors import Values, decode_tensor

__all__ = [
    "DATATYPES",
    "EXTENSIONS",
    "InferRequest",
    "InputTensor",
    "LateRequest",
    "LateTensor",
    "ModelMetadata",
    "OutputTensor",
    "RequestedOutput",
    "ServerMetadata",
    "TensorMetadata",
    "Values",
    "binary_values",
    "decode_infer",
    "decode_tensor",
    "encode_infer",
    "inflate",
    "read_json",
    "read_records",
    "split_body",
]
