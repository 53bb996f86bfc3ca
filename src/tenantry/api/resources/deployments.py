"""How a model is deployed: its SLO class, whether it stays in memory, what opens it; tags of its versions."""

import msgspec

from tenantry import deployments
from tenantry.api.residency import Residency
from tenantry.api.route import Call, Route, Scope
from tenantry.deployments import Deployment, Runtime, Tags
from tenantry.errors import Forbidden

_MODEL = "/api/v1/models/{model}"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be set; what is left out or null stays. ``policy``: an SLO class by name; ``pinned``: versions in use
    stay in memory; ``runtime``: ``plan`` is tenantry's own kernel, ``onnx`` is ONNX Runtime over each version's export.
    Class and pinning decide over others' memory and time, so only operators set them."""

    policy: str | None = None
    pinned: bool | None = None
    runtime: Runtime | None = None


class NewTags(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All tags of a version, name → value. Rules of the kind ``select`` ask about them."""

    tags: Tags


def show_deployment(call: Call) -> Deployment:
    """Show how a model is deployed."""
    return call.control.stores.deployments.deployment(call.tenant, call.path["model"])


def put_deployment(call: Call) -> Deployment:
    """Set how a model is deployed; scoring follows within a second.

    The first time that a model is set to ``onnx``, its versions are exported and proved equal to their plans, which
    takes some seconds each."""
    wanted: Settings = call.body
    if call.caller.tenant is not None and (wanted.policy is not None or wanted.pinned is not None):
        raise Forbidden(
            "forbidden",
            "only operators give a deployment an SLO class or a place in memory",
            hint="Ask the operators; 'runtime' can be set with this key.",
        )
    return deployments.set_deployment(
        call.control.stores,
        call.tenant,
        call.path["model"],
        policy=wanted.policy,
        pinned=wanted.pinned,
        runtime=wanted.runtime,
    )


def put_version_tags(call: Call) -> Deployment:
    """Replace the tags of a version, named by number or alias."""
    model, version = call.path["model"], call.path["version"]
    return deployments.set_tags(call.control.stores, call.tenant, model, version, call.body.tags)


def show_residency(call: Call) -> Residency:
    """Say why a model is in the scoring workers' memory, or is not: its copies, and the evictions on record.

    The figures are those that workers leave behind; a copy's state goes by the latest of them."""
    return call.control.why(call.tenant, call.path["model"], whole=call.caller.tenant is None)


ROUTES = (
    Route(
        method="GET",
        path=f"{_MODEL}/deployment",
        scope=Scope.TENANT,
        action="models:read",
        handler=show_deployment,
        reply=Deployment,
    ),
    Route(
        method="PUT",
        path=f"{_MODEL}/deployment",
        scope=Scope.TENANT,
        action="models:write",
        handler=put_deployment,
        body=Settings,
        reply=Deployment,
    ),
    Route(
        method="PUT",
        path=f"{_MODEL}/versions/{{version}}/tags",
        scope=Scope.TENANT,
        action="models:write",
        handler=put_version_tags,
        body=NewTags,
        reply=Deployment,
    ),
    Route(
        method="GET",
        path=f"{_MODEL}/why",
        scope=Scope.TENANT,
        action="models:read",
        handler=show_residency,
        reply=Residency,
    ),
)
