"""The rates of a tenant and of a deployment, together: a request is taken from both or from neither."""

from tenantry.admission.policy import Policy, Quota
from tenantry.admission.rates import Rates
from tenantry.admission.refusal import (
    DEPLOYMENT_RATE,
    DEPLOYMENT_ROWS,
    TENANT_RATE,
    TENANT_ROWS,
    Reason,
    Refusal,
)

Rule = tuple[str, float | None, float | None, Reason, Reason]
"""A unit, the tenant's and the deployment's rate of it, and how a refusal by either is put."""


class Allowance:
    """Requests and rows a second. Where no rate is set, each call costs two comparisons."""

    __slots__ = ("rates",)

    def __init__(self, rates: Rates) -> None:
        self.rates = rates

    def request(self, now: float, tenant: str, quota: Quota, name: str, policy: Policy) -> Refusal | None:
        """Take one request; refuse it early where the rows are used up, whose number is not known yet."""
        if quota.rows_per_second is not None or policy.rows_per_second is not None:
            refusal = self._peek(now, tenant, quota, name, policy, _rows(quota, policy), 1)
            if refusal is not None:
                return refusal
        if quota.requests_per_second is None and policy.requests_per_second is None:
            return None
        rule = (
            "requests",
            quota.requests_per_second,
            policy.requests_per_second,
            TENANT_RATE,
            DEPLOYMENT_RATE,
        )
        return self._take(now, tenant, quota, name, policy, rule, 1)

    def rows(
        self, now: float, tenant: str, quota: Quota, name: str, policy: Policy, n: int
    ) -> Refusal | None:
        """Take ``n`` rows."""
        if quota.rows_per_second is None and policy.rows_per_second is None:
            return None
        return self._take(now, tenant, quota, name, policy, _rows(quota, policy), n)

    def _take(
        self, now: float, tenant: str, quota: Quota, name: str, policy: Policy, rule: Rule, n: int
    ) -> Refusal | None:
        unit, of_tenant, of_deployment, tenant_reason, deployment_reason = rule
        if of_tenant is not None and of_deployment is not None:
            refusal = self._peek(now, tenant, quota, name, policy, rule, n)
            if refusal is not None:
                return refusal
        if of_tenant is not None:
            wait = self.rates.take((unit, tenant), of_tenant, quota.burst_seconds, now, n)
            if wait:
                return Refusal(tenant_reason, wait)
        if of_deployment is not None:
            wait = self.rates.take((unit, tenant, name), of_deployment, policy.burst_seconds, now, n)
            if wait:
                return Refusal(deployment_reason, wait)
        return None

    def _peek(
        self, now: float, tenant: str, quota: Quota, name: str, policy: Policy, rule: Rule, n: int
    ) -> Refusal | None:
        """The refusal by the bucket that needs the longer; nothing is taken."""
        unit, of_tenant, of_deployment, reason, deployment_reason = rule
        wait = 0.0
        if of_tenant is not None:
            wait = self.rates.wait((unit, tenant), of_tenant, quota.burst_seconds, now, n)
        if of_deployment is not None:
            other = self.rates.wait((unit, tenant, name), of_deployment, policy.burst_seconds, now, n)
            if other > wait:
                wait, reason = other, deployment_reason
        return Refusal(reason, wait) if wait > 0.0 else None


def _rows(quota: Quota, policy: Policy) -> Rule:
    return "rows", quota.rows_per_second, policy.rows_per_second, TENANT_ROWS, DEPLOYMENT_ROWS
