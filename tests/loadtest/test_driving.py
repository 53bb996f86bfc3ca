"""What is measured is what happened: against a real server whose faults are known."""

import asyncio
import collections
import json
import time
from collections.abc import Callable

import numpy as np
import pytest
from tests.loadtest.conftest import Asked, SmallServer, fine, reply

from tenantry.errors import InvalidRequest
from tenantry.loadtest import (
    Drive,
    Load,
    Recorded,
    Reply,
    Report,
    Requests,
    Samples,
    Shot,
    Target,
    assemble,
    drive,
    load_test,
    read_objectives,
)

Serve = Callable[..., SmallServer]


def requests_for(url: str, *models: str) -> Requests:
    pool = [b'{"a":1}', b'{"a":2}']
    return assemble(url, [(Target(tenant="acme", model=name, key="k"), pool) for name in models or ("m",)])


def loaded(url: str, **more: object) -> Report:
    given = {"warmup": 0.0, "duration": 1.0, "timeout": 5.0, "requests": requests_for(url)} | more
    return load_test(Load(url=url, **given))  # type: ignore[arg-type]


def test_an_open_loop_offers_its_rate(serve: Serve) -> None:
    server = serve(fine)
    report = loaded(server.url, rates=(300.0,), shape="constant")
    (stage,) = report.stages
    assert stage.requests == 300
    assert stage.errors == 0
    assert [(one.status, one.code, one.count) for one in stage.outcomes] == [(200, "", 300)]
    assert [(one.name, one.count) for one in stage.versions] == [("3", 300)]
    assert [(one.name, one.count) for one in stage.rules] == [("Default", 300)]
    assert len(server.asked) == 300
    first = server.asked[0]
    assert (first.method, first.path, first.headers["authorization"]) == ("POST", "/predict/m", "Bearer k")
    assert {asked.body for asked in server.asked} == {b'{"a":1}', b'{"a":2}'}


def test_a_stall_shows_in_the_requests_that_were_due_during_it(serve: Serve) -> None:
    """Coordinated omission: one stall of half a second must reach a quarter of the requests of two seconds, though a
    closed loop of one caller would have counted it once."""
    stalled = []

    async def stalls(asked: Asked) -> bytes:
        if not stalled and len(server.asked) > 40:
            stalled.append(1)
            time.sleep(0.5)
        return await fine(asked)

    server = serve(stalls)
    (stage,) = loaded(server.url, rates=(100.0,), shape="constant", duration=2.0).stages
    assert stage.latency is not None
    assert stage.requests == 200
    assert 0.4 < stage.latency.max / 1000 < 1.0
    slow = [value for value in stage.windows.p50_ms if value is not None and value > 50]
    assert len(slow) >= 3
    assert stage.latency.p90 > 200
    assert stage.latency.p50 < 50


def test_a_closed_loop_waits_for_its_answers(serve: Serve) -> None:
    async def slowly(asked: Asked) -> bytes:
        await asyncio.sleep(0.02)
        return await fine(asked)

    server = serve(slowly)
    (stage,) = loaded(server.url, shape="closed", connections=4).stages
    assert server.connections == 4
    assert 0.5 * 200 <= stage.throughput <= 200
    assert stage.latency is not None
    assert stage.latency.p50 >= 20


def test_refusals_are_counted_by_code_with_their_retry_after(serve: Serve) -> None:
    async def every_other(asked: Asked) -> bytes:
        if len(server.asked) % 2:
            return await fine(asked)
        body = json.dumps({"error": "no", "code": "tenant_rate", "hint": ""}).encode()
        return reply(body, "429 Too Many Requests", Retry_After="7")

    server = serve(every_other)
    (stage,) = loaded(server.url, rates=(200.0,), shape="constant").stages
    assert {(one.status, one.code): one.count for one in stage.outcomes} == {
        (200, ""): 100,
        (429, "tenant_rate"): 100,
    }
    assert stage.errors == 0.5
    assert stage.retry_after is not None
    assert (stage.retry_after.count, stage.retry_after.median) == (100, 7.0)
    assert stage.refusals is not None
    assert stage.throughput == 100


