"""A cause that makes many requests fail has a few lines, and the log stays readable beside it."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from tenantry import telemetry
from tenantry.serving.request_log import CAUSE_SECONDS, CAUSES_TOLD, LINES_PER_CAUSE, RequestLog


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    telemetry.configure("info", "json", stream=stream)
    yield stream
    structlog.reset_defaults()


def failed(name: str = "churn", code: str = "model_unavailable", version: str = "3") -> Any:
    return SimpleNamespace(
        tenant="acme", name=name, version=version, rule="default", rows=1, status=503, code=code, arrived=5.0,
        finished=5.001, request_id="r1", trace="",
    )  # fmt: skip


def told(lines: io.StringIO) -> list[tuple[str, str, int | None]]:
    seen = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [(line["event"], line.get("deployment", ""), line.get("count")) for line in seen]


def test_a_cause_has_a_few_lines_and_then_one_number(lines: io.StringIO) -> None:
    clock = [20.0]
    with ThreadPoolExecutor(1) as background:
        log = RequestLog(background, clock=lambda: clock[0])
        for second in range(CAUSE_SECONDS):
            clock[0] = 20.0 + second
            for _ in range(30):
                log.finished(failed())
        log.finished(failed("value", "plan_corrupt"))
        clock[0] += 1.0
        log.finished(failed("value", "plan_corrupt"))
    alike = 30 * CAUSE_SECONDS - LINES_PER_CAUSE
    assert told(lines) == [
        *[("request", "churn", None)] * LINES_PER_CAUSE,
        ("request", "value", None),
        ("requests not logged, like others", "churn", alike),
        ("request", "value", None),
    ]
    assert log.suppressed == alike


def test_names_that_callers_make_up_are_one_cause(lines: io.StringIO) -> None:
    with ThreadPoolExecutor(1) as background:
        log = RequestLog(background, clock=lambda: 20.0)
        for number in range(40):
            log.finished(failed(f"guess-{number}", "not_found", version=""))
    assert len(told(lines)) == LINES_PER_CAUSE


def test_a_sample_is_told_whole(lines: io.StringIO) -> None:
    work = failed(code="")
    work.status = 200
    with ThreadPoolExecutor(1) as background:
        log = RequestLog(background, share=1.0, clock=lambda: 20.0)
        for _ in range(4 * LINES_PER_CAUSE):
            log.finished(work)
    assert len(told(lines)) == 4 * LINES_PER_CAUSE


def test_many_causes_are_told_in_a_few_lines(lines: io.StringIO) -> None:
    clock = [20.0]
    with ThreadPoolExecutor(1) as background:
        log = RequestLog(background, lines_per_second=10_000, clock=lambda: clock[0])
        for number in range(CAUSES_TOLD + 5):
            for _ in range(LINES_PER_CAUSE + 1):
                log.finished(failed(f"m{number}"))
        clock[0] += CAUSE_SECONDS
        log.finished(failed("last"))
    events = [event for event, _, _ in told(lines)]
    assert events.count("requests not logged, like others") == CAUSES_TOLD
    assert events.count("requests not logged, like others of more causes") == 1
