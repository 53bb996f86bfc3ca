"""A sample of training records with their outcomes, in which similar ones are found later.

Only what the model learns from is kept, and of that no protected column, no free text and nothing that addresses a
person (see docs/insights.md).
"""

from typing import Any

import numpy as np

from tenantry.apps import PredictionDefinition
from tenantry.automl.arrays import F64, I64
from tenantry.automl.learn import Learned
from tenantry.automl.prepare import Prepared
from tenantry.automl.records import Record, raw_records
from tenantry.automl.typing import TEXT_TYPES, TypedColumn
from tenantry.bundle.insights import RecordSample, SampleColumn
from tenantry.insights.similar import is_ordered, places
from tenantry.plan import Plan
from tenantry.plan.meta import ColumnMeta
from tenantry.schema import SemanticType, Task

MOST_RECORDS = 2_000
FEWEST_RECORDS = 200
SECONDS_PER_REASON = 45e-6
"""CPU seconds to explain one output of one record, as measured on tables of 10 to 36 columns."""
BUDGET_SHARE = 0.02
STEPS = 1000
"""The largest contribution in the sample is kept as so many steps."""
LONGEST = 200
"""Characters of a value that is kept."""
NEVER_KEPT = TEXT_TYPES | {SemanticType.PHONE, SemanticType.IDENTIFIER, SemanticType.GEOLOCATION}


def record_sample(
    prepared: Prepared,
    learned: Learned,
    plan: bytes,
    definition: PredictionDefinition,
    *,
    budget_cpu_seconds: float,
    seed: int,
) -> RecordSample | None:
    """At most 2,000 records at random, fewer where the budget is small or there are many classes; None where the
    definition turns it off."""
    if not definition.similar_records:
        return None
    count = len(prepared.target.y)
    with Plan.from_bytes(plan) as opened:
        rows = _rows(count, budget_cpu_seconds, opened.n_outputs, seed)
        told = {column.column.name: column for column in opened.meta.columns}
        kept = tuple(c for c in prepared.features if _may_keep(c, definition))
        columns = tuple(_column(column, rows, opened, told[column.name]) for column in kept)
        explained = tuple(name for name in opened.columns if name not in definition.protected)
        parts, step = _contributions(opened, raw_records(prepared.features, rows), explained)
    key = next((c for c in prepared.columns if c.name == definition.key), None)
    scores = np.full(count, np.nan)
    scores[learned.rows] = _own_score(learned)
    return RecordSample(
        columns=columns,
        outcomes=_outcomes(prepared, rows),
        scores=tuple(None if np.isnan(s) else float(f"{s:.5g}") for s in scores[rows]),
        key=None if key is None else _column(key, rows),
        left_out=tuple(c.name for c in prepared.features if c not in kept),
        explained=explained,
        parts=parts,
        step=step,
        total=count,
    )


def _rows(count: int, budget_cpu_seconds: float, outputs: int, seed: int) -> I64:
    affordable = int(BUDGET_SHARE * budget_cpu_seconds / (SECONDS_PER_REASON * outputs))
    most = min(MOST_RECORDS, max(FEWEST_RECORDS, affordable))
    return np.sort(np.random.default_rng(seed).permutation(count)[:most]).astype(np.int64)


def _contributions(
    plan: Plan, records: list[Record], explained: tuple[str, ...]
) -> tuple[tuple[tuple[int, ...], ...], float]:
    """(for each output and each explained column one whole number a record, what one step of it is)."""
    chosen = [plan.columns.index(name) for name in explained]
    outputs = range(plan.n_outputs)
    found = np.array([[plan.explain(record, output) for record in records] for output in outputs])
    found = found[:, :, chosen]
    step = float(np.abs(found).max(initial=0.0)) / STEPS or 1.0
    whole = np.rint(found / step).astype(np.int64)
    return tuple(tuple(column) for output in whole for column in output.T.tolist()), step


def _may_keep(column: TypedColumn, definition: PredictionDefinition) -> bool:
    return column.type not in NEVER_KEPT and column.name not in definition.protected


def _own_score(learned: Learned) -> F64:
    """The positive class's probability, the likeliest class's, or the value: as callers see scores."""
    if learned.task is Task.REGRESSION:
        return learned.predicted
    return np.asarray(
        learned.predicted[:, 1] if learned.task is Task.BINARY else learned.predicted.max(axis=1)
    )


def _column(
    column: TypedColumn, rows: I64, plan: Plan | None = None, told: ColumnMeta | None = None
) -> SampleColumn:
    """One column of the sampled rows; with its places where a plan tells that it has any."""
    taken = column.values.take(rows)
    values: list[Any] = [v[:LONGEST] if isinstance(v, str) else v for v in taken.values]
    found: tuple[float | None, ...] = ()
    if plan is not None and told is not None and is_ordered(told):
        found = tuple(places(plan, told, values))
    return SampleColumn(
        name=column.name,
        values=tuple(values),
        codes=tuple(taken.codes.tolist()),
        places=found,
    )


def _outcomes(prepared: Prepared, rows: I64) -> tuple[str | float, ...]:
    target = prepared.target
    if target.task is Task.REGRESSION:
        return tuple(float(value) for value in target.y[rows])
    return tuple(target.classes[int(number)] for number in target.y[rows])