def test_what_was_let_in_and_ran_out_of_time_is_no_refusal_at_the_door(serve: Serve) -> None:
    async def late_or_never(asked: Asked) -> bytes:
        late = bool(len(server.asked) % 2)
        if late:
            await asyncio.sleep(0.1)
        code = "deadline_passed" if late else "deadline_unreachable"
        body = json.dumps({"error": "no", "code": code, "hint": ""}).encode()
        return reply(body, "503 Service Unavailable", Retry_After="1")

    server = serve(late_or_never)
    (stage,) = loaded(server.url, rates=(100.0,), shape="constant", connections=64).stages
    assert {one.code for one in stage.outcomes} == {"deadline_passed", "deadline_unreachable"}
    assert stage.refusals is not None
    assert stage.refusals.max < 90


def test_a_broken_connection_is_one_error_and_the_load_goes_on(serve: Serve) -> None:
    async def breaks(asked: Asked) -> bytes:
        return b"" if len(server.asked) == 50 else await fine(asked)

    server = serve(breaks)
    (stage,) = loaded(server.url, rates=(200.0,), shape="constant").stages
    assert {(one.status, one.code): one.count for one in stage.outcomes} == {
        (200, ""): 199,
        (0, "connection_lost"): 1,
    }
    (closed,) = loaded(server.url, shape="closed", connections=2, duration=0.3).stages
    assert closed.errors == 0


def test_an_answer_that_never_comes_times_out(serve: Serve) -> None:
    async def sometimes_silent(asked: Asked) -> bytes:
        if len(server.asked) == 10:
            await asyncio.sleep(3)
        return await fine(asked)

    server = serve(sometimes_silent)
    (stage,) = loaded(server.url, rates=(50.0,), shape="constant", timeout=0.5).stages
    assert {(one.status, one.code): one.count for one in stage.outcomes} == {
        (200, ""): 49,
        (0, "client_timeout"): 1,
    }


def test_what_was_due_is_sent_or_counted_however_far_behind_the_generator_is(serve: Serve) -> None:
    """A burst that no generator sends in its time: 3,000 requests within three milliseconds."""
    server = serve(fine)
    recorded = Recorded(
        offsets=tuple(number / 1e6 for number in range(3000)), targets=(0,) * 3000, picks=(0,) * 3000
    )
    more = {"requests": requests_for(server.url), "recorded": recorded, "shape": "replay", "connections": 8}
    (stage,) = load_test(Load(url=server.url, timeout=30.0, **more)).stages  # type: ignore[arg-type]
    assert [(one.status, one.count) for one in stage.outcomes] == [(200, 3000)]
    (hurried,) = load_test(Load(url=server.url, timeout=0.02, **more)).stages  # type: ignore[arg-type]
    assert hurried.requests == 3000
    assert {one.code for one in hurried.outcomes} == {"", "client_timeout"}


@pytest.mark.parametrize("shape", ["constant", "closed"])
def test_a_server_that_is_not_there_is_all_errors(serve: Serve, shape: str) -> None:
    server = serve(fine)
    server.close()
    (stage,) = loaded(server.url, shape=shape, rates=(50.0,), connections=2, duration=0.5, timeout=1.0).stages
    assert stage.errors == 1
    assert stage.requests
    assert {one.code for one in stage.outcomes} == {"connect_failed"}
    assert stage.latency is None


def test_a_deadline_divides_goodput_from_throughput(serve: Serve) -> None:
    async def every_fourth_is_late(asked: Asked) -> bytes:
        await asyncio.sleep(0.2 if len(server.asked) % 4 == 0 else 0)
        return await fine(asked)

    server = serve(every_fourth_is_late)
    (stage,) = loaded(server.url, rates=(100.0,), shape="constant", deadline_ms=100.0).stages
    assert stage.throughput == 100
    assert stage.in_time == pytest.approx(0.75, abs=0.03)
    assert stage.goodput == pytest.approx(75, abs=3)


