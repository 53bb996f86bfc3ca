"""The process that does one job's work: ``python -m tenantry.app.task``, started by ``app.work``.

One JSON line on stdin says what to do (:class:`Order`); one JSON line a message on stdout says how it goes
(:class:`Progress`), and the last one how it ended (:class:`Done` or :class:`Failed`). Stdin stays open as
long as the worker lives: at its end this process kills its own group at once, so that no orphan goes on
working.
"""

import os
import resource
import signal
import sys
import threading
from typing import Any, NoReturn

import msgspec

from tenantry import telemetry
from tenantry.errors import TenantryError
from tenantry.ports.jobs import Claim
from tenantry.settings import load_settings

_NICE = 10
_SPARE_CPU_SECONDS = 600


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: a claimed job, and the settings that differ from the environment."""

    claim: Claim
    settings: dict[str, str]


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """How far the work is."""

    stage: str
    progress: float
    detail: str


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """The job's result."""

    result: dict[str, Any]


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """Why not, and whether the same may go well later."""

    error: dict[str, Any]
    transient: bool


Message = Progress | Done | Failed


def main() -> None:
    """Do the order on stdin."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    threading.Thread(target=_die_with_worker, daemon=True).start()
    os.nice(_NICE)
    # Stdout is for messages alone; what a library prints goes where logs go.
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    settings = load_settings(overrides=order.settings)
    telemetry.configure(settings.log_level, settings.log_format)

    def send(message: Message) -> None:
        channel.write(msgspec.json.encode(message) + b"\n")

    job = order.claim.job
    with telemetry.bound(tenant=job.tenant, job=job.id):
        send(_outcome(order, send))


def _outcome(order: Order, send: Any) -> Message:
    try:
        return Done(result=_work(order, send))
    except TenantryError as error:
        return Failed(error=error.as_dict(), transient=error.transient)
    except MemoryError:
        return Failed(
            error=TenantryError("job_memory", "the training ran out of memory").as_dict(), transient=False
        )
    except Exception as error:  # noqa: BLE001 (the last line of defence: whatever it is, the job must say so)
        telemetry.get_logger("tenantry.task").exception("job failed by a defect")
        shown = TenantryError("internal", f"the job met a defect: {type(error).__name__}: {error}")
        return Failed(error=shown.as_dict(), transient=False)


def _work(order: Order, send: Any) -> dict[str, Any]:
    # Imported here, so that an order that cannot be read is refused before a second is spent on imports.
    from tenantry.app.services import services_of  # noqa: PLC0415
    from tenantry.automl import train  # noqa: PLC0415
    from tenantry.workflows import TrainPayload, train_prediction, with_latest  # noqa: PLC0415

    def report(stage: str, progress: float, detail: str) -> None:
        send(Progress(stage=stage, progress=progress, detail=detail))

    with services_of(load_settings(overrides=order.settings)) as services:
        job = with_latest(services, order.claim.job)
        payload = msgspec.convert(job.payload, TrainPayload)
        _bound_cpu(payload.prediction().budget_cpu_seconds)
        return train_prediction(
            services, job, report, train, still_mine=lambda: services.jobs.heartbeat(order.claim)
        )


def _bound_cpu(budget: float) -> None:
    """The kernel ends a process that is far over its budget, whatever it is stuck in."""
    limit = int(budget * 4) + _SPARE_CPU_SECONDS
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard < 0 else min(limit, hard), hard))


def _die_with_worker() -> NoReturn:
    # Read from the descriptor itself: a thread inside Python's buffered stdin would stop the interpreter's
    # own end.
    while os.read(0, 1):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
