"""The sides of a load test, each with its options: how requests come, what they carry, how the result is judged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from tenantry.cli.session import UsageError
from tenantry.cli.spans import seconds_of

Arrivals = Literal["poisson", "constant"]
Protocol = Literal["predict", "v2"]
Shape = Literal["poisson", "constant", "closed", "replay"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Pace:
    """How requests come."""

    rate: Annotated[
        str | None, Parameter(help="Requests a second: one rate, or a ramp such as 100,200,400.")
    ] = None
    connections: Annotated[
        int | None, Parameter(help="Callers that wait for each answer (a closed loop), instead of --rate.")
    ] = None
    arrivals: Annotated[Arrivals, Parameter(help="Gaps between requests: random, or all alike.")] = "poisson"
    duration: Annotated[str, Parameter(help="Length of each stage, such as 10s or 5m.")] = "10s"
    warmup: Annotated[str, Parameter(help="Time before that which does not count.")] = "2s"
    timeout: Annotated[str, Parameter(help="When a request is given up.")] = "10s"
    zipf: Annotated[
        float, Parameter(help="Skew of the traffic over tenants and models, in their order; 0 is none.")
    ] = 1.0
    processes: Annotated[int, Parameter(help="Processes that send; more where one is not enough.")] = 1
    seed: Annotated[int, Parameter(help="The same seed makes the same traffic.")] = 0

    def shape(self, *, replayed: bool) -> tuple[Shape, tuple[float, ...]]:
        """The kind of traffic and its rates; 100 requests a second unless something is said. Raises ``UsageError``."""
        rate, connections = self.rate, self.connections
        if replayed:
            if rate is not None or connections is not None:
                raise UsageError(
                    "--replay has its own pace: leave --rate and --connections out, and take --speed"
                )
            return "replay", (1.0,)
        if rate is None:
            return ("closed", (1.0,)) if connections is not None else (self.arrivals, (100.0,))
        if connections is not None:
            raise UsageError("give --rate (an open loop) or --connections (a closed one), not both")
        try:
            return self.arrivals, tuple(float(part) for part in rate.split(","))
        except ValueError:
            raise UsageError(f"--rate {rate!r} is no number and no list such as 100,200,400") from None

    def lengths(self) -> tuple[float, float, float]:
        """Seconds of warm-up, of each stage, and of patience. Raises ``UsageError``."""
        return (
            float(seconds_of("--warmup", self.warmup)),
            float(seconds_of("--duration", self.duration)),
            float(seconds_of("--timeout", self.timeout)),
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Content:
    """What requests carry."""

    records: Annotated[
        Path | None,
        Parameter(help="Records to send (CSV or JSON lines); else random ones that the models allow."),
    ] = None
    rows: Annotated[int, Parameter(help="Records in each request.")] = 1
    protocol: Annotated[
        Protocol, Parameter(help="POST /predict/NAME, or the Open Inference Protocol's infer.")
    ] = "predict"
    replay: Annotated[
        Path | None,
        Parameter(
            help="Recorded requests to send again: a home folder, for its inference log, or JSON lines with time,"
            " tenant, deployment and body."
        ),
    ] = None
    since: Annotated[str, Parameter(help="How far back an inference log is replayed.")] = "1d"
    speed: Annotated[float, Parameter(help="How many times as fast the log is replayed.")] = 1.0


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the result is held against, and where it is kept."""

    deadline_ms: Annotated[
        float | None, Parameter(help="An answer after this many milliseconds is no goodput.")
    ] = None
    slo: Annotated[
        str | None,
        Parameter(help="Objectives, such as p99=50ms,errors=0.1%,goodput=99%; a breach is status 1."),
    ] = None
    junit: Annotated[Path | None, Parameter(help="Write the verdict as JUnit XML.")] = None
    save: Annotated[Path | None, Parameter(help="Keep the report, for --compare.")] = None
    compare: Annotated[Path | None, Parameter(help="Say what changed since a report that --save kept.")] = (
        None
    )
    fail_if_worse: Annotated[
        bool,
        Parameter(negative="", help="With --compare: a change for the worse beyond the noise is status 1."),
    ] = False

    def check(self) -> None:
        """Raises ``UsageError``."""
        if self.fail_if_worse and self.compare is None:
            raise UsageError("--fail-if-worse takes --compare")
