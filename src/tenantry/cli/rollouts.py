"""What the commands need about rollouts: wanted, without a server, and through one; see ``cli.backend``."""

from typing import Protocol

from tenantry.api.control import ControlPlane
from tenantry.cli.transport import Transport, word
from tenantry.deployments.rollouts import RolloutPlan
from tenantry.deployments.rollouts_control import start_rollout, stop_rollout
from tenantry.deployments.rollouts_report import RolloutReport, report
from tenantry.tenancy import TenantId


class RolloutBackend(Protocol):
    """All methods raise :class:`~tenantry.errors.TenantryError`."""

    def start_rollout(self, tenant: TenantId, model: str, plan: RolloutPlan) -> RolloutReport:
        """Try a version."""
        ...

    def rollouts(self, tenant: TenantId, model: str) -> list[RolloutReport]:
        """Newest first."""
        ...

    def rollout(self, tenant: TenantId, model: str, rollout: str) -> RolloutReport:
        """One rollout."""
        ...

    def stop_rollout(self, tenant: TenantId, model: str, rollout: str) -> RolloutReport:
        """End it; the champion stays."""
        ...


class EmbeddedRollouts:
    """This part of the backend, without a server."""

    _control: ControlPlane

    def start_rollout(self, tenant: TenantId, model: str, plan: RolloutPlan) -> RolloutReport:
        """See ``RolloutBackend``."""
        return report(start_rollout(self._control.stores, tenant, model, plan))

    def rollouts(self, tenant: TenantId, model: str) -> list[RolloutReport]:
        """See ``RolloutBackend``."""
        return [report(found) for found in self._control.stores.rollouts.list(tenant, model)]

    def rollout(self, tenant: TenantId, model: str, rollout: str) -> RolloutReport:
        """See ``RolloutBackend``."""
        return report(self._control.stores.rollouts.get(tenant, model, rollout))

    def stop_rollout(self, tenant: TenantId, model: str, rollout: str) -> RolloutReport:
        """See ``RolloutBackend``."""
        return report(stop_rollout(self._control.stores, tenant, model, rollout))


class HttpRollouts:
    """This part of the backend, through a server."""

    _http: Transport

    def start_rollout(self, tenant: TenantId, model: str, plan: RolloutPlan) -> RolloutReport:
        """See ``RolloutBackend``."""
        return self._http.post(_path(model), RolloutReport, tenant, plan)

    def rollouts(self, tenant: TenantId, model: str) -> list[RolloutReport]:
        """See ``RolloutBackend``."""
        return self._http.pages(_path(model), RolloutReport, tenant)

    def rollout(self, tenant: TenantId, model: str, rollout: str) -> RolloutReport:
        """See ``RolloutBackend``."""
        return self._http.get(f"{_path(model)}/{word(rollout)}", RolloutReport, tenant)

    def stop_rollout(self, tenant: TenantId, model: str, rollout: str) -> RolloutReport:
        """See ``RolloutBackend``."""
        return self._http.post(f"{_path(model)}/{word(rollout)}/stop", RolloutReport, tenant)


def _path(model: str) -> str:
    return f"/models/{word(model)}/rollouts"
