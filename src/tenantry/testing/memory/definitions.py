"""Prediction definitions in a dictionary."""

import builtins

from tenantry.access import Directory
from tenantry.apps import PredictionDefinition, no_such_definition
from tenantry.tenancy import TenantId, name_of


class MemoryDefinitions:
    """The port ``Definitions``, for the tenants of a directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._definitions: dict[tuple[TenantId, str], PredictionDefinition] = {}

    def save(self, tenant: TenantId, definition: PredictionDefinition) -> PredictionDefinition:
        """See ``Definitions.save``."""
        self._directory.tenant(tenant)
        self._definitions[tenant, name_of(definition.name)] = definition
        return definition

    def get(self, tenant: TenantId, name: str) -> PredictionDefinition:
        """See ``Definitions.get``."""
        try:
            return self._definitions[tenant, name]
        except KeyError:
            raise no_such_definition(name) from None

    def list(self, tenant: TenantId) -> builtins.list[PredictionDefinition]:
        """See ``Definitions.list``."""
        return [found for (owner, _), found in sorted(self._definitions.items()) if owner == tenant]

    def delete(self, tenant: TenantId, name: str) -> None:
        """See ``Definitions.delete``."""
        if self._definitions.pop((tenant, name), None) is None:
            raise no_such_definition(name)
