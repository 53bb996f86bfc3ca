"""The routing rules of the rollouts that run, for the endpoint table."""

from collections.abc import Iterable

from tenantry.deployments.rollouts import Rollout, Rollouts, RolloutState
from tenantry.routing.rules import Canary, Rule, Shadow
from tenantry.tenancy import TenantId


def rollout_rules(rollouts: Iterable[Rollout]) -> dict[tuple[TenantId, str], tuple[Rule, ...]]:
    """The rules that stand before a deployment's own while its rollout runs: (tenant, model) → rules. A rollout that
    is decided and not yet carried out still has its rule, so that versions and rules change in one publication.
    """
    found: dict[tuple[TenantId, str], tuple[Rule, ...]] = {}
    for one in rollouts:
        if one.state is RolloutState.RUNNING:
            place = (one.tenant, one.model)
            found[place] = (*found.get(place, ()), _rule(one))
    return found


class RunningRules:
    """The port ``RolloutRules``: what the publisher asks for."""

    def __init__(self, rollouts: Rollouts) -> None:
        self._rollouts = rollouts

    def rules(self, tenant: TenantId, model: str) -> tuple[Rule, ...]:
        """See ``RolloutRules.rules``."""
        return rollout_rules(self._rollouts.running(tenant, model)).get((tenant, model), ())

    def all_rules(self) -> dict[tuple[TenantId, str], tuple[Rule, ...]]:
        """See ``RolloutRules.all_rules``."""
        return rollout_rules(self._rollouts.running())


def _rule(rollout: Rollout) -> Rule:
    # The salt: whoever met the last challenger is not always the first to meet the next one.
    kind = Shadow if rollout.plan.shadow else Canary
    action = kind(
        ref=str(rollout.challenger),
        share=rollout.share,
        sticky=rollout.plan.sticky,
        salt=rollout.id,
        rollout=rollout.id,
    )
    return Rule(name=rollout.id, action=action)
