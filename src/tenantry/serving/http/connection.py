"""One connection of the own HTTP edge: requests in, answers out in their order.

What a caller may make us hold is bounded: requests that wait for answers, their bodies, and answers that it does not
read. Where a bound is reached, the connection is not read until there is room again.
"""

import asyncio
from typing import cast

from tenantry.errors import TenantryError, Unavailable
from tenantry.serving.core import too_large
from tenantry.serving.http.answers import CONTINUE
from tenantry.serving.http.bodies import Bodies
from tenantry.serving.http.common import Common
from tenantry.serving.http.exchange import Exchange
from tenantry.serving.http.heads import END, Head
from tenantry.serving.http.intake import DEAF, IDLE, Intake
from tenantry.serving.http.pipeline import Pipeline
from tenantry.serving.replies import Response, error_reply

_JOIN_BYTES = 64 << 10
"""Answers up to this size are copied into one piece, to be sent in one call."""


class Connection(asyncio.Protocol):
    """One caller. ``common`` is what all connections share."""

    __slots__ = (
        "_begin", "_bodies", "_busy", "_common", "_current", "_flush_called", "_handler", "_heads", "_loop",
        "_pipeline", "_queue", "_reading", "_submit", "ended_at", "intake", "served", "transport", "unsent", "writable",
        "writable_since",
    )  # fmt: skip

    def __init__(self, common: Common, loop: asyncio.AbstractEventLoop) -> None:
        self._common = common
        self._loop = loop
        self._handler = common.handler
        self._begin = common.handler.begin
        self._submit = common.handler.submit
        self._heads = common.heads
        self.transport: asyncio.Transport
        self.intake = Intake(self, common)
        self._current: Exchange | None = None
        """The request whose body is being read; it leaves the pipeline before that where it was refused early."""
        self._bodies = Bodies(common)
        self._pipeline = Pipeline(common, self._bodies)
        self._queue = self._pipeline.queue
        self._busy = self._flush_called = False
        self._reading = True
        self.served = False
        self.ended_at: float | None = None
        """When the last answer was written; the connection only waits to be closed."""
        self.writable = True
        self.writable_since = 0.0
        self.unsent = 0

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller has connected."""
        self.transport = cast("asyncio.Transport", transport)
        common = self._common
        common.connections.add(self)
        if len(common.connections) > common.bounds.connections:
            self.intake.stop(dropped=True)
            self.broken(Unavailable("serving_busy", "this worker has as many connections as it may"))
            self._settle()

    def data_received(self, data: bytes) -> None:
        """Some bytes: mostly one whole request, with a head that came before."""
        if self.writable and self.intake.stage == IDLE and not self._queue:
            end = data.find(END) + 4
            head = self._heads.find(data[:end]) if end > 3 else None
            if head is not None and end + head.length == len(data) and head.length <= self._common.small_body:
                self._answer_whole(head, data[end:])
                return
        self._read(data)

    def _answer_whole(self, head: Head, body: bytes) -> None:
        """A request that came whole while no other waited: mostly it is answered before this returns."""
        exchange = Exchange(self, head)
        exchange.whole = True
        self._busy = True  # an answer that is made meanwhile is written here
        try:
            work = self._begin(head.method, head.path, head.query, head.headers)
            if isinstance(work, Response):
                exchange.done(work)
            else:
                exchange.work = work
                self._submit(work, body, exchange.done)
        finally:
            self._busy = False
        answer = exchange.answer
        if answer is None:
            self._queue.append(exchange)
            return
        heading = answer.heading
        if heading is None or exchange.close or exchange.bodiless or len(answer.body) > _JOIN_BYTES:
            self._queue.append(exchange)
            self._settle()
            return
        common = self._common
        self.served = True
        self.intake.since = common.now
        self.transport.write(common.answers.whole(answer, heading))

    def eof_received(self) -> None:
        """The caller sends nothing more: it is taken to be gone, as most are that do so."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — whatever the reason
        """The connection is gone; nobody waits for the answers."""
        common = self._common
        common.connections.discard(self)
        self._pipeline.drop()
        self._bodies.close()
        self._current = None
        self.ended_at = common.now
        self.intake.close()

    def pause_writing(self) -> None:
        """The caller does not read its answers as fast as they come."""
        self.writable = False
        self.writable_since = self._common.now
        self.unsent = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """It has read most of them."""
        self.writable = True
        if self.ended_at is None:
            self._settle()

    # What the intake tells.

    def room(self) -> bool:
        """Whether another request may begin."""
        bounds = self._common.bounds
        return (
            self.writable
            and len(self._queue) < bounds.pipeline
            and self._bodies.waiting <= bounds.pipeline_bytes
        )

    def opened(self, head: Head) -> None:
        """A request's head: admit it, or refuse it before its body is read."""
        exchange = Exchange(self, head)
        self._queue.append(exchange)
        self._current = exchange
        self._bodies.begin()
        work = self._begin(head.method, head.path, head.query, head.headers)
        if isinstance(work, Response):
            exchange.done(work)
            if head.expects or head.length > self._common.bounds.discard_bytes or work.closes:
                # Who waits for leave to send may now send its body or not: what comes next cannot be told. And what
                # comes after an answer that closes would be run for nobody.
                exchange.close = True
                self.intake.stop(dropped=True)
            return
        exchange.work = work
        if head.length > self._common.limits.body_bytes:
            self.fail(too_large(self._common.limits.body_bytes))

    def part(self, data: bytes) -> None:
        """Some of the body."""
        exchange = self._current
        if exchange is None:
            return
        if exchange.answer is None:
            error = self._bodies.add(exchange, data)
            if error is not None:
                self.fail(error)
            return
        self._bodies.received += len(data)
        if self._bodies.received > self._common.bounds.discard_bytes:
            self._abort_rest(exchange)

    def ended(self) -> bool:
        """The body is whole: have it answered. Returns whether another request may follow."""
        exchange = self._current
        if exchange is None:
            return False
        self._current = None
        exchange.whole = True
        if exchange.answer is None:
            self._submit(exchange.work, self._bodies.take(), exchange.done)
        return not exchange.close

    def broken(self, error: TenantryError) -> None:
        """What came is no request: say so, after the answers to what came before."""
        exchange = self._current
        if exchange is None:
            exchange = Exchange(self, None)
            self._queue.append(exchange)
            exchange.done(error_reply(error))
        elif exchange.answer is None:
            self.fail(error)
        else:
            self._abort_rest(exchange)

    def fail(self, error: TenantryError) -> None:
        """Refuse the request that is being read, whose body cannot be had; the connection closes after that."""
        exchange = self._current
        if exchange is None:
            return
        self._bodies.begin()
        exchange.close = True
        self.intake.stop(dropped=True)
        if exchange.answer is None:
            exchange.done(self._handler.refused(exchange.work, error))
        else:
            self._abort_rest(exchange)

    def _abort_rest(self, exchange: Exchange) -> None:
        """Read no more of a request that was refused already."""
        exchange.close = True
        self.intake.stop(dropped=True)
        if exchange not in self._queue and not self._queue:
            self._finish()

    # Answers.

    def answered(self) -> None:
        """A request's answer is here: write what can be written in order, several in one piece."""
        if self._busy or self._queue[0].answer is None:
            return  # what is being read is settled at its end; who is not first waits
        if len(self._queue) == 1:
            self._flush()
            if self._current is not None or self.intake.kept or not self._reading:
                self._settle()
        elif not self._flush_called:
            self._flush_called = True
            self._loop.call_soon(self._flush_late)

    def _flush_late(self) -> None:
        self._flush_called = False
        if self.ended_at is None:
            self._settle()

    def _read(self, data: bytes) -> None:
        self._busy = True
        try:
            self.intake.take(data)
        finally:
            self._busy = False
        self._settle()

    def _settle(self) -> None:
        """Write what can be written, and go on reading where there is room again."""
        intake = self.intake
        self._flush()
        while intake.kept and self.ended_at is None and self.room():
            self._busy = True
            try:
                intake.resume()
            finally:
                self._busy = False
            self._flush()
        if self._reading == bool(intake.kept):
            self._turn_reading(on=not self._reading)
        current = self._current
        if (
            current is not None
            and current.expects
            and current.answer is None
            and not self._bodies.received
            and self._queue[0] is current
        ):
            current.expects = False
            self.transport.write(CONTINUE)

    def _turn_reading(self, *, on: bool) -> None:
        self._reading = on
        if self.ended_at is not None:
            return
        if on:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def _flush(self) -> None:
        out, size, close = self._pipeline.ready()
        if not out:
            return
        self.served = True
        if self.intake.stage == IDLE:
            self.intake.since = self._common.now
        if size <= _JOIN_BYTES:
            self.transport.write(b"".join(out))
        else:
            self.transport.writelines(out)
        if close:
            self._finish()

    # The end.

    def _finish(self) -> None:
        """The last answer is written: close, once what the caller still sends of a refused request is out of the way.

        Closing with bytes unread resets the connection, and a reset can take the answer from the caller's buffers.
        """
        self.ended_at = self._common.now
        self._pipeline.drop()
        intake = self.intake
        clean = intake.stage in (IDLE, DEAF) and self._current is None and not intake.dropped
        intake.stop()
        if clean:
            self.transport.close()
            return
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def settle(self) -> None:
        """Write what the times of :mod:`~tenantry.serving.http.times` have decided."""
        if self.ended_at is None:
            self._settle()

    @property
    def waiting(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._queue)

    def drain(self) -> None:
        """Answer what is in flight, then close; at once where nothing is."""
        if self.ended_at is not None:
            return
        if not self._queue:
            self.ended_at = self._common.now
            self.intake.stop()
            self.transport.close()
            return
        self._queue[-1].close = True
        if self._current is None:
            self.intake.stop()
