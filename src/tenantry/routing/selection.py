"""Choosing a version by model metadata: tags, metrics, age (B13)."""

from math import isnan

from tenantry.routing.entries import Endpoint, Target, VersionRef
from tenantry.routing.rules import Bound, Select


def selected(endpoint: Endpoint, action: Select) -> Target | None:
    """The version that ``action`` comes to, or None where none fits.

    A version without a metric, or whose metric is NaN, is within no bound of it and is never the best by it.
    """
    fitting = [Target(*item) for item in endpoint.versions.items() if _fits(item[1], action)]
    if not fitting:
        return None
    if action.best is None:
        return max(fitting, key=_age)
    sign = -1.0 if action.lowest else 1.0
    best = action.best
    return max(fitting, key=lambda target: (sign * target.ref.metrics[best], _age(target)))


def _fits(ref: VersionRef, action: Select) -> bool:
    return (
        all(ref.tags.get(tag) == value for tag, value in action.tags.items())
        and all(_within(ref.metrics.get(metric), bound) for metric, bound in action.metrics.items())
        and (action.best is None or _within(ref.metrics.get(action.best), Bound()))
    )


def _within(value: float | None, bound: Bound) -> bool:
    if value is None or isnan(value):
        return False
    return (bound.least is None or value >= bound.least) and (bound.most is None or value <= bound.most)


def _age(target: Target) -> tuple[int, str]:
    """Orders versions by their number, the newest last; what is no number is older than all numbers."""
    number = target.version
    return (int(number) if number.isdecimal() else -1, number)
