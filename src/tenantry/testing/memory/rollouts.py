"""Rollouts in a dictionary."""

import builtins
import threading
from collections.abc import Mapping, Sequence

from tenantry.deployments.rollouts import (
    Change,
    ObservedReward,
    Rollout,
    RolloutState,
    no_such_rollout,
    rollout_running,
)
from tenantry.deployments.rollouts_fold import rewarded
from tenantry.ports.clock import Clock
from tenantry.registry import Registry
from tenantry.tenancy import TenantId


class MemoryRollouts:
    """The port ``Rollouts``, for the models of a registry."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._lock = threading.RLock()
        self._kept: dict[str, Rollout] = {}
        self._folds: dict[str, float] = {}
        self._requests: set[tuple[str, str]] = set()

    def start(self, rollout: Rollout) -> Rollout:
        """See ``Rollouts.start``."""
        self._registry.model(rollout.tenant, rollout.model)
        with self._lock:
            if self.running(rollout.tenant, rollout.model):
                raise rollout_running(rollout.model)
            self._kept[rollout.id] = rollout
        return rollout

    def get(self, tenant: TenantId, model: str, rollout: str) -> Rollout:
        """See ``Rollouts.get``."""
        found = self._kept.get(rollout)
        if found is None or (found.tenant, found.model) != (tenant, model):
            raise no_such_rollout(rollout)
        return found

    def list(self, tenant: TenantId, model: str) -> builtins.list[Rollout]:
        """See ``Rollouts.list``."""
        self._registry.model(tenant, model)
        return [one for one in self._kept.values() if (one.tenant, one.model) == (tenant, model)][::-1]

    def running(self, tenant: TenantId | None = None, model: str | None = None) -> Sequence[Rollout]:
        """See ``Rollouts.running``."""
        found = [
            one
            for one in self._kept.values()
            if one.state is RolloutState.RUNNING
            and tenant in (None, one.tenant)
            and model in (None, one.model)
        ]
        return sorted(found, key=lambda one: (one.tenant, one.model))

    def apply(self, changes: Mapping[str, Change], *, once: str | None = None) -> dict[str, Rollout]:
        """See ``Rollouts.apply``."""
        with self._lock:
            if once is not None and once in self._folds:
                return {}
            now = {rollout: self._kept.get(rollout) for rollout in changes}
            found = {
                rollout: changes[rollout](one)
                for rollout, one in now.items()
                if one is not None and one.state is RolloutState.RUNNING
            }
            # Only now, as a transaction: a change that fails leaves everything as it was.
            if once is not None:
                self._folds[once] = self._clock.now()
            self._kept.update(found)
        return found

    def reward(self, rollout: str, rewards: Sequence[ObservedReward]) -> int:
        """See ``Rollouts.reward``."""
        with self._lock:
            known = self._kept.get(rollout)
            if known is None or known.state is not RolloutState.RUNNING:
                return 0
            new = []
            for one in rewards:
                request = None if one.request_id is None else (rollout, one.request_id)
                if request is None or request not in self._requests:
                    new.append(one)
                if request is not None:
                    self._requests.add(request)
            if new:
                self._kept[rollout] = rewarded(known, new)
        return len(new)

    def forget(self, before: float) -> None:
        """See ``Rollouts.forget``."""
        with self._lock:
            self._folds = {name: at for name, at in self._folds.items() if at >= before}
            ended = {one.id for one in self._kept.values() if one.ended is not None and one.ended < before}
            self._requests = {request for request in self._requests if request[0] not in ended}
