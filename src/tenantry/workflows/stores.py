"""What a journey needs to be handed."""

from typing import Protocol

from tenantry.access import Directory
from tenantry.apps import Definitions
from tenantry.datasets import Datasets
from tenantry.deployments.ports import Deployments, Policies
from tenantry.deployments.rollouts import Rollouts
from tenantry.deployments.stores import Publishes
from tenantry.ingest.ports import TableReader
from tenantry.ports.blobs import Blobs
from tenantry.ports.clock import Clock
from tenantry.ports.jobs import Jobs
from tenantry.registry import Registry


class Stores(Protocol):
    """All records and ports of one installation; ``app.services`` has the real ones."""

    @property
    def clock(self) -> Clock:
        """Time."""
        ...

    @property
    def blobs(self) -> Blobs:
        """Bytes."""
        ...

    @property
    def directory(self) -> Directory:
        """Tenants and keys."""
        ...

    @property
    def registry(self) -> Registry:
        """Versions and aliases."""
        ...

    @property
    def datasets(self) -> Datasets:
        """Snapshots."""
        ...

    @property
    def definitions(self) -> Definitions:
        """Prediction definitions."""
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
    def rollouts(self) -> Rollouts:
        """Canaries and shadows that end in a decision."""
        ...

    @property
    def jobs(self) -> Jobs:
        """Durable jobs."""
        ...

    @property
    def reader(self) -> TableReader:
        """Delimited text to Arrow."""
        ...

    @property
    def publisher(self) -> Publishes:
        """The endpoint table."""
        ...
