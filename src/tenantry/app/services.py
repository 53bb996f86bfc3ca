"""One installation, opened: every port with its adapter."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tenantry.access import Directory, Role, digest_of
from tenantry.adapters.files import FileBlobs
from tenantry.adapters.sql import (
    Database,
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
from tenantry.apps import Definitions
from tenantry.bundle import complete
from tenantry.datasets import Datasets
from tenantry.deployments import Deployments, Policies, Publisher, Sources
from tenantry.deployments.rollouts import Rollouts
from tenantry.deployments.rollouts_rules import RunningRules
from tenantry.errors import Unavailable
from tenantry.ingest import Dialect, Limits, TableReader
from tenantry.ports.blobs import Blobs
from tenantry.ports.clock import Clock, SystemClock
from tenantry.ports.jobs import Jobs
from tenantry.registry import Registry
from tenantry.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every port of one installation, with its settings. Safe to share between threads; one a process is
    enough.

    It is also the ``Stores`` that ``workflows`` ask for.
    """

    settings: Settings
    clock: Clock
    database: Database
    blobs: Blobs
    directory: Directory
    registry: Registry
    datasets: Datasets
    definitions: Definitions
    deployments: Deployments
    policies: Policies
    rollouts: Rollouts
    jobs: Jobs
    reader: TableReader
    publisher: Publisher

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


def open_services(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Open the installation in the home folder, and make it where there is none.

    Raises ``Unavailable("storage_unavailable")`` for a folder that cannot be made, and as ``open_database``.
    """
    clock = clock or SystemClock()
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Unavailable(
            "storage_unavailable", f"cannot make the folder {settings.home}: {error.strerror}"
        ) from error
    database = open_database(settings.database_url)
    blobs = FileBlobs(settings.blobs)
    directory = SqlDirectory(database, clock)
    registry = SqlRegistry(database, partial(complete, blobs), clock)
    deployments, policies = SqlDeployments(database), SqlPolicies(database)
    rollouts = SqlRollouts(database, clock)
    sources = Sources(
        home=settings.home,
        directory=directory,
        registry=registry,
        deployments=deployments,
        policies=policies,
        blobs=blobs,
        rollouts=RunningRules(rollouts),
    )
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        blobs=blobs,
        directory=directory,
        registry=registry,
        datasets=SqlDatasets(database, blobs, clock),
        definitions=SqlDefinitions(database, clock),
        deployments=deployments,
        policies=policies,
        rollouts=rollouts,
        jobs=SqlJobs(database, clock),
        reader=LaterReader(),
        publisher=Publisher(sources, clock),
    )


class LaterReader:
    """The reader of delimited text, loaded with the first table: what never reads one starts a tenth sooner."""

    def read_csv(self, path: Path, dialect: Dialect, names: tuple[str, ...], limits: Limits) -> "pa.Table":
        """See ``TableReader.read_csv``."""
        from tenantry.adapters.duckdb import DuckDBReader  # noqa: PLC0415

        return DuckDBReader().read_csv(path, dialect, names, limits)


@contextmanager
def services_of(settings: Settings) -> Iterator[Services]:
    """:func:`open_services` for the length of a block."""
    services = open_services(settings)
    try:
        yield services
    finally:
        services.close()


def operator_secret(services: Services) -> str:
    """The secret of the home folder's operator key; made, published and kept (mode 0600) where there is none,
    or where the key in the file opens nothing any more.
    """
    path = services.settings.operator_key
    try:
        secret = path.read_text().strip()
    except FileNotFoundError:
        secret = ""
    known = {digest for digest, _ in services.directory.live_keys_of(None)}
    if secret and digest_of(secret) in known:
        return secret
    _key, secret = services.directory.create_key(None, Role.OPERATOR, label="home folder")
    _write_secret(path, secret)
    services.publisher.publish_keys(None)
    return secret


def _write_secret(path: Path, secret: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
