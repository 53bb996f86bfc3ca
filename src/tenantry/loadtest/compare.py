"""What changed since a saved report, said only as far as the noise of both runs allows (B17)."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from tenantry.errors import InvalidRequest
from tenantry.loadtest.report import REPORT_FORMAT, Report, Stage

FLOOR = 0.05
"""Two runs of the same server differ by this much on a shared machine: less is never called a change."""
Direction = Literal["better", "worse", "same"]
_FIGURES = (("p50", "latency p50", True), ("p99", "latency p99", True), ("throughput", "throughput", False))


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one stage, then and now.

    ``relative``: now over then, minus one; ``noise``: half the width of its 95 % interval, from the spread of the
    slices of both runs; None where it cannot be told.
    """

    stage: int
    figure: str
    then: float
    now: float
    relative: float | None
    noise: float | None
    verdict: Direction
    text: str


def save(report: Report, file: Path) -> None:
    """Keep a report as a baseline."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def load_baseline(file: Path) -> Report:
    """A saved report. Raises ``InvalidRequest("load_baseline")``."""
    try:
        report = msgspec.json.decode(file.read_bytes(), type=Report)
    except OSError as error:
        raise InvalidRequest("load_baseline", f"{file} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise InvalidRequest("load_baseline", f"{file} is no saved report: {error}") from error
    if report.format != REPORT_FORMAT:
        raise InvalidRequest(
            "load_baseline", f"{file} has report format {report.format}, not {REPORT_FORMAT}"
        )
    return report


def compare(then: Report, now: Report) -> tuple[Change, ...]:
    """The changes of every stage. Raises ``InvalidRequest("load_baseline")`` where the traffic was not the same."""
    if [_traffic(stage) for stage in then.stages] != [_traffic(stage) for stage in now.stages]:
        raise InvalidRequest(
            "load_baseline", "the saved report is of other traffic: shape, rates or connections"
        )
    changes: list[Change] = []
    for number, (old, new) in enumerate(zip(then.stages, now.stages, strict=True)):
        for key, name, latency in _FIGURES:
            if key == "throughput" and new.shape != "closed":
                continue  # an open loop's throughput is what was offered
            change = _change(number, name, _slices(old, key), _slices(new, key), rising_is_worse=latency)
            if change is not None:
                changes.append(change)
        changes.append(_errors(number, old, new))
    return tuple(changes)


def cautions(then: Report, now: Report) -> tuple[str, ...]:
    """Why the comparison may mislead."""
    said = []
    for key in ("cores", "python", "system"):
        if then.machine.get(key) != now.machine.get(key):
            said.append(f"{key} differs: {then.machine.get(key)} then, {now.machine.get(key)} now")
    if then.targets != now.targets:
        said.append(f"{then.targets:,} targets then, {now.targets:,} now")
    return tuple(said)


def _traffic(stage: Stage) -> tuple[object, ...]:
    offered = None if stage.offered is None else round(stage.offered, 3)
    return stage.shape, offered, stage.connections if stage.shape == "closed" else None


def _slices(stage: Stage, key: str) -> list[float]:
    windows = stage.windows
    columns = {"p50": windows.p50_ms, "p99": windows.p99_ms, "throughput": windows.throughput}
    return [value for value in columns[key] if value is not None]


def _change(
    stage: int, figure: str, then: Sequence[float], now: Sequence[float], *, rising_is_worse: bool
) -> Change | None:
    """Welch's interval for the difference of the slices' means, as a share of the old mean."""
    if len(then) < 3 or len(now) < 3:
        return None
    old, new = statistics.fmean(then), statistics.fmean(now)
    if old <= 0:
        return None
    spreads = (statistics.variance(then) / len(then), statistics.variance(now) / len(now))
    noise = _student(_welch(spreads, (len(then), len(now)))) * math.sqrt(sum(spreads)) / old
    relative = new / old - 1
    beyond = abs(relative) > max(noise, FLOOR)
    verdict: Direction = "same" if not beyond else "worse" if (relative > 0) == rising_is_worse else "better"
    return Change(
        stage=stage,
        figure=figure,
        then=old,
        now=new,
        relative=relative,
        noise=noise,
        verdict=verdict,
        text=_words(relative, noise, verdict),
    )


def _words(relative: float, noise: float, verdict: Direction) -> str:
    if verdict == "same":
        return f"no change beyond the noise ({100 * relative:+.0f} % ± {100 * max(noise, FLOOR):.0f} %)"
    return f"{verdict}: {100 * relative:+.0f} % ± {100 * noise:.0f} %"


def _errors(stage: int, then: Stage, now: Stage) -> Change:
    """Two shares of errors: told apart where the difference is over 1.96 standard errors."""
    n, m = max(1, then.requests), max(1, now.requests)
    pooled = (then.errors * n + now.errors * m) / (n + m)
    width = 1.96 * math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    gap = now.errors - then.errors
    verdict: Direction = "same" if abs(gap) <= width else "worse" if gap > 0 else "better"
    text = f"{verdict}: {100 * then.errors:.3g} % then, {100 * now.errors:.3g} % now"
    if verdict == "same":
        text = "no change beyond chance" if gap else "no change"
    return Change(
        stage=stage,
        figure="errors",
        then=then.errors,
        now=now.errors,
        relative=None,
        noise=None,
        verdict=verdict,
        text=text,
    )


def _welch(spreads: tuple[float, float], counts: tuple[int, int]) -> float:
    """Degrees of freedom after Welch and Satterthwaite."""
    below = sum(spread**2 / (count - 1) for spread, count in zip(spreads, counts, strict=True))
    return sum(spreads) ** 2 / below if below else math.inf


def _student(freedom: float) -> float:
    """The 97.5 % quantile of Student's t, to within 1 % from 3 degrees of freedom on (Cornish and Fisher's expansion).

    >>> round(_student(10), 2), round(_student(1e9), 2)
    (2.23, 1.96)
    """
    z = 1.959964
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
