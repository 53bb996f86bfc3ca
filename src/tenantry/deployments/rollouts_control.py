"""What people do with rollouts: start, stop, tell how answers turned out."""

from collections.abc import Sequence
from typing import Protocol

from tenantry.deployments.rollouts import (
    ObservedReward,
    Rollout,
    RolloutPlan,
    Rollouts,
    RolloutState,
    check_plan,
    new_rollout_id,
    rollout_ended,
)
from tenantry.deployments.rollouts_fold import check_rewards
from tenantry.deployments.rollouts_keeper import ending
from tenantry.deployments.stores import Publishes
from tenantry.errors import InvalidRequest
from tenantry.ports.clock import Clock
from tenantry.registry import CHAMPION, Registry
from tenantry.tenancy import TenantId

STOPPED = "stopped by request"


class RolloutStores(Protocol):
    """What the functions here need of an installation."""

    @property
    def clock(self) -> Clock:
        """Time."""
        ...

    @property
    def registry(self) -> Registry:
        """Versions and aliases."""
        ...

    @property
    def rollouts(self) -> Rollouts:
        """The rollouts."""
        ...

    @property
    def publisher(self) -> Publishes:
        """The endpoint table."""
        ...


def start_rollout(stores: RolloutStores, tenant: TenantId, model: str, plan: RolloutPlan) -> Rollout:
    """Begin a rollout against the present champion; serving follows at once.

    Raises ``NotFound``, ``InvalidRequest("rollout_invalid")``, ``Conflict("rollout_running")``.
    """
    challenger = stores.registry.version(tenant, model, str(plan.challenger)).number
    champion = stores.registry.aliases(tenant, model).get(CHAMPION)
    check_plan(plan)
    if champion is None:
        raise InvalidRequest("rollout_invalid", f"the model {model[:80]!r} has no champion to compare with")
    if champion == challenger:
        raise InvalidRequest("rollout_invalid", f"version {challenger} is the champion already")
    now = stores.clock.now()
    rollout = Rollout(
        id=new_rollout_id(),
        tenant=tenant,
        model=model,
        champion=champion,
        challenger=challenger,
        plan=plan,
        created=now,
        until=now + plan.horizon_hours * 3600,
    )
    started = stores.rollouts.start(rollout)
    stores.publisher.publish(tenant, model)
    return started


def stop_rollout(stores: RolloutStores, tenant: TenantId, model: str, rollout: str) -> Rollout:
    """End a rollout without a decision; the champion stays. One that is decided already stays as it is.

    Raises ``NotFound``.
    """
    known = stores.rollouts.get(tenant, model, rollout)
    now = stores.clock.now()

    def change(current: Rollout) -> Rollout:
        return current if current.decided else ending(RolloutState.STOPPED, STOPPED, now)(current)

    stores.rollouts.apply({known.id: change})
    stores.publisher.publish(tenant, model)
    return stores.rollouts.get(tenant, model, rollout)


def reward_rollout(
    stores: RolloutStores, tenant: TenantId, model: str, rollout: str, rewards: Sequence[ObservedReward]
) -> int:
    """Take in how answers turned out; returns how many were new.

    Raises ``NotFound``, ``InvalidRequest("rollout_invalid")``, ``Conflict("rollout_ended")``.
    """
    known = stores.rollouts.get(tenant, model, rollout)
    check_rewards(known, rewards)
    if known.state is not RolloutState.RUNNING:
        raise rollout_ended(known)
    return stores.rollouts.reward(known.id, rewards)
