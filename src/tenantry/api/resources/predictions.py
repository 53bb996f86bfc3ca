"""Predictions: what a tenant wants predicted, from what; and the trainings that make models of them."""

import msgspec

from tenantry.api.route import Call, Page, Paging, Route, Scope
from tenantry.apps import PredictionDefinition, definition_of
from tenantry.errors import InvalidRequest
from tenantry.ports.jobs import Job


class Training(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to train on: ``dataset`` is a data set's name (its latest snapshot is taken) or a snapshot's
    digest; without it, the data set that has the prediction's name."""

    dataset: str | None = None


def list_predictions(call: Call) -> Page[PredictionDefinition]:
    """List the prediction definitions by name."""
    return Page.of(call.control.stores.definitions.list(call.tenant), call.query)


def show_prediction(call: Call) -> PredictionDefinition:
    """Show one definition."""
    return call.control.stores.definitions.get(call.tenant, call.path["prediction"])


def apply_prediction(call: Call) -> PredictionDefinition:
    """Create or replace a definition.

    The body is the definition as in the YAML file of ``tenantry apply``, as JSON; its name may be left out.
    """
    name = call.path["prediction"]
    given = call.body if isinstance(call.body, dict) else {}
    definition = definition_of({"name": name, **given} if given else call.body)
    if definition.name != name:
        raise InvalidRequest(
            "definition_invalid", f"the path names {name!r}, the definition {definition.name!r}"
        )
    return call.control.stores.definitions.save(call.tenant, definition)


def delete_prediction(call: Call) -> None:
    """Forget a definition. Its models stay, and are served as before."""
    call.control.stores.definitions.delete(call.tenant, call.path["prediction"])


def train_prediction(call: Call) -> Job:
    """Start a training.

    The reply is the job, to be followed by its events. With the header ``Idempotency-Key``, a repeat
    gives the first job again."""
    name = call.path["prediction"]
    key = call.request.headers.get("idempotency-key")
    return call.control.train(call.tenant, name, call.body.dataset or name, key)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/predictions",
        scope=Scope.TENANT,
        action="models:read",
        handler=list_predictions,
        query=Paging,
        reply=Page[PredictionDefinition],
    ),
    Route(
        method="GET",
        path="/api/v1/predictions/{prediction}",
        scope=Scope.TENANT,
        action="models:read",
        handler=show_prediction,
        reply=PredictionDefinition,
    ),
    Route(
        method="PUT",
        path="/api/v1/predictions/{prediction}",
        scope=Scope.TENANT,
        action="models:write",
        handler=apply_prediction,
        body=PredictionDefinition,
        lenient_body=True,
        reply=PredictionDefinition,
    ),
    Route(
        method="DELETE",
        path="/api/v1/predictions/{prediction}",
        scope=Scope.TENANT,
        action="models:write",
        handler=delete_prediction,
        status=204,
    ),
    Route(
        method="POST",
        path="/api/v1/predictions/{prediction}/train",
        scope=Scope.TENANT,
        action="jobs:write",
        handler=train_prediction,
        body=Training,
        reply=Job,
        status=202,
    ),
)
