"""The scorecard: figures, curves, columns and findings of one trained model."""

import msgspec
import numpy as np

from tenantry.apps import PredictionDefinition, cost_matrix
from tenantry.automl.arrays import I64
from tenantry.automl.budget import Budget
from tenantry.automl.gaps import find_gaps
from tenantry.automl.learn import Learned
from tenantry.automl.prepare import Prepared
from tenantry.automl.splits import Split
from tenantry.automl.trust import calibration_report, clusters, is_proven, value_interval
from tenantry.automl.words import verdict
from tenantry.bundle.scorecard import Finding, Metric, Scorecard
from tenantry.evaluation import (
    Estimate,
    best_f1_threshold,
    classification_metrics,
    cost_threshold,
    curves,
    regression_metrics,
)
from tenantry.evaluation.report import Measured
from tenantry.schema import Task

DOMINANT = 0.6
REPEATS = 200


def choose_threshold(learned: Learned, definition: PredictionDefinition, classes: tuple[str, ...]) -> float:
    """For two classes, the probability from which to say yes: where that costs the least by the definition's costs, or
    where F1 of the positive class is best on out-of-fold predictions."""
    if learned.task is not Task.BINARY:
        return 0.5
    costs = cost_matrix(definition, classes)
    if costs is not None:
        return cost_threshold(costs)
    return best_f1_threshold(np.asarray(learned.y, dtype=np.int64), learned.predicted[:, 1])


def build_scorecard(
    prepared: Prepared,
    learned: Learned,
    definition: PredictionDefinition,
    split: Split,
    *,
    threshold: float,
    impact: dict[str, float],
    plan_bytes: int,
    budget: Budget,
    seed: int,
) -> Scorecard:
    """Measure the out-of-fold predictions and put everything together."""
    target = prepared.target
    metrics = _metrics(learned, clusters(prepared, split, learned.rows), threshold, seed)
    proven = is_proven(target.task, metrics)
    card = Scorecard(
        prediction=definition.name,
        target=definition.target,
        task=target.task,
        classes=target.classes,
        positive_class=target.positive,
        threshold=threshold if learned.task is Task.BINARY else None,
        rows=len(target.rows),
        metrics=metrics,
        verdict=verdict(
            target.task, metrics, definition.target, target.classes, target.positive, proven=proven
        ),
        columns=prepared.report(impact, definition.key),
        findings=(*prepared.findings, *_dominant(impact), *_bound(budget)),
        curves=_curves(learned, target.classes, seed),
        members=learned.members,
        cpu_seconds=0.0,
        budget_cpu_seconds=budget.limit,
        plan_bytes=plan_bytes,
        seed=seed,
        proven=proven,
        calibration=calibration_report(learned, seed),
        value_interval=value_interval(learned),
        learning_curve=learned.curve,
    )
    card = msgspec.structs.replace(card, gaps=find_gaps(card, definition, split))
    return replace_cpu(card, budget.spent)


def replace_cpu(card: Scorecard, seconds: float) -> Scorecard:
    """The card with the CPU seconds that it took, itself included."""
    return msgspec.structs.replace(card, cpu_seconds=round(seconds, 3))


def _metrics(learned: Learned, together: I64, threshold: float, seed: int) -> tuple[Metric, ...]:
    if learned.task is Task.REGRESSION:
        values = np.asarray(learned.y, dtype=np.float64)
        found = regression_metrics(values, learned.predicted, seed, REPEATS, together)
    else:
        y = np.asarray(learned.y, dtype=np.int64)
        found = classification_metrics(
            y, learned.predicted, threshold, seed, REPEATS, learned.folds, together
        )
    return tuple(_metric(measured) for measured in found)


def _metric(measured: Measured) -> Metric:
    gain: Estimate | None = measured.gain
    return Metric(
        name=measured.name,
        value=measured.estimate.value,
        low=measured.estimate.low,
        high=measured.estimate.high,
        guessing=measured.guessing,
        higher_is_better=measured.higher_is_better,
        gain=gain.value if gain else None,
        gain_low=gain.low if gain else None,
        gain_high=gain.high if gain else None,
    )


def _curves(learned: Learned, classes: tuple[str, ...], seed: int) -> dict[str, object]:
    if learned.task is Task.REGRESSION:
        return curves.regression_curves(np.asarray(learned.y, dtype=np.float64), learned.predicted, seed)
    y = np.asarray(learned.y, dtype=np.int64)
    if learned.task is Task.BINARY:
        return curves.binary_curves(y, learned.predicted[:, 1])
    return curves.multiclass_curves(y, learned.predicted, classes)


def _bound(budget: Budget) -> tuple[Finding, ...]:
    if not budget.bound:
        return ()
    return (
        Finding(
            code="budget_bound",
            severity="info",
            columns=(),
            message=f"the budget of {budget.limit:g} CPU seconds cut the training short",
            action="Raise the budget for a better model, and for the same model from the same seed every time.",
            evidence={"budget_cpu_seconds": budget.limit},
        ),
    )


def _dominant(impact: dict[str, float]) -> tuple[Finding, ...]:
    """A column that carries most of the model may be right, or may know the outcome in a way that no check can see."""
    return tuple(
        Finding(
            code="dominant_column",
            severity="warning",
            columns=(name,),
            message=f"{name} carries {share:.0%} of the model's impact",
            action="Kept. Check that it is known before the outcome; if it is not, exclude it.",
            evidence={"impact": round(share, 4)},
        )
        for name, share in impact.items()
        if share >= DOMINANT and len(impact) > 2
    )
