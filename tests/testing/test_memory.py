"""The twins in memory keep the contracts of their ports."""

from pathlib import Path

from tenantry.testing import HeldClock, MemoryBlobs, State, memory_state
from tenantry.testing.suites import (
    BlobsSuite,
    DatasetsSuite,
    DefinitionsSuite,
    DeploymentsSuite,
    DirectorySuite,
    JobsSuite,
    LeasesSuite,
    PoliciesSuite,
    RegistrySuite,
    RolloutsSuite,
    SchedulesSuite,
)


class Memory:
    def make_state(self, folder: Path, clock: HeldClock) -> State:
        return memory_state(clock)


class TestMemoryBlobs(BlobsSuite):
    def make_blobs(self, folder: Path) -> MemoryBlobs:
        return MemoryBlobs()


class TestMemoryDirectory(Memory, DirectorySuite):
    pass


class TestMemoryDatasets(Memory, DatasetsSuite):
    pass


class TestMemoryDefinitions(Memory, DefinitionsSuite):
    pass


class TestMemoryRegistry(Memory, RegistrySuite):
    pass


class TestMemoryDeployments(Memory, DeploymentsSuite):
    pass


class TestMemoryPolicies(Memory, PoliciesSuite):
    pass


class TestMemoryRollouts(Memory, RolloutsSuite):
    pass


class TestMemoryJobs(Memory, JobsSuite):
    pass


class TestMemoryLeases(Memory, LeasesSuite):
    pass


class TestMemorySchedules(Memory, SchedulesSuite):
    pass
