"""SLO classes and quotas in dictionaries."""

from tenantry.access import Directory
from tenantry.admission import Policy, Quota
from tenantry.deployments.records import STARTERS, built_in, check_policy_name, no_such_policy
from tenantry.tenancy import TenantId


class MemoryPolicies:
    """The port ``Policies``, for the tenants of a directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._policies: dict[str, Policy] = {}
        self._quotas: dict[TenantId, Quota] = {}

    def policies(self) -> dict[str, Policy]:
        """See ``Policies.policies``."""
        return dict(sorted((STARTERS | self._policies).items()))

    def policy(self, name: str) -> Policy:
        """See ``Policies.policy``."""
        try:
            return self.policies()[name]
        except KeyError:
            raise no_such_policy(name) from None

    def set_policy(self, name: str, policy: Policy) -> Policy:
        """See ``Policies.set_policy``."""
        self._policies[check_policy_name(name)] = policy
        return policy

    def remove_policy(self, name: str) -> None:
        """See ``Policies.remove_policy``."""
        if self._policies.pop(name, None) is None:
            raise built_in(name) if name in STARTERS else no_such_policy(name)

    def quota(self, tenant: TenantId) -> Quota:
        """See ``Policies.quota``."""
        self._directory.tenant(tenant)
        return self._quotas.get(tenant, Quota())

    def set_quota(self, tenant: TenantId, quota: Quota) -> Quota:
        """See ``Policies.set_quota``."""
        self._directory.tenant(tenant)
        self._quotas[tenant] = quota
        return quota

    def quotas(self) -> dict[TenantId, Quota]:
        """See ``Policies.quotas``."""
        return dict(sorted(self._quotas.items()))
