"""Bounds on connections whose request does not come."""

from typing import Any

from tenantry.serving.http import HEAD_SECONDS
from tenantry.serving.http.uvicorn_bounds import sweep


class Transport:
    closed = False

    def close(self) -> None:
        self.closed = True


class Connection:
    def __init__(self, head_since: float | None) -> None:
        self.head_since = head_since
        self.transport = Transport()


def test_only_late_heads_are_closed() -> None:
    late, early, answered = Connection(0.0), Connection(HEAD_SECONDS), Connection(None)
    connections: set[Any] = {late, early, answered}
    assert sweep(connections, HEAD_SECONDS + 1) == 1
    assert [one.transport.closed for one in (late, early, answered)] == [True, False, False]
