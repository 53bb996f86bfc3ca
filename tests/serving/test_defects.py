"""What goes wrong inside costs the request that met it, and nothing else: no reply, no place, no other request."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.serving.bench import RECORD, Bench, Recorded, code

from tenantry.routing.rules import Rule, Shadow
from tenantry.serving.defects import KINDS, Defects


class Broken:
    """A recorder that always fails."""

    def finished(self, work: Any) -> None:
        raise ValueError(f"no room for {work.name}")

    def shadowed(self, work: Any, copy: Any, rollout: str) -> None:
        raise ValueError(f"no room for {rollout}")


def nothing_held(bench: Bench) -> bool:
    gate = bench.state.gate
    assert gate is not None
    states = bench.state.residency.states()
    return not gate._tenants and not len(bench.scheduler) and not any(state.leases for state in states)


def test_a_recorder_that_fails_takes_no_reply_and_no_other_record(
    on_loop: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(bench: Bench) -> None:
        core = bench.world.core
        behind = Recorded()
        core.recorders = (bench.recorded, Broken(), behind)
        bench.change(rules=(Rule(name="try", action=Shadow(ref="challenger", rollout="r1")),))
        for _ in range(3):
            reply = await asyncio.wait_for(bench.send(), 5)
            assert reply.status == 200
        bench.scheduler._at_once = 1.0  # and by the queue
        replies = await asyncio.wait_for(asyncio.gather(bench.send(), bench.send()), 5)
        assert [reply.status for reply in replies] == [200, 200]
        for _ in range(200):
            if len(behind.shadows) == 5:
                break
            await asyncio.sleep(0.01)
        assert (len(behind.works), len(bench.recorded.works)) == (5, 5)
        assert len(behind.shadows) == len(bench.recorded.shadows) == 5
        assert len(bench.scheduler._shadows) == 0
        assert core.unrecorded.count == 10
        assert nothing_held(bench)

    on_loop(scenario)
    assert capsys.readouterr().out.count("a recorder failed") == 2  # once for each of the two texts


def test_a_drain_that_is_thrown_out_goes_on_with_the_others(on_loop: Any) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.send()
        loop = asyncio.get_running_loop()
        thrown: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: thrown.append(context))
        bench.scheduler._at_once = 1.0
        work = bench.world.core.begin(
            "POST", "/predict/churn", b"", {b"authorization": b"Bearer acme-scorer"}
        )

        def gone(_: Any) -> None:
            raise ConnectionError("the socket is gone")

        bench.scheduler.submit(work, RECORD, gone)
        reply = await asyncio.wait_for(bench.send(), 5)
        assert reply.status == 200
        assert len(thrown) == 1

    on_loop(scenario)


def test_a_runtime_that_fails_on_shared_rows_fails_its_own_requests_alone(
    on_loop: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.send()
        model = bench.state.residency.find("acme", bench.state.table.endpoints["acme"]["churn"].versions["1"])
        model.plan.batch = 8
        score = model.plan.score

        def brittle(record: Any, /) -> Any:
            if record.get("tenure") == 13:
                raise RuntimeError("the graph has failed")
            return score(record)

        model.plan.score = brittle
        model.plan.score_rows = lambda records: [brittle(record) for record in records]
        replies = []
        for _ in range(2):  # alone, and then with company
            replies.append(await asyncio.wait_for(bench.send(b'{"tenure": 13}'), 5))
        sent = (bench.send(), bench.send(b'{"tenure": 13}'), bench.send())
        replies += await asyncio.wait_for(asyncio.gather(*sent), 5)
        assert [reply.status for reply in replies] == [500, 500, 200, 500, 200]
        assert code(replies[0]) == "internal"
        # A runtime that gives too few answers is asked again, one by one.
        model.plan.score_rows = lambda records: [score(records[0])]
        replies = await asyncio.wait_for(asyncio.gather(*(bench.send() for _ in range(3))), 5)
        assert [msgspec.json.decode(reply.body)["predictions"][0]["score"] for reply in replies] == [0.01] * 3
        assert nothing_held(bench)

    on_loop(scenario)
    assert "the graph has failed" in capsys.readouterr().out


def test_a_defect_is_told_once_and_counted_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    defects = Defects("something failed")
    for number in range(5):
        defects.tell(ValueError("same"), "here")
        defects.tell(ValueError(f"other {number}"))
    assert defects.count == 10
    assert capsys.readouterr().out.count("something failed") == 6
    for number in range(2 * KINDS):
        defects.tell(KeyError(number))
    assert len(defects._told) <= KINDS
