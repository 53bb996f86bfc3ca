"""One log line for each request that failed, was slow, or is in the sample; at a bounded rate, off the loop."""

import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Executor
from heapq import nlargest
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from tenantry.serving.stats import Finished
from tenantry.serving.trace import trace_id
from tenantry.telemetry import get_logger

SLOW_SECONDS = 1.0
LINES_PER_SECOND = 50
"""Most lines a second, of one worker; what comes on top is counted, and told in one line."""
LINES_PER_CAUSE, CAUSE_SECONDS = 5, 10
"""Most lines of one cause (a tenant's deployment and an error's code) in so many seconds: a model that is broken all
night must not bury the line that says why. The others are told as one number when the time is over."""
MOST_CAUSES = 1000
CAUSES_TOLD = 20
"""Most causes that are told apart; most that are told of at a time."""
MOST_WAITING = 1000
"""Most lines that wait for a log that is slow to be written."""

REFUSED = frozenset(("rate_limited", "too_many_in_flight", "deadline_unreachable", "deadline_passed", "shed"))
"""What admission says where there is no room: under strain most requests. They are counted, not told one by one."""

_log = get_logger("serving.request")


class Logged(Finished, Protocol):
    """What a line is made from."""

    @property
    def rule(self) -> str: ...  # noqa: D102
    @property
    def request_id(self) -> str: ...  # noqa: D102
    @property
    def trace(self) -> str: ...  # noqa: D102


class Cause(NamedTuple):
    """What makes lines alike."""

    why: str
    tenant: str
    deployment: str
    code: str


class RequestLog:
    """A recorder. ``finished`` takes 0.2 µs where nothing is to be told. On the event loop's thread."""

    def __init__(
        self,
        background: Executor,
        *,
        slow_seconds: float = SLOW_SECONDS,
        share: float = 0.0,
        lines_per_second: int = LINES_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._background = background
        self._slow = slow_seconds
        self._share = share
        self._rate = lines_per_second
        self._clock = clock
        self._second = 0
        self._lines = 0
        self._waiting = 0
        self._lock = threading.Lock()
        self._untold = 0
        self._causes: dict[Cause, list[int]] = {}
        self._until = 0
        self.suppressed = 0
        """Lines that were held back, in all."""

    def finished(self, work: Logged) -> None:
        """Tell of a request whose reply is made, if it is worth a line."""
        if work.status < 400 and work.finished - work.arrived < self._slow:
            if self._share <= 0.0 or not sampled(work.request_id, self._share):
                return
            why = "sampled"
        elif work.code in REFUSED:
            return
        else:
            why = "slow" if work.status < 400 else "failed"
        if self._room(work, why):
            self._submit(_write, why, _fields(work))
        else:
            self.suppressed += 1

    def _room(self, work: Logged, why: str) -> bool:
        """Whether there is room for a line of this second, and of this cause."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._lines = second, 0
            self._tell_suppressed()
            if second >= self._until:
                self._until = second + CAUSE_SECONDS
                self._tell_alike()
        # A name without a version is the caller's own word, of which there may be any number.
        cause = Cause(why, work.tenant, work.name if work.version else "", work.code)
        alike = self._causes.get(cause) or [0, 0]
        if alike[0] >= LINES_PER_CAUSE:
            alike[1] += 1
            return False
        self._lines += 1
        if self._lines > self._rate or self._waiting >= MOST_WAITING:
            self._untold += 1
            return False
        if why != "sampled" and len(self._causes) < MOST_CAUSES:  # a sample is wanted whole
            alike[0] += 1
            self._causes[cause] = alike
        return True

    def shadowed(self, work: object, copy: object, rollout: str) -> None:
        """Nobody waits for a shadow."""

    def _tell_suppressed(self) -> None:
        if self._untold:
            self._submit(_write_suppressed, self._untold)
            self._untold = 0

    def _tell_alike(self) -> None:
        held = [(cause, alike[1]) for cause, alike in self._causes.items() if alike[1]]
        self._causes = {}
        if held:
            self._submit(_write_alike, held)

    def _submit(self, write: Callable[..., None], *values: Any) -> None:
        with self._lock:
            self._waiting += 1
        try:
            self._background.submit(write, *values).add_done_callback(self._written)
        except RuntimeError:  # the worker is at its end, and the thread behind this has gone
            self.suppressed += 1

    def _written(self, _: object) -> None:
        with self._lock:
            self._waiting -= 1


def sampled(request_id: str, share: float) -> bool:
    """Whether a request is in a sample of this share: the same answer for the same id, in any process."""
    return share >= 1.0 or (
        share > 0.0 and zlib.crc32(request_id.encode("latin-1", "replace")) < share * 4294967296.0
    )


def _fields(work: Logged) -> dict[str, Any]:
    return {
        "request_id": work.request_id,
        "trace_id": trace_id(work.trace),
        "tenant": work.tenant,
        "deployment": work.name[:128],
        "version": work.version,
        "rule": work.rule,
        "status": work.status,
        "code": work.code,
        "rows": work.rows,
        "ms": round((work.finished - work.arrived) * 1000.0, 3),
    }


def _write(why: str, fields: dict[str, Any]) -> None:
    if why == "sampled":
        _log.info("request", why=why, **fields)
    elif fields["status"] >= 500 and fields["status"] != 503:
        _log.error("request", why=why, **fields)
    else:
        _log.warning("request", why=why, **fields)


def _write_suppressed(count: int) -> None:
    _log.warning("requests not logged, over the rate of lines", count=count)


def _write_alike(held: list[tuple[Cause, int]]) -> None:
    for cause, count in nlargest(CAUSES_TOLD, held, key=itemgetter(1)):
        _log.warning("requests not logged, like others", count=count, **cause._asdict())
    if len(held) > CAUSES_TOLD:
        _log.warning("requests not logged, like others of more causes", causes=len(held) - CAUSES_TOLD)
