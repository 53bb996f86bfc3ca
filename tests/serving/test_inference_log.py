"""The worker's part of the inference log, and all of it together: from finished requests to files per tenant."""

import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.serving.conftest import World
from tests.serving.recording_worker import Recording

from tenantry.adapters.arrow import ParquetLogFiles
from tenantry.errors import InvalidRequest
from tenantry.predictions import KIND, LoggedRequest, LogKeeper, PredictionLog
from tenantry.predictions.block import decode_block
from tenantry.segments import SegmentReader, SegmentWriter
from tenantry.serving.inference_log import InferenceLog
from tenantry.serving.models import Outcome
from tenantry.serving.stats_cells import REQUESTS, ROWS
from tenantry.serving.stats_merged import View, merged_row, totals
from tenantry.tenancy import TenantId

WORKER = Path(__file__).with_name("recording_worker.py")
_clock = time.monotonic


def done(
    number: int = 0, tenant: str = "acme", path: str = "/predict/{model}", share: float = 1.0, **more: Any
) -> Any:
    values: dict[str, Any] = {
        "name": "churn", "version": "3", "rule": "default", "rows": 1, "status": 200, "code": "",
        "request_id": f"r{number}", "arrived": _clock() - 0.002, "finished": _clock(), "trace": "", "headers": {},
        "body": b'{"n": %d}' % number,
        "outcomes": [Outcome("Yes", 0.75, (0.25, 0.75), None)], "form": None,
    }  # fmt: skip
    return SimpleNamespace(
        tenant=tenant,
        policy=SimpleNamespace(log_share=share),
        route=SimpleNamespace(path=path),
        **values | more,
    )


def handed_on(folder: Path) -> list[LoggedRequest]:
    reader = SegmentReader(folder)
    return [
        one for path in reader.closed(KIND) for record in reader.records(path) for one in decode_block(record)
    ]


def kept(folder: Path, *works: Any, **options: Any) -> list[LoggedRequest]:
    log = InferenceLog(SegmentWriter(folder, KIND, 0), **options)
    for work in works:
        log.finished(work)
    assert log.close()
    return handed_on(folder)


@pytest.mark.parametrize("deflate", [False, True])
def test_what_is_kept_of_a_request(tmp_path: Path, deflate: bool) -> None:  # noqa: FBT001
    before = time.time()
    work = done(
        7, outcomes=[Outcome("Yes", 0.75, (0.25, 0.75), None), Outcome("No", 0.5, None, None)], rows=2
    )
    (told,) = kept(tmp_path, work, deflate=deflate)
    assert told[1:11] == ("acme", "churn", "3", "default", "r7", 200, "", "json-records", None, 2)
    assert before - 1 < told.time < time.time()
    assert told.seconds == pytest.approx(0.002, abs=0.01)
    assert (told.body, told.labels, told.scores) == (b'{"n": 7}', ["Yes", "No"], [0.75, 0.5])


def test_bodies_are_told_apart(tmp_path: Path) -> None:
    infer = "/v2/models/{model}/versions/{version}/infer"
    header = b"inference-header-content-length"
    told = kept(
        tmp_path,
        done(path=infer),
        done(path=infer, headers={header: b"120"}),
        done(path=infer, headers={header: b"odd"}, status=400, code="header_value", outcomes=[]),
        done(outcomes=None, status=500, code="internal"),
        done(outcomes=[Outcome(None, 12.5, None, None)]),
    )
    assert [(one.format, one.header_length) for one in told] == [
        ("oip-json", None), ("oip-binary", 120), ("oip-binary", None), ("json-records", None), ("json-records", None),
    ]  # fmt: skip
    assert [one.scores for one in told] == [[0.75], [0.75], [], [], [12.5]]
    assert told[4].labels == [None]


