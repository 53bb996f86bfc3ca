"""The backend without a server: stores, training and scoring in this process, on the home folder."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tenantry.access import Key, Role, Tenant
from tenantry.api.answers import Exported, KeyCreated, Uploaded, Verified, VersionDetail
from tenantry.api.checking import TableCheck, check_rows
from tenantry.api.control import ControlPlane
from tenantry.apps import PredictionDefinition
from tenantry.bundle import Scorecard
from tenantry.cli.backend import Prediction, Reason, Scorer
from tenantry.cli.deploying_embedded import EmbeddedDeployments
from tenantry.cli.insights import EmbeddedInsights
from tenantry.cli.rollouts import EmbeddedRollouts
from tenantry.errors import Conflict
from tenantry.plan import Plan
from tenantry.ports.jobs import FINAL_STATES, Job, JobEvent, JobState
from tenantry.registry import Model, Version
from tenantry.serving.models import Model as OpenModel
from tenantry.serving.models import Outcome
from tenantry.tenancy import TenantId
from tenantry.workflows import Retraining, retrainings, schedule_retraining

POLL_SECONDS = 0.1


class Worker(Protocol):
    """Does one job: ``app.work.Worker``."""

    def run_job(self, tenant: TenantId, job_id: str, /) -> Job:
        """See the job through to its end."""
        ...

    def stop(self) -> None:
        """Stop the work at hand."""
        ...


class EmbeddedBackend(EmbeddedDeployments, EmbeddedInsights, EmbeddedRollouts):
    """Commands on the control plane itself. ``new_worker`` makes a worker that can do one job;
    ``open_model`` opens a plan."""

    def __init__(
        self,
        control: ControlPlane,
        new_worker: Callable[[], Worker],
        open_model: Callable[[Path], OpenModel],
        close: Callable[[], object],
    ) -> None:
        self._control = control
        self._new_worker = new_worker
        self._open_model = open_model
        self._close = close

    def close(self) -> None:
        """Close the database."""
        self._close()

    def own_tenant(self) -> TenantId | None:
        """See ``Backend``: who owns the home folder may act for every tenant in it."""
        return None

    def tenants(self) -> list[Tenant]:
        """See ``Backend``."""
        return self._control.tenants()

    def create_tenant(self, tenant: TenantId) -> Tenant:
        """See ``Backend``."""
        return self._control.create_tenant(tenant)

    def ensure_tenant(self, tenant: TenantId) -> bool:
        """See ``Backend``: who owns the home folder may make tenants in it."""
        if self._control.has_tenant(tenant):
            return False
        try:
            self._control.create_tenant(tenant)
        except Conflict:  # made by another process just now
            return False
        return True

    def keys(self, tenant: TenantId | None) -> list[Key]:
        """See ``Backend``."""
        return self._control.keys(tenant)

    def create_key(
        self, tenant: TenantId | None, role: Role, label: str, expires_in: float | None
    ) -> KeyCreated:
        """See ``Backend``."""
        return self._control.create_key(tenant, role, label, expires_in)

    def revoke_key(self, tenant: TenantId | None, key_id: str) -> Key:
        """See ``Backend``."""
        return self._control.revoke_key(tenant, key_id)

    def upload(
        self, tenant: TenantId, name: str, path: Path, encoding: str | None, delimiter: str | None
    ) -> Uploaded:
        """See ``Backend``."""
        control = self._control
        return control.save_dataset(tenant, name, path, path.name, encoding=encoding, delimiter=delimiter)

    def apply(self, tenant: TenantId, definition: PredictionDefinition) -> PredictionDefinition:
        """See ``Backend``."""
        return self._control.stores.definitions.save(tenant, definition)

    def definition(self, tenant: TenantId, name: str) -> PredictionDefinition:
        """See ``Backend``."""
        return self._control.stores.definitions.get(tenant, name)

    def train(self, tenant: TenantId, name: str, snapshot: str) -> Job:
        """See ``Backend``."""
        return self._control.train(tenant, name, snapshot)

    @contextmanager
    def follow(self, tenant: TenantId, job_id: str) -> Iterator[Iterator[JobEvent]]:
        """Run the job in a thread (its training is a process of its own), and tell what happens."""
        failures: list[BaseException] = []
        worker = self._new_worker()

        def work() -> None:
            try:
                worker.run_job(tenant, job_id)
            except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
                failures.append(error)

        thread = threading.Thread(target=work, name="job", daemon=True)
        thread.start()
        try:
            yield self._events(tenant, job_id, thread, failures)
        finally:
            if thread.is_alive():
                self._control.cancel_job(tenant, job_id)
                worker.stop()
                thread.join()

    def _events(
        self, tenant: TenantId, job_id: str, thread: threading.Thread, failures: list[BaseException]
    ) -> Iterator[JobEvent]:
        after = 0
        while True:
            working = thread.is_alive()
            ended = self._control.job(tenant, job_id).state in FINAL_STATES
            for event in self._control.job_events(tenant, job_id, after):
                after = event.seq
                yield event
            if failures:
                raise failures[0]
            if ended or not working:
                thread.join()
                return
            time.sleep(POLL_SECONDS)

    def jobs(self, tenant: TenantId, state: JobState | None) -> list[Job]:
        """See ``Backend``."""
        _, total = self._control.list_jobs(tenant, state, 1)
        return self._control.list_jobs(tenant, state, max(total, 1))[0]

    def job(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Backend``."""
        return self._control.job(tenant, job_id)

    def cancel_job(self, tenant: TenantId, job_id: str) -> Job:
        """See ``Backend``."""
        return self._control.cancel_job(tenant, job_id)

    def schedules(self, tenant: TenantId) -> list[Retraining]:
        """See ``Backend``."""
        return retrainings(self._control.stores, tenant)

    def put_schedule(
        self,
        tenant: TenantId,
        name: str,
        every_seconds: int,
        offset_seconds: int,
        prediction: str | None,
        dataset: str | None,
    ) -> Retraining:
        """See ``Backend``."""
        return schedule_retraining(
            self._control.stores,
            tenant,
            name,
            every_seconds=every_seconds,
            offset_seconds=offset_seconds,
            prediction=prediction,
            dataset=dataset,
        )

    def remove_schedule(self, tenant: TenantId, name: str) -> None:
        """See ``Backend``."""
        self._control.stores.jobs.remove_schedule(tenant, name)

    def models(self, tenant: TenantId) -> list[Model]:
        """See ``Backend``."""
        return self._control.models(tenant)

    def model(self, tenant: TenantId, model: str) -> Model:
        """See ``Backend``."""
        return self._control.stores.registry.model(tenant, model)

    def versions(self, tenant: TenantId, model: str) -> list[Version]:
        """See ``Backend``."""
        return self._control.versions(tenant, model)

    def version(self, tenant: TenantId, model: str, ref: str) -> VersionDetail:
        """See ``Backend``."""
        return self._control.version(tenant, model, ref)

    def scorecard(self, tenant: TenantId, model: str, ref: str) -> Scorecard:
        """See ``Backend``."""
        return self._control.scorecard(tenant, model, ref)

    def check(self, tenant: TenantId, model: str, ref: str, table: Any) -> TableCheck:
        """See ``Backend``."""
        return check_rows(self._control, tenant, model, ref, table)

    def verify(self, tenant: TenantId, model: str, ref: str) -> Verified:
        """See ``Backend``."""
        return self._control.verify(tenant, model, ref)

    def promote(self, tenant: TenantId, model: str, alias: str, ref: str) -> Version:
        """See ``Backend``."""
        return self._control.promote(tenant, model, alias, ref)

    def rollback(self, tenant: TenantId, model: str, alias: str) -> Version:
        """See ``Backend``."""
        return self._control.rollback(tenant, model, alias)

    def export(self, tenant: TenantId, model: str, ref: str, export_format: str) -> Exported:
        """See ``Backend``."""
        return self._control.export(tenant, model, ref, export_format)

    @contextmanager
    def scorer(self, tenant: TenantId, detail: VersionDetail) -> Iterator[Scorer]:
        """Score with the version's plan, mapped into this process."""
        version = detail.version
        path = self._control.plan_file(tenant, version.model, str(version.number))
        yield _PlanScorer(self._open_model(path), str(version.number))


