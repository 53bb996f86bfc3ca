"""Schedules: predictions that are trained again and again, on the data of the day."""

import msgspec

from tenantry.api.route import Call, Page, Paging, Route, Scope
from tenantry.workflows import Retraining, retrainings, schedule_retraining

_SCHEDULE = "/api/v1/schedules/{schedule}"


class Times(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to train again, and when: at every time (UTC, in seconds since 1970) that less
    ``offset_seconds`` is a multiple of ``every_seconds``, which are whole minutes, at most a year. Daily at
    02:00 is 86400 and 7200. Without ``prediction``, the one that has the schedule's name; without
    ``dataset``, the data set that has the prediction's name."""

    every_seconds: int
    offset_seconds: int = 0
    prediction: str | None = None
    dataset: str | None = None


def list_schedules(call: Call) -> Page[Retraining]:
    """List the schedules by name."""
    return Page.of(retrainings(call.control.stores, call.tenant), call.query)


def put_schedule(call: Call) -> Retraining:
    """Create or replace a schedule.

    Prediction and data set must be there. Each due time gives one training job, which takes the definition
    and the latest snapshot of when it runs; times missed while no worker ran are made up by one job."""
    wanted: Times = call.body
    return schedule_retraining(
        call.control.stores,
        call.tenant,
        call.path["schedule"],
        every_seconds=wanted.every_seconds,
        offset_seconds=wanted.offset_seconds,
        prediction=wanted.prediction,
        dataset=wanted.dataset,
    )


def remove_schedule(call: Call) -> None:
    """End a schedule. Jobs that it made already go on."""
    call.control.stores.jobs.remove_schedule(call.tenant, call.path["schedule"])


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/schedules",
        scope=Scope.TENANT,
        action="jobs:read",
        handler=list_schedules,
        query=Paging,
        reply=Page[Retraining],
    ),
    Route(
        method="PUT",
        path=_SCHEDULE,
        scope=Scope.TENANT,
        action="jobs:write",
        handler=put_schedule,
        body=Times,
        reply=Retraining,
    ),
    Route(
        method="DELETE",
        path=_SCHEDULE,
        scope=Scope.TENANT,
        action="jobs:write",
        handler=remove_schedule,
        status=204,
    ),
)
