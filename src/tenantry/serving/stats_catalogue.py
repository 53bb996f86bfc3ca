"""The figures of a worker as a whole, by name: what may be counted or measured, and what it means.

A row here is a metric ``tenantry_<name>`` (``_total`` for a counter) and a line of docs/telemetry.md.
"""

from typing import Literal, NamedTuple


class Figure(NamedTuple):
    """One figure. ``label`` is the name of its one label, "" where it has none."""

    kind: Literal["counter", "gauge"]
    help: str
    label: str = ""


FIGURES: dict[str, Figure] = {
    "model_loads": Figure("counter", "Models that were loaded into memory."),
    "model_load_failures": Figure("counter", "Loads that failed."),
    "model_load_seconds": Figure("counter", "Seconds that loading took, in all."),
    "evictions": Figure("counter", "Models that were evicted from memory.", "reason"),
    "refused": Figure("counter", "Requests that were refused for want of room or by a limit.", "code"),
    "limit_fallbacks": Figure(
        "counter", "Decisions on a rate that a worker took alone, by its part of the limit."
    ),
    "unauthenticated": Figure("counter", "Requests without a good key, or whose role may not do it.", "code"),
    "shadows_dropped": Figure("counter", "Shadow requests that were dropped under load."),
    "batches": Figure("counter", "Batches that several requests were scored in."),
    "inference_log": Figure("counter", "Requests that the inference log has kept."),
    "inference_log_dropped": Figure(
        "counter", "Requests that the inference log should have kept, but dropped."
    ),
    "segments_dropped": Figure(
        "counter", "Segment files that were removed unread, over their budget.", "kind"
    ),
    "records_dropped": Figure("counter", "Records that no segment file could take.", "kind"),
    "recorder_failures": Figure(
        "counter", "Times that something which keeps record of requests failed, and lost one."
    ),
    "request_log_suppressed": Figure(
        "counter", "Log lines about requests that were held back, over the rate."
    ),
    "cpu_seconds": Figure("counter", "Seconds of processor time."),
    "resident_bytes": Figure("gauge", "Bytes of the models in memory, as measured."),
    "resident_models": Figure("gauge", "Models in memory."),
    "queue_length": Figure("gauge", "Requests that wait for their turn."),
    "waiting_for_models": Figure("gauge", "Requests that wait for a cold model."),
    "connections": Figure("gauge", "Open connections."),
    "loop_lag_seconds": Figure("gauge", "How late the event loop was in the last second, at most."),
    "memory_bytes": Figure("gauge", "Resident memory of the process."),
    "table_number": Figure("gauge", "Number of the endpoint table in force."),
    "models_tracked": Figure("gauge", "Versions of models that have figures of their own in this worker."),
}


def counter(name: str) -> Figure:
    """The counter of this name. Raises ``ValueError`` where there is none."""
    figure = FIGURES.get(name)
    if figure is None or figure.kind != "counter":
        raise ValueError(f"there is no counter {name!r}")
    return figure
