"""The page that Prometheus reads: its form, its sums, and that no series ever goes backwards."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text

from tenantry.serving import Response
from tenantry.serving.metrics import LEFT_LABEL, OTHER_LABEL, Metrics
from tenantry.serving.metrics_text import Page
from tenantry.serving.metrics_top import HOLD_SECONDS, commit, load
from tenantry.serving.stats import Stats
from tenantry.serving.stats_catalogue import FIGURES
from tenantry.serving.stats_merged import Merged

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def done(tenant: str, status: int = 200, seconds: float = 0.002) -> Any:
    return SimpleNamespace(
        tenant=tenant,
        name="churn",
        version="1",
        status=status,
        rows=2,
        code="rate",
        arrived=0.0,
        finished=seconds,
    )


def answer(metrics: Metrics, accept: bytes = b"") -> Response:
    steps = metrics.scrape(accept)
    while True:
        try:
            pending = next(steps)
        except StopIteration as stop:
            return cast("Response", stop.value)
        if isinstance(pending, Future):
            pending.result()


def series_of(page: str, parse: Any = text) -> Series:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(page)
        for sample in family.samples
    }


class Machine:
    """Workers that share a folder; any of them answers."""

    def __init__(
        self, folder: Path, background: ThreadPoolExecutor, workers: int = 3, places: int = 50
    ) -> None:
        self.folder, self.background, self.places = folder, background, places
        self.now = time.time()
        self.stats: list[Stats] = []
        self.metrics: list[Metrics] = []
        for number in range(workers):
            stats, metrics = self._worker(number)
            self.stats.append(stats)
            self.metrics.append(metrics)

    def _worker(self, number: int) -> tuple[Stats, Metrics]:
        stats = Stats(number, lambda tenant, name: True, {"resident_bytes": lambda: 1000.0 + number})
        merged = Merged(self.folder, stats, self.background, lambda: self.now, reused_seconds=0.0)
        merged.adopt()
        merged.publish().result()
        return stats, Metrics(merged, self.places, lambda: self.now)

    def restart(self, number: int) -> None:
        self.stats[number], self.metrics[number] = self._worker(number)

    def page(self, worker: int = 0, accept: bytes = b"") -> str:
        for other, stats in enumerate(self.stats):
            if other != worker:
                Merged(self.folder, stats, self.background).publish().result()
        return answer(self.metrics[worker], accept).body.decode()


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def models(series: Series, name: str) -> dict[str, float]:
    """tenant → value of a family with series for models, its other labels added up."""
    found: dict[str, float] = {}
    for (sample, labels), value in series.items():
        if sample == name:
            tenant = dict(labels)["tenant"]
            found[tenant] = found.get(tenant, 0.0) + value
    return found


@pytest.mark.parametrize(
    ("accept", "parse"), [(b"", text), (b"application/openmetrics-text; version=1.0.0", open_metrics)]
)
def test_both_forms_are_what_the_reference_parser_reads(
    tmp_path: Path, background: ThreadPoolExecutor, accept: bytes, parse: Any
) -> None:
    machine = Machine(tmp_path, background)
    for worker in machine.stats:
        for status in (200, 200, 400, 429, 500):
            worker.finished(done("acme", status))
    response = answer(machine.metrics[0], accept)
    assert response.status == 200
    kind = dict(response.headers)[b"content-type"]
    assert kind.startswith(b"application/openmetrics-text" if accept else b"text/plain; version=0.0.4")
    machine.page(0, accept)
    series = series_of(machine.page(1, accept), parse)
    assert series["tenantry_requests_total", (("outcome", "ok"),)] == 6
    assert series["tenantry_requests_total", (("outcome", "shed"),)] == 3
    assert series["tenantry_requests_total", (("outcome", "client_error"),)] == 3
    assert series["tenantry_requests_total", (("outcome", "server_error"),)] == 3
    assert series["tenantry_rows_total", ()] == 12
    assert series["tenantry_refused_total", (("code", "rate"),)] == 3
    assert series["tenantry_resident_bytes", (("worker", "2"),)] == 1002
    assert series["tenantry_workers", ()] == 3
    assert series["tenantry_request_seconds_bucket", (("le", "0.0016"),)] == 0
    assert series["tenantry_request_seconds_bucket", (("le", "0.0025"),)] == 6
    assert series["tenantry_request_seconds_bucket", (("le", "+Inf"),)] == 6
    assert series["tenantry_request_seconds_count", ()] == 6
    assert series["tenantry_request_seconds_sum", ()] == pytest.approx(0.012)
    families = {family.name for family in parse(machine.page(1, accept))}
    measured = {
        "refused",
        "cpu_seconds",
        "memory_bytes",
        "resident_bytes",
        "loop_lag_seconds",
        "models_tracked",
    }
    assert {
        name for name in FIGURES if f"tenantry_{name}" in families
    } == measured  # and nothing that nobody measures


def test_label_values_are_escaped() -> None:
    page = Page()
    page.family("odd", "gauge", "A \\ and\na line")
    page.sample("odd", (("label", 'a"b\\c\nd'),), 1.5)
    (family,) = text(page.body().decode())
    assert family.samples[0].labels == {"label": 'a"b\\c\nd'}
    assert family.samples[0].value == 1.5


def test_ten_thousand_models_make_a_page_of_fifty(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    machine = Machine(tmp_path, background, workers=2)
    for number in range(10_000):
        for _ in range(3 if number < 50 else 1):
            machine.stats[number % 2].finished(done(f"t{number}"))
    page = machine.page()
    shown = models(series_of(page), "tenantry_model_requests_total")
    assert set(shown) == {f"t{number}" for number in range(50)} | {OTHER_LABEL, LEFT_LABEL}
    assert shown[OTHER_LABEL] == 9_950
    assert page.count("\n") < 1_500


@pytest.mark.parametrize("seed", range(3))
def test_no_series_goes_backwards_and_all_add_up(
    tmp_path: Path, background: ThreadPoolExecutor, seed: int
) -> None:
    """Tenants become busy and quiet again, workers die and are replaced, and any worker answers."""
    chance = random.Random(seed)
    machine = Machine(tmp_path, background, workers=3, places=5)
    last: Series = {}
    changes = set()
    for turn in range(60):
        busy = turn // 12
        for _ in range(chance.randrange(200)):
            number = chance.randrange(40) if chance.random() < 0.4 else busy * 5 + chance.randrange(5)
            status = chance.choice([200, 200, 200, 400, 503, 500])
            worker = chance.choice(machine.stats)
            worker.finished(done(f"t{number}", status, chance.choice([0.0002, 0.004, 12.0])))
        machine.now += chance.choice([1.0, HOLD_SECONDS])
        series = series_of(machine.page(chance.randrange(3)))
        changes.add(load(tmp_path).number)
        for (name, labels), value in series.items():
            if name.endswith(("_total", "_count", "_bucket", "_sum")) and "cpu" not in name:
                assert value >= last.get((name, labels), 0.0) - 1e-6, (turn, name, labels)
        for family in (
            "tenantry_{}requests_total",
            "tenantry_{}rows_total",
            "tenantry_{}request_seconds_count",
        ):
            whole = sum(value for (name, _), value in series.items() if name == family.format(""))
            assert sum(models(series, family.format("model_")).values()) == whole
        seconds = models(series, "tenantry_model_request_seconds_sum")
        assert sum(seconds.values()) == pytest.approx(series["tenantry_request_seconds_sum", ()])
        departed = {
            name for name, labels in last if (name, labels) not in series and "worker" not in dict(labels)
        }
        assert all(name.startswith("tenantry_model_") for name in departed)
        last = series  # a series that comes back after it went begins again, as a new one does
        if chance.random() < 0.2:
            machine.restart(chance.randrange(3))
    assert len(changes) > 3  # the choice did change
    assert models(last, "tenantry_model_requests_total")[LEFT_LABEL] > 0


def test_a_busy_newcomer_takes_a_place_within_two_minutes(
    tmp_path: Path, background: ThreadPoolExecutor
) -> None:
    machine = Machine(tmp_path, background, workers=1, places=3)
    (stats,) = machine.stats
    for number in range(3):
        for _ in range(1000):
            stats.finished(done(f"old{number}"))
    machine.page()
    for _ in range(3):
        for _ in range(10):
            stats.finished(done("noisy"))
        stats.finished(done("old0"))
        machine.now += HOLD_SECONDS + 1
        shown = models(series_of(machine.page()), "tenantry_model_requests_total")
    assert "noisy" in shown
    assert shown["noisy"] < 30  # it began at zero when it came in


def test_two_workers_that_choose_at_once_agree(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    machine = Machine(tmp_path, background, workers=1)
    machine.stats[0].finished(done("acme"))
    machine.page()
    top = load(tmp_path)
    assert top.number == 1
    faster = msgspec.structs.replace(top, number=2, changed=7.0)
    slower = msgspec.structs.replace(top, number=2, changed=8.0)
    assert commit(tmp_path, faster) == faster
    assert commit(tmp_path, slower) == faster
    assert load(tmp_path) == faster


def test_a_damaged_choice_is_made_anew(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    machine = Machine(tmp_path, background, workers=1)
    machine.stats[0].finished(done("acme"))
    machine.page()
    (tmp_path / "top").write_bytes(b"ruined")
    assert models(series_of(machine.page()), "tenantry_model_requests_total")["acme"] == 1


def test_a_gone_worker_keeps_its_counts_and_loses_its_gauges(
    tmp_path: Path, background: ThreadPoolExecutor
) -> None:
    machine = Machine(tmp_path, background, workers=2)
    machine.stats[1].finished(done("acme"))
    machine.page(0)
    machine.now += 60
    machine.stats[0].finished(done("acme"))
    series = series_of(answer(machine.metrics[0]).body.decode())
    assert series["tenantry_requests_total", (("outcome", "ok"),)] == 2
    assert ("tenantry_resident_bytes", (("worker", "1"),)) not in series
