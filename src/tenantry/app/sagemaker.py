"""A container of Amazon SageMaker: ``python -m tenantry.app.sagemaker [--port P] [--model FOLDER] [--model-bytes N]``.

One process, one tenant, no keys: the platform in front of it knows who may ask. Models come and go by the platform's
``POST /models`` and ``DELETE /models/…``; a single model, where the platform mounts one at ``/opt/ml/model``, is
loaded at the start.
"""

import argparse
import asyncio
import gc
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import uvloop

from tenantry.adapters.sagemaker import Models, SageMakerHandler
from tenantry.admission import Gate
from tenantry.app.memory import default_model_bytes, return_large_blocks
from tenantry.app.scoring import SWITCH_SECONDS, OnnxLater, PlanRuntime
from tenantry.serving import Core, Limits, Residency, Runtime, Scheduler, State
from tenantry.serving.defects import Defects
from tenantry.serving.http import serve
from tenantry.serving.tasks import fair_queue
from tenantry.settings import load_settings
from tenantry.telemetry import configure, get_logger

SINGLE = Path("/opt/ml/model")
"""Where the platform puts the model of an endpoint that has one."""
BACKLOG = 1024
TICK_SECONDS = 1.0

_log = get_logger("sagemaker")


async def run(
    listening: socket.socket,
    model_bytes: int,
    single: Path | None,
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    """Answer until ``stop``. ``ready`` is called when ``single`` is loaded and requests are answered."""
    loop = asyncio.get_running_loop()
    loader = ThreadPoolExecutor(1, "loader")
    runtimes: dict[str, Runtime] = {"plan": PlanRuntime(), "onnx": OnnxLater()}
    with tempfile.TemporaryDirectory(prefix="tenantry-") as home:
        residency = Residency(Path(home), runtimes, model_bytes, loader)
        gate: Gate[Any] = Gate(fair_queue())
        state = State(residency, Limits(), gate=gate)
        core = Core(state)
        secret = secrets.token_urlsafe(32)
        models = Models(state, sha256(secret.encode()).hexdigest())
        if single is not None:
            await models.load("model", str(single))
        handler = SageMakerHandler(core, Scheduler(core, loop), models, secret)
        ticking = loop.create_task(_tick(residency))
        try:
            served = loop.create_task(serve(handler, [listening], limits=state.limits, stop=stop))
            gc.collect()
            gc.freeze()
            ready()
            await served
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            loader.shutdown(wait=True, cancel_futures=True)


async def _tick(residency: Residency) -> None:
    defects = Defects("a tick of the models in memory failed; the next one comes")
    while True:
        await asyncio.sleep(TICK_SECONDS)
        try:
            residency.tick()
        except Exception as error:  # noqa: BLE001 — freed memory is to be given back for as long as this runs
            defects.tell(error)


async def _until_told(listening: socket.socket, model_bytes: int, single: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, port = listening.getsockname()[:2]
    await run(listening, model_bytes, single, stop, lambda: _log.info("started", url=f"http://{host}:{port}"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the container's process; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tenantry.app.sagemaker", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 — the platform asks from outside the container
    parser.add_argument("--port", help="default: SAGEMAKER_BIND_TO_PORT, else 8080")
    parser.add_argument(
        "--model", type=Path, help=f"a model to load at the start (default: {SINGLE}, if it is there)"
    )
    parser.add_argument("--model-bytes", help="memory for models (default: TENANTRY_MODEL_BYTES)")
    parser.add_argument("--log-level")
    parser.add_argument("--log-format")
    given = parser.parse_args(arguments)
    settings = load_settings(
        overrides={
            "sagemaker_port": given.port,
            "model_bytes": given.model_bytes,
            "log_level": given.log_level,
            "log_format": given.log_format,
        }
    )
    configure(settings.log_level, settings.log_format)
    return_large_blocks()
    sys.setswitchinterval(SWITCH_SECONDS)
    single = given.model if given.model is not None else (SINGLE if SINGLE.is_dir() else None)
    listening = socket.create_server((given.host, settings.sagemaker_port), backlog=BACKLOG)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(listening, settings.model_bytes or default_model_bytes(), single))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
