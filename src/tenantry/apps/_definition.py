"""The prediction definition (A10, A11): name, target, segment and example set, columns in and out, budget."""

from typing import Literal

import msgspec

from tenantry.schema import SemanticType, Task

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null"]

Direction = Literal["increasing", "decreasing"]
Split = Literal["auto", "random", "group", "time"]
Unproven = Literal["refuse", "keep"]
Effort = Literal["standard", "deep"]
Metric = Literal[
    "auroc",
    "average_precision",
    "log_loss",
    "brier",
    "accuracy",
    "f1",
    "macro_auroc",
    "macro_f1",
    "r2",
    "rmse",
    "mae",
]
METRICS: dict[Task, tuple[Metric, ...]] = {
    Task.BINARY: ("auroc", "average_precision", "log_loss", "brier", "accuracy", "f1"),
    Task.MULTICLASS: ("macro_auroc", "log_loss", "macro_f1", "accuracy"),
    Task.REGRESSION: ("r2", "rmse", "mae"),
}
"""What models of a task can be selected and gated by; figures of these names are in the scorecard."""


class Filter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One condition on a raw column; all conditions of a list must hold. ``value`` is a list for ``in``/``not
    in``.
    """

    column: str
    op: Operator
    value: str | float | bool | list[str | float | bool] | None = None


class PredictionDefinition(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What to predict, from what.

    ``segment`` filters say which records the prediction is for; ``examples`` filters say which of those have
    a known outcome to learn from (default: those whose target is not null). ``include`` overrides the checks
    for columns that they would leave out; ``only`` limits the features to a list; ``exclude`` leaves columns
    out. ``key`` is the record key: never a feature, and copied to the scores.

    ``types`` says what columns mean where their values mislead. ``metric`` is what models are selected and
    gated by. ``costs`` are of being right and wrong: ``{false_positive, false_negative}`` and, where they are
    not 0, ``true_positive`` and ``true_negative``; or ``{true class: {predicted class: cost}}``. The threshold
    then costs the least. ``class_weights`` is ``balanced`` or a weight a class (default 1). ``monotone`` says
    which way a number moves the score, all else equal. ``protected`` columns are no features unless
    included; the fairness report compares their groups. ``group`` names the entity whose rows must stay
    together when models are judged, ``time`` the date that orders them; ``split`` says which holds.
    ``unproven`` says what becomes of a model that is not surely better than guessing.
    ``similar_records`` says whether a sample of the records is kept with the model to find similar ones in.
    """

    name: str
    target: str
    task: Task | None = None
    positive_class: str | None = None
    segment: tuple[Filter, ...] = ()
    examples: tuple[Filter, ...] = ()
    only: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    key: str | None = None
    budget_cpu_seconds: float = 20.0
    seed: int = 0
    types: dict[str, SemanticType] = {}
    metric: Metric | None = None
    costs: dict[str, float | dict[str, float]] = {}
    class_weights: Literal["balanced"] | dict[str, float] | None = None
    monotone: dict[str, Direction] = {}
    protected: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    split: Split = "auto"
    effort: Effort = "standard"
    unproven: Unproven = "refuse"
    similar_records: bool = True

    @property
    def named_columns(self) -> tuple[str, ...]:
        """Every column that the definition names beside the target and in filters, each once."""
        names = [*self.only, *self.include, *self.exclude, *self.types, *self.monotone, *self.protected]
        names += [name for name in (self.key, self.group, self.time) if name is not None]
        return tuple(dict.fromkeys(names))