def test_a_share_is_chosen_by_the_request_id(tmp_path: Path) -> None:
    works = [done(number, share=0.25) for number in range(2000)]
    one = [told.request_id for told in kept(tmp_path / "a", *works)]
    two = [told.request_id for told in kept(tmp_path / "b", *reversed(works))]
    assert sorted(one) == sorted(two)
    assert len(one) == pytest.approx(500, rel=0.2)
    assert kept(tmp_path / "c", *(done(number, share=0.0) for number in range(50))) == []


def test_what_was_shed_or_met_no_version_is_not_kept(tmp_path: Path) -> None:
    works = [
        done(status=429),
        done(status=503),
        done(status=404, version="", name="made-up"),
        done(status=400),
    ]
    assert [one.status for one in kept(tmp_path, *works)] == [400]


def test_blocks_go_by_size_and_by_time(tmp_path: Path) -> None:
    clock = [_clock()]
    taken: list[int] = []

    class Writer(SegmentWriter):
        def append(self, record: Any, size: int | None = None) -> bool:
            taken.append(size or 0)
            return super().append(record, size)

    writer = Writer(tmp_path, KIND, 0)
    log = InferenceLog(writer, block_bytes=10_000, clock=lambda: clock[0])
    for number in range(30):
        log.finished(done(number, body=b"x" * 400))
    assert len(taken) == 3
    log.finished(done(99))
    log.tick()
    assert len(taken) == 3
    clock[0] += 1.5
    log.tick()
    log.tick()
    assert len(taken) == 4
    log.finished(done(100))
    log.finished(done(101, finished=_clock() + 2.0))  # the requests themselves tell the time too
    assert len(taken) == 5
    log.close()
    assert len(handed_on(tmp_path)) == 33


def test_a_disk_that_is_slow_costs_records_and_no_memory(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, KIND, 0, waiting_bytes=50_000)
    gate = threading.Event()
    writer.append(lambda: b"slow" if gate.wait(10) else b"", 10)
    log = InferenceLog(writer, block_bytes=10_000)
    for number in range(1000):
        log.finished(done(number))
    assert writer.told().waiting_bytes <= 50_000
    assert log.kept + log.dropped + len(log._rows) == 1000
    assert log.dropped > 800
    gate.set()
    log.close()


def test_a_request_that_cannot_be_encoded_costs_only_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    bad = done(1, outcomes=[Outcome("\ud800", 0.5, None, None)])
    other = done(2, outcomes=[Outcome("Yes", np.float32(0.5), None, None)])  # type: ignore[arg-type]
    log = InferenceLog(SegmentWriter(tmp_path, KIND, 0))
    for work in (done(0), bad, other):
        log.finished(work)
    log.close()
    assert [one.request_id for one in handed_on(tmp_path)] == ["r0", "r2"]
    assert log.dropped == 1
    assert "left out of the log" in capsys.readouterr().out


class Form:
    """A request in another form than REST's, whose body is what is given, or that raises it."""

    size = 10

    def __init__(self, body: bytes | Exception) -> None:
        self._body = body

    def rest(self) -> tuple[bytes, int | None]:
        if isinstance(self._body, Exception):
            raise self._body
        return self._body, None


def test_of_other_forms_the_refused_are_kept_and_only_defects_are_left_out_said_once_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = [
        b"{}", InvalidRequest("input_data", "no number"), ZeroDivisionError("odd"), ZeroDivisionError("odd"), b"[]",
    ]  # fmt: skip
    log = InferenceLog(SegmentWriter(tmp_path, KIND, 0))
    log.finished(done(0))
    for number, body in enumerate(bodies, 1):
        log.finished(done(number, path="/v2/models/{model}/infer", body=b"", form=Form(body)))
    assert log.flush()
    log.finished(done(6))
    assert log.close()
    told = [(one.request_id, one.body) for one in handed_on(tmp_path)]
    assert told == [("r0", b'{"n": 0}'), ("r1", b"{}"), ("r2", b""), ("r5", b"[]"), ("r6", b'{"n": 6}')]
    assert (log.kept, log.dropped) == (7, 2)
    said = capsys.readouterr().out
    assert said.count("cannot be written as REST's") == 1
    assert "Traceback" in said
    assert "input_data" not in said


