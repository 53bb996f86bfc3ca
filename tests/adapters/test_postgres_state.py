"""The SQL stores over PostgreSQL keep the same contracts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.adapters import test_sql_state as sqlite
from tests.adapters.postgresql import Postgres, running

pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


class OnPostgres:
    """Before one of SQLite's classes in a class's bases: the same over a new schema of the server."""

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> Iterator[None]:
        self._postgres = postgres
        yield
        postgres.tidy()

    def address(self, folder: Path) -> str:
        return self._postgres.fresh()


class TestPostgresDirectory(OnPostgres, sqlite.TestSqlDirectory):
    pass


class TestPostgresDatasets(OnPostgres, sqlite.TestSqlDatasets):
    pass


class TestPostgresDefinitions(OnPostgres, sqlite.TestSqlDefinitions):
    pass


class TestPostgresRegistry(OnPostgres, sqlite.TestSqlRegistry):
    pass


class TestPostgresDeployments(OnPostgres, sqlite.TestSqlDeployments):
    pass


class TestPostgresPolicies(OnPostgres, sqlite.TestSqlPolicies):
    pass


class TestPostgresRollouts(OnPostgres, sqlite.TestSqlRollouts):
    pass


class TestPostgresJobs(OnPostgres, sqlite.TestSqlJobs):
    pass


class TestPostgresLeases(OnPostgres, sqlite.TestSqlLeases):
    pass


class TestPostgresSchedules(OnPostgres, sqlite.TestSqlSchedules):
    pass
