"""The control process: the control API on a socket that the supervisor owns, or on a port of its own, and the keepers.

``python -m tenantry.app.web --home FOLDER (--fd N [--data-fd N] | --host ADDRESS --port N)``
"""

import argparse
import asyncio
import signal
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import uvicorn
import uvloop

from tenantry import telemetry
from tenantry.api.application import create_app
from tenantry.app.control import control_plane
from tenantry.app.keepers import keepers
from tenantry.app.services import Services, operator_secret, services_of
from tenantry.settings import load_settings

DRAIN_SECONDS = 5
"""How long requests in flight may take when the process is asked to stop; followers of jobs are cut off
then."""

_log = telemetry.get_logger("web")


class _Server(uvicorn.Server):
    """uvicorn's server, stopped by the loop's signal handlers, so that a stop ends in exit code 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Let the loop handle the signals that mean: stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def prepare(services: Services) -> None:
    """What must be there before anybody connects: the operator's key, and an endpoint table of the
    present state."""
    operator_secret(services)
    services.publisher.publish()


async def serve(services: Services, sockets: list[socket.socket], data_port: int | None) -> None:
    """Answer requests until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        create_app(control_plane(services, data_port=data_port)),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    await _Server(config).serve(sockets=sockets)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process; returns its exit code."""
    parser = argparse.ArgumentParser(prog="tenantry.app.web", description="the control process")
    parser.add_argument("--home", help="the home folder (default: TENANTRY_HOME)")
    parser.add_argument("--fd", type=int, help="an inherited listening socket")
    parser.add_argument("--data-fd", type=int, help="the scoring API's inherited socket, for its port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--prepare", action="store_true", help="make the home folder ready, and end")
    given = parser.parse_args(arguments)
    settings = load_settings(overrides={"home": given.home})
    telemetry.configure(settings.log_level, settings.log_format)
    with services_of(settings) as services:
        if given.prepare:
            prepare(services)
            return 0
        if given.fd is None:
            prepare(services)
        sockets = [_socket(given.fd, given.host, given.port)]
        data_port = None if given.data_fd is None else _port(given.data_fd)
        _log.info("control process started", home=str(settings.home), address=sockets[0].getsockname())
        kept = keepers(services)
        kept.start()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve(services, sockets, data_port))
        finally:
            kept.stop()
    return 0


def _socket(number: int | None, host: str, port: int) -> socket.socket:
    return socket.socket(fileno=number) if number is not None else socket.create_server((host, port))


def _port(number: int) -> int:
    """The port of a socket that belongs to somebody else."""
    other = socket.socket(fileno=number)
    try:
        return int(other.getsockname()[1])
    finally:
        other.detach()


if __name__ == "__main__":
    raise SystemExit(main())
