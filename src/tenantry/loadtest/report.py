"""The report of a load test: plain values that go to JSON and come back."""

from typing import Any

import msgspec

REPORT_FORMAT = 1
"""Format number of a saved report; a reader refuses any other."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from when a request was due to its answer."""

    mean: float
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests ended so. ``status`` 0: no reply came, and ``code`` says why."""

    status: int
    code: str
    count: int


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many replies said so."""

    name: str
    count: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one tenant, model or class. ``in_time``: share answered well within the deadline."""

    name: str
    requests: int
    errors: int
    in_time: float
    p50_ms: float | None
    p99_ms: float | None


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """The Retry-After values of refusals, in seconds."""

    count: int
    least: float
    median: float
    most: float


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """The measured time in equal slices: what a later comparison takes its noise from."""

    seconds: float
    throughput: tuple[float, ...]
    p50_ms: tuple[float | None, ...]
    p99_ms: tuple[float | None, ...]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One rate, or one number of callers, for its whole time.

    ``latency``: of answers (2xx); ``refusals``: of 429 and 503, but for requests that were let in and ran
    out of time (``deadline_passed``, in ``outcomes``). ``throughput``: answers a second; ``goodput``: those
    within the deadline, a second; ``in_time``: their share of all requests. ``errors``: share of requests with anything
    but an answer. ``send_lag_p99_ms``: how late requests went out, by the generator's own fault or for want of a free
    connection; ``generator_cores``: CPU that the generator took.
    """

    shape: str
    offered: float | None
    connections: int
    seconds: float
    requests: int
    throughput: float
    goodput: float
    in_time: float
    errors: float
    latency: Latency | None
    refusals: Latency | None
    outcomes: tuple[Outcome, ...]
    retry_after: Waits | None
    versions: tuple[Count, ...]
    rules: tuple[Count, ...]
    tenants: tuple[Part, ...]
    groups: tuple[Part, ...]
    windows: Windows
    send_lag_p99_ms: float
    generator_cores: float


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One objective in one stage. ``measured`` is None where there was nothing to measure, which is a breach."""

    stage: int
    objective: str
    measured: float | None
    shown: str
    met: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole load test. ``machine``: what the comparison of two reports must know; ``best_rate``: of several rates,
    the highest up to which every objective was met.
    """

    created: float
    version: str
    url: str
    targets: int
    deadline_ms: float | None
    machine: dict[str, Any]
    stages: tuple[Stage, ...]
    checks: tuple[Check, ...] = ()
    best_rate: float | None = None
    notes: tuple[str, ...] = ()
    format: int = REPORT_FORMAT

    @property
    def met(self) -> bool:
        """Whether every objective was met in every stage."""
        return all(check.met for check in self.checks)
