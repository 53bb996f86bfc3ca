"""One scoring worker: ``python -m tenantry.app.serve --home HOME --fd FD [--worker N --workers M]``.

It accepts from listening sockets that the supervisor owns, so that connections which wait while it dies are
served by a sibling. It reads the endpoint table and model files, and imports no training, table or database
code.
"""

import argparse
import asyncio
import signal
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
import uvloop

from tenantry.app.scoring import Place, ScoringWorker
from tenantry.serving import application
from tenantry.serving.http import IDLE_SECONDS, BoundedProtocol, CoreHandler, sweep
from tenantry.serving.http import serve as serve_http
from tenantry.serving.tls import Certificate
from tenantry.settings import Settings, load_settings
from tenantry.telemetry import bound, configure, get_logger

SWEEP_SECONDS = 5.0

_log = get_logger("serve")


class _Server(uvicorn.Server):
    """uvicorn's server, stopped by an event, so that a stop ends in exit code 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def run(
    worker: ScoringWorker, sockets: list[socket.socket], settings: Settings, grpc: str | None = None
) -> None:
    """Answer until SIGTERM or SIGINT; then finish the requests in flight. ``grpc``: host:port for gRPC; None: none."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    scheduler = worker.start()
    handler = CoreHandler(worker.core, scheduler)
    local = _local_socket(worker.place)
    tls = None
    if settings.tls_certificate is not None:
        tls = Certificate(settings.tls_certificate, settings.tls_key)
    edges = [serve_http(handler, [local], limits=worker.limits, stop=stop)]
    if settings.http == "own":
        edges.append(serve_http(handler, sockets, limits=worker.limits, stop=stop, certificate=tls))
    else:
        edges.append(_serve_uvicorn(worker, sockets, stop, settings))
    if grpc is not None:
        edges.append(_serve_grpc(worker, grpc, stop, settings))
    try:
        await asyncio.gather(*edges)
    finally:
        with suppress(FileNotFoundError):
            local_path(worker.place.home, worker.place.worker).unlink()
        await worker.close()


async def _serve_uvicorn(
    worker: ScoringWorker, sockets: list[socket.socket], stop: asyncio.Event, settings: Settings
) -> None:
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


async def _serve_grpc(worker: ScoringWorker, address: str, stop: asyncio.Event, settings: Settings) -> None:
    from tenantry.adapters.grpc import serve as serve_grpc  # noqa: PLC0415 — memory that few workers need to spend

    certificate = settings.tls_certificate
    tls = None if certificate is None else (certificate, settings.tls_key)
    await serve_grpc(worker.core, worker.scheduler, address, stop=stop, tls=tls)


async def _sweep(server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        late = sweep(server.server_state.connections, loop.time())
        if late:
            _log.warning("closed connections whose request did not come", count=late)


def local_path(home: Path, worker: int) -> Path:
    """The socket on which one worker alone answers, for questions about that worker."""
    return home / "run" / f"worker-{worker}.sock"


def _local_socket(place: Place) -> socket.socket:
    path = local_path(place.home, place.worker)
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    opened.bind(str(path))
    path.chmod(0o600)
    opened.listen(64)
    return opened


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one worker; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tenantry.app.serve", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument(
        "--fd", type=int, action="append", required=True, help="an inherited listening socket"
    )
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="how many there are on this machine")
    parser.add_argument("--grpc", help="host:port to listen on for gRPC; without it there is none")
    parser.add_argument("--http", help="the HTTP edge: own or uvicorn (default: TENANTRY_HTTP)")
    parser.add_argument("--log-level")
    parser.add_argument("--log-format")
    given = parser.parse_args(arguments)
    named = {"home": given.home, "http": given.http}
    named |= {"log_level": given.log_level, "log_format": given.log_format}
    settings = load_settings(overrides=named)
    configure(settings.log_level, settings.log_format)
    with bound(worker=given.worker):
        worker = ScoringWorker(
            Place(
                home=settings.home,
                worker=given.worker,
                workers=max(given.workers, given.worker + 1),
                model_bytes=settings.model_bytes,
            )
        )
        sockets = [socket.socket(fileno=number) for number in given.fd]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(worker, sockets, settings, given.grpc))
    return 0


__all__ = ["local_path", "main", "run"]

if __name__ == "__main__":
    raise SystemExit(main())
