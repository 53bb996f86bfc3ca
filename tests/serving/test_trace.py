"""Request ids and the W3C trace context, to the letter; and the log lines of single requests."""

import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tenantry import telemetry
from tenantry.serving.request_log import RequestLog, sampled
from tenantry.serving.trace import Ids, trace_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
OURS = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")


def test_a_callers_trace_goes_on_in_a_span_of_our_own() -> None:
    ids = Ids()
    told = ids.traceparent(GOOD.encode())
    assert OURS.fullmatch(told)
    assert trace_id(told) == TRACE
    assert told.endswith("-01")
    assert SPAN not in told
    assert ids.traceparent(f"00-{TRACE}-{SPAN}-00".encode()).endswith("-00")
    assert ids.traceparent(f"00-{TRACE}-{SPAN}-ff".encode()).endswith(
        "-01"
    )  # only the flag that we know goes on


@pytest.mark.parametrize(
    "later",
    [f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be", f"fe-{TRACE}-{SPAN}-01-"],
)
def test_later_versions_are_read_as_far_as_they_are_known(later: str) -> None:
    assert trace_id(Ids().traceparent(later.encode())) == TRACE


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"01-{TRACE}-{SPAN}-01.more",
        f"00_{TRACE}_{SPAN}_01",
        f" {GOOD}",
        f"{GOOD}\n",
        f"0g-{TRACE}-{SPAN}-01",
    ],
)
def test_anything_else_begins_a_new_trace(bad: str) -> None:
    told = Ids().traceparent(bad.encode())
    assert OURS.fullmatch(told)
    assert trace_id(told) != TRACE
    assert told.endswith("-00")


@given(st.one_of(st.none(), st.binary(max_size=80)))
def test_no_bytes_break_it(header: bytes | None) -> None:
    ids = Ids()
    assert OURS.fullmatch(ids.traceparent(header))
    assert re.fullmatch(r"[!-~]{1,128}", ids.request_id(header))


def test_ids_are_unique_over_processes_and_requests() -> None:
    makers = [Ids() for _ in range(20)]
    requests = {maker.request_id(None) for maker in makers for _ in range(50)}
    traces = {maker.traceparent(None)[3:52] for maker in makers for _ in range(50)}
    assert len(requests) == len(traces) == 1000


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"abc-1", True),
        (b"x" * 128, True),
        (b"x" * 129, False),
        (b"", False),
        (b"a b", False),
        (b"\xe4", False),
        (b"a\n", False),
    ],
)
def test_a_sane_request_id_is_kept(sent: bytes, kept: bool) -> None:  # noqa: FBT001
    assert (Ids().request_id(sent) == sent.decode("latin-1")) is kept


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    telemetry.configure("info", "json", stream=stream)
    yield stream
    structlog.reset_defaults()


def done(status: int = 200, seconds: float = 0.001, request_id: str = "r1") -> Any:
    return SimpleNamespace(
        tenant="acme", name="churn", version="3", rule="default", rows=2, status=status,
        code="" if status < 400 else "x", arrived=5.0, finished=5.0 + seconds, request_id=request_id, trace=GOOD,
    )  # fmt: skip


def told(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_failed_and_slow_requests_have_a_line_and_others_none(lines: io.StringIO) -> None:
    with ThreadPoolExecutor(1) as background:
        log = RequestLog(background, slow_seconds=0.5)
        for work in (done(), done(404), done(500), done(503), done(200, 0.6)):
            log.finished(work)
    seen = told(lines)
    assert [(line["why"], line["status"], line["level"]) for line in seen] == [
        ("failed", 404, "warning"),
        ("failed", 500, "error"),
        ("failed", 503, "warning"),
        ("slow", 200, "warning"),
    ]
    wanted = {
        "tenant": "acme", "deployment": "churn", "version": "3", "rule": "default", "request_id": "r1",
        "trace_id": TRACE, "ms": 600.0, "rows": 2, "code": "",
    }  # fmt: skip
    assert wanted.items() <= seen[-1].items()


def test_refusals_are_counted_elsewhere_and_have_no_lines(lines: io.StringIO) -> None:
    with ThreadPoolExecutor(1) as background:
        log = RequestLog(background)
        for number, code in enumerate(
            ("rate_limited", "too_many_in_flight", "deadline_unreachable", "deadline_passed", "shed")
        ):
            work = done(429 if number < 2 else 503)
            work.code = code
            log.finished(work)
    assert not told(lines)
    assert not log.suppressed


def test_a_sample_is_the_same_in_every_process() -> None:
    ids = [f"request-{number}" for number in range(4000)]
    assert sum(sampled(one, 0.25) for one in ids) == pytest.approx(1000, rel=0.1)
    assert all(
        sampled(one, 0.5) for one in ids if sampled(one, 0.25)
    )  # a larger sample holds the smaller one
    assert all(sampled(one, 1.0) for one in ids)
    assert not any(sampled(one, 0.0) for one in ids)


def test_lines_are_bounded_a_second_and_what_is_held_back_is_told(lines: io.StringIO) -> None:
    clock = [10.0]
    with ThreadPoolExecutor(1) as background:
        log = RequestLog(background, lines_per_second=3, clock=lambda: clock[0])
        for _ in range(10):
            log.finished(done(500))
        clock[0] = 11.0
        log.finished(done(500))
    assert log.suppressed == 7
    assert [line.get("count") for line in told(lines)] == [None, None, None, 7, None]
