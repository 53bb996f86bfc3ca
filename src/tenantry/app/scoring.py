"""A scoring worker, put together: its models, its gate, its recorders, its table, and the beat that keeps all fresh."""

import asyncio
import ctypes
import gc
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tenantry.admission import Gate, SharedLimits
from tenantry.app.memory import default_model_bytes
from tenantry.plan import Plan
from tenantry.plan.reasons import reasons
from tenantry.predictions.record import KIND as INFERENCE
from tenantry.routing.observed import KIND as ROLLOUTS
from tenantry.segments import SegmentWriter
from tenantry.serving import Core, Limits, Residency, Runtime, Scheduler, ScoringPlan, State, TableWatcher
from tenantry.serving.defects import Defects
from tenantry.serving.eviction import EvictionEvent, EvictionLog
from tenantry.serving.inference_log import InferenceLog
from tenantry.serving.metrics import Metrics
from tenantry.serving.observations import Observations
from tenantry.serving.request_log import RequestLog
from tenantry.serving.stats import Stats
from tenantry.serving.stats_merged import Merged
from tenantry.serving.tasks import fair_queue
from tenantry.telemetry import bind, get_logger

BEAT_SECONDS = 1.0
"""How often figures are published and observations handed over."""
SWITCH_SECONDS = 0.0005
"""The interpreter's turn: a cold model's loading is not to hold up the loop for longer at a time."""
GC_THRESHOLDS = (20_000, 20, 100)
"""Requests leave no cycles behind, and a full collection walks every model in memory: seldom is often enough."""
RESIDENCY = "residency"
"""The segments of evictions."""

_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
_log = get_logger("serve")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a worker stands: its home folder, its number among the machine's workers, and the bytes its models may
    take (0: its part of a quarter of the memory).
    """

    home: Path
    worker: int = 0
    workers: int = 1
    model_bytes: int = 0


class PlanRuntime:
    """The runtime of tenantry's own plans."""

    def open(self, path: Path, /) -> Plan:
        """Map and check a plan file."""
        # The residency has compared the whole file's SHA-256, so the plan's own checksum would only cost time.
        return Plan.open(path, verify=False)

    def trim(self) -> None:
        """Maps are gone when they are unmapped; the small objects beside them are given back here (glibc)."""
        if _malloc_trim is not None:
            _malloc_trim(0)

    def reasons(self, plan: Any, record: Mapping[str, Any], k: int, output: int | None, /) -> Sequence[Any]:
        """The strongest attributions in words."""
        return reasons(plan, record, k, output)


