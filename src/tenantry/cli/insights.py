"""What the commands need about insights: wanted, without a server, and through one; see ``cli.backend``."""

from typing import Any, Protocol

import msgspec

from tenantry.api import insights
from tenantry.api.control import ControlPlane
from tenantry.api.insights import Changed
from tenantry.bundle import Insights
from tenantry.cli.transport import Transport, word
from tenantry.insights import Goal, Similar
from tenantry.tenancy import TenantId


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``POST …/what-if`` takes."""

    record: dict[str, Any]
    changes: dict[str, Any] | None = None
    goal: Goal | None = None
    columns: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


class InsightBackend(Protocol):
    """All methods raise :class:`~tenantry.errors.TenantryError`."""

    def insights(self, tenant: TenantId, model: str, ref: str) -> Insights:
        """What a version rests on and where it fails."""
        ...

    def what_if(self, tenant: TenantId, model: str, ref: str, question: Question) -> Changed:
        """Score changes, or look for those that reach a goal."""
        ...

    def similar(self, tenant: TenantId, model: str, ref: str, record: dict[str, Any], k: int) -> Similar:
        """The training records most like this one."""
        ...


class EmbeddedInsights:
    """This part of the backend, without a server."""

    _control: ControlPlane

    def insights(self, tenant: TenantId, model: str, ref: str) -> Insights:
        """See ``InsightBackend``."""
        return insights.insights(self._control, tenant, model, ref)

    def what_if(self, tenant: TenantId, model: str, ref: str, question: Question) -> Changed:
        """See ``InsightBackend``."""
        return insights.changed(self._control, tenant, model, ref, **msgspec.structs.asdict(question))

    def similar(self, tenant: TenantId, model: str, ref: str, record: dict[str, Any], k: int) -> Similar:
        """See ``InsightBackend``."""
        return insights.similar(self._control, tenant, model, ref, record=record, k=k)


class HttpInsights:
    """This part of the backend, through a server."""

    _http: Transport

    def insights(self, tenant: TenantId, model: str, ref: str) -> Insights:
        """See ``InsightBackend``."""
        return self._http.get(f"{_path(model, ref)}/insights", Insights, tenant)

    def what_if(self, tenant: TenantId, model: str, ref: str, question: Question) -> Changed:
        """See ``InsightBackend``."""
        return self._http.post(f"{_path(model, ref)}/what-if", Changed, tenant, question)

    def similar(self, tenant: TenantId, model: str, ref: str, record: dict[str, Any], k: int) -> Similar:
        """See ``InsightBackend``."""
        return self._http.post(f"{_path(model, ref)}/similar", Similar, tenant, {"record": record, "k": k})


def _path(model: str, ref: str) -> str:
    return f"/models/{word(model)}/versions/{word(ref)}"
