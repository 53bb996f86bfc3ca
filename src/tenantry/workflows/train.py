"""The journey of one training: ingest → train → register → gate → promote → publish.

Each stage may be repeated. A snapshot is named by its content. A version remembers its job, so that a job
that is run again (its worker was killed) finds the version that it registered already, and goes on from
there; what was trained but not registered is trained again. Bundles are stored before they are registered,
and registered before an alias points to them; so at no moment does an alias point to anything that is not
whole.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import pyarrow as pa

from tenantry.apps import PredictionDefinition, check_columns
from tenantry.bundle import (
    INSIGHTS,
    MODEL_CARD,
    PLAN,
    REFERENCE,
    SCORECARD,
    SIMILAR,
    ChampionComparison,
    DataSource,
    Manifest,
    load_manifest,
    pack_sample,
    save,
)
from tenantry.bundle.held_out import HELD_OUT
from tenantry.datasets import Snapshot
from tenantry.errors import Cancelled, Conflict, InvalidRequest, NotFound
from tenantry.ingest import read
from tenantry.ports.jobs import Job
from tenantry.registry import CHALLENGER, CHAMPION, Version
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId
from tenantry.workflows.comparing import compare_with_champion
from tenantry.workflows.gate import Decision, decide
from tenantry.workflows.refusal import require_proven
from tenantry.workflows.stores import Stores
from tenantry.workflows.training import TRAIN, TrainPayload

if TYPE_CHECKING:
    # The training stack is imported by the process that trains, not by those that only ask for it.
    from tenantry.automl import TrainedModel

__all__ = ["TRAIN", "Report", "Trainer", "train_prediction"]

Report = Callable[[str, float, str], None]
"""(stage, progress 0–1, detail); may raise ``Cancelled``."""

_TRAIN_FROM, _TRAIN_TO = 0.1, 0.9
"""The share of a job's progress that the training itself is given."""

_log = get_logger("tenantry.workflows")


class Trainer(Protocol):
    """``automl.train``: learns one prediction from one table within a budget of CPU seconds."""

    def __call__(
        self,
        tenant: TenantId,
        table: pa.Table,
        definition: PredictionDefinition,
        *,
        budget_cpu_seconds: float,
        seed: int,
        progress: Report | None,
    ) -> "TrainedModel":
        """See ``automl.train``."""
        ...


def train_prediction(
    stores: Stores,
    job: Job,
    report: Report,
    trainer: Trainer,
    *,
    still_mine: Callable[[], bool] = lambda: True,
) -> dict[str, Any]:
    """Run a training job to its end; returns the job's result.

    ``still_mine`` is asked before each lasting effect: a worker that lost its job while it trained must not
    register. Raises what the stages raise, ``InvalidData("nothing_to_learn")``, and ``Cancelled("job_not_mine")``.
    """
    payload = msgspec.convert(job.payload, TrainPayload)
    definition = payload.prediction()
    version = _version_of_job(stores, job, definition.name)
    if version is None:
        report("ingest", 0.0, payload.source)
        snapshot, table = _snapshot(stores, job, payload)
        check_columns(definition, table.column_names)
        size = f"{table.num_rows:,} rows, {table.num_columns:,} columns"
        report("ingest", _TRAIN_FROM, f"{size} of {snapshot.source}")
        trained = trainer(
            job.tenant,
            table,
            definition,
            budget_cpu_seconds=definition.budget_cpu_seconds,
            seed=definition.seed,
            progress=_scaled(report),
        )
        del table
        require_proven(trained.scorecard, definition)
        _require(still_mine)
        report("register", _TRAIN_TO, "storing the bundle")
        comparison = compare_with_champion(stores, job.tenant, definition, trained)
        version = _register(stores, job, definition, snapshot, trained, comparison)
    manifest = load_manifest(stores.blobs, job.tenant, version.bundle)
    _require(still_mine)
    report("gate", 0.94, f"version {version.number}")
    decision = _promote(stores, version, manifest)
    report("promote", 0.96, decision.reason)
    stores.publisher.publish(version.tenant, version.model)
    report("publish", 1.0, f"version {version.number} of {version.model}")
    _log.info(
        "trained", tenant=job.tenant, model=version.model, version=version.number, promoted=decision.promote
    )
    return _result(version, manifest, decision)


def _version_of_job(stores: Stores, job: Job, model: str) -> Version | None:
    """The version that an earlier attempt of this job registered."""
    try:
        versions = stores.registry.versions(job.tenant, model)
    except NotFound:
        return None
    return next((version for version in versions if version.summary.get("job") == job.id), None)


