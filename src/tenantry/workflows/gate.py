"""The gate between a trained version and the endpoint.

The first version is champion. A later one takes its place when it is *not worse beyond noise*. Where both were
measured on the same rows (``workflows.comparing``), the difference decides: ``gain >= -max(1.645 × se, margin)``, a
one-sided test at 5 % of a paired difference, and a margin below which a loss matters to nobody. Otherwise (an older
bundle, a champion that changed meanwhile, too few rows in common) the figures of both scorecards do, by the
definition's metric or the first that both have: ``new - champion >= -1.645 × sqrt(se_new² + se_champion²)``, the
standard errors being the 95 % intervals' half widths over 1.96. Where the two do not predict the same thing, no figure
decides, and the new version waits as challenger.
"""

import math

import msgspec

from tenantry.bundle import ChampionComparison, Manifest, Metric
from tenantry.schema import Signature

_ONE_SIDED_5_PERCENT = 1.645
_HALF_WIDTH_95 = 1.96


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says and why; ``new``, ``champion`` and ``noise`` are of ``metric``. ``rows``: how many both were
    measured on; then ``gain`` (95 %: ``gain_low`` to ``gain_high``) is the paired difference, positive is better."""

    promote: bool
    reason: str
    metric: str | None = None
    new: float | None = None
    champion: float | None = None
    noise: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    rows: int | None = None


def decide(new: Manifest, champion: Manifest | None, bundle: str | None = None) -> Decision:
    """Whether a version takes the champion's place; ``bundle`` is the digest of the champion's bundle."""
    if champion is None:
        return Decision(promote=True, reason="it is the first version")
    difference = foreign(new.signature, str(new.definition.get("target")), champion)
    if difference:
        return Decision(promote=False, reason=f"it does not predict what the champion predicts: {difference}")
    if new.comparison is not None and new.comparison.bundle == bundle:
        return _same_rows(new.comparison)
    theirs = {metric.name: metric for metric in champion.metrics}
    wanted = new.definition.get("metric")
    for ours in sorted(new.metrics, key=lambda metric: metric.name != wanted):
        if ours.name in theirs:
            return _compare(ours, theirs[ours.name])
    return Decision(promote=False, reason="no metric is known of both versions")


def foreign(ours: Signature, target: str, champion: Manifest) -> str | None:
    """What a version predicts that the champion does not; None where they predict the same."""
    theirs = champion.signature
    if ours.task is not champion.task:
        return f"another task ({ours.task.value})"
    if target != str(champion.definition.get("target")):
        return f"the target is {target!r} instead of {champion.definition.get('target')!r}"
    if ours.classes != theirs.classes:
        return "other classes"
    if ours.positive_class != theirs.positive_class:
        return f"another positive class ({ours.positive_class!r})"
    return None


def _same_rows(found: ChampionComparison) -> Decision:
    noise = max(_ONE_SIDED_5_PERCENT * found.error, found.margin)
    known = f", {found.known:,} of which the champion had in training" if found.known else ""
    return Decision(
        promote=found.gain >= -noise,
        reason=(
            f"on the same {found.rows:,} rows{known}, {found.metric} is {found.new:.4g}, the champion's is "
            f"{found.champion:.4g}: {_words(found.gain, noise)} (difference {found.gain:+.2g}, 95 %: "
            f"{found.gain_low:+.2g} to {found.gain_high:+.2g})"
        ),
        metric=found.metric,
        new=found.new,
        champion=found.champion,
        noise=noise,
        gain=found.gain,
        gain_low=found.gain_low,
        gain_high=found.gain_high,
        rows=found.rows,
    )


def _compare(ours: Metric, theirs: Metric) -> Decision:
    gain = ours.value - theirs.value if ours.higher_is_better else theirs.value - ours.value
    noise = _ONE_SIDED_5_PERCENT * math.hypot(_error(ours), _error(theirs))
    return Decision(
        promote=gain >= -noise,
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
