"""The conformance suite of each port, as classes for pytest to run.

Receives: a way to make the store under test. Hands on: tests. Never knows: which technology stands behind it;
no test asks what kind of store it has.

``BlobsSuite`` asks for ``make_blobs``; the others ask for ``make_state``, where an adapter of one port puts
its own store beside the twins of ``tenantry.testing``.
"""

from tenantry.testing.suites.access import DirectorySuite
from tenantry.testing.suites.base import StateSuite
from tenantry.testing.suites.blobs import BlobsSuite
from tenantry.testing.suites.datasets import DatasetsSuite, DefinitionsSuite
from tenantry.testing.suites.deployments import DeploymentsSuite, PoliciesSuite
from tenantry.testing.suites.jobs import JobsSuite
from tenantry.testing.suites.leases import LeasesSuite
from tenantry.testing.suites.registry import RegistrySuite
from tenantry.testing.suites.rollouts import RolloutsSuite
from tenantry.testing.suites.schedules import SchedulesSuite

__all__ = [
    "BlobsSuite",
    "DatasetsSuite",
    "DefinitionsSuite",
    "DeploymentsSuite",
    "DirectorySuite",
    "JobsSuite",
    "LeasesSuite",
    "PoliciesSuite",
    "RegistrySuite",
    "RolloutsSuite",
    "SchedulesSuite",
    "StateSuite",
]
