"""The prediction definition (A10, A11): name, target, segment and example set, columns in and out, budget."""

from typing import Literal

import msgspec

from tenantry.schema import Task

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null"]


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
