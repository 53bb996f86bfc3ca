"""The gRPC server of one worker."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from tenantry.adapters.grpc.calls import Calls
from tenantry.adapters.grpc.health import SERVICE as HEALTH
from tenantry.adapters.grpc.health import Health
from tenantry.adapters.grpc.service import SERVICE, Service
from tenantry.errors import Unavailable
from tenantry.serving import Core, Limits, Scheduler
from tenantry.serving.tls import Certificate

MAX_CALLS = 1024
"""Most calls of one worker at a time; gRPC refuses more with RESOURCE_EXHAUSTED."""
MAX_STREAMS = 256
"""Most calls of one connection at a time; more wait at the client."""
MAX_METADATA_BYTES = 32 << 10
HANDSHAKE_SECONDS = 10

Files = tuple[Path, Path | None]
"""A certificate chain and its key, in PEM; the key may be in the chain's file."""


def options(limits: Limits) -> list[tuple[str, Any]]:
    """The server's bounds, in gRPC's words; times in milliseconds."""
    return [
        ("grpc.so_reuseport", 1),  # every worker listens on the port that the supervisor holds
        ("grpc.max_receive_message_length", limits.body_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", MAX_STREAMS),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1000),
        # Who is silent is asked whether it is there, and let go if it is not; who asks too often is let go as well.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 5),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


async def serve(
    core: Core,
    scheduler: Scheduler,
    address: str,
    *,
    stop: asyncio.Event,
    tls: Files | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Answer calls at ``address`` (host:port) until ``stop``; then finish those in flight.

    ``ready`` is told the port. Raises ``Unavailable("port_taken")`` or ``InvalidRequest("tls_certificate")``.
    """
    limits = core.state.limits
    server = aio.server(options=options(limits), maximum_concurrent_rpcs=MAX_CALLS)
    service = Service(Calls(core, scheduler))
    health = Health(core.state, stop, frozenset((SERVICE, HEALTH)))
    for name, handlers in ((SERVICE, service.handlers()), (HEALTH, health.handlers())):
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    port = _listen(server, address, tls)
    await server.start()
    if ready is not None:
        ready(port)
    try:
        await stop.wait()
    finally:
        await server.stop(limits.drain_seconds)


def _listen(server: Any, address: str, tls: Files | None) -> int:
    credentials = None if tls is None else _credentials(*tls)
    try:
        port: int = (
            server.add_insecure_port(address)
            if credentials is None
            else server.add_secure_port(address, credentials)
        )
    except RuntimeError as error:
        raise Unavailable("port_taken", f"cannot listen on {address} for gRPC: {error}") from error
    return port


def _credentials(chain: Path, key: Path | None) -> Any:
    """TLS by files that are looked at again with each handshake, so that a renewed certificate is served at once."""
    held = Certificate(chain, key)

    def read() -> Any:
        return grpc.ssl_server_certificate_configuration([((key or chain).read_bytes(), chain.read_bytes())])

    def current() -> Any:
        return read() if held.look() else None  # None: as before

    return grpc.dynamic_ssl_server_credentials(read(), current)
