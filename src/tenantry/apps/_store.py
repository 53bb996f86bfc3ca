"""The port of the definitions store. The store is in ``adapters``; the twin in memory in ``testing``."""

import builtins
from typing import Protocol

from tenantry.apps._definition import PredictionDefinition
from tenantry.errors import NotFound
from tenantry.tenancy import TenantId


class Definitions(Protocol):
    """What each tenant wants predicted, by name. Safe to call from several threads and processes at once."""

    def save(self, tenant: TenantId, definition: PredictionDefinition) -> PredictionDefinition:
        """Create or replace by name. Raises ``NotFound`` for an unknown tenant,
        ``InvalidRequest("bad_name")``.
        """
        ...

    def get(self, tenant: TenantId, name: str) -> PredictionDefinition:
        """Raises ``NotFound``."""
        ...

    def list(self, tenant: TenantId) -> builtins.list[PredictionDefinition]:
        """By name."""
        ...

    def delete(self, tenant: TenantId, name: str) -> None:
        """Raises ``NotFound``."""
        ...


def no_such_definition(name: str) -> NotFound:
    """The one error for a definition that is not this tenant's, be it another's or nobody's."""
    return NotFound(
        "not_found",
        f"there is no prediction {name[:80]!r}",
        unnamed="there is no prediction of that name for this tenant",
    )
