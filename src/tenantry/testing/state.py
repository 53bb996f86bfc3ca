"""All stores of one installation together, as the suites take them."""

from collections.abc import Callable
from dataclasses import dataclass

from tenantry.access import Directory
from tenantry.apps import Definitions
from tenantry.datasets import Datasets
from tenantry.deployments.ports import Deployments, Policies
from tenantry.deployments.rollouts import Rollouts
from tenantry.errors import TenantryError
from tenantry.ports.blobs import Blobs
from tenantry.ports.clock import Clock
from tenantry.ports.jobs import Jobs
from tenantry.registry import BundleCheck, Registry
from tenantry.tenancy import TenantId
from tenantry.testing.memory import (
    MemoryBlobs,
    MemoryDatasets,
    MemoryDefinitions,
    MemoryDeployments,
    MemoryDirectory,
    MemoryJobs,
    MemoryPolicies,
    MemoryRegistry,
    MemoryRollouts,
)


@dataclass(frozen=True)
class State:
    """One installation's stores, over one clock. ``close`` gives back what they hold."""

    directory: Directory
    blobs: Blobs
    datasets: Datasets
    definitions: Definitions
    registry: Registry
    deployments: Deployments
    policies: Policies
    rollouts: Rollouts
    jobs: Jobs
    close: Callable[[], None] = lambda: None


def memory_state(clock: Clock) -> State:
    """The twins, wired together. A bundle counts as complete when the blob that is named by its digest is
    intact.
    """
    blobs = MemoryBlobs()
    directory = MemoryDirectory(clock)
    datasets = MemoryDatasets(directory, blobs, clock)
    registry = MemoryRegistry(directory, datasets, stored(blobs), clock)
    return State(
        directory=directory,
        blobs=blobs,
        datasets=datasets,
        definitions=MemoryDefinitions(directory),
        registry=registry,
        deployments=MemoryDeployments(registry),
        policies=MemoryPolicies(directory),
        rollouts=MemoryRollouts(registry, clock),
        jobs=MemoryJobs(directory, clock),
    )


def stored(blobs: Blobs) -> BundleCheck:
    """A bundle check for tests of what lies above bundles: the digest's own blob is there and intact."""

    def check(tenant: TenantId, digest: str) -> bool:
        try:
            blobs.get(tenant, digest)
        except TenantryError:
            return False
        return True

    return check
