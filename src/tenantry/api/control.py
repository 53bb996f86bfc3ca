"""What the control plane does, without HTTP: the use cases behind the control API and the embedded
command line.

Every function over data takes the tenant first. Whatever changes keys, tenants or aliases publishes the
endpoint table before it returns, so that the scoring workers know within their next look."""

import builtins
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tenantry.access import Key, Role, Tenant, check_attributes
from tenantry.api.answers import DatasetProfile, Exported, KeyCreated, Uploaded, Verified, VersionDetail
from tenantry.api.residency import Residency
from tenantry.bundle import Scorecard, load_manifest, load_scorecard, plan_path, read_file, verify
from tenantry.bundle.manifest import MODEL_CARD, PLAN
from tenantry.datasets import Snapshot
from tenantry.errors import InvalidRequest, NotFound
from tenantry.ingest import read
from tenantry.ports.jobs import Job, JobEvent, JobState
from tenantry.registry import CHAMPION, AliasChange, Model, Version
from tenantry.tenancy import TenantId, name_of
from tenantry.workflows import Stores, request_training

UPLOAD = (
    "Upload the table with POST /api/v1/datasets/{name}, under the prediction's name or another that the training's "
    "'dataset' then gives; 'tenantry train FILE' does both."
)


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """The use cases, over the stores that a composition root brings.

    ``data_port`` is where the scoring API listens, if it does, and ``data_tls`` whether by TLS; ``upload_limit_bytes``
    bounds one file; ``home`` is where scoring workers leave their figures.
    """

    stores: Stores
    upload_limit_bytes: int = 1 << 31
    data_port: int | None = None
    data_tls: bool = False
    home: Path | None = None

    # Tenants and keys

    def tenants(self) -> list[Tenant]:
        """All tenants by name."""
        return self.stores.directory.tenants()

    def has_tenant(self, tenant: TenantId) -> bool:
        """Whether the tenant exists."""
        try:
            self.stores.directory.tenant(tenant)
        except NotFound:
            return False
        return True

    def create_tenant(self, tenant: TenantId, attributes: dict[str, Any] | None = None) -> Tenant:
        """Raises ``Conflict("tenant_exists")``."""
        made = self.stores.directory.create_tenant(tenant, check_attributes(attributes or {}))
        self.stores.publisher.publish_tenant(tenant)
        return made

    def key_for(self, digest: str) -> Key | None:
        """The live key with this digest."""
        return self.stores.directory.find(digest)

    def keys(self, tenant: TenantId | None) -> list[Key]:
        """The keys of a tenant, or of the operators; never a secret."""
        return self.stores.directory.keys(tenant)

    def create_key(
        self, tenant: TenantId | None, role: Role, label: str = "", expires_in: float | None = None
    ) -> KeyCreated:
        """A new key, valid at once; ``expires_in`` seconds."""
        expires = None if expires_in is None else self.stores.clock.now() + expires_in
        key, secret = self.stores.directory.create_key(tenant, role, label, expires)
        self.stores.publisher.publish_keys(tenant)
        return KeyCreated(
            key=secret,
            id=key.id,
            tenant=key.tenant,
            role=key.role,
            label=key.label,
            created=key.created,
            expires=key.expires,
        )

    def revoke_key(self, tenant: TenantId | None, key_id: str) -> Key:
        """End a key; workers refuse it within two seconds."""
        key = self.stores.directory.revoke(tenant, key_id)
        self.stores.publisher.publish_keys(tenant)
        return key

    # Data and definitions

    def save_dataset(
        self,
        tenant: TenantId,
        name: str,
        path: Path,
        source: str,
        *,
        encoding: str | None = None,
        delimiter: str | None = None,
    ) -> Uploaded:
        """Read a file and keep it as the latest snapshot of ``name``; ``encoding`` and ``delimiter`` are told by
        its bytes where they are not named. Raises ``InvalidData`` for a bad file."""
        name_of(name)
        reader = self.stores.reader
        found = read(tenant, path, reader, name=source, encoding=encoding, delimiter=delimiter)
        snapshot = self.stores.datasets.save(tenant, name, found.table, found.source(source))
        return Uploaded(**msgspec.structs.asdict(snapshot), notes=found.notes)

    def snapshots(self, tenant: TenantId, name: str | None = None) -> list[Snapshot]:
        """Latest first; for a name that there is, never empty. Raises ``NotFound``."""
        if name is not None:
            self.stores.datasets.latest(tenant, name)
        return self.stores.datasets.snapshots(tenant, name)

    def profile(self, tenant: TenantId, name: str) -> DatasetProfile:
        """What the columns of the latest snapshot look like."""
        snapshot = self.stores.datasets.latest(tenant, name)
        return DatasetProfile(
            snapshot=snapshot, columns=self.stores.datasets.profile(tenant, snapshot.digest)
        )

    def train(self, tenant: TenantId, name: str, dataset: str, key: str | None = None) -> Job:
        """Queue a training of a stored definition on the latest snapshot of a data set, or on the snapshot
        with that digest."""
        definition = self.stores.definitions.get(tenant, name)
        is_digest = len(dataset) == 64 and all(digit in "0123456789abcdef" for digit in dataset)
        try:
            found = (
                self.stores.datasets.snapshot(tenant, dataset)
                if is_digest
                else self.stores.datasets.latest(tenant, dataset)
            )
        except NotFound as error:
            unnamed = "there is no data set of that name for this tenant to train on"
            raise NotFound(
                "not_found", f"{error.message} to train on", hint=UPLOAD, unnamed=unnamed
            ) from error
        return request_training(
            self.stores, tenant, definition, snapshot=found.digest, dataset=found.name, key=key
        )

    # Models

    def version(self, tenant: TenantId, model: str, ref: str = CHAMPION) -> VersionDetail:
        """A version by number or alias."""
        version = self.stores.registry.version(tenant, model, ref)
        aliases = self.stores.registry.aliases(tenant, model)
        return VersionDetail(
            version=version,
            aliases=tuple(sorted(alias for alias, number in aliases.items() if number == version.number)),
            manifest=load_manifest(self.stores.blobs, tenant, version.bundle),
        )

    def scorecard(self, tenant: TenantId, model: str, ref: str = CHAMPION) -> Scorecard:
        """Everything measured about a version."""
        return load_scorecard(self.stores.blobs, tenant, self.version(tenant, model, ref).manifest)

    def model_card(self, tenant: TenantId, model: str, ref: str = CHAMPION) -> str:
        """The version's model card, in Markdown."""
        manifest = self.version(tenant, model, ref).manifest
        return read_file(self.stores.blobs, tenant, manifest, MODEL_CARD).decode()

    def verify(self, tenant: TenantId, model: str, ref: str = CHAMPION) -> Verified:
        """Read every byte of a version. Raises ``Corrupt("bundle_corrupt")`` that names the file."""
        version = self.stores.registry.version(tenant, model, ref)
        manifest = verify(self.stores.blobs, tenant, version.bundle)
        return Verified(
            model=model,
            number=version.number,
            bundle=version.bundle,
            files=tuple(manifest.files),
            bytes=sum(entry.bytes for entry in manifest.files.values()),
        )

    def plan_file(self, tenant: TenantId, model: str, ref: str = CHAMPION) -> Path:
        """Where a version's plan lies on this machine."""
        return plan_path(self.stores.blobs, tenant, self.version(tenant, model, ref).manifest)

    def export(
        self, tenant: TenantId, model: str, ref: str = CHAMPION, export_format: str = "onnx"
    ) -> Exported:
        """A version as ONNX (gated: the export scores as the plan does) or as its plan file."""
        if export_format not in ("onnx", "plan"):
            raise InvalidRequest("export_format", f"there is no export to {export_format[:40]!r}")
        detail = self.version(tenant, model, ref)
        data = read_file(self.stores.blobs, tenant, detail.manifest, PLAN)
        stem = f"{model}-{detail.version.number}"
        if export_format == "plan":
            return Exported(filename=f"{stem}.tnp", data=data)
        return Exported(filename=f"{stem}.onnx", data=_to_onnx(data))

    def promote(
        self, tenant: TenantId, model: str, alias: str, ref: str, expected: int | None = None
    ) -> Version:
        """Point an alias to a version (a number or another alias); serving follows at once."""
        number = self.stores.registry.version(tenant, model, ref).number
        version = self.stores.registry.set_alias(tenant, model, alias, number, expected=expected)
        self.stores.publisher.publish(tenant, model)
        return version

    def rollback(self, tenant: TenantId, model: str, alias: str = CHAMPION) -> Version:
        """Point an alias to where it pointed before; serving follows at once."""
        version = self.stores.registry.rollback(tenant, model, alias)
        self.stores.publisher.publish(tenant, model)
        return version

    def why(self, tenant: TenantId, model: str, *, whole: bool = False) -> Residency:
        """Why a model is in the scoring workers' memory, or is not. Raises ``NotFound``.

        ``whole``: with figures of whole workers, which are the operators'.
        """
        # Imported here: it reads what scoring workers write, and brings their code with it.
        from tenantry.api.residency_signs import residency  # noqa: PLC0415

        self.stores.registry.model(tenant, model)
        endpoint = self.stores.publisher.table().endpoint(tenant, model)
        return residency(self.home or Path(), tenant, model, endpoint if self.home else None, whole=whole)

    def models(self, tenant: TenantId) -> list[Model]:
        """All models by name."""
        return self.stores.registry.models(tenant)

    def versions(self, tenant: TenantId, model: str) -> list[Version]:
        """Newest first."""
        return self.stores.registry.versions(tenant, model)

    def alias_history(self, tenant: TenantId, model: str, alias: str = CHAMPION) -> list[AliasChange]:
        """Newest first."""
        return self.stores.registry.alias_history(tenant, model, alias)

    # Jobs

    def list_jobs(
        self, tenant: TenantId, state: JobState | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[builtins.list[Job], int]:
        """A part of the jobs, newest first, and how many there are in all."""
        return (
            self.stores.jobs.list(tenant, state=state, limit=limit, offset=offset),
            self.stores.jobs.count(tenant, state=state),
        )

    def job(self, tenant: TenantId, job_id: str) -> Job:
        """One job."""
        return self.stores.jobs.get(tenant, job_id)

    def cancel_job(self, tenant: TenantId, job_id: str) -> Job:
        """Ask for a job's end."""
        return self.stores.jobs.cancel(tenant, job_id)

    def job_events(self, tenant: TenantId, job_id: str, after: int = 0) -> builtins.list[JobEvent]:
        """What happened to a job after an event's number."""
        return self.stores.jobs.events(tenant, job_id, after)


def _to_onnx(plan: bytes) -> bytes:
    # Imported here: onnx is an extra, and nothing else of the control plane needs it.
    from tenantry.plan.onnx_export import export_onnx  # noqa: PLC0415

    return export_onnx(plan)
