"""The gate between a trained version and the endpoint.

The first version is champion. A later one takes its place when it is *not worse beyond noise*: on the first
metric that both scorecards have, ``new - champion >= -1.645 × sqrt(se_new² + se_champion²)`` (a one-sided
test at 5 %; the standard errors are the 95 % intervals' half widths over 1.96). The two were measured on the
out-of-fold predictions of their own snapshots, so that fresh data do not count against the new version: a
gate on the same rows comes with the monitors. Where the two do not predict the same thing, no figure decides,
and the new version waits as challenger.
"""

import math

import msgspec

from tenantry.bundle import Manifest, Metric

_ONE_SIDED_5_PERCENT = 1.645
_HALF_WIDTH_95 = 1.96


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says and why; ``new``, ``champion`` and ``noise`` are of ``metric``."""

    promote: bool
    reason: str
    metric: str | None = None
    new: float | None = None
    champion: float | None = None
    noise: float | None = None


def decide(new: Manifest, champion: Manifest | None) -> Decision:
    """Whether a version takes the champion's place."""
    if champion is None:
        return Decision(promote=True, reason="it is the first version")
    difference = _difference(new, champion)
    if difference:
        return Decision(promote=False, reason=f"it does not predict what the champion predicts: {difference}")
    theirs = {metric.name: metric for metric in champion.metrics}
    for ours in new.metrics:
        if ours.name in theirs:
            return _compare(ours, theirs[ours.name])
    return Decision(promote=False, reason="no metric is known of both versions")


def _difference(new: Manifest, champion: Manifest) -> str | None:
    ours, theirs = new.signature, champion.signature
    if new.task is not champion.task:
        return f"another task ({new.task.value})"
    if new.definition.get("target") != champion.definition.get("target"):
        return (
            f"the target is {new.definition.get('target')!r} instead of {champion.definition.get('target')!r}"
        )
    if ours.classes != theirs.classes:
        return "other classes"
    if ours.positive_class != theirs.positive_class:
        return f"another positive class ({ours.positive_class!r})"
    return None


def _compare(ours: Metric, theirs: Metric) -> Decision:
    gain = ours.value - theirs.value if ours.higher_is_better else theirs.value - ours.value
    noise = _ONE_SIDED_5_PERCENT * math.hypot(_error(ours), _error(theirs))
    good = gain >= -noise
    return Decision(
        promote=good,
        reason=f"{ours.name} is {ours.value:.4g}, the champion's is {theirs.value:.4g}: {_words(gain, noise)}",
        metric=ours.name,
        new=ours.value,
        champion=theirs.value,
        noise=noise,
    )


def _words(gain: float, noise: float) -> str:
    if math.isnan(gain) or math.isnan(noise):
        return "they cannot be compared"
    if gain >= 0:
        return "no worse"
    return f"worse, but within noise ({noise:.2g})" if gain >= -noise else f"worse beyond noise ({noise:.2g})"


def _error(metric: Metric) -> float:
    return abs(metric.high - metric.low) / 2 / _HALF_WIDTH_95
