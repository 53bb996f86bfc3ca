"""The SQL stores over SQLite and a folder keep the contracts of their ports."""

from pathlib import Path

from tenantry.adapters.files import FileBlobs
from tenantry.adapters.sql import (
    SqlDatasets,
    SqlDefinitions,
    SqlDeployments,
    SqlDirectory,
    SqlJobs,
    SqlPolicies,
    SqlRegistry,
    SqlRollouts,
    open_database,
)
from tenantry.testing import HeldClock, State, stored
from tenantry.testing.suites import (
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


class Sql:
    def address(self, folder: Path) -> str:
        return f"sqlite:///{folder / 'tenantry.db'}"

    def make_state(self, folder: Path, clock: HeldClock) -> State:
        database = open_database(self.address(folder))
        blobs = FileBlobs(folder / "blobs")
        return State(
            directory=SqlDirectory(database, clock),
            blobs=blobs,
            datasets=SqlDatasets(database, blobs, clock),
            definitions=SqlDefinitions(database, clock),
            registry=SqlRegistry(database, stored(blobs), clock),
            deployments=SqlDeployments(database),
            policies=SqlPolicies(database),
            rollouts=SqlRollouts(database, clock),
            jobs=SqlJobs(database, clock),
            close=database.close,
        )


class TestSqlDirectory(Sql, DirectorySuite):
    pass


class TestSqlDatasets(Sql, DatasetsSuite):
    pass


class TestSqlDefinitions(Sql, DefinitionsSuite):
    pass


class TestSqlRegistry(Sql, RegistrySuite):
    pass


class TestSqlDeployments(Sql, DeploymentsSuite):
    pass


class TestSqlPolicies(Sql, PoliciesSuite):
    pass


class TestSqlRollouts(Sql, RolloutsSuite):
    pass


class TestSqlJobs(Sql, JobsSuite):
    pass


class TestSqlLeases(Sql, LeasesSuite):
    pass


class TestSqlSchedules(Sql, SchedulesSuite):
    pass