def test_zipf_prefers_the_first_targets(serve: Serve) -> None:
    server = serve(fine)
    requests = requests_for(server.url, *(f"m{number}" for number in range(50)))
    loaded(server.url, requests=requests, rates=(800.0,), exponent=1.0)
    counts = collections.Counter(asked.path for asked in server.asked)
    total = sum(counts.values())
    share = counts["/predict/m0"] / total
    assert abs(share - 1 / sum(1 / rank for rank in range(1, 51))) < 4 * (0.22 * 0.78 / total) ** 0.5
    assert counts["/predict/m0"] > counts["/predict/m1"] > counts["/predict/m20"]


def test_poisson_gaps_are_exponential(serve: Serve) -> None:
    server = serve(fine)
    requests = requests_for(server.url)
    samples = drive(Drive(url=server.url, requests=requests, shape="poisson", rate=500, duration=2.0, seed=3))
    gaps = np.diff(np.sort(np.frombuffer(samples.offset, np.float32)))
    assert abs(len(samples) - 1000) < 5 * 1000**0.5
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.15)


def test_several_processes_share_the_rate(serve: Serve) -> None:
    server = serve(fine)
    report = loaded(server.url, rates=(100.0, 200.0), shape="constant", processes=2)
    assert [stage.requests for stage in report.stages] == [100, 200]
    assert [stage.offered for stage in report.stages] == [100, 200]
    assert [one.count for one in report.stages[1].versions] == [200]
    # The processes take turns: a common beginning, equal gaps, half a gap apart.
    assert len(server.asked) == 300


def test_the_warm_up_does_not_count(serve: Serve) -> None:
    server = serve(fine)
    (stage,) = loaded(server.url, rates=(100.0,), shape="constant", warmup=0.5, duration=0.5).stages
    assert stage.requests == 50
    assert len(server.asked) == 100


def test_a_watcher_sees_every_reply(serve: Serve) -> None:
    class Watch:
        def __init__(self) -> None:
            self.bodies: list[bytes] = []

        def answered(self, shot: Shot, reply: Reply, now: float) -> None:
            self.bodies.append(reply.body)

        def failed(self, shot: Shot, why: str, now: float) -> None:
            raise AssertionError(why)

    server, watch = serve(fine), Watch()
    samples = drive(
        Drive(url=server.url, requests=requests_for(server.url), shape="constant", rate=50, duration=0.5),
        watch,
    )
    assert isinstance(samples, Samples)
    assert watch.bodies == [b'{"predictions":[]}'] * 25


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates": (0.0,)},
        {"rates": (1.0, 2.0), "shape": "closed"},
        {"connections": 0},
        {"connections": 1, "processes": 2},
        {"exponent": -1.0},
        {"duration": 0.0},
        {"warmup": -1.0},
        {"processes": 65},
        {"deadline_ms": 0.0},
        {"shape": "replay"},
    ],
)
def test_traffic_that_cannot_be_made_is_refused(wrong: dict[str, object]) -> None:
    url = "http://127.0.0.1:1"
    with pytest.raises(InvalidRequest) as caught:
        Load(url=url, requests=requests_for(url), **wrong)  # type: ignore[arg-type]
    assert caught.value.code == "load_shape"


def test_a_ramp_finds_the_highest_rate_within_the_objective(serve: Serve) -> None:
    async def over_150_a_second_are_refused(asked: Asked) -> bytes:
        now = int(time.monotonic() * 10)
        seconds[now] += 1
        return await fine(asked) if seconds[now] <= 15 else reply(b"{}", "503 Busy")

    seconds: collections.Counter[int] = collections.Counter()
    server = serve(over_150_a_second_are_refused)
    load = Load(
        url=server.url,
        requests=requests_for(server.url),
        shape="constant",
        rates=(50.0, 100.0, 400.0),
        duration=0.6,
        warmup=0.0,
    )
    report = load_test(load, read_objectives("errors=5%"))
    assert not report.met
    assert [check.met for check in report.checks] == [True, True, False]
    assert report.best_rate == 100
