"""All insights of one trained model."""

import numpy as np

from tenantry.apps import PredictionDefinition
from tenantry.automl.insights.dependence import COLUMNS, dependence, outcomes_of, sample_size
from tenantry.automl.insights.sample import record_sample
from tenantry.automl.insights.segments import failing_segments, scored_of
from tenantry.automl.learn import Learned
from tenantry.automl.prepare import Prepared
from tenantry.bundle.insights import Insights, RecordSample
from tenantry.plan import Plan
from tenantry.schema import Task


def describe(
    prepared: Prepared,
    learned: Learned,
    plan: bytes,
    impact: dict[str, float],
    definition: PredictionDefinition,
    *,
    budget_cpu_seconds: float,
    seed: int,
) -> tuple[Insights, RecordSample | None]:
    """Insights, and the records that the bundle keeps to find similar ones in (None: not wanted). ``impact`` sums to 1
    over the features."""
    similar = record_sample(
        prepared, learned, plan, definition, budget_cpu_seconds=budget_cpu_seconds, seed=seed
    )
    target, features = prepared.target, prepared.features
    outcomes = outcomes_of(learned.task, target.classes, target.y, learned.rows, learned.predicted)
    opened = Plan.from_bytes(plan)
    try:
        records = sample_size(budget_cpu_seconds, min(COLUMNS, len(features)))
        curves = dependence(opened, features, impact, outcomes, records=records, seed=seed)
    finally:
        opened.close()
    scored = scored_of(learned.task, learned.y, learned.predicted)
    held = tuple(column.take(np.asarray(learned.rows, dtype=np.int64)) for column in features)
    segments, tried = failing_segments(held, impact, scored, learned.task, len(learned.rows), seed)
    name = prepared.target_column.name
    insights = Insights(
        target=name,
        task=learned.task,
        classes=target.classes,
        positive_class=target.positive,
        score=_score(learned.task, name, target.positive),
        miss=_miss(learned.task, name),
        rows=len(target.y),
        impact=tuple(
            (column, round(share, 6)) for column, share in sorted(impact.items(), key=lambda pair: -pair[1])
        ),
        dependence=curves,
        segments=segments,
        segments_tried=tried,
        similar_records=0 if similar is None else len(similar.outcomes),
    )
    return insights, similar


def _score(task: Task, target: str, positive: str | None) -> str:
    if task is Task.REGRESSION:
        return f"estimate of {target}"
    return (
        f"probability that {target} is {positive}" if task is Task.BINARY else f"probability of each {target}"
    )


def _miss(task: Task, target: str) -> str:
    if task is Task.REGRESSION:
        return f"distance of estimate and {target}"
    return "probability that was given to other outcomes than the one that came"
