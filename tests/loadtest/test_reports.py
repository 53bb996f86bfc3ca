"""Verdicts, comparisons and files of reports."""

import random
import statistics
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest

from tenantry.errors import InvalidRequest
from tenantry.loadtest import (
    Reply,
    Report,
    Samples,
    Shot,
    Target,
    cautions,
    check,
    compare,
    load_baseline,
    read_objectives,
    save,
    write_junit,
)
from tenantry.loadtest.report import Stage
from tenantry.loadtest.summary import stage_of

TARGETS = [
    Target(tenant=f"t{number}", model="m", key="k", group="gold" if number < 2 else "basic")
    for number in range(15)
]
OK = Reply(200, b"HTTP/1.1 200 OK", b"http/1.1 200 ok", b"", closes=False)


def measured(
    mean_ms: float, *, failures: int = 0, count: int = 4000, seed: int = 0, drift: float = 0.0
) -> Samples:
    """Log-normal latencies around a mean, over ten seconds; ``drift``: a slow wave that all requests share."""
    chance, samples = random.Random(seed), Samples(begin=0.0)
    for number in range(count):
        due = number * 10.0 / count
        wave = 1 + drift * np.sin(due + seed)
        seconds = mean_ms / 1000 * wave * chance.lognormvariate(0, 0.5)
        shot = Shot(due, number % len(TARGETS), 0, b"")
        shot.sent = due
        if number < failures:
            samples.failed(shot, "connection_lost", due + seconds)
        else:
            samples.answered(shot, OK, due + seconds)
    return samples


def stage(samples: Samples, deadline_ms: float | None = None) -> Stage:
    return stage_of(
        samples, TARGETS, shape="poisson", offered=400.0, connections=8, seconds=10.0, deadline_ms=deadline_ms
    )


def report(samples: Samples, slo: str = "", deadline_ms: float | None = None) -> Report:
    stages = (stage(samples, deadline_ms),)
    return Report(
        created=0.0,
        version="1",
        url="http://x",
        targets=len(TARGETS),
        deadline_ms=deadline_ms,
        machine={"cores": 2, "python": "3", "system": "linux"},
        stages=stages,
        checks=check(read_objectives(slo), stages) if slo else (),
    )


def test_percentiles_are_exact() -> None:
    samples = measured(10.0)
    latency = stage(samples).latency
    assert latency is not None
    sorted_ms = sorted(1000 * value for value in samples.latency)
    assert latency.p50 == pytest.approx(statistics.median(sorted_ms), rel=1e-6)
    assert latency.max == pytest.approx(sorted_ms[-1], rel=1e-6)
    assert latency.p99 == pytest.approx(np.percentile(sorted_ms, 99), rel=1e-6)


def test_tenants_beyond_the_busiest_are_summed_up() -> None:
    found = stage(measured(10.0, failures=30))
    assert len(found.tenants) == 11
    assert found.tenants[-1].name == "5 others"
    assert sum(part.requests for part in found.tenants) == found.requests == 4000
    assert sum(part.errors for part in found.tenants) == 30
    assert {part.name: part.requests for part in found.groups} == {"gold": 534, "basic": 3466}


@pytest.mark.parametrize(
    ("slo", "met"),
    [
        ("p99=1s,errors=1%", True),
        ("p50=1ms", False),
        ("errors=0.1%", False),
        ("goodput=99%", True),
        ("goodput=390/s,throughput=390/s", True),
        ("goodput=401/s", False),
    ],
)
def test_a_verdict_is_of_every_objective(slo: str, met: bool) -> None:  # noqa: FBT001 — a parameter
    assert report(measured(10.0, failures=10), slo).met is met


def test_nothing_measured_is_a_breach() -> None:
    nothing = report(Samples(), "p99=1s,errors=100%")
    assert [one.met for one in nothing.checks] == [False, False]
    assert all(one.shown == "nothing measured" for one in nothing.checks)


def test_a_report_comes_back_from_its_file(tmp_path: Path) -> None:
    kept = report(measured(10.0, failures=3), "p99=1s", deadline_ms=20.0)
    save(kept, tmp_path / "r.json")
    assert load_baseline(tmp_path / "r.json") == kept


def test_a_file_that_is_no_report_is_refused(tmp_path: Path) -> None:
    for text in (
        "",
        "{}",
        msgspec.json.encode(msgspec.structs.replace(report(Samples()), format=2)).decode(),
    ):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(InvalidRequest) as caught:
            load_baseline(tmp_path / "r.json")
        assert caught.value.code == "load_baseline"


def verdicts(then: Samples, now: Samples) -> dict[str, str]:
    return {change.figure: change.verdict for change in compare(report(then), report(now))}


def test_a_real_cost_is_told_from_noise() -> None:
    then = measured(10.0, seed=1, drift=0.2)
    assert verdicts(then, measured(15.0, seed=2, drift=0.2)) == {
        "latency p50": "worse",
        "latency p99": "worse",
        "errors": "same",
    }
    assert verdicts(measured(15.0, seed=2), measured(10.0, seed=1))["latency p50"] == "better"
    assert verdicts(then, measured(10.0, seed=3, failures=100))["errors"] == "worse"
    # Within the floor: real in the arithmetic, nothing that two runs of one server would not differ by.
    assert verdicts(measured(10.0, seed=1), measured(10.2, seed=1))["latency p50"] == "same"


def test_two_runs_of_the_same_server_seldom_differ() -> None:
    """A/A: 40 pairs; at 95 % two figures of each may go astray now and then, never in number."""
    wrong = 0
    for seed in range(40):
        then, now = measured(10.0, seed=2 * seed, count=1000), measured(10.0, seed=2 * seed + 1, count=1000)
        wrong += sum(verdict != "same" for verdict in verdicts(then, now).values())
    assert wrong <= 8


def test_other_traffic_is_not_compared() -> None:
    then = report(measured(10.0))
    other = msgspec.structs.replace(then, stages=(msgspec.structs.replace(then.stages[0], offered=99.0),))
    with pytest.raises(InvalidRequest) as caught:
        compare(then, other)
    assert caught.value.code == "load_baseline"


def test_other_machines_are_mentioned() -> None:
    then = report(measured(10.0))
    now = msgspec.structs.replace(then, machine=then.machine | {"cores": 8})
    assert cautions(then, now) == ("cores differs: 2 then, 8 now",)


def test_junit_names_what_failed(tmp_path: Path) -> None:
    then, now = report(measured(10.0)), report(measured(20.0), "p99=1s,p50=1ms")
    write_junit(now, tmp_path / "out.xml", compare(then, now))
    suite = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314 — written above
    assert suite.get("tests") == "5"
    assert suite.get("failures") == "3"
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == [
        "poisson 400/s: p50 ≤ 1 ms",
        "poisson 400/s: latency p50 against the baseline",
        "poisson 400/s: latency p99 against the baseline",
    ]
    write_junit(report(Samples()), tmp_path / "none.xml")
    assert ET.parse(tmp_path / "none.xml").getroot().get("failures") == "1"  # noqa: S314
