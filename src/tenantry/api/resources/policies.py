"""SLO classes: how the requests of deployments are treated."""

from tenantry import deployments
from tenantry.admission import Policy
from tenantry.api.route import Call, Route, Scope

_POLICIES = "/api/v1/policies"
_POLICY = "/api/v1/policies/{policy}"


def list_policies(call: Call) -> dict[str, Policy]:
    """List the SLO classes by name; ``standard`` is the class of a deployment that names none."""
    return call.control.stores.policies.policies()


def show_policy(call: Call) -> Policy:
    """Show one SLO class."""
    return call.control.stores.policies.policy(call.path["policy"])


def put_policy(call: Call) -> Policy:
    """Add or replace an SLO class, for every deployment that names it.

    Times are in milliseconds. What is left out has its usual figure."""
    return deployments.set_policy(call.control.stores, call.path["policy"], call.body)


def remove_policy(call: Call) -> None:
    """Remove an SLO class, or set a built-in one back to the figures that it began with."""
    deployments.remove_policy(call.control.stores, call.path["policy"])


ROUTES = (
    Route(
        method="GET",
        path=_POLICIES,
        scope=Scope.CALLER,
        action="models:read",
        handler=list_policies,
        reply=dict[str, Policy],
    ),
    Route(
        method="GET",
        path=_POLICY,
        scope=Scope.CALLER,
        action="models:read",
        handler=show_policy,
        reply=Policy,
    ),
    Route(
        method="PUT",
        path=_POLICY,
        scope=Scope.OPERATOR,
        action="tenants:write",
        handler=put_policy,
        body=Policy,
        reply=Policy,
    ),
    Route(
        method="DELETE",
        path=_POLICY,
        scope=Scope.OPERATOR,
        action="tenants:write",
        handler=remove_policy,
        status=204,
    ),
)
