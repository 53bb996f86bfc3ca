"""From columns of outcomes to a stage of the report."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tenantry.loadtest.report import Count, Latency, Outcome, Part, Stage, Waits, Windows
from tenantry.loadtest.samples import Samples
from tenantry.loadtest.targets import Target

TOP = 10
WINDOWS = 20
REFUSED = (429, 503)
EXPIRED = "deadline_passed"
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class _Columns:
    """A run's samples as arrays; times in milliseconds."""

    def __init__(self, samples: Samples, deadline_ms: float | None) -> None:
        self.ms: Floats = np.frombuffer(samples.latency, np.float32).astype(np.float64) * 1e3
        self.offset: Floats = np.frombuffer(samples.offset, np.float32).astype(np.float64)
        self.lag_ms: Floats = np.frombuffer(samples.lag, np.float32).astype(np.float64) * 1e3
        self.target = np.frombuffer(samples.target, np.uint32)
        self.outcome = np.frombuffer(samples.outcome, np.uint16)
        self.version = np.frombuffer(samples.version, np.uint16)
        statuses = np.array([status for status, _ in samples.outcomes] or [0])
        expired = np.array([code == EXPIRED for _, code in samples.outcomes] or [False])
        self.status = statuses[self.outcome] if len(self.outcome) else np.zeros(0, int)
        self.expired: Mask = expired[self.outcome] if len(self.outcome) else np.zeros(0, bool)
        self.ok: Mask = (self.status >= 200) & (self.status < 300)
        self.in_time: Mask = self.ok if deadline_ms is None else self.ok & (self.ms <= deadline_ms)


def stage_of(
    samples: Samples,
    targets: Sequence[Target],
    *,
    shape: str,
    offered: float | None,
    connections: int,
    seconds: float,
    deadline_ms: float | None = None,
) -> Stage:
    """Summarise what happened in ``seconds`` of measured time. Percentiles are exact, of all requests."""
    columns = _Columns(samples, deadline_ms)
    total = len(columns.ms)
    good = int(columns.ok.sum())
    tenants = [target.tenant for target in targets]
    groups = [target.group for target in targets]
    return Stage(
        shape=shape,
        offered=offered,
        connections=connections,
        seconds=seconds,
        requests=total,
        throughput=good / seconds,
        goodput=int(columns.in_time.sum()) / seconds,
        in_time=int(columns.in_time.sum()) / total if total else 0.0,
        errors=1 - good / total if total else 0.0,
        latency=_latency(columns.ms[columns.ok]),
        refusals=_latency(columns.ms[np.isin(columns.status, REFUSED) & ~columns.expired]),
        outcomes=_outcomes(samples, columns),
        retry_after=_waits(samples),
        versions=_counts(samples, columns, 0),
        rules=_counts(samples, columns, 1),
        tenants=_parts(columns, tenants, TOP),
        groups=_parts(columns, groups, 32) if any(groups) else (),
        windows=_windows(columns, seconds),
        send_lag_p99_ms=_percentile(columns.lag_ms[columns.lag_ms >= 0], 99) or 0.0,
        generator_cores=samples.cpu_seconds / seconds,
    )


def _latency(ms: Floats) -> Latency | None:
    if not len(ms):
        return None
    p50, p90, p99, p999 = (float(value) for value in np.percentile(ms, (50, 90, 99, 99.9)))
    return Latency(mean=float(ms.mean()), p50=p50, p90=p90, p99=p99, p999=p999, max=float(ms.max()))


def _percentile(values: Floats, percent: float) -> float | None:
    return float(np.percentile(values, percent)) if len(values) else None


def _outcomes(samples: Samples, columns: _Columns) -> tuple[Outcome, ...]:
    counts = np.bincount(columns.outcome, minlength=len(samples.outcomes))
    found = [
        Outcome(status=status, code=code, count=int(counts[number]))
        for (status, code), number in samples.outcomes.items()
    ]
    return tuple(sorted(found, key=lambda one: -one.count))


def _waits(samples: Samples) -> Waits | None:
    if not samples.retry_after:
        return None
    values = np.asarray(samples.retry_after)
    return Waits(
        count=len(values),
        least=float(values.min()),
        median=float(np.median(values)),
        most=float(values.max()),
    )


def _counts(samples: Samples, columns: _Columns, which: int) -> tuple[Count, ...]:
    """Replies by version (0) or rule (1); those that name none are left out."""
    counts = np.bincount(columns.version, minlength=len(samples.versions))
    totals: dict[str, int] = {}
    for pair, number in samples.versions.items():
        if pair[which]:
            totals[pair[which]] = totals.get(pair[which], 0) + int(counts[number])
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Count(name=name, count=count) for name, count in ranked[:TOP])


def _parts(columns: _Columns, names: Sequence[str], top: int) -> tuple[Part, ...]:
    """The busiest names, and all others together."""
    known = sorted(set(names))
    number_of = {name: number for number, name in enumerate(known)}
    owner = np.array([number_of[name] for name in names])[columns.target]
    counts = np.bincount(owner, minlength=len(known))
    ranked = [int(number) for number in np.argsort(-counts, kind="stable")[:top] if counts[number]]
    parts = [_part(known[number], columns, owner == number) for number in ranked]
    rest = ~np.isin(owner, ranked)
    if rest.any():
        parts.append(_part(f"{int(np.count_nonzero(counts)) - len(ranked)} others", columns, rest))
    return tuple(parts)


def _part(name: str, columns: _Columns, mine: Mask) -> Part:
    requests = int(mine.sum())
    answered = columns.ms[mine & columns.ok]
    return Part(
        name=name,
        requests=requests,
        errors=requests - len(answered),
        in_time=int((mine & columns.in_time).sum()) / requests,
        p50_ms=_percentile(answered, 50),
        p99_ms=_percentile(answered, 99),
    )


def _windows(columns: _Columns, seconds: float) -> Windows:
    length = seconds / WINDOWS
    number = np.clip((columns.offset / length).astype(int), 0, WINDOWS - 1)
    throughput, p50, p99 = [], [], []
    for window in range(WINDOWS):
        answered = columns.ms[(number == window) & columns.ok]
        throughput.append(len(answered) / length)
        p50.append(_percentile(answered, 50))
        p99.append(_percentile(answered, 99))
    return Windows(seconds=length, throughput=tuple(throughput), p50_ms=tuple(p50), p99_ms=tuple(p99))
