"""The state of tenantry in a SQL database: SQLite (WAL) by default, PostgreSQL by the same statements.

Receives: a database URL. Hands on: the ports ``Directory``, ``Registry``, ``Datasets``, ``Definitions``,
``Deployments``, ``Policies``, ``Rollouts`` and ``Jobs``. Never knows: who calls them, or what a bundle or a job means.
"""

from tenantry.adapters.sql.database import Database, open_database
from tenantry.adapters.sql.datasets import SqlDatasets
from tenantry.adapters.sql.definitions import SqlDefinitions
from tenantry.adapters.sql.deployments import SqlDeployments
from tenantry.adapters.sql.directory import SqlDirectory
from tenantry.adapters.sql.jobs import SqlJobs
from tenantry.adapters.sql.policies import SqlPolicies
from tenantry.adapters.sql.registry import SqlRegistry
from tenantry.adapters.sql.rollouts import SqlRollouts

__all__ = [
    "Database",
    "SqlDatasets",
    "SqlDefinitions",
    "SqlDeployments",
    "SqlDirectory",
    "SqlJobs",
    "SqlPolicies",
    "SqlRegistry",
    "SqlRollouts",
    "open_database",
]
