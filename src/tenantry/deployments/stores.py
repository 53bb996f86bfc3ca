"""What the use cases of this package need to be handed; ``app.services`` has the real ones."""

from typing import Any, Protocol

from tenantry.access import Directory
from tenantry.deployments.ports import Deployments, Policies
from tenantry.registry import Registry
from tenantry.routing import EndpointTable
from tenantry.tenancy import TenantId


class Publishes(Protocol):
    """Something that brings the endpoint table up to date: :class:`~tenantry.deployments.Publisher`."""

    def publish(self, tenant: TenantId | None = None, model: str | None = None, /) -> EndpointTable:
        """See ``Publisher.publish``."""
        ...

    def publish_keys(self, owner: TenantId | None, /) -> EndpointTable:
        """See ``Publisher.publish_keys``."""
        ...

    def publish_tenant(self, tenant: TenantId, /) -> EndpointTable:
        """See ``Publisher.publish_tenant``."""
        ...

    def publish_platform(self) -> EndpointTable:
        """See ``Publisher.publish_platform``."""
        ...

    def table(self) -> EndpointTable:
        """See ``Publisher.table``."""
        ...

    def export(self, tenant: TenantId, model: str, /) -> Any:
        """See ``Publisher.export``."""
        ...


class DeploymentStores(Protocol):
    """The records that say how models are deployed, and what tells the workers."""

    @property
    def directory(self) -> Directory:
        """Tenants."""
        ...

    @property
    def registry(self) -> Registry:
        """Versions and aliases."""
        ...

    @property
    def deployments(self) -> Deployments:
        """How models are deployed."""
        ...

    @property
    def policies(self) -> Policies:
        """SLO classes and quotas."""
        ...

    @property
    def publisher(self) -> Publishes:
        """The endpoint table."""
        ...
