"""The own edge answers as uvicorn does, whatever is sent and however it is cut."""

from collections.abc import Callable
from typing import Any

from tests.serving.http.fuzz import compare

STREAMS = 2500


def test_the_own_edge_answers_as_uvicorn_does(run: Callable[..., Any]) -> None:
    wrong, told = run(compare(range(STREAMS)))
    assert not wrong, wrong[:3]
    # The streams are worth something: most are answered, many are refused, few need the list of allowed differences.
    assert told["alike"] > 0.6 * STREAMS, told
    assert told["200"] > STREAMS / 2, told
    assert told["400"] > STREAMS / 5, told
    assert told["401"] > STREAMS / 50, told
    assert told["closed"] > STREAMS / 3, told
    assert told["open"] > STREAMS / 4, told
