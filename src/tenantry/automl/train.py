"""The conductor: table → typed → checked → encoded → learnt → compiled → proven → described."""

import platform
from dataclasses import dataclass, replace
from importlib.metadata import version

import msgspec
import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tenantry.apps import PredictionDefinition
from tenantry.automl.arrays import F64
from tenantry.automl.budget import Budget
from tenantry.automl.compile import Fitted, build_spec
from tenantry.automl.fairness import with_fairness
from tenantry.automl.held_out import judged
from tenantry.automl.impact import SAMPLE, global_impact
from tenantry.automl.insights import describe
from tenantry.automl.learn import Learned, learn
from tenantry.automl.model import Progress, TrainedModel
from tenantry.automl.parity import check_parity
from tenantry.automl.prepare import Prepared, prepare
from tenantry.automl.records import raw_records
from tenantry.automl.reference import reference_bins
from tenantry.automl.scorecard import build_scorecard, choose_threshold
from tenantry.automl.splits import Split, choose_split
from tenantry.automl.target import MIN_ROWS
from tenantry.automl.typing import DATE_TYPES, TypedColumn, type_table
from tenantry.automl.words import column_report, feature_plan, model_card
from tenantry.bundle.scorecard import ColumnReport
from tenantry.plan import Plan, compile_plan, expected_margins, with_meta
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.schema import NUMERIC_TYPES, Column, Role, SemanticType, Signature, Task
from tenantry.tenancy import TenantId

_LIBRARIES = ("lightgbm", "scikit-learn", "numpy", "scipy", "pyarrow")
_NO_FEATURES = (SemanticType.EMPTY, SemanticType.CONSTANT, SemanticType.IDENTIFIER)
_TOP_VALUES = 10


def train(
    tenant: TenantId,
    table: pa.Table,
    definition: PredictionDefinition,
    *,
    budget_cpu_seconds: float,
    seed: int = 0,
    progress: Progress | None = None,
    minimum_rows: int = MIN_ROWS,
) -> TrainedModel:
    """Learn one prediction of one tenant from that tenant's table alone (A6).

    ``minimum_rows``: refuse a table with fewer known outcomes (and a fifth of that for each class).

    Deterministic for a seed, as long as the budget does not cut it short. Errors: ``InvalidData`` and
    ``InvalidRequest`` of :mod:`tenantry.automl.prepare` and :mod:`tenantry.automl.learn`;
    ``Internal("parity_failed")``; whatever ``progress`` raises.
    """
    del tenant  # the data's owner; training keeps nothing and looks nothing up
    run = _Run(definition, Budget(budget_cpu_seconds), seed, progress)
    with threadpool_limits(limits=1):
        run.say("profile", 0.0, f"{table.num_rows} rows, {table.num_columns} columns")
        prepared = prepare(table, definition, budget_cpu_seconds, seed, minimum_rows)
        run.say("learn", 0.1, f"columns to learn from: {len(prepared.features)}")
        split = choose_split(prepared, definition, seed)
        prepared = replace(prepared, findings=(*prepared.findings, *split.findings))
        learned = run.learn(prepared, split)
        return run.finish(prepared, split, learned)


@dataclass(frozen=True, slots=True)
class _Run:
    """What every stage of one training is given."""

    definition: PredictionDefinition
    budget: Budget
    seed: int
    progress: Progress | None

    def say(self, stage: str, share: float, detail: str) -> None:
        if self.progress is not None:
            self.progress(stage, share, detail)

    def learn(self, prepared: Prepared, split: Split) -> Learned:
        """Fit the model, which is eight tenths of the work."""

        def report(share: float, detail: str) -> None:
            self.say("learn", 0.1 + 0.7 * share, detail)

        return learn(prepared, self.definition, split, self.budget, self.seed, report)

    def finish(self, prepared: Prepared, split: Split, learned: Learned) -> TrainedModel:
        """Compile, prove and describe what was learnt."""
        definition, seed = self.definition, self.seed
        self.say("compile", 0.85, "compiling the plan")
        threshold = choose_threshold(learned, definition, prepared.target.classes)
        signature = _signature(prepared, threshold)
        plan, impact = _compile(prepared, learned, signature, definition, seed)
        self.say("prove", 0.9, "holding the plan against the pipeline")
        receipt = check_parity(plan, learned.fitted, learned.task, seed)
        self.say("describe", 0.95, "writing the scorecard")
        card = build_scorecard(
            prepared,
            learned,
            definition,
            split,
            threshold=threshold,
            impact=impact,
            plan_bytes=len(plan),
            budget=self.budget,
            seed=seed,
        )
        card = with_fairness(card, prepared, learned, definition)
        words = feature_plan(learned.fitted)
        insights, sample = describe(
            prepared, learned, plan, impact, definition, budget_cpu_seconds=self.budget.limit, seed=seed
        )
        self.say("describe", 1.0, card.verdict)
        return TrainedModel(
            plan=plan,
            signature=signature,
            scorecard=card,
            receipt=receipt,
            feature_plan=words,
            reference=reference_bins(prepared.features, _shown_scores(learned)),
            model_card=model_card(card, words),
            seed=seed,
            library_versions=library_versions(),
            judged=judged(prepared, learned, definition.target),
            insights=insights,
            similar=sample,
        )


