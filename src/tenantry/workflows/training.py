"""Asking for a training: the definition is kept, and a job is queued that carries all it needs."""

from pathlib import Path
from typing import Any

import msgspec

from tenantry.apps import PredictionDefinition, definition_of
from tenantry.errors import InvalidRequest
from tenantry.ports.jobs import Job
from tenantry.tenancy import TenantId
from tenantry.workflows.stores import Stores

TRAIN = "train"
"""The kind of a training job."""


class TrainPayload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload of a training job. The data are a snapshot (by digest), or a file that the worker reads.

    ``dataset`` is the name that the file's snapshot gets. The definition travels along, so that a job does
    not change when the definition is changed after it was queued.
    """

    definition: dict[str, Any]
    snapshot: str | None = None
    file: str | None = None
    dataset: str | None = None
    source: str = ""

    def prediction(self) -> PredictionDefinition:
        """The definition, checked."""
        return definition_of(self.definition)


def request_training(
    stores: Stores,
    tenant: TenantId,
    definition: PredictionDefinition,
    *,
    snapshot: str | None = None,
    file: Path | None = None,
    dataset: str | None = None,
    key: str | None = None,
) -> Job:
    """Keep the definition and queue its training on a snapshot, on a file of this machine, or (neither given)
    on the latest snapshot of the data set ``dataset`` (default: the one named like the prediction).

    Never pass a caller's own text as ``file`` from a server: the worker reads it with the server's rights.
    ``key`` makes the request idempotent. Raises ``NotFound`` for an unknown tenant, snapshot or data set,
    ``InvalidRequest``.
    """
    checked = definition_of(msgspec.to_builtins(definition))
    name = dataset or checked.name
    if snapshot is not None and file is not None:
        raise InvalidRequest("definition_invalid", "a training takes a snapshot or a file, not both")
    source = file.name if file else ""
    if file is None:
        datasets = stores.datasets
        found = datasets.latest(tenant, name) if snapshot is None else datasets.snapshot(tenant, snapshot)
        snapshot, source = found.digest, found.source
    stores.definitions.save(tenant, checked)
    payload = TrainPayload(
        definition=msgspec.to_builtins(checked),
        snapshot=snapshot,
        file=None if file is None else str(Path(file).absolute()),
        dataset=name,
        source=source,
    )
    return stores.jobs.enqueue(tenant, TRAIN, msgspec.to_builtins(payload), key=key)