def _snapshot(stores: Stores, job: Job, payload: TrainPayload) -> tuple[Snapshot, pa.Table]:
    if payload.snapshot is not None:
        snapshot = stores.datasets.snapshot(job.tenant, payload.snapshot)
        return snapshot, stores.datasets.load(job.tenant, snapshot.digest)
    if payload.file is None:
        raise InvalidRequest("definition_invalid", "the training names neither a snapshot nor a file")
    path = Path(payload.file)
    source = payload.source or path.name
    found = read(job.tenant, path, stores.reader, name=source)
    name = payload.dataset or payload.prediction().name
    return stores.datasets.save(job.tenant, name, found.table, found.source(source)), found.table


def _scaled(report: Report) -> Report:
    def inner(stage: str, fraction: float, detail: str) -> None:
        share = _TRAIN_FROM + (_TRAIN_TO - _TRAIN_FROM) * min(max(fraction, 0.0), 1.0)
        report(stage, round(share, 4), detail)

    return inner


def _require(still_mine: Callable[[], bool]) -> None:
    if not still_mine():
        raise Cancelled("job_not_mine", "the job was cancelled, or taken over by another worker")


def _register(
    stores: Stores,
    job: Job,
    definition: PredictionDefinition,
    snapshot: Snapshot,
    trained: "TrainedModel",
    comparison: ChampionComparison | None,
) -> Version:
    card = trained.scorecard
    manifest = Manifest(
        prediction=definition.name,
        # The job's time, not the clock's: the same job gives the same manifest.
        created=job.created,
        task=card.task,
        signature=trained.signature,
        metrics=card.metrics,
        feature_plan=trained.feature_plan,
        data=DataSource(snapshot=snapshot.digest, rows=card.rows),
        seed=trained.seed,
        budget_cpu_seconds=definition.budget_cpu_seconds,
        library_versions=trained.library_versions,
        receipt=trained.receipt,
        definition=msgspec.to_builtins(definition),
        job=job.id,
        comparison=comparison,
    )
    files = {
        PLAN: trained.plan,
        SCORECARD: msgspec.json.encode(card),
        MODEL_CARD: trained.model_card.encode(),
        REFERENCE: msgspec.json.encode(trained.reference),
    }
    if trained.judged is not None:
        files[HELD_OUT] = trained.judged.kept().encode()
    if trained.insights is not None:
        files[INSIGHTS] = msgspec.json.encode(trained.insights)
    if trained.similar is not None:
        files[SIMILAR] = pack_sample(trained.similar)
    digest = save(stores.blobs, job.tenant, files, manifest)
    summary = {
        "job": job.id,
        "task": card.task.value,
        "target": card.target,
        "rows": card.rows,
        "verdict": card.verdict,
        "metrics": [msgspec.to_builtins(metric) for metric in card.metrics],
    }
    return stores.registry.register(
        job.tenant, definition.name, digest, trained.receipt, snapshot.digest, summary
    )


def _promote(stores: Stores, version: Version, manifest: Manifest) -> Decision:
    """Ask the gate, and move the alias. A version that was champion once is not promoted again: what happened
    since then was somebody's will.
    """
    registry, tenant, model = stores.registry, version.tenant, version.model
    history = registry.alias_history(tenant, model, CHAMPION)
    if any(change.number == version.number for change in history):
        return Decision(promote=True, reason="it was promoted already")
    for _ in range(3):
        number = registry.aliases(tenant, model).get(CHAMPION)
        champion, bundle = None, None
        if number is not None:
            bundle = registry.version(tenant, model, str(number)).bundle
            champion = load_manifest(stores.blobs, tenant, bundle)
        decision = decide(manifest, champion, bundle)
        if not decision.promote:
            registry.set_alias(tenant, model, CHALLENGER, version.number)
            return decision
        try:
            registry.set_alias(tenant, model, CHAMPION, version.number, expected=number or 0)
        except Conflict as error:
            if error.code != "alias_moved":
                raise
            continue
        return decision
    registry.set_alias(tenant, model, CHALLENGER, version.number)
    return Decision(promote=False, reason="the champion changed again and again meanwhile")


def _result(version: Version, manifest: Manifest, decision: Decision) -> dict[str, Any]:
    return {
        "model": version.model,
        "version": version.number,
        "bundle": version.bundle,
        "snapshot": version.snapshot,
        "promoted": decision.promote,
        "gate": msgspec.to_builtins(decision),
        "metrics": [msgspec.to_builtins(metric) for metric in manifest.metrics],
    }
