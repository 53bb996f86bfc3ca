"""The scorecard: what a person needs in order to trust a model or not (A9, A15, A25). One JSON file of the
bundle; the command line, the console and the SDK only draw it.
"""

from typing import Any, Literal

import msgspec

from tenantry.bundle.fairness import ProtectedReport
from tenantry.schema import Role, SemanticType, Task


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One quality figure from out-of-fold predictions, with its 95 % interval and what guessing gets (``None``
    where that is no yardstick, as for recall, which is full for who always says yes).

    ``gain``: by how much it is better than guessing on the same rows (positive is better, whichever way the figure
    points), with its own 95 % interval: narrower than the figure's, since what makes rows hard for both cancels.
    """

    name: str
    value: float
    low: float
    high: float
    guessing: float | None
    higher_is_better: bool = True
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None


class CalibrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether probabilities mean what they say.

    ``error``: mean gap between stated and observed frequency over ten equal-width bins, weighted by rows; ``chance``:
    what a perfectly calibrated model stays below in 95 % of samples of ``rows`` rows; ``words`` is the verdict.
    """

    error: float
    chance: float
    rows: int
    calibrated: bool
    words: str


class ValueInterval(msgspec.Struct, frozen=True, kw_only=True):
    """How far the truth may lie from a predicted value, in units of the target.

    The interval of a prediction ``v`` is ``v + low[b]`` to ``v + high[b]``, where ``b`` counts the ``edges`` that are
    at most ``v``. ``level`` is the share of records that it should hold; ``coverage`` (95 %: ``coverage_low`` to
    ``coverage_high``) the share that it held of rows which had no part in making it; ``width`` its median width.
    """

    level: float
    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    coverage: float
    coverage_low: float
    coverage_high: float
    width: float
    words: str


class LearningCurve(msgspec.Struct, frozen=True, kw_only=True):
    """What fewer rows would have given, and what more may give.

    ``loss`` (lower is better) of ``metric`` after learning from ``rows`` rows, all measured on the same other rows;
    ``doubled``: by how much the loss is expected to fall with twice the rows (95 %: ``doubled_low`` to
    ``doubled_high``), extrapolated by a power law; ``helps`` whether that is worth having.
    """

    metric: str
    rows: tuple[int, ...]
    loss: tuple[float, ...]
    doubled: float
    doubled_low: float
    doubled_high: float
    helps: bool
    words: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found. ``code`` is stable; ``action`` says what was done or what to do; evidence holds the
    figures.
    """

    code: str
    severity: Literal["info", "warning", "error"]
    columns: tuple[str, ...]
    message: str
    action: str
    evidence: dict[str, Any] = {}


class ColumnReport(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the table: what it is, what it does, how much it matters, and where left out, why."""

    name: str
    type: SemanticType
    role: Role
    impact: float = 0.0
    reason: str | None = None
    evidence: str = ""
    missing: float = 0.0
    distinct: int = 0
    examples: tuple[str, ...] = ()


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured about one trained model.

    ``curves`` holds lists ready to plot: ``roc``, ``pr``, ``calibration``, ``lift``, ``confusion`` (by
    threshold) for classification (one set a class for multiclass, under the class name); ``residuals``,
    ``predicted_actual`` for regression. ``threshold`` is of two classes only.

    ``proven``: the model is better than guessing beyond chance. ``gaps``: what it still lacks for production, each
    with an action. ``fairness``: a report for each protected column. The fields with defaults are missing from the
    scorecards of earlier releases.
    """

    prediction: str
    target: str
    task: Task
    classes: tuple[str, ...]
    positive_class: str | None
    threshold: float | None
    rows: int
    metrics: tuple[Metric, ...]
    verdict: str
    columns: tuple[ColumnReport, ...]
    findings: tuple[Finding, ...]
    curves: dict[str, Any]
    members: dict[str, Any]
    cpu_seconds: float
    budget_cpu_seconds: float
    plan_bytes: int
    seed: int
    proven: bool = True
    calibration: CalibrationReport | None = None
    value_interval: ValueInterval | None = None
    learning_curve: LearningCurve | None = None
    gaps: tuple[Finding, ...] = ()
    fairness: tuple[ProtectedReport, ...] = ()
