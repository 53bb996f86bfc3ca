"""The scorecard: what a person needs in order to trust a model or not (A9, A15, A25). One JSON file of the
bundle; the command line, the console and the SDK only draw it.
"""

from typing import Any, Literal

import msgspec

from tenantry.schema import Role, SemanticType, Task


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One quality figure from out-of-fold predictions, with its 95 % interval and what guessing gets (``None``
    where that is no yardstick, as for recall, which is full for who always says yes)."""

    name: str
    value: float
    low: float
    high: float
    guessing: float | None
    higher_is_better: bool = True


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
