"""How a model treats the groups of protected columns: one part of the scorecard."""

import msgspec


class GroupFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one group with its 95 % interval, from ``rows`` rows."""

    value: float
    low: float
    high: float
    rows: int


class GroupReport(msgspec.Struct, frozen=True, kw_only=True):
    """One group of a protected column, on rows that the model had not seen.

    Two classes: ``selected`` is the share called positive, ``true_positive_rate`` and ``false_positive_rate`` the same
    among those who are and are not; ``score`` the mean probability, ``observed`` the share that is positive. Several
    classes: ``error`` is the share called wrongly. Values: ``score`` and ``observed`` are means, ``error`` the mean
    absolute error. ``calibration``: mean of score less outcome; above 0 the group is overrated. ``small``: too few rows
    to compare.
    """

    group: str
    rows: int
    small: bool
    score: GroupFigure
    observed: GroupFigure
    calibration: GroupFigure
    selected: GroupFigure | None = None
    true_positive_rate: GroupFigure | None = None
    false_positive_rate: GroupFigure | None = None
    error: GroupFigure | None = None


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A feature that tells the protected column: ``auroc`` alone, 0.5 for not at all."""

    column: str
    auroc: float


class ProtectedReport(msgspec.Struct, frozen=True, kw_only=True):
    """One protected column. ``ratio``: the lowest share called positive over the highest, of groups that are not small;
    below 0.8 the four-fifths rule of US employment law (29 CFR 1607.4 D) speaks of adverse impact. ``spread``: the
    largest gap between such groups in true positive rate, false positive rate, calibration and error. ``words`` say
    what was found."""

    column: str
    feature: bool
    groups: tuple[GroupReport, ...]
    ratio: float | None
    spread: dict[str, float]
    proxies: tuple[Proxy, ...]
    words: tuple[str, ...]
