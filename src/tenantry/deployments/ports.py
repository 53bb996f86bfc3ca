"""The ports of what is kept about deployments. The stores are in ``adapters``; the twins in memory in ``testing``."""

from typing import Protocol

from tenantry.admission import Policy, Quota
from tenantry.deployments.records import Deployment, Export, RuleList, Runtime
from tenantry.routing.rules import Rule
from tenantry.tenancy import TenantId


class Deployments(Protocol):
    """The settings of every model's deployment, and the platform's own rules. A model that nobody has set
    anything for has the settings of a fresh :class:`Deployment`. Safe to call from several threads and processes
    at once.

    Rules are kept as they are given: whether they make sense is ``deployments.check``'s to say.
    """

    def deployment(self, tenant: TenantId, model: str) -> Deployment:
        """Raises ``NotFound`` for a model that the tenant does not have."""
        ...

    def all_deployments(self, tenant: TenantId | None = None) -> list[Deployment]:
        """Those that have anything set, of one tenant or of all, by tenant and model: for the endpoint table."""
        ...

    def set_rules(
        self, tenant: TenantId, model: str, rules: tuple[Rule, ...], *, expected: int | None = None
    ) -> Deployment:
        """Replace the rules; a repeat changes nothing. With ``expected``, only where they are at that revision,
        else ``Conflict("rules_changed")``. Raises ``NotFound``.
        """
        ...

    def configure(
        self,
        tenant: TenantId,
        model: str,
        *,
        policy: str | None = None,
        pinned: bool | None = None,
        runtime: Runtime | None = None,
    ) -> Deployment:
        """Set what is given, and keep the rest. Raises ``NotFound``, ``InvalidRequest("bad_name")``."""
        ...

    def set_tags(self, tenant: TenantId, model: str, number: int, tags: dict[str, str]) -> Deployment:
        """Replace the tags of a version. Raises ``NotFound``, ``InvalidRequest("tag_invalid")``."""
        ...

    def set_export(self, tenant: TenantId, model: str, number: int, export: Export) -> Deployment:
        """Remember the export of a version. Raises ``NotFound``."""
        ...

    def platform_rules(self) -> RuleList:
        """The rules that come before every deployment's own."""
        ...

    def set_platform_rules(self, rules: tuple[Rule, ...], *, expected: int | None = None) -> RuleList:
        """As ``set_rules``, for the whole platform."""
        ...


class Policies(Protocol):
    """SLO classes by name, and what each tenant may use (A24, B16). Safe to call from several threads and
    processes at once.
    """

    def policies(self) -> dict[str, Policy]:
        """All classes by name: the built-in ones, as they are set now, and those that were added."""
        ...

    def policy(self, name: str) -> Policy:
        """Raises ``NotFound``."""
        ...

    def set_policy(self, name: str, policy: Policy) -> Policy:
        """Add or replace a class. Raises ``InvalidRequest("bad_name")``."""
        ...

    def remove_policy(self, name: str) -> None:
        """Forget a class, or the figures that a built-in one was set to. Raises ``NotFound``,
        ``Conflict("policy_builtin")`` for a built-in class that has its own figures.
        """
        ...

    def quota(self, tenant: TenantId) -> Quota:
        """What the tenant may use. Raises ``NotFound`` for an unknown tenant."""
        ...

    def set_quota(self, tenant: TenantId, quota: Quota) -> Quota:
        """Replace a tenant's quota. Raises ``NotFound``."""
        ...

    def quotas(self) -> dict[TenantId, Quota]:
        """The quotas of the tenants that were given one."""
        ...


class RolloutRules(Protocol):
    """The rules of the rollouts that run now. They come before a deployment's own."""

    def rules(self, tenant: TenantId, model: str) -> tuple[Rule, ...]:
        """One deployment's, in order; none where no rollout runs."""
        ...

    def all_rules(self) -> dict[tuple[TenantId, str], tuple[Rule, ...]]:
        """Those of all deployments that have any, by tenant and model."""
        ...
