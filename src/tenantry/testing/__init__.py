"""For those who test against tenantry's ports, and for those who write an adapter of one.

Receives: nothing. Hands on: twins of the stores in memory, a clock that stands still, and
(``testing.suites``, which needs pytest) the conformance suite of each port. Never knows: any adapter. The
product never imports this package.

An adapter proves itself by subclassing its port's suite in a test module::

    from tenantry.testing.suites import BlobsSuite

    class TestMyBlobs(BlobsSuite):
        def make_blobs(self, folder):
            return MyBlobs(folder)
"""

from tenantry.testing.clock import HeldClock
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
from tenantry.testing.state import State, memory_state, stored

__all__ = [
    "HeldClock",
    "MemoryBlobs",
    "MemoryDatasets",
    "MemoryDefinitions",
    "MemoryDeployments",
    "MemoryDirectory",
    "MemoryJobs",
    "MemoryPolicies",
    "MemoryRegistry",
    "MemoryRollouts",
    "State",
    "memory_state",
    "stored",
]
