"""The Open Inference Protocol v2 over gRPC, and gRPC's health protocol: another edge of the same core (B5, B12).

Receives: a core, its scheduler and an address. Hands on: each call as admitted work, exactly as the HTTP edges do, and
the replies as messages. Never knows: how models are found, scored or limited.

Imported only where a worker is told to speak gRPC: grpcio and protobuf cost memory (docs/decisions/grpc-edge.md).
"""

from tenantry.adapters.grpc.server import serve

__all__ = ["serve"]
