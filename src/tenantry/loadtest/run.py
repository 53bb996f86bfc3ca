"""A whole load test: one stage a rate, over one process or several, summed up in a report."""

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Literal

import msgspec

from tenantry import __version__
from tenantry.errors import InvalidRequest
from tenantry.loadtest.drive import MAX_CONNECTIONS, Drive, drive
from tenantry.loadtest.objectives import Objective, best_rate, check
from tenantry.loadtest.pool import Sink
from tenantry.loadtest.replay import Recorded
from tenantry.loadtest.report import Report, Stage
from tenantry.loadtest.requests import Requests
from tenantry.loadtest.samples import Samples
from tenantry.loadtest.summary import stage_of

Shape = Literal["poisson", "constant", "closed", "replay"]
LEAD_SECONDS = 0.3
"""Between the processes' being ready and their common beginning."""
BUSY_CORES, LATE_MS = 0.85, 5.0
"""From this CPU of a process and this send lag on, the report says that the generator was the limit."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, where and how long. Plain values.

    ``rates``: requests a second, one stage each (open loops). ``connections``: callers of a closed loop; the most
    connections of an open one. ``exponent``: Zipf's, over the targets in their order; 0 asks all alike. ``warmup``:
    seconds before the first stage that do not count; ``duration``: seconds of each stage; ``timeout``: seconds after
    which a request is given up. ``deadline_ms``: an answer after it is no goodput.
    """

    url: str
    requests: Requests
    shape: Shape = "poisson"
    rates: tuple[float, ...] = (100.0,)
    connections: int = MAX_CONNECTIONS
    exponent: float = 1.0
    warmup: float = 2.0
    duration: float = 10.0
    timeout: float = 10.0
    deadline_ms: float | None = None
    processes: int = 1
    seed: int = 0
    recorded: Recorded | None = None
    ca: str | None = None

    def __post_init__(self) -> None:
        """Raises ``InvalidRequest("load_shape")``."""
        wrong = [
            ("a rate must be above 0", not self.rates or min(self.rates) <= 0),
            ("a closed loop and a replay have one stage", self.shape not in _OPEN and len(self.rates) > 1),
            ("connections must be at least 1 for each process", self.connections < max(1, self.processes)),
            ("Zipf's exponent lies from 0 to 5", not 0 <= self.exponent <= 5),
            ("the duration and the time-out must be above 0", self.duration <= 0 or self.timeout <= 0),
            ("the warm-up must not be below 0", self.warmup < 0),
            ("processes must be 1 to 64", not 1 <= self.processes <= 64),
            ("a deadline must be above 0", self.deadline_ms is not None and self.deadline_ms <= 0),
            ("a replay needs a recorded log", (self.shape == "replay") != (self.recorded is not None)),
        ]
        for said, bad in wrong:
            if bad:
                raise InvalidRequest("load_shape", said)


_OPEN = ("poisson", "constant")


def load_test(
    load: Load,
    objectives: Sequence[Objective] = (),
    *,
    on_stage: Callable[[Stage], None] | None = None,
    watch: Sink | None = None,
) -> Report:
    """Run all stages; blocks. ``on_stage`` is told of each as it ends.

    ``watch``: is told of every outcome, in a run of one process.
    """
    if watch is not None and load.processes > 1:
        raise InvalidRequest("load_shape", "outcomes can be watched in one process only")
    created = time.time()
    machine = _machine()
    stages: list[Stage] = []
    run = _alone(watch) if load.processes == 1 else _Several(load)
    try:
        for number, rate in enumerate(load.rates):
            stage = _stage(load, rate, run(_drives(load, number, rate)))
            stages.append(stage)
            if on_stage is not None:
                on_stage(stage)
    finally:
        if isinstance(run, _Several):
            run.close()
    checks = check(objectives, stages)
    rising = list(load.rates) == sorted(load.rates) and len(stages) > 1
    return Report(
        created=created,
        version=__version__,
        url=load.url,
        targets=len(load.requests.targets),
        deadline_ms=load.deadline_ms,
        machine=machine,
        stages=tuple(stages),
        checks=checks,
        best_rate=best_rate(stages, checks) if objectives and rising else None,
        notes=tuple(note for stage in stages for note in _notes(load, stage)),
    )


def _drives(load: Load, number: int, rate: float) -> list[Drive]:
    """Each process's share of a stage."""
    parts = load.processes
    duration = load.recorded.seconds if load.recorded is not None else load.duration
    return [
        Drive(
            url=load.url,
            requests=load.requests,
            shape=load.shape,
            rate=rate / parts,
            connections=load.connections // parts + (part < load.connections % parts),
            exponent=load.exponent,
            warmup=load.warmup if number == 0 and load.recorded is None else 0.0,
            duration=duration,
            timeout=load.timeout,
            phase=part / parts,
            seed=load.seed + 1000 * number + part,
            recorded=load.recorded.part(part, parts) if load.recorded is not None else None,
            ca=load.ca,
        )
        for part in range(parts)
    ]


def _stage(load: Load, rate: float, samples: Samples) -> Stage:
    seconds, offered = load.duration, rate if load.shape in _OPEN else None
    if load.recorded is not None:
        seconds = load.recorded.seconds
        offered = len(load.recorded.offsets) / seconds
    return stage_of(
        samples,
        load.requests.targets,
        shape=load.shape,
        offered=offered,
        connections=load.connections,
        seconds=seconds,
        deadline_ms=load.deadline_ms,
    )


def _alone(watch: Sink | None) -> Callable[[list[Drive]], Samples]:
    return lambda drives: drive(drives[0], watch)


class _Several:
    """Processes that run their shares at the same time. The requests go to each once."""

    def __init__(self, load: Load) -> None:
        self._pool = ProcessPoolExecutor(
            load.processes, get_context("spawn"), initializer=_take, initargs=(load.requests,)
        )
        self._processes = load.processes

    def __call__(self, drives: list[Drive]) -> Samples:
        # A short wait in each makes sure that every process is up before the common beginning is named.
        list(self._pool.map(time.sleep, [0.2] * self._processes))
        start = time.monotonic() + LEAD_SECONDS
        bare = [msgspec.structs.replace(one, requests=_NOTHING, start=start) for one in drives]
        parts = list(self._pool.map(_share, bare))
        parts[0].extend(parts[1:])
        return parts[0]

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


_NOTHING = Requests(targets=(), heads=(), tails=(), spans=())
_taken: list[Requests] = []


def _take(requests: Requests) -> None:
    _taken.append(requests)


def _share(load: Drive) -> Samples:
    return drive(msgspec.structs.replace(load, requests=_taken[-1]))


def _machine() -> dict[str, str | float | int | None]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{sys.platform} {platform.machine()}",
        "load_average": round(os.getloadavg()[0], 2),
    }


def _notes(load: Load, stage: Stage) -> list[str]:
    """What a reader must know before the figures are believed."""
    busy = stage.generator_cores / load.processes >= BUSY_CORES
    late = stage.send_lag_p99_ms > LATE_MS
    at = f"at {stage.offered:,.0f}/s " if stage.offered else ""
    if busy and (late or load.shape == "closed"):
        cores = f"{stage.generator_cores:.2f} cores"
        said = f"the generator itself was at its limit ({cores}): use more processes, or another machine"
        return [f"{at}{said}"]
    if late:
        said = f"1 % of the requests went out over {stage.send_lag_p99_ms:.0f} ms late, which counts in their latency"
        return [f"{at}{said}: every connection was in use, or the generator's machine was busy"]
    return []
