"""Many more streams to both HTTP edges than the suite has time for."""

import asyncio

import pytest
import uvloop
from tests.serving.http.fuzz import compare

STREAMS = {"sample": 50_000, "full": 1_000_000}
_BATCH = 10_000
_FIRST = 1_000_000
"""Seeds that the suite does not use."""


@pytest.mark.soak
def test_the_edges_agree_on_many_streams(request: pytest.FixtureRequest) -> None:
    streams = STREAMS[request.config.getoption("--soak")]
    for first in range(_FIRST, _FIRST + streams, _BATCH):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            wrong, _ = runner.run(compare(range(first, first + _BATCH)))
        assert not wrong, wrong[:3]
