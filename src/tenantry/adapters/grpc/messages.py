"""The messages of the .proto files beside this one, as classes.

They live in a descriptor pool of their own: a process may also import a client's generated modules of the same names.
"""

from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass


def _compiled() -> DescriptorPool:
    pool = DescriptorPool()
    data = files(__package__).joinpath("protocol.binpb").read_bytes()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.Add(file)
    return pool


_POOL = _compiled()


def message(name: str) -> Any:
    """The class of a message by its full name. Raises ``KeyError``."""
    return GetMessageClass(_POOL.FindMessageTypeByName(name))


def methods(service: str) -> dict[str, Any]:
    """A service's methods by name, as descriptors."""
    return dict(_POOL.FindServiceByName(service).methods_by_name)


ModelInferRequest = message("inference.ModelInferRequest")
ModelInferResponse = message("inference.ModelInferResponse")
ModelStreamInferResponse = message("inference.ModelStreamInferResponse")
HealthCheckRequest = message("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse = message("grpc.health.v1.HealthCheckResponse")
