"""The requests of one connection that have no answer on the wire yet, in their order."""

from collections import deque

from tenantry.serving.http.bodies import Bodies
from tenantry.serving.http.common import Common
from tenantry.serving.http.exchange import Exchange


class Pipeline:
    """``queue`` holds the exchanges, the oldest first."""

    __slots__ = ("_bodies", "_common", "queue")

    def __init__(self, common: Common, bodies: Bodies) -> None:
        self._common = common
        self._bodies = bodies
        self.queue: deque[Exchange] = deque()

    def ready(self) -> tuple[list[bytes], int, bool]:
        """What can be written now, in pieces: heads and bodies; the bodies' bytes; whether the connection ends then."""
        queue = self.queue
        pieces: list[bytes] = []
        size = 0
        close = False
        while queue and not close:
            exchange = queue[0]
            answer = exchange.answer
            if answer is None:
                break
            queue.popleft()
            if exchange.size:
                self._bodies.release(exchange)
            head, close = self._common.answers.head(answer, close=exchange.close)
            pieces.append(head)
            if not exchange.bodiless:
                pieces.append(answer.body)
                size += len(answer.body)
        return pieces, size, close

    def drop(self) -> None:
        """Nobody waits for these any more."""
        while self.queue:
            exchange = self.queue.popleft()
            exchange.owner = None
            if exchange.work is not None:
                self._common.handler.abandon(exchange.work)
                exchange.work = None
