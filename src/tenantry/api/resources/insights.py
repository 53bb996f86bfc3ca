"""What a version rests on and where it fails; what would change one record's answer; which records are like it."""

from typing import Annotated, Any

import msgspec

from tenantry.api import insights
from tenantry.api.insights import Changed
from tenantry.api.route import Call, Route, Scope
from tenantry.bundle import Insights
from tenantry.insights import Goal, Similar

_VERSION = "/api/v1/models/{model}/versions/{version}"


class WhatIfBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record by the table's column names, and what to ask of it: ``changes`` to try, or a ``goal`` to reach.

    ``columns``: those that may change on the way to the goal (default: all but free texts); ``fixed``: those that may
    not.
    """

    record: dict[str, Any]
    changes: dict[str, Any] | None = None
    goal: Goal | None = None
    columns: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


class SimilarBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record by the table's column names, and how many similar ones to give (1–100)."""

    record: dict[str, Any]
    k: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10


def show_insights(call: Call) -> Insights:
    """Show what a version rests on and where it fails, as lists ready to plot.

    Impact of each column; how the score goes with each, beside what happened; segments whose scores are off."""
    return insights.insights(call.control, call.tenant, call.path["model"], call.path["version"])


def ask_what_if(call: Call) -> Changed:
    """Score a record with changes beside the record itself, or look for the smallest changes that reach a goal.

    Without ``changes`` the goal is looked for, by default another label. What is found is what the model would say,
    not what the change would cause."""
    asked: WhatIfBody = call.body
    return insights.changed(
        call.control,
        call.tenant,
        call.path["model"],
        call.path["version"],
        record=asked.record,
        changes=asked.changes,
        goal=asked.goal,
        columns=asked.columns,
        fixed=asked.fixed,
    )


def find_similar_records(call: Call) -> Similar:
    """Give the training records that are most like a record, with what became of them.

    They are looked for in a sample that the version keeps; columns that it does not keep are not given back."""
    asked: SimilarBody = call.body
    return insights.similar(
        call.control, call.tenant, call.path["model"], call.path["version"], record=asked.record, k=asked.k
    )


ROUTES = (
    Route(
        method="GET",
        path=f"{_VERSION}/insights",
        scope=Scope.TENANT,
        action="models:read",
        handler=show_insights,
        reply=Insights,
    ),
    Route(
        method="POST",
        path=f"{_VERSION}/what-if",
        scope=Scope.TENANT,
        action="models:read",
        handler=ask_what_if,
        body=WhatIfBody,
        reply=Changed,
    ),
    Route(
        method="POST",
        path=f"{_VERSION}/similar",
        scope=Scope.TENANT,
        action="data:read",
        handler=find_similar_records,
        body=SimilarBody,
        reply=Similar,
    ),
)
