"""One process's share of a load test: an open loop that sends when requests are due, or a closed loop of callers."""

import asyncio
import gc
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import uvloop

from tenantry.loadtest.client import Shot
from tenantry.loadtest.pool import TIMED_OUT, Pool, Sink
from tenantry.loadtest.replay import Recorded
from tenantry.loadtest.requests import Requests, address_of
from tenantry.loadtest.samples import Samples
from tenantry.loadtest.shape import Due, arrivals, zipf
from tenantry.loadtest.ticker import Ticker

SWEEP_SECONDS = 0.05
BURST = 128
"""Most requests that are sent before replies are read again."""
OPENING_STEPS = 64
"""In how many steps, of a millisecond each, a closed loop opens its connections."""
MAX_CONNECTIONS = 1024
"""Most connections of one process in an open loop, unless said."""


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """What one process does. Plain values.

    ``shape``: ``poisson`` and ``constant`` arrivals of ``rate`` requests a second, ``closed``: ``connections`` callers
    that each wait for their answer, ``replay``: what ``recorded`` holds. ``exponent``: Zipf's, over the targets in
    their order. Seconds: ``warmup`` before what counts, ``duration`` that counts, ``timeout`` for one request from
    when it was due. ``start``: monotonic time of the beginning, the same for all processes of a test.
    """

    url: str
    requests: Requests
    shape: Literal["poisson", "constant", "closed", "replay"]
    rate: float = 1.0
    connections: int = MAX_CONNECTIONS
    exponent: float = 1.0
    warmup: float = 0.0
    duration: float = 10.0
    timeout: float = 10.0
    start: float = 0.0
    phase: float = 0.0
    seed: int = 0
    recorded: Recorded | None = None
    ca: str | None = None


def drive(load: Drive, watch: Sink | None = None, stop: threading.Event | None = None) -> Samples:
    """Send the load and return what came of it; blocks for its whole length.

    ``watch``: told of every outcome too (warm-up included), in the loop's thread; what it costs, latencies show.
    ``stop``: ends the load before its time once it is set; what is on its way is waited for.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(drive_async(load, watch, stop))


async def drive_async(load: Drive, watch: Sink | None = None, stop: threading.Event | None = None) -> Samples:
    """:func:`drive` in a running event loop."""
    start = load.start or time.monotonic()
    begin, end = start + load.warmup, start + load.warmup + load.duration
    samples = Samples(begin)
    sink: Sink = samples if watch is None else _Both(samples, watch)
    traffic = _traffic(load)
    halt = stop or threading.Event()
    refill = _callers(load.requests, traffic, end, halt) if load.shape == "closed" else None
    address = address_of(load.url)
    tls = _context(load.ca) if address.tls else None
    limit = load.connections
    pool = Pool(address, sink, limit=limit, timeout=load.timeout, tls=tls, refill=refill)
    clock = asyncio.create_task(_clock(begin, end, samples))
    gc.freeze()  # what is here now stays: the collector's pauses would count as the server's
    try:
        if refill is not None:
            await _open(pool, limit)
            await _until(end, pool, halt)
        else:
            pump = _Pump(pool, load.requests, traffic, start, end)
            await _until(end, pool, halt)
            await _caught_up(pump, pool, end + load.timeout, halt)
            pump.close()
            for shot in [] if halt.is_set() else pump.unsent():
                sink.failed(shot, TIMED_OUT, time.monotonic())
        await _drained(pool, min(end, time.monotonic()) + load.timeout)
    finally:
        await pool.close()
        gc.unfreeze()
        clock.cancel()
    return samples


class _Pump:
    """Sends each request when it is due, whatever became of those before it."""

    def __init__(
        self, pool: Pool, requests: Requests, traffic: Iterator[Due], start: float, end: float
    ) -> None:
        self._pool = pool
        self._requests = requests
        self._traffic = traffic
        self._start = start
        self._end = self._last = end
        self._loop = asyncio.get_running_loop()
        self._ticker = Ticker(self._loop, self._pump)
        self.finished = False
        """Whether all that was due has been sent."""
        self._next: Due | None = next(traffic, None)
        self._pump()

    def close(self) -> None:
        """Send nothing more."""
        self._end = 0.0
        self._ticker.close()

    def unsent(self) -> Iterator[Shot]:
        """What was due before the end and could not even be sent: a report without it would flatter the server."""
        while self._next is not None and self._start + self._next.offset < self._last:
            yield Shot(self._start + self._next.offset, self._next.target, self._next.pick, b"")
            self._next = next(self._traffic, None)

    def _pump(self) -> None:
        now = time.monotonic()
        for _ in range(BURST):
            due = self._next
            moment = self._end if due is None else self._start + due.offset
            if due is None or moment >= self._end:
                self.finished = True
                return
            if moment > now:
                self._ticker.at(moment)
                return
            raw = self._requests.raw(due.target, due.pick)
            self._pool.fire(Shot(moment, due.target, due.pick, raw))
            self._next = next(self._traffic, None)
        self._loop.call_soon(self._pump)  # behind: read replies, then go on at once


class _Both:
    """Tells two sinks."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self._sinks = (first, second)

    def answered(self, shot: Shot, reply: object, now: float) -> None:
        for sink in self._sinks:
            sink.answered(shot, reply, now)  # type: ignore[arg-type]

    def failed(self, shot: Shot, why: str, now: float) -> None:
        for sink in self._sinks:
            sink.failed(shot, why, now)


