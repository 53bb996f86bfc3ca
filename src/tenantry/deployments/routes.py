"""Routing rules: shown, replaced, and asked what they would do (B9, B13, C1)."""

from collections.abc import Mapping

import msgspec

from tenantry.deployments.records import RuleList
from tenantry.deployments.stores import DeploymentStores
from tenantry.errors import InvalidRequest
from tenantry.routing import Endpoint, EndpointTable, Explanation, check_rules, explain, unresolved
from tenantry.routing.rules import Canary, Rule, Shadow
from tenantry.tenancy import TenantId

_NOTHING = Endpoint(versions={})


class RuleWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a rule that does nothing as things are: ``ref`` is what it names, ``why`` is what is the matter."""

    rule: str
    ref: str
    why: str


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    """A list of rules as it is kept. ``rollout``: the rules of a running rollout, which are asked before these.
    ``warnings``: what in the rules names nothing now; it applies once it does.
    """

    revision: int
    rules: tuple[Rule, ...]
    rollout: tuple[Rule, ...] = ()
    warnings: tuple[RuleWarning, ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request as routing sees it. ``version``: a number or alias that the caller would name; ``headers`` are compared
    in lower case; ``parameters`` are those of the query string or of the protocol; without ``request_id``, what is
    shared out by request shows one case of many.
    """

    model: str
    version: str | int | None = None
    headers: dict[str, str] = {}
    parameters: dict[str, str | int | float | bool] = {}
    request_id: str = ""


def routes(stores: DeploymentStores, tenant: TenantId, model: str) -> Routes:
    """The rules of a deployment. Raises ``NotFound``."""
    kept = stores.deployments.deployment(tenant, model).routes
    return _shown(kept, stores.publisher.table(), tenant, model)


def put_routes(
    stores: DeploymentStores,
    tenant: TenantId,
    model: str,
    rules: tuple[Rule, ...],
    expected: int | None = None,
) -> Routes:
    """Replace the rules of a deployment; workers follow within a second. Raises ``InvalidRequest("rule_invalid")``,
    ``Conflict("rules_changed")``, ``NotFound``.
    """
    _check(rules, platform=False)
    kept = stores.deployments.set_rules(tenant, model, rules, expected=expected).routes
    return _shown(kept, stores.publisher.publish(tenant, model), tenant, model)


def platform_routes(stores: DeploymentStores) -> Routes:
    """The platform's own rules."""
    kept = stores.deployments.platform_rules()
    return Routes(revision=kept.revision, rules=kept.rules)


def put_platform_routes(
    stores: DeploymentStores, rules: tuple[Rule, ...], expected: int | None = None
) -> Routes:
    """Replace the platform's own rules. Raises as :func:`put_routes`."""
    _check(rules, platform=True)
    kept = stores.deployments.set_platform_rules(rules, expected=expected)
    stores.publisher.publish_platform()
    return Routes(revision=kept.revision, rules=kept.rules)


def explain_route(stores: DeploymentStores, tenant: TenantId, asked: Asked, *, operator: bool) -> Explanation:
    """What the workers would do with a request, by the table that is published now. Raises ``NotFound``.

    Who is no ``operator`` is not told of the platform's rules that had no say: they may name other tenants (B20).
    """
    found = explain(
        stores.publisher.table(),
        tenant,
        asked.model,
        None if asked.version is None else str(asked.version),
        {name.lower().encode(): value.encode() for name, value in asked.headers.items()},
        _words(asked.parameters),
        asked.request_id,
    )
    if operator:
        return found
    steps = tuple(step for step in found.steps if step.of == "deployment" or step.applies)
    return msgspec.structs.replace(found, steps=steps)


def _words(parameters: Mapping[str, str | int | float | bool]) -> dict[str, str]:
    """Parameters as the text that rules compare: numbers and booleans as in JSON."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in parameters.items()
    }


def _check(rules: tuple[Rule, ...], *, platform: bool) -> None:
    check_rules(rules, platform=platform)
    for position, rule in enumerate(rules, 1):
        if isinstance(rule.action, Canary | Shadow) and rule.action.rollout:
            raise InvalidRequest(
                "rule_invalid",
                f"rule {position} ('{rule.name}'), action.rollout: only a rollout itself says which one it is",
                hint="Start one with 'tenantry rollout start', or leave the field out.",
                details={"position": position, "rule": rule.name, "where": "action.rollout"},
            )


def _shown(kept: RuleList, table: EndpointTable, tenant: TenantId, model: str) -> Routes:
    endpoint = table.endpoint(tenant, model) or _NOTHING
    rollout = tuple(rule for rule in endpoint.rules if _of_rollout(rule))
    warnings = tuple(
        RuleWarning(rule=one.rule, ref=one.ref, why=one.why) for one in unresolved(kept.rules, endpoint)
    )
    return Routes(revision=kept.revision, rules=kept.rules, rollout=rollout, warnings=warnings)


def _of_rollout(rule: Rule) -> bool:
    return isinstance(rule.action, Canary | Shadow) and bool(rule.action.rollout)
