"""Twins of the stores in memory.

Receives: what the ports receive. Hands on: what the ports hand on, by the same contract, proven by the same
suites. Never knows: a disk or a database (``MemoryBlobs`` alone has a temporary folder, since its port
promises paths).
"""

from tenantry.testing.memory.blobs import MemoryBlobs
from tenantry.testing.memory.datasets import MemoryDatasets
from tenantry.testing.memory.definitions import MemoryDefinitions
from tenantry.testing.memory.deployments import MemoryDeployments
from tenantry.testing.memory.directory import MemoryDirectory
from tenantry.testing.memory.jobs import MemoryJobs
from tenantry.testing.memory.policies import MemoryPolicies
from tenantry.testing.memory.registry import MemoryRegistry
from tenantry.testing.memory.rollouts import MemoryRollouts

__all__ = [
    "MemoryBlobs",
    "MemoryDatasets",
    "MemoryDefinitions",
    "MemoryDeployments",
    "MemoryDirectory",
    "MemoryJobs",
    "MemoryPolicies",
    "MemoryRegistry",
    "MemoryRollouts",
]
