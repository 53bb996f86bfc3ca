"""``GET /metrics``: the figures of all workers as Prometheus reads them (A17).

An own writer of the text format: prometheus-client would cost every worker 4.8 MB of memory, and 10 µs a sample
(docs/decisions/telemetry-metrics.md). Its parser proves this one in the tests.
"""

import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from typing import Any

from tenantry import __version__
from tenantry.serving import metrics_top
from tenantry.serving.metrics_text import Page
from tenantry.serving.metrics_top import Ranking, Top
from tenantry.serving.replies import Response
from tenantry.serving.stats_catalogue import FIGURES
from tenantry.serving.stats_cells import BOUNDS, BUCKETS, LAST, OUTCOMES, REQUESTS, ROWS, SECONDS
from tenantry.serving.stats_merged import Merged, View, counts, totals

TEXT = b"text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = b"application/openmetrics-text; version=1.0.0; charset=utf-8"
OTHER_LABEL, LEFT_LABEL = "(other)", "(left)"
"""Tenants in the series of models: what has no series of its own, and what those have shown that had one before."""

MODEL_BUCKETS = tuple(range(0, len(BOUNDS), 2))
"""The bounds that the histograms of single models tell: every other one."""

Pieces = Generator["Future[Any] | None", None, Response]
Labels = tuple[tuple[str, str], ...]
_LATENCY = "Seconds from arrival to reply of requests that were answered well"


class Metrics:
    """Answers scrapes. On the event loop's thread; ``places``: how many model versions have series of their own."""

    def __init__(
        self, merged: Merged, places: int = metrics_top.PLACES, now: Callable[[], float] = time.time
    ) -> None:
        self._merged = merged
        self._ranking = Ranking(places)
        self._now = now

    def scrape(self, accept: bytes = b"") -> Pieces:
        """The reply, in steps as of ``Work``: files are read off the loop, and others have their turn in between."""
        merged = self._merged
        looking = merged.recent()
        yield looking
        views = looking.result()
        loading = merged.background.submit(metrics_top.load, merged.folder)
        yield loading
        top = loading.result()
        better = self._ranking.choose(views, top, self._now())
        if better is not None:
            committing = merged.background.submit(metrics_top.commit, merged.folder, better)
            yield committing
            top = committing.result()
        page = Page(open_metrics=b"application/openmetrics-text" in accept)
        for _ in page_of(page, views, top):
            yield None
        body = page.body()
        kind = OPEN_METRICS if page.open_metrics else TEXT
        return Response(200, [(b"content-type", kind), (b"content-length", b"%d" % len(body))], body)


def page_of(page: Page, views: list[View], top: Top) -> Generator[None, None, None]:
    """Write all families; pauses after each part that takes about a millisecond at most."""
    whole = totals(views)
    _totals(page, whole)
    _workers(page, views)
    yield
    rows: list[tuple[Labels, list[float]]] = []
    rest = whole[:LAST]
    for entry in top.entries:
        row = metrics_top.shown(views, entry)
        if min(row) < -1e-6:  # its figures were merged into the other ones', or begun again
            continue
        tenant, name, version = entry.key
        rows.append(((("tenant", tenant), ("deployment", name), ("version", version)), row))
        rest = [a - b for a, b in zip(rest, row, strict=True)]
    left = list(top.left)
    rest = [a - b for a, b in zip(rest, left, strict=True)]
    for label, row in ((OTHER_LABEL, rest), (LEFT_LABEL, left)):
        rows.append(
            ((("tenant", label), ("deployment", ""), ("version", "")), [max(0.0, cell) for cell in row])
        )
    yield
    _model_counters(page, rows)
    yield
    name, said = "tenantry_model_request_seconds", f"{_LATENCY}, by model."
    page.family(name, "histogram", said)
    for place, (labels, row) in enumerate(rows):
        _histogram(page, name, labels, row, MODEL_BUCKETS)
        if place % 16 == 15:
            yield


def _totals(page: Page, whole: list[float]) -> None:
    page.family("tenantry_requests", "counter", "Scoring requests, by how they ended.")
    for outcome, value in _outcomes(whole):
        page.sample("tenantry_requests_total", (("outcome", outcome),), value)
    page.family("tenantry_rows", "counter", "Rows that were scored.")
    page.sample("tenantry_rows_total", (), whole[ROWS])
    page.family("tenantry_request_seconds", "histogram", f"{_LATENCY}.")
    _histogram(page, "tenantry_request_seconds", (), whole, range(len(BOUNDS)))


def _workers(page: Page, views: list[View]) -> None:
    """Counters added up over the workers, gauges by worker, of those that live. What no worker measures is not told."""
    living = [view for view in views if view.lives]
    merged = counts(views)
    for name, figure in FIGURES.items():
        if figure.kind == "counter":
            samples = [(label, value) for label, value in sorted(merged.get(name, {}).items())]
            metric, key = f"tenantry_{name}_total", figure.label
        else:
            present = [(view.snapshot.worker, view.snapshot.gauges.get(name, {})) for view in living]
            samples = [(str(worker), value) for worker, values in present for value in values.values()]
            metric, key = f"tenantry_{name}", "worker"
        if samples:
            page.family(f"tenantry_{name}", figure.kind, figure.help)
        for label, value in samples:
            page.sample(metric, ((key, label),) if key else (), value)
    page.family("tenantry_workers", "gauge", "Scoring workers that have published their figures lately.")
    page.sample("tenantry_workers", (), float(len(living)))
    page.family("tenantry_build", "gauge", "1, with the version that runs.")
    page.sample("tenantry_build", (("version", __version__),), 1.0)


def _model_counters(page: Page, rows: list[tuple[Labels, list[float]]]) -> None:
    page.family(
        "tenantry_model_requests", "counter", "Scoring requests of the busiest models, and of the others."
    )
    for labels, row in rows:
        for outcome, value in _outcomes(row):
            page.sample("tenantry_model_requests_total", (*labels, ("outcome", outcome)), value)
    page.family("tenantry_model_rows", "counter", "Rows scored by the busiest models, and by the others.")
    for labels, row in rows:
        page.sample("tenantry_model_rows_total", labels, row[ROWS])


def _outcomes(row: list[float]) -> list[tuple[str, float]]:
    failed = [(outcome, row[cell]) for outcome, cell in OUTCOMES]
    return [("ok", max(0.0, row[REQUESTS] - sum(value for _, value in failed))), *failed]


def _histogram(page: Page, name: str, labels: Labels, row: list[float], bounds: Iterable[int]) -> None:
    """The cumulative buckets up to the given bounds, sum and count."""
    seen = 0.0
    begin = 0
    for bound in bounds:
        seen += sum(row[begin : bound + 1])
        begin = bound + 1
        page.sample(f"{name}_bucket", (*labels, ("le", repr(BOUNDS[bound]))), seen)
    seen += sum(row[begin:BUCKETS])
    page.sample(f"{name}_bucket", (*labels, ("le", "+Inf")), seen)
    page.sample(f"{name}_sum", labels, row[SECONDS])
    page.sample(f"{name}_count", labels, seen)
