"""What the commands need, wherever it is done: in this process on the home folder, or by a server."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from tenantry.access import Key, Role, Tenant
from tenantry.api.answers import Exported, KeyCreated, Uploaded, Verified, VersionDetail
from tenantry.api.checking import TableCheck
from tenantry.apps import PredictionDefinition
from tenantry.bundle import Scorecard
from tenantry.cli.deploying import DeploymentBackend
from tenantry.cli.insights import InsightBackend
from tenantry.cli.rollouts import RolloutBackend
from tenantry.ports.jobs import Job, JobEvent, JobState
from tenantry.registry import Model, Version
from tenantry.tenancy import TenantId
from tenantry.workflows import Retraining

Record = dict[str, Any]
"""One row of a table: raw column name → value; ``None`` is missing."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a score is as it is: a column's share, in log odds or as ``plan.reasons.Reason`` says, and in words."""

    column: str
    value: Any
    contribution: float
    direction: Literal["up", "down"]
    text: str
    rank: float | None = None
    share: float | None = None


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One record's answer. ``score`` is the probability of the positive class, the top class's
    probability, or the value; ``label`` is ``None`` for regression; ``probabilities`` are in the order of
    the signature's classes."""

    label: str | None
    score: float
    probabilities: tuple[float, ...]
    reasons: tuple[Reason, ...] | None
    model_version: str


class Scorer(Protocol):
    """One version of one model, ready to score."""

    def score(self, table: Any, explain: int) -> list[Prediction]:
        """Answers to the rows of an Arrow table, in order; with ``explain`` > 0, that many reasons each."""
        ...


class Backend(DeploymentBackend, InsightBackend, RolloutBackend, Protocol):
    """All methods raise :class:`~tenantry.errors.TenantryError`; lists are whole."""

    def close(self) -> None:
        """Let go of connections and files."""
        ...

    def own_tenant(self) -> TenantId | None:
        """The tenant that the key in use belongs to; ``None`` where the caller may act for any."""
        ...

    def tenants(self) -> list[Tenant]:
        """All tenants by name."""
        ...

    def create_tenant(self, tenant: TenantId) -> Tenant:
        """Make a tenant."""
        ...

    def ensure_tenant(self, tenant: TenantId) -> bool:
        """Make the tenant where it is missing and the caller may; says whether it was made."""
        ...

    def keys(self, tenant: TenantId | None) -> list[Key]:
        """A tenant's keys, or the operators'."""
        ...

    def create_key(
        self, tenant: TenantId | None, role: Role, label: str, expires_in: float | None
    ) -> KeyCreated:
        """A new key with its secret."""
        ...

    def revoke_key(self, tenant: TenantId | None, key_id: str) -> Key:
        """End a key."""
        ...

    def upload(
        self, tenant: TenantId, name: str, path: Path, encoding: str | None, delimiter: str | None
    ) -> Uploaded:
        """Keep a file as a snapshot; ``None`` has encoding and delimiter told by its bytes."""
        ...

    def apply(self, tenant: TenantId, definition: PredictionDefinition) -> PredictionDefinition:
        """Create or replace a prediction definition."""
        ...

    def definition(self, tenant: TenantId, name: str) -> PredictionDefinition:
        """One definition."""
        ...

    def train(self, tenant: TenantId, name: str, snapshot: str) -> Job:
        """Queue a training."""
        ...

    def follow(self, tenant: TenantId, job_id: str) -> AbstractContextManager[Iterator[JobEvent]]:
        """A job's events as they happen, until it ends. Where no server runs, the job is run meanwhile;
        leaving early cancels it."""
        ...

    def jobs(self, tenant: TenantId, state: JobState | None) -> list[Job]:
        """Newest first."""
        ...

    def job(self, tenant: TenantId, job_id: str) -> Job:
        """One job."""
        ...

    def cancel_job(self, tenant: TenantId, job_id: str) -> Job:
        """Ask for a job's end."""
        ...

    def schedules(self, tenant: TenantId) -> list[Retraining]:
        """All schedules by name."""
        ...

    def put_schedule(
        self,
        tenant: TenantId,
        name: str,
        every_seconds: int,
        offset_seconds: int,
        prediction: str | None,
        dataset: str | None,
    ) -> Retraining:
        """Create or replace a schedule."""
        ...

    def remove_schedule(self, tenant: TenantId, name: str) -> None:
        """End a schedule."""
        ...

    def models(self, tenant: TenantId) -> list[Model]:
        """All models by name."""
        ...

    def model(self, tenant: TenantId, model: str) -> Model:
        """One model."""
        ...

    def versions(self, tenant: TenantId, model: str) -> list[Version]:
        """Newest first."""
        ...

    def version(self, tenant: TenantId, model: str, ref: str) -> VersionDetail:
        """A version by number or alias."""
        ...

    def scorecard(self, tenant: TenantId, model: str, ref: str) -> Scorecard:
        """Everything measured about a version."""
        ...

    def check(self, tenant: TenantId, model: str, ref: str, table: Any) -> TableCheck:
        """What speaks against scoring this Arrow table of plain values."""
        ...

    def verify(self, tenant: TenantId, model: str, ref: str) -> Verified:
        """Read every byte of a version and check it."""
        ...

    def promote(self, tenant: TenantId, model: str, alias: str, ref: str) -> Version:
        """Point an alias to a version."""
        ...

    def rollback(self, tenant: TenantId, model: str, alias: str) -> Version:
        """Point an alias to where it pointed before."""
        ...

    def export(self, tenant: TenantId, model: str, ref: str, export_format: str) -> Exported:
        """A version as a file for another system."""
        ...

    def scorer(self, tenant: TenantId, detail: VersionDetail) -> AbstractContextManager[Scorer]:
        """Something that scores with this version."""
        ...
