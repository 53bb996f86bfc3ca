"""Tests of the HTTP edges run their coroutines on uvloop, as workers do."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    def go(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(asyncio.wait_for(coroutine, 60))

    return go
