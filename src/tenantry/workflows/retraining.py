"""Training again by the clock.

A schedule keeps names, not contents: each job that comes of it takes the definition and the data as they are
when it runs. Where one of them is gone by then, that job fails and says so; nothing else is touched.
"""

import msgspec

from tenantry.errors import InvalidRequest, NotFound
from tenantry.ports.jobs import Job, Schedule
from tenantry.tenancy import TenantId
from tenantry.workflows.stores import Stores
from tenantry.workflows.training import TRAIN, TrainPayload

LONGEST_SECONDS = 366 * 86_400


class RetrainPayload(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a training job that a schedule made."""

    schedule: str
    prediction: str
    dataset: str


class Retraining(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction is trained on the latest snapshot of a data set whenever the time (UTC, in seconds since
    1970) less ``offset_seconds`` is a multiple of ``every_seconds``; ``next_due`` is the next such time."""

    name: str
    prediction: str
    dataset: str
    every_seconds: int
    offset_seconds: int
    next_due: float


def schedule_retraining(
    stores: Stores,
    tenant: TenantId,
    name: str,
    *,
    every_seconds: int,
    offset_seconds: int = 0,
    prediction: str | None = None,
    dataset: str | None = None,
) -> Retraining:
    """Create or replace a schedule. The prediction is by default the one named like the schedule, the data
    set the one named like the prediction.

    Raises ``NotFound`` where either is missing now, ``InvalidRequest("schedule_invalid")``.
    """
    if every_seconds > LONGEST_SECONDS:
        raise InvalidRequest("schedule_invalid", f"schedule {name[:80]!r} has a period of more than a year")
    wanted = RetrainPayload(
        schedule=name, prediction=prediction or name, dataset=dataset or prediction or name
    )
    # Asked for now, although only a job needs them: a wrong name shall not come to light at night.
    stores.definitions.get(tenant, wanted.prediction)
    stores.datasets.latest(tenant, wanted.dataset)
    kept = stores.jobs.put_schedule(
        Schedule(
            tenant=tenant,
            name=name,
            kind=TRAIN,
            payload=msgspec.to_builtins(wanted),
            every_seconds=every_seconds,
            offset_seconds=offset_seconds,
        )
    )
    return _retraining(kept)


def retrainings(stores: Stores, tenant: TenantId) -> list[Retraining]:
    """A tenant's schedules by name."""
    return [_retraining(kept) for kept in stores.jobs.list_schedules(tenant)]


def with_latest(stores: Stores, job: Job) -> Job:
    """A training job with all it needs: one that a schedule made gets today's definition and the latest
    snapshot; any other is returned as it is.

    Raises ``NotFound("schedule_target_gone")``.
    """
    if "schedule" not in job.payload:
        return job
    wanted = msgspec.convert(job.payload, RetrainPayload)
    try:
        definition = stores.definitions.get(job.tenant, wanted.prediction)
        snapshot = stores.datasets.latest(job.tenant, wanted.dataset)
    except NotFound as error:
        raise NotFound(
            "schedule_target_gone", f"schedule {wanted.schedule!r} has nothing to train: {error.message}"
        ) from error
    payload = TrainPayload(
        definition=msgspec.to_builtins(definition),
        snapshot=snapshot.digest,
        dataset=wanted.dataset,
        source=snapshot.source,
    )
    return msgspec.structs.replace(job, payload=msgspec.to_builtins(payload))


def _retraining(schedule: Schedule) -> Retraining:
    wanted = msgspec.convert(schedule.payload, RetrainPayload)
    return Retraining(
        name=schedule.name,
        prediction=wanted.prediction,
        dataset=wanted.dataset,
        every_seconds=schedule.every_seconds,
        offset_seconds=schedule.offset_seconds,
        next_due=schedule.next_due,
    )
