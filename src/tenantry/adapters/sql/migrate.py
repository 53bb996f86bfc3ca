"""Bring a database to the newest schema at start, once, whoever starts first.

All of it is one transaction that holds the database's write lock (SQLite: BEGIN IMMEDIATE; PostgreSQL: an
advisory lock), so that processes that start together wait for one another, and one that is killed leaves the
old schema.
"""

from pathlib import Path

import sqlalchemy as sa

from tenantry.adapters.sql.tables import HEAD
from tenantry.errors import Conflict

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x7E4A47  # any number, as long as it never changes


def upgrade(readers: sa.Engine, writers: sa.Engine) -> None:
    """Run the migrations that are missing. Raises ``Conflict("database_newer")``."""
    with readers.begin() as connection:
        if _revision(connection) == HEAD:
            return
    with writers.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        revision = _revision(connection)
        if revision != HEAD:
            _run(connection, revision)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _run(connection: sa.Connection, revision: str | None) -> None:
    # Imported only here: it takes longer than all the rest of a start, and is needed once in a release.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise Conflict("database_newer", f"the database has schema {revision}, this build knows up to {HEAD}")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