def test_only_bad_requests_make_an_empty_block(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kept(tmp_path, done(outcomes=[Outcome("\ud800", 0.5, None, None)])) == []
    assert "left out" in capsys.readouterr().out


def test_from_requests_to_files_per_tenant_with_a_clean_stop(tmp_path: Path) -> None:
    chance = random.Random(3)
    sent: dict[str, list[bytes]] = {f"t{n}": [] for n in range(4)}
    for worker in range(2):
        recording = Recording(tmp_path, worker)
        for number in range(700):
            tenant = f"t{chance.randrange(4)}"
            work = done(number, tenant, body=chance.randbytes(chance.randrange(200)))
            sent[tenant].append(work.body)
            for recorder in recording.recorders:
                recorder.finished(work)
            if number % 100 == 0:
                recording.tick()
        recording.close()
    keeper = LogKeeper(tmp_path / "spool", tmp_path / "predictions", ParquetLogFiles())
    assert keeper.step() == 1400
    log = PredictionLog(tmp_path / "predictions", ParquetLogFiles())
    for tenant, bodies in sent.items():
        told = list(log.read(TenantId(tenant), "churn"))
        assert {one.tenant for one in told} == {tenant}
        assert sorted(one.body for one in told) == sorted(bodies)


def test_kill_9_loses_only_what_was_not_flushed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, str(WORKER), str(tmp_path), "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        flushed = [int(process.stdout.readline())]
        time.sleep(0.3)
        process.kill()
        flushed += [int(line) for line in process.stdout]
    recording = Recording(tmp_path, 0)  # the next start
    (view,) = recording.merged.refresh().result()
    recording.close()
    LogKeeper(tmp_path / "spool", tmp_path / "predictions", ParquetLogFiles()).drain()
    log = PredictionLog(tmp_path / "predictions", ParquetLogFiles())
    told = [one for n in range(3) for one in log.read(TenantId(f"t{n}"), "churn")]
    numbers = sorted(int(one.request_id) for one in told)
    assert numbers == list(range(len(numbers)))  # each once, and none missing before the last
    assert len(numbers) > flushed[-1]
    assert all(one.body == b'{"n": %s}' % one.request_id.encode() for one in told)
    assert sum(totals([view])) > 0  # and the figures go on


def test_the_core_tells_its_recorders_all_that_they_ask(tmp_path: Path, world: World) -> None:
    """The recorders over the real core: what they read of a request is there."""
    recording = Recording(tmp_path, 0)
    world.core.recorders = recording.recorders
    world.told("POST", "/predict/churn", {"tenure": 5})
    world.told("POST", "/predict/churn", [{"tenure": 5}, {"tenure": 9}])
    world.refused(400, "record_unknown", "POST", "/predict/churn", {"odd": 1})
    world.refused(404, "not_found", "POST", "/predict/made-up", {"tenure": 5})
    recording.close()
    told = handed_on(tmp_path / "spool")
    assert [(one.status, one.rows, one.code, len(one.scores)) for one in told] == [
        (200, 1, "", 1), (200, 2, "", 2), (400, 1, "record_unknown", 0),
    ]  # fmt: skip
    assert told[0].body == b'{"tenure":5}'
    assert told[0].scores == [0.05]
    assert told[0].version == "1"
    stats = {key[1:]: row for key, row in view_rows(recording)}
    assert stats["churn", "1"][ROWS] == 3
    assert stats["", ""][REQUESTS] == 1  # the name that was made up


def view_rows(recording: Recording) -> list[tuple[tuple[str, str, str], list[float]]]:
    view = View(recording.stats.snapshot(), time.time())
    return [(key, merged_row([view], key)) for key in view.keys if key[0]]
