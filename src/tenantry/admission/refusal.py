"""Why a request is not admitted, as a value: made in a microsecond, turned into an error only where one is shown."""

from typing import Any, NamedTuple

from tenantry.errors import Overloaded, TenantryError, Unavailable


class Reason(NamedTuple):
    """One kind of refusal: a code of the errors' catalogue and its message. ``limited``: it is the caller's own limit
    (429), not the worker's strain (503). ``scope``: whose limit, ``tenant``, ``deployment`` or ``worker``.
    """

    code: str
    message: str
    scope: str
    limited: bool


TENANT_RATE = Reason("rate_limited", "the tenant's requests a second are used up", "tenant", True)
TENANT_ROWS = Reason("rate_limited", "the tenant's rows a second are used up", "tenant", True)
DEPLOYMENT_RATE = Reason("rate_limited", "the deployment's requests a second are used up", "deployment", True)
DEPLOYMENT_ROWS = Reason("rate_limited", "the deployment's rows a second are used up", "deployment", True)
TENANT_FULL = Reason("too_many_in_flight", "the tenant has too many requests in flight", "tenant", True)
DEPLOYMENT_FULL = Reason(
    "too_many_in_flight", "the deployment has too many requests in flight", "deployment", True
)
UNREACHABLE = Reason("deadline_unreachable", "the request would not be answered in time", "worker", False)
PASSED = Reason("deadline_passed", "the request's time was up before it could run", "worker", False)
SHED = Reason("shed", "the worker is overloaded and dropped the request for others", "worker", False)


class Refusal:
    """A request that is not served now. ``retry_after``: seconds after which it may be."""

    __slots__ = ("reason", "retry_after")

    def __init__(self, reason: Reason, retry_after: float) -> None:
        self.reason = reason
        self.retry_after = retry_after

    def error(self) -> TenantryError:
        """The refusal as an error: ``Overloaded`` (429) or ``Unavailable`` (503), details["retry_after"] in seconds."""
        reason = self.reason
        details: dict[str, Any] = {"retry_after": round(self.retry_after, 6), "scope": reason.scope}
        kind = Overloaded if reason.limited else Unavailable
        return kind(reason.code, reason.message, details=details)