def _traffic(load: Drive) -> Iterator[Due]:
    if load.recorded is not None:
        return load.recorded.due()
    shares = zipf(len(load.requests.targets), load.exponent)
    pace: Literal["poisson", "constant"] = "constant" if load.shape == "constant" else "poisson"
    return arrivals(load.rate, shares, pace=pace, phase=load.phase, seed=load.seed)


def _callers(
    requests: Requests, traffic: Iterable[Due], end: float, halt: threading.Event
) -> Callable[[], Shot | None]:
    """The next request of a closed loop, due now; None after the end."""
    coming = iter(traffic)

    def call() -> Shot | None:
        now = time.monotonic()
        if now >= end or halt.is_set():
            return None
        following = next(coming, None)
        if following is None:
            return None
        _, target, pick = following
        return Shot(now, target, pick, requests.raw(target, pick))

    return call


async def _open(pool: Pool, connections: int) -> None:
    """Open the connections over some tens of milliseconds: at one stroke, a server of several processes would take them
    all in the one that wakes first.
    """
    step = max(1, connections // OPENING_STEPS)
    for opened in range(0, connections, step):
        for _ in range(min(step, connections - opened)):
            pool.widen()
        await asyncio.sleep(0.001)


async def _until(end: float, pool: Pool, halt: threading.Event) -> None:
    while (left := end - time.monotonic()) > 0 and not halt.is_set():
        await asyncio.sleep(min(left, SWEEP_SECONDS))
        pool.sweep()


async def _caught_up(pump: _Pump, pool: Pool, latest: float, halt: threading.Event) -> None:
    """Where sending is behind, what was due before the end is sent all the same."""
    while not (pump.finished or halt.is_set()) and time.monotonic() < latest:
        await asyncio.sleep(0.005)
        pool.sweep()


async def _drained(pool: Pool, latest: float) -> None:
    """Wait for what is on its way."""
    while pool.busy and time.monotonic() < latest + 2 * SWEEP_SECONDS:
        await asyncio.sleep(0.005)
        pool.sweep()


async def _clock(begin: float, end: float, samples: Samples) -> None:
    """Count this process's CPU in the measured time."""
    await asyncio.sleep(max(0.0, begin - time.monotonic()))
    before = time.process_time()
    await asyncio.sleep(max(0.0, end - time.monotonic()))
    samples.cpu_seconds = time.process_time() - before


def _context(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca is None else str(Path(ca)))