class ScoringWorker:
    """Everything of one worker but its edges. ``start`` and ``close`` on the event loop."""

    def __init__(self, place: Place, limits: Limits | None = None) -> None:
        home, number = place.home, place.worker
        limits = limits or Limits()
        self.place = place
        self.limits = limits
        told = partial(bind, worker=number)
        self._loader = ThreadPoolExecutor(1, "loader", initializer=told)
        self._background = ThreadPoolExecutor(1, "background", initializer=told)
        self._reader = ThreadPoolExecutor(1, "table", initializer=told)
        self._missed = Defects("a part of the worker's beat failed; the next one comes")
        self._published: Future[None] | None = None
        self._shared = SharedLimits(home / "run" / "limits", worker=number, workers=place.workers)
        spool = home / "spool"
        self._evictions = SegmentWriter(spool, RESIDENCY, number, budget_bytes=16 << 20)
        self._rollouts = SegmentWriter(spool, ROLLOUTS, number, max_seconds=1.0)
        self.residency = Residency(
            home,
            {"plan": PlanRuntime(), "onnx": OnnxLater()},
            place.model_bytes or default_model_bytes(place.workers),
            self._loader,
            EvictionLog(self._evicted),
            recency=home / "run" / f"recency-{number}",
        )
        self.gate: Gate[Any] = Gate(fair_queue(), self._shared)
        self.stats = Stats(number, self._exists)
        self.merged = Merged(home / "run" / "stats", self.stats, self._background)
        self.observations = Observations()
        inference = SegmentWriter(spool, INFERENCE, number)
        self.log = InferenceLog(inference)
        self._writers = {RESIDENCY: self._evictions, ROLLOUTS: self._rollouts, INFERENCE: inference}
        self.requests = RequestLog(self._background)
        self.state = State(
            self.residency,
            limits,
            gate=self.gate,
            merged=self.merged,
            metrics=Metrics(self.merged),
        )
        self.core = Core(self.state, recorders=(self.stats, self.observations, self.log, self.requests))
        self.watcher = TableWatcher(home / "endpoints", self.state, self._reader, self._background)
        self._tasks: list[asyncio.Task[None]] = []
        self.scheduler: Scheduler

    def start(self) -> Scheduler:
        """Read the table, take up the figures of the worker before, and begin to beat."""
        sys.setswitchinterval(SWITCH_SECONDS)
        loop = asyncio.get_running_loop()
        self.scheduler = scheduler = Scheduler(self.core, loop)
        self._measure(scheduler)
        self.merged.adopt()
        self.watcher.look()
        if self.state.table is not None:
            self.residency.warm(self.state.table)
        # What is here now stays: the collector need not walk it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._tasks = [loop.create_task(self.watcher.run()), loop.create_task(self._beat())]
        return scheduler

    async def close(self) -> None:
        """After the last reply: hand over what was counted, and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._hand_over()
        await asyncio.to_thread(self.log.close)
        await asyncio.wrap_future(self.merged.publish())
        await asyncio.wrap_future(self.residency.save_recency())
        for writer in (self._evictions, self._rollouts):
            await asyncio.to_thread(writer.close)
        self._loader.shutdown(wait=True, cancel_futures=True)
        self._reader.shutdown(wait=True)
        self._background.shutdown(wait=True)
        self._shared.close()

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + BEAT_SECONDS
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.stats.lag(max(0.0, loop.time() - due))
            due = max(due + BEAT_SECONDS, loop.time())
            for part in (
                self.residency.tick, self.stats.tidy, self.log.tick, self._hand_over, self._publish,
            ):  # fmt: skip
                try:
                    part()
                except Exception as error:  # noqa: BLE001 — the others, and the next beat, go on
                    self._missed.tell(error, part.__qualname__)

    def _publish(self) -> None:
        """Where the disk is slow, at most one snapshot waits for it."""
        if self._published is None or self._published.done():
            self._published = self.merged.publish()

    def _hand_over(self) -> None:
        batch = self.observations.drain()
        if batch is not None:
            self._rollouts.append(batch)

    def _evicted(self, event: EvictionEvent) -> None:
        self.stats.count("evictions", event.what)
        self._evictions.append(
            msgspec.json.encode({"worker": self.place.worker, **msgspec.structs.asdict(event)})
        )

    def _exists(self, tenant: str, name: str) -> bool:
        table = self.state.table
        return table is not None and name in table.endpoints.get(tenant, ())  # type: ignore[call-overload]

    def _measure(self, scheduler: Scheduler) -> None:
        counts = self.residency.counts
        measure = self.stats.measure
        measure("model_loads", lambda: counts().loads)
        measure("model_load_failures", lambda: counts().failures)
        measure("model_load_seconds", lambda: counts().load_seconds)
        measure("resident_models", lambda: counts().models)
        measure("resident_bytes", lambda: counts().bytes)
        measure("queue_length", lambda: len(scheduler))
        measure("waiting_for_models", lambda: scheduler.waiting_for_models)
        measure("shadows_dropped", lambda: scheduler.shadows_dropped)
        measure("batches", lambda: scheduler.batches)
        measure("inference_log", lambda: self.log.kept)
        measure("inference_log_dropped", lambda: self.log.dropped)
        measure("recorder_failures", lambda: self.core.unrecorded.count)
        measure("request_log_suppressed", lambda: self.requests.suppressed)
        writers = self._writers
        measure(
            "segments_dropped", lambda: {kind: one.told().segments_dropped for kind, one in writers.items()}
        )
        measure("records_dropped", lambda: {kind: one.told().dropped for kind, one in writers.items()})
        measure("limit_fallbacks", lambda: self._shared.fallbacks)
        measure("table_number", lambda: -1 if self.state.table is None else self.state.table.number)


class OnnxLater:
    """The runtime of ONNX models, loaded with the first of them: most workers never serve one."""

    def __init__(self) -> None:
        self._runtime: Runtime | None = None

    def _loaded(self) -> Runtime:
        if self._runtime is None:
            from tenantry.adapters.onnx import OnnxRuntime  # noqa: PLC0415

            self._runtime = OnnxRuntime()
        return self._runtime

    def open(self, path: Path, /) -> ScoringPlan:
        """Open a model. Raises ``Unsupported`` where onnxruntime is not installed."""
        return self._loaded().open(path)

    def trim(self) -> None:
        """Give freed memory back, if a model was ever loaded."""
        if self._runtime is not None:
            self._runtime.trim()

    def reasons(self, plan: Any, record: Mapping[str, Any], k: int, output: int | None, /) -> Sequence[Any]:
        """Raises ``Unsupported``."""
        return self._loaded().reasons(plan, record, k, output)
