"""What a worker counts, what others see of it, and what outlives it."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tenantry.errors import Corrupt
from tenantry.serving import stats_snapshot
from tenantry.serving.stats import OTHER, Stats
from tenantry.serving.stats_cells import BOUNDS, BUCKETS, LAST, REQUESTS, ROWS, SECONDS, WIDTH, quantile
from tenantry.serving.stats_merged import Merged, View, counts, merged_row, totals, version_stats
from tenantry.serving.stats_snapshot import Snapshot

EVERYTHING_EXISTS = lambda tenant, name: True  # noqa: E731


def done(
    tenant: str = "acme",
    name: str = "churn",
    version: str = "3",
    status: int = 200,
    seconds: float = 0.002,
    **more: Any,
) -> Any:
    """A finished request."""
    now = time.monotonic()
    values = {"rows": 1, "code": "", "arrived": now - seconds, "finished": now}
    return SimpleNamespace(tenant=tenant, name=name, version=version, status=status, **values | more)


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def view_of(stats: Stats) -> View:
    return View(stats.snapshot(), time.time())


def test_requests_are_counted_by_how_they_ended() -> None:
    stats = Stats(0, EVERYTHING_EXISTS)
    for status in (200, 200, 400, 404, 413, 429, 503, 500, 501):
        stats.finished(done(status=status, code="rate_limit" if status == 429 else "x", rows=3))
    told = version_stats([view_of(stats)], "acme", "churn", "3")
    assert told is not None
    assert version_stats([view_of(stats)], "acme", "churn", "4") is None
    assert (told.version, told.requests, told.ok) == ("3", 9, 2)
    assert told.failed == {"client_error": 3, "shed": 2, "server_error": 2}
    assert told.rows == 6  # of those that were answered well
    assert counts([view_of(stats)])["refused"] == {"rate_limit": 1.0, "x": 1.0}


def test_the_histogram_counts_each_latency_once_and_in_its_bucket() -> None:
    assert BOUNDS[0] == 0.0001
    assert BOUNDS[-1] == 10.0
    assert list(BOUNDS) == sorted(BOUNDS)
    stats = Stats(0, EVERYTHING_EXISTS)
    chance = random.Random(1)
    spans = [chance.lognormvariate(-6, 2) for _ in range(500)] + [30.0, 0.0]
    for span in spans:
        stats.finished(done(arrived=0.0, finished=span))
    row = view_of(stats).row(("acme", "churn", "3"))
    assert row is not None
    lows = (-1.0, *BOUNDS)
    for bucket, high in enumerate((*BOUNDS, float("inf"))):
        assert row[bucket] == sum(lows[bucket] < span <= high for span in spans)
    assert row[SECONDS] == pytest.approx(sum(spans))


def test_quantiles_are_the_bounds_of_their_buckets() -> None:
    cells = [0.0] * WIDTH
    assert quantile(cells, 0.5) == 0.0
    cells[3], cells[10] = 98.0, 2.0
    assert quantile(cells, 0.5) == BOUNDS[3]
    assert quantile(cells, 0.99) == BOUNDS[10]
    cells[BUCKETS - 1] = 1000.0
    assert quantile(cells, 0.99) == 10.0


def test_totals_equal_the_sum_over_the_models() -> None:
    stats = Stats(0, EVERYTHING_EXISTS)
    chance = random.Random(2)
    for _ in range(2000):
        status = chance.choice([200] * 8 + [400, 503, 500])
        stats.finished(done(f"t{chance.randrange(150)}", status=status, rows=chance.randrange(5)))
    view = view_of(stats)
    assert len(view.keys) == 151
    for cell in (*range(REQUESTS + 1), ROWS):
        assert totals([view])[cell] == sum(view.cells[cell::WIDTH])
    assert totals([view])[SECONDS] == pytest.approx(sum(view.cells[SECONDS::WIDTH]))


def test_names_that_callers_make_up_take_no_memory() -> None:
    stats = Stats(0, lambda tenant, name: name == "churn")
    for number in range(1000):
        stats.finished(done(name=f"made-up-{number}", version="", status=404, code="not_found"))
    stats.finished(done(version="", status=429, code="rate"))
    view = view_of(stats)
    assert view.keys == [OTHER, ("acme", "", ""), ("acme", "churn", "")]
    assert merged_row([view], ("acme", "", ""))[REQUESTS] == 1000


def test_too_many_models_share_a_row_and_no_count_is_lost() -> None:
    stats = Stats(0, EVERYTHING_EXISTS, most=300)
    for number in range(1000):
        stats.finished(done(f"t{number}", arrived=0.0, finished=float(number)))
        if number % 50 == 0:
            stats.tidy()
    view = view_of(stats)
    assert len(view.keys) <= 301
    assert sum(view.requests()) == 1000
    assert totals([view])[REQUESTS] == 1000
    stats.tidy()
    for number in range(2000, 2100):  # the rows of those that went are used again
        stats.finished(done(f"t{number}"))
    view = view_of(stats)
    assert len(view.keys) <= 301
    assert merged_row([view], ("t2099", "churn", "3"))[REQUESTS] == 1
    assert sum(view.requests()) == 1100


def test_a_model_takes_less_than_a_kilobyte() -> None:
    import tracemalloc

    works = [done(f"tenant-{number}") for number in range(5000)]
    tracemalloc.start()
    stats = Stats(0, EVERYTHING_EXISTS)
    for work in works:
        stats.finished(work)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / 5000 < 1000


def test_only_the_catalogues_figures_are_taken() -> None:
    with pytest.raises(ValueError, match="no counter 'resident_bytes'"):
        Stats(0, EVERYTHING_EXISTS).count("resident_bytes")
    with pytest.raises(ValueError, match="no figure 'odd'"):
        Stats(0, EVERYTHING_EXISTS, {"odd": lambda: 1.0})


def test_sources_are_asked_for_each_snapshot() -> None:
    loads, reasons = iter([3.0, 4.0]), {"budget": 2.0}
    sources = {"model_loads": lambda: next(loads), "evictions": lambda: reasons, "queue_length": lambda: 7}
    stats = Stats(0, EVERYTHING_EXISTS, sources)
    stats.lag(0.2)
    stats.lag(0.1)
    first, second = stats.snapshot(), stats.snapshot()
    assert (first.counts["model_loads"], second.counts["model_loads"]) == ({"": 3.0}, {"": 4.0})
    assert first.counts["evictions"] == {"budget": 2.0}
    assert first.gauges["queue_length"] == {"": 7.0}
    assert (first.gauges["loop_lag_seconds"], second.gauges["loop_lag_seconds"]) == ({"": 0.2}, {"": 0.0})
    assert first.gauges["memory_bytes"][""] > 1e6
    assert first.counts["cpu_seconds"][""] > 0


def test_siblings_are_seen_and_gone_ones_keep_their_counts(
    tmp_path: Path, background: ThreadPoolExecutor
) -> None:
    clock = [time.time()]
    workers = [Stats(number, EVERYTHING_EXISTS, {"queue_length": lambda: 5}) for number in range(3)]
    merged = [Merged(tmp_path, stats, background, lambda: clock[0]) for stats in workers]
    for number, stats in enumerate(workers):
        for _ in range(number + 1):
            stats.finished(done())
        merged[number].publish().result()
    views = merged[0].refresh().result()
    assert [view.snapshot.worker for view in views] == [0, 1, 2]
    assert all(view.lives for view in views)
    told = version_stats(views, "acme", "churn", "3")
    assert told is not None
    assert told.requests == 6
    assert abs(told.last - time.time()) < 5
    workers[0].finished(done())
    assert totals(merged[0].refresh().result())[REQUESTS] == 7  # one's own are seen at once
    assert totals(merged[1].refresh().result())[REQUESTS] == 7  # and were published by that

    clock[0] += 60  # nobody has published for a minute
    views = merged[0].refresh().result()
    assert [view.lives for view in views] == [False, False, False]
    assert totals(views)[REQUESTS] == 7


def test_a_worker_that_takes_over_goes_on_counting(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    loads = {"model_loads": lambda: 2.0}
    before = Stats(1, EVERYTHING_EXISTS, loads)
    for tenant in ("a", "b", "b"):
        before.finished(done(tenant, status=429 if tenant == "a" else 200, code="rate"))
    before.count("shadows_dropped")
    Merged(tmp_path, before, background).publish().result()

    after = Stats(1, EVERYTHING_EXISTS, loads)
    taking_over = Merged(tmp_path, after, background)
    taking_over.adopt()
    after.finished(done("b"))
    after.finished(done("c"))
    after.count("shadows_dropped")
    (view,) = taking_over.refresh().result()
    assert totals([view])[REQUESTS] == 5
    assert merged_row([view], ("b", "churn", "3"))[REQUESTS] == 3
    assert abs(merged_row([view], ("a", "churn", "3"))[LAST] - time.time()) < 5
    assert counts([view])["model_loads"] == {"": 4.0}
    assert counts([view])["shadows_dropped"] == {"": 2.0}
    assert counts([view])["refused"] == {"rate": 1.0}
    again = Stats(1, EVERYTHING_EXISTS, loads)
    Merged(tmp_path, again, background).adopt()
    assert again.snapshot().counts["model_loads"] == {"": 6.0}


def test_damaged_figures_begin_at_zero_and_a_siblings_stay_at_the_last_good_ones(
    tmp_path: Path, background: ThreadPoolExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    own, other = Stats(0, EVERYTHING_EXISTS), Stats(1, EVERYTHING_EXISTS)
    other.finished(done())
    Merged(tmp_path, other, background).publish().result()
    merged = Merged(tmp_path, own, background)
    assert totals(merged.refresh().result())[REQUESTS] == 1
    stats_snapshot.path_of(tmp_path, 1).write_bytes(b"ruined")
    for _ in range(3):
        assert totals(merged.refresh().result())[REQUESTS] == 1
    assert capsys.readouterr().out.count("left out") == 1
    with pytest.raises(Corrupt):
        stats_snapshot.read(stats_snapshot.path_of(tmp_path, 1))
    heir = Stats(1, EVERYTHING_EXISTS)
    Merged(tmp_path, heir, background).adopt()
    assert "begin at zero" in capsys.readouterr().out
    assert view_of(heir).keys == [OTHER]


def test_a_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, background: ThreadPoolExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    stats = Stats(0, EVERYTHING_EXISTS)
    stats.finished(done())
    views = Merged(tmp_path / "file", stats, background).refresh().result()
    assert totals(views)[REQUESTS] == 1
    assert "cannot be published" in capsys.readouterr().out


def test_a_crowd_that_asks_is_told_from_one_look_a_second(
    tmp_path: Path, background: ThreadPoolExecutor
) -> None:
    stats = Stats(0, EVERYTHING_EXISTS)
    merged = Merged(tmp_path, stats, background, reused_seconds=0.3)
    snapshots = 0
    snapshot = stats.snapshot

    def counted() -> Snapshot:
        nonlocal snapshots
        snapshots += 1
        return snapshot()

    stats.snapshot = counted  # type: ignore[method-assign]
    stalled = threading.Event()
    background.submit(stalled.wait, 30)
    looks = {merged.recent() for _ in range(100)}  # all while the first is under way
    stalled.set()
    (look,) = looks
    assert totals(look.result(10))[REQUESTS] == 0
    stats.finished(done())
    assert merged.recent() is look
    time.sleep(0.35)
    assert totals(merged.recent().result(10))[REQUESTS] == 1
    assert snapshots == 2


def test_a_look_that_failed_is_not_told_again(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    merged = Merged(tmp_path, Stats(0, EVERYTHING_EXISTS), background)
    look = merged._look
    merged._look = lambda _: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    with pytest.raises(ZeroDivisionError):
        merged.recent().result(10)
    merged._look = look  # type: ignore[method-assign]
    assert len(merged.recent().result(10)) == 1
