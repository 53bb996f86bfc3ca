"""One scoring worker: ``python -m tenantry.app.serve --home HOME --fd FD [--worker N --workers M]``.

It accepts from listening sockets that the supervisor owns, so that connections which wait while it dies are
served by a sibling. It reads the endpoint table and model files, and imports no training, table or database
code.
"""

import argparse
import asyncio
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import uvloop

from tenantry.app.memory import return_large_blocks
from tenantry.app.scoring import Place, ScoringWorker
from tenantry.serving.http import Bounds, CoreHandler
from tenantry.serving.http import serve as serve_http
from tenantry.serving.local_socket import listen, local_path
from tenantry.serving.tls import Certificate
from tenantry.settings import Settings, load_settings
from tenantry.telemetry import bound, configure

OTHER_FILES = 1024
"""Open files that are kept for other things than connections, where the system allows few."""


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
    local = local_path(worker.place.home, worker.place.worker)
    tls = None
    if settings.tls_certificate is not None:
        tls = Certificate(settings.tls_certificate, settings.tls_key)
    edges = [serve_http(handler, [listen(local)], limits=worker.limits, stop=stop)]
    if settings.http == "own":
        edges.append(
            serve_http(
                handler,
                sockets,
                limits=worker.limits,
                stop=stop,
                bounds=Bounds(connections=most_connections()),
                certificate=tls,
            )
        )
    else:
        from tenantry.app.uvicorn_edge import serve as serve_uvicorn  # noqa: PLC0415 — 0.1 s that most need not spend

        edges.append(serve_uvicorn(worker, sockets, stop, settings))
    if grpc is not None:
        edges.append(_serve_grpc(worker, grpc, stop, settings))
    try:
        await asyncio.gather(*edges)
    finally:
        with suppress(FileNotFoundError):
            local.unlink()
        await worker.close()


def most_connections() -> int:
    """How many connections this process may hold: each is an open file, and models and logs need some as well."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = Bounds().connections
    return most if soft == resource.RLIM_INFINITY else min(most, max(soft // 2, soft - OTHER_FILES))


async def _serve_grpc(worker: ScoringWorker, address: str, stop: asyncio.Event, settings: Settings) -> None:
    # In a thread: it takes a quarter of a second, for which HTTP need not wait.
    serve_grpc = await asyncio.to_thread(_grpc_edge)
    certificate = settings.tls_certificate
    tls = None if certificate is None else (certificate, settings.tls_key)
    await serve_grpc(worker.core, worker.scheduler, address, stop=stop, tls=tls)


def _grpc_edge() -> Callable[..., Awaitable[None]]:
    from tenantry.adapters.grpc import serve as serve_grpc  # noqa: PLC0415 — memory that only its workers spend

    return serve_grpc


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
    return_large_blocks()
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


if __name__ == "__main__":
    raise SystemExit(main())
