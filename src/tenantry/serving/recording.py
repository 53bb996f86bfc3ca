"""All that a worker records, put together: figures, the inference log, log lines, and the thread behind them."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

from tenantry.predictions.record import KIND
from tenantry.segments import SegmentWriter
from tenantry.serving.inference_log import WAITING_BYTES, InferenceLog
from tenantry.serving.metrics import Metrics
from tenantry.serving.request_log import RequestLog
from tenantry.serving.stats import Source, Stats
from tenantry.serving.stats_merged import Merged
from tenantry.serving.trace import Ids

TICK_SECONDS = 1.0
SPOOL_BYTES = 1 << 30
"""Most bytes of closed inference-log segments of one worker that wait for the control side."""


class Recording:
    """What a worker records. On the event loop's thread; :meth:`tick` is to be called every second, :meth:`close` at
    the end, when no request runs any more.

    ``exists``: whether a tenant has a deployment of that name. ``sources``: figures by their name in the catalogue.
    """

    def __init__(
        self,
        home: Path,
        worker: int,
        exists: Callable[[str, str], bool],
        sources: Mapping[str, Source] | None = None,
        *,
        slow_seconds: float = 1.0,
        log_share: float = 0.0,
        spool_bytes: int = SPOOL_BYTES,
    ) -> None:
        self._background = ThreadPoolExecutor(1, thread_name_prefix="recording")
        self._segments = {
            KIND: SegmentWriter(
                home / "spool", KIND, worker, budget_bytes=spool_bytes, waiting_bytes=WAITING_BYTES
            )
        }
        self.ids = Ids()
        self.inference_log = InferenceLog(self._segments[KIND])
        self.request_log = RequestLog(self._background, slow_seconds=slow_seconds, share=log_share)
        own: dict[str, Source] = {
            "inference_log": lambda: self.inference_log.kept,
            "inference_log_dropped": lambda: self.inference_log.dropped,
            "request_log_suppressed": lambda: self.request_log.suppressed,
            "segments_dropped": lambda: self._told("segments_dropped"),
            "records_dropped": lambda: self._told("dropped"),
        }
        self.stats = Stats(worker, exists, own | dict(sources or {}))
        self.merged = Merged(home / "run" / "stats", self.stats, self._background)
        self.merged.adopt()
        self.metrics = Metrics(self.merged)
        self._ticked = monotonic()

    @property
    def recorders(self) -> tuple[Any, ...]:
        """What is to be told of every finished request."""
        return self.stats, self.inference_log, self.request_log

    def watch(self, writer: SegmentWriter, kind: str) -> None:
        """Tell in the figures what another segment writer of this worker drops."""
        self._segments[kind] = writer

    def tick(self) -> None:
        """Publish the figures, and hand on what has waited long enough; also measures how late it is called."""
        now = monotonic()
        self.stats.lag(max(0.0, now - self._ticked - TICK_SECONDS))
        self._ticked = now
        self.inference_log.tick()
        self.stats.tidy()
        self.merged.publish()

    def close(self) -> None:
        """Write everything that is in memory: nothing that was recorded is lost by a clean stop."""
        self.inference_log.close()
        self.merged.publish()
        self._background.shutdown()

    def _told(self, count: str) -> dict[str, float]:
        return {kind: float(getattr(writer.told(), count)) for kind, writer in self._segments.items()}