def profile(tenant: TenantId, table: pa.Table) -> tuple[ColumnReport, ...]:
    """What each column is, with the evidence; no target, no training. Columns of no use are marked as excluded."""
    del tenant
    reports: list[ColumnReport] = []
    for column in type_table(table, table.column_names):
        useless = column.type in _NO_FEATURES
        role = Role.EXCLUDED if useless else Role.FEATURE
        reports.append(column_report(column, role, 0.0, column.evidence if useless else None))
    return tuple(reports)


def library_versions() -> dict[str, str]:
    """The versions that decide what a seed gives."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def _signature(prepared: Prepared, threshold: float) -> Signature:
    target = prepared.target
    return Signature(
        task=target.task,
        inputs=tuple(Column(name=c.name, type=c.type) for c in prepared.features),
        classes=target.classes,
        positive_class=target.positive,
        threshold=threshold,
    )


def _compile(
    prepared: Prepared, learned: Learned, signature: Signature, definition: PredictionDefinition, seed: int
) -> tuple[bytes, dict[str, float]]:
    """The plan explains a sample of rows, and then carries the impact that this gives."""
    fitted = learned.fitted
    bare = PlanMeta(signature=signature, columns=(), target=definition.target, expected=())
    spec = build_spec(fitted, learned.task, _meta(bare), seed)
    compiled = compile_plan(spec)
    opened = Plan.from_bytes(compiled)
    try:
        impact = global_impact(opened, _sample(fitted, seed))
    finally:
        opened.close()
    columns = tuple(
        _column_meta(column, float(share)) for column, share in zip(prepared.features, impact, strict=True)
    )
    meta = PlanMeta(
        signature=signature, columns=columns, target=definition.target, expected=expected_margins(spec)
    )
    return with_meta(compiled, _meta(meta)), {
        column.name: float(share) for column, share in zip(prepared.features, impact, strict=True)
    }


def _meta(meta: PlanMeta) -> dict[str, object]:
    return dict(msgspec.to_builtins(meta))


def _sample(fitted: Fitted, seed: int) -> list[dict[str, object]]:
    count = len(fitted.encoded.rows)
    rows = np.sort(np.random.default_rng(seed).permutation(count)[:SAMPLE]).astype(np.int64)
    return raw_records(fitted.space.columns, rows)


def _column_meta(column: TypedColumn, impact: float) -> ColumnMeta:
    values: F64 | None = None
    if column.type in NUMERIC_TYPES:
        values = column.numbers()
    elif column.type in DATE_TYPES:
        values = column.dates()[:, 0]
    quantiles: tuple[float, ...] = ()
    top: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    if values is not None:
        known = values[~np.isnan(values)]
        quantiles = tuple(float(q) for q in np.quantile(known, np.linspace(0, 1, 21))) if len(known) else ()
    else:
        codes, words = column.words()
        counts = np.bincount(codes[codes >= 0], minlength=len(words))
        order = np.argsort(-counts, kind="stable")[:_TOP_VALUES]
        top = tuple(words[i][:80] for i in order)
        shares = tuple(round(float(counts[i]) / len(codes), 4) for i in order)
    return ColumnMeta(
        column=Column(name=column.name, type=column.type),
        impact=impact,
        quantiles=quantiles,
        top_values=top,
        top_shares=shares,
        missing=round(float(column.missing_rows().mean()), 4),
    )


def _shown_scores(learned: Learned) -> F64:
    """The score that callers see: the positive class's probability, the top class's, or the value."""
    if learned.task is Task.REGRESSION:
        return learned.predicted
    if learned.task is Task.BINARY:
        return np.asarray(learned.predicted[:, 1])
    return np.asarray(learned.predicted.max(axis=1))
