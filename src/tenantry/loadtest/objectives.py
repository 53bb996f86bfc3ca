"""Objectives of a load test, from text such as ``p99=50ms,errors=0.1%,goodput=99%``, and whether a stage met them."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tenantry.errors import InvalidRequest
from tenantry.loadtest.report import Check, Stage

_TIMES = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_LATENCIES = ("mean", "p50", "p90", "p99", "p999", "max")
_MOST, _LEAST = "≤", "≥"


class Objective(NamedTuple):
    """One limit. ``kind``: ``ms``, ``share`` or ``rate``; ``sign``: ≤ or ≥."""

    name: str
    kind: str
    sign: str
    limit: float

    @property
    def text(self) -> str:
        """The objective as people read it."""
        return f"{self.name} {self.sign} {shown(self.kind, self.limit)}"


def read_objectives(text: str) -> tuple[Objective, ...]:
    """Parts joined by commas: a latency (``p50``, ``p90``, ``p99``, ``p99.9``, ``mean``, ``max``) with ms, us or s;
    ``errors`` with %; ``goodput`` with % of requests, or with /s; ``throughput`` with /s.

    Raises ``InvalidRequest("load_objective")``.

    >>> [one.text for one in read_objectives("p99=50ms, errors=0.1%,goodput=500/s")]
    ['p99 ≤ 50 ms', 'errors ≤ 0.1 %', 'goodput ≥ 500/s']
    """
    parts = [part.strip() for part in text.split(",")]
    return tuple(_objective(part) for part in parts)


def check(objectives: Sequence[Objective], stages: Sequence[Stage]) -> tuple[Check, ...]:
    """Every objective in every stage."""
    return tuple(_check(number, stage, one) for number, stage in enumerate(stages) for one in objectives)


def best_rate(stages: Sequence[Stage], checks: Sequence[Check]) -> float | None:
    """Of stages in ascending order of rate: the last before the first breach."""
    breached = {one.stage for one in checks if not one.met}
    best = None
    for number, stage in enumerate(stages):
        if number in breached:
            break
        best = stage.offered
    return best


def shown(kind: str, value: float) -> str:
    """A figure with its unit."""
    if kind == "ms":
        return f"{value:.3g} ms" if value < 1000 else f"{value:,.0f} ms"
    return (
        f"{100 * value:.3g} %" if kind == "share" else f"{value:,.4g}/s" if value < 1e4 else f"{value:,.0f}/s"
    )


def _objective(part: str) -> Objective:
    found = re.fullmatch(r"([a-z0-9.]+)\s*=\s*(\d+(?:\.\d+)?|\.\d+)\s*(us|ms|s|%|/s)", part, re.ASCII)
    if found is None:
        raise InvalidRequest("load_objective", f"{part!r} is no objective such as p99=50ms or errors=0.1%")
    name, number, unit = found[1].replace(".", ""), float(found[2]), found[3]
    if name in _LATENCIES and unit in _TIMES:
        return Objective(name, "ms", _MOST, number * _TIMES[unit])
    if name == "errors" and unit == "%":
        return Objective(name, "share", _MOST, number / 100)
    if name == "goodput" and unit == "%":
        return Objective(name, "share", _LEAST, number / 100)
    if name in ("goodput", "throughput") and unit == "/s":
        return Objective(name, "rate", _LEAST, number)
    raise InvalidRequest(
        "load_objective", f"{part!r} gives {found[1]} a limit in {unit!r}, which it does not have"
    )


def _check(number: int, stage: Stage, one: Objective) -> Check:
    measured = _MEASURES[one.kind](stage, one.name)
    met = measured is not None and (measured <= one.limit if one.sign == _MOST else measured >= one.limit)
    text = "nothing measured" if measured is None else shown(one.kind, measured)
    return Check(stage=number, objective=one.text, measured=measured, shown=text, met=met)


def _share(stage: Stage, name: str) -> float | None:
    if not stage.requests:
        return None
    return stage.errors if name == "errors" else stage.in_time


def _milliseconds(stage: Stage, name: str) -> float | None:
    return None if stage.latency is None else float(getattr(stage.latency, name))


def _rate(stage: Stage, name: str) -> float | None:
    return stage.goodput if name == "goodput" else stage.throughput


_MEASURES: dict[str, Callable[[Stage, str], float | None]] = {
    "ms": _milliseconds,
    "share": _share,
    "rate": _rate,
}