class _PlanScorer:
    """Scores as a scoring worker does, without the worker."""

    def __init__(self, model: OpenModel, version: str) -> None:
        self._model = model
        self._version = version

    def score(self, table: Any, explain: int) -> list[Prediction]:
        """See ``Scorer``."""
        model = self._model
        outcomes = self._outcomes(table)
        records = table.to_pylist() if explain else repeat(None)
        return [
            Prediction(
                label=outcome.label,
                score=outcome.score,
                probabilities=outcome.probabilities or (),
                reasons=_worded(model.reasons(record, explain, outcome)) if record is not None else None,
                model_version=self._version,
            )
            for outcome, record in zip(outcomes, records, strict=False)
        ]

    def _outcomes(self, table: Any) -> list[Outcome]:
        # Imported here: Arrow is not needed for help and wrong usage.
        from tenantry.bundle.tables import plan_columns  # noqa: PLC0415

        plan = self._model.plan
        if isinstance(plan, Plan):
            return self._model.outcomes(plan_columns(plan, table), table.num_rows)
        return self._model.outcomes_of(plan.score_rows(table.to_pylist()))


def _worded(reasons: Sequence[object]) -> tuple[Reason, ...]:
    return tuple(msgspec.convert(reason, Reason, from_attributes=True) for reason in reasons)
