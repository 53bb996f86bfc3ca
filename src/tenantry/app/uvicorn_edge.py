"""The scoring API's second HTTP edge: uvicorn, for those who want it. Imported only then."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from tenantry.app.scoring import ScoringWorker
from tenantry.serving import application
from tenantry.serving.http import IDLE_SECONDS
from tenantry.serving.http.uvicorn_bounds import BoundedProtocol, sweep
from tenantry.settings import Settings
from tenantry.telemetry import get_logger

SWEEP_SECONDS = 5.0

_log = get_logger("serve")


class _Server(uvicorn.Server):
    """uvicorn's server, stopped by an event, so that a stop ends in exit code 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    worker: ScoringWorker, sockets: list[socket.socket], stop: asyncio.Event, settings: Settings
) -> None:
    """Answer until ``stop`` is set; then finish the requests in flight."""
    config = uvicorn.Config(
        application(worker.core, worker.scheduler),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=worker.limits.drain_seconds,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    server = _Server(config)

    async def ended() -> None:
        await stop.wait()
        server.should_exit = True

    background = [asyncio.create_task(ended()), asyncio.create_task(_sweep(server))]
    try:
        await server.serve(sockets)
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


async def _sweep(server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        late = sweep(server.server_state.connections, loop.time())
        if late:
            _log.warning("closed connections whose request did not come", count=late)
