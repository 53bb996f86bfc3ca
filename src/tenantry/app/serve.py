"""One scoring worker: ``python -m tenantry.app.serve --home HOME --fd FD [--worker N]``.

It accepts from listening sockets that the supervisor owns, so that connections which wait while it dies are
served by a sibling. It reads the endpoint table and plan files, and imports no training, table or database
code.
"""

import argparse
import asyncio
import gc
import signal
import socket
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from tenantry.plan import Plan
from tenantry.plan.reasons import reasons
from tenantry.serving import Core, Limits, Residency, State, TableWatcher, application
from tenantry.serving.http import BoundedProtocol, sweep
from tenantry.telemetry import bound, configure, get_logger

SWEEP_SECONDS = 5.0
IDLE_SECONDS = 75
"""How long an idle connection is kept: longer than the 60 s of common proxies, so that they close first."""

_log = get_logger("serve")


class PlanRuntime:
    """The runtime of tenantry's own plans."""

    def open(self, path: Path, /) -> Plan:
        """Map and check a plan file, whose digest was compared: its own checksum says no more."""
        return Plan.open(path, verify=False)

    def reasons(self, plan: Any, record: Mapping[str, Any], k: int, output: int | None, /) -> Sequence[Any]:
        """The strongest attributions in words."""
        return reasons(plan, record, k, output)

    def trim(self) -> None:
        """Nothing to do: a plan is a map of its file, and gone when it is unmapped."""


class _Server(uvicorn.Server):
    """uvicorn's server, stopped by the loop's signal handlers, so that a stop ends in exit code 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def build(home: Path, limits: Limits | None = None) -> tuple[Core, TableWatcher]:
    """A core over a home folder, with the published table read, and the watcher that keeps it current."""
    limits = limits or Limits()
    loader = ThreadPoolExecutor(1, "loader")
    residency = Residency(home, {"plan": PlanRuntime()}, limits.plan_bytes, loader)
    state = State(residency, limits)
    watcher = TableWatcher(home / "endpoints", state)
    watcher.look()
    return Core(state), watcher


async def serve(core: Core, watcher: TableWatcher, sockets: list[socket.socket]) -> None:
    """Answer until SIGTERM or SIGINT; then finish the requests in flight."""
    config = uvicorn.Config(
        application(core),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=core.state.limits.drain_seconds,
    )
    server = _Server(config)
    background = [asyncio.create_task(watcher.run()), asyncio.create_task(_sweep(server))]
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one worker; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tenantry.app.serve", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument(
        "--fd", type=int, action="append", required=True, help="an inherited listening socket"
    )
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--log-level", default="info")
    parser.add_argument("--log-format", default="auto")
    given = parser.parse_args(arguments)
    configure(given.log_level, given.log_format)
    with bound(worker=given.worker):
        core, watcher = build(given.home)
        # What is here now stays: the collector need not walk it again.
        gc.collect()
        gc.freeze()
        sockets = [socket.socket(fileno=number) for number in given.fd]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(core, watcher, sockets))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
