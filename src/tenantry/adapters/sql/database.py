"""One database: connections, transactions, errors.

SQLite runs in WAL mode with ``synchronous=NORMAL`` (a power cut may undo the last commits, never corrupt) and
every writing transaction begins IMMEDIATE, so that it waits for its turn at the start and never fails
half-way with "locked".
"""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, make_url

from tenantry.adapters.sql.migrate import upgrade
from tenantry.errors import Corrupt, InvalidRequest, TenantryError, Unavailable, Unsupported

BUSY_SECONDS = 30.0
_BEGIN = "tenantry_begin"


class Database:
    """A database at the newest schema. Share one a process; connections are pooled, and safe between threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.readers = engine.execution_options(**{_BEGIN: "BEGIN"})

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view of the whole database; never waits for writers on SQLite."""
        with _translated(), self.readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that commits when the block ends well, and leaves nothing when it does not."""
        with _translated(), self.engine.begin() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that can say ON CONFLICT, which SQLite and PostgreSQL share but SQLAlchemy keeps by
        dialect.
        """
        if self.engine.dialect.name == "postgresql":
            # Imported here: on SQLite it would be a seventh of the control process's start.
            from sqlalchemy.dialects import postgresql  # noqa: PLC0415

            return postgresql.insert(table)
        return sqlite.insert(table)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Connect, and bring the schema up to date.

    Raises ``InvalidRequest("setting_invalid")`` for a URL that is none,
    ``Unsupported("database_unsupported")``, ``Unavailable("database_unavailable")``,
    ``Unavailable("database_busy")``, ``Conflict("database_newer")`` and ``Corrupt("database_corrupt")``.
    """
    address = _address(url)
    with _translated():
        engine = _sqlite_engine(address) if address.get_backend_name() == "sqlite" else _engine(address)
    database = Database(engine)
    try:
        with _translated():
            upgrade(database.readers, database.engine)
    except BaseException:
        database.close()
        raise
    return database


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except sa.exc.ArgumentError:
        # The URL may hold a password, so it is not shown.
        raise InvalidRequest("setting_invalid", "TENANTRY_DATABASE_URL is not a database URL") from None
    if address.get_backend_name() not in {"sqlite", "postgresql"}:
        raise Unsupported("database_unsupported", f"there is no support for {address.get_backend_name()!r}")
    if address.get_backend_name() == "sqlite" and address.database in {None, "", ":memory:"}:
        raise InvalidRequest("setting_invalid", "TENANTRY_DATABASE_URL names no SQLite file")
    return address


def _engine(address: URL) -> sa.Engine:
    try:
        return sa.create_engine(address, pool_pre_ping=True)
    except sa.exc.NoSuchModuleError:
        raise Unsupported("database_unsupported", f"there is no driver {address.drivername!r}") from None
    except ModuleNotFoundError as error:
        raise Unsupported(
            "database_unsupported",
            f"the driver {error.name!r} is not installed",
            hint=f"pip install {error.name}",
        ) from error


def _sqlite_engine(address: URL) -> sa.Engine:
    path = Path(str(address.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)  # SQLite would make it readable by all (B20); its other files copy the mode
    except OSError as error:
        raise Unavailable("database_unavailable", f"cannot make {path}: {error.strerror}") from error
    engine = sa.create_engine(address, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not begin transactions on its own: it would begin them deferred.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=NORMAL")
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL once in the life of the file. SQLite does not wait for other connections here, so this
    does.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01 + 0.02 * random.random())


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN IMMEDIATE"))


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the driver as errors of the product; a broken rule of ours (an integrity error) stays what it
    is.
    """
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        raise _translation(error) from error
    except sa.exc.TimeoutError as error:
        raise Unavailable("database_busy", "every database connection of this process is in use") from error


def _translation(error: sa.exc.DBAPIError) -> TenantryError:
    text = str(error.orig)
    if "locked" in text or "busy" in text:
        return Unavailable("database_busy", f"the database stayed locked: {text}")
    if "malformed" in text or "not a database" in text:
        return Corrupt("database_corrupt", f"the database cannot be read: {text}")
    return Unavailable("database_unavailable", f"the database failed: {text}")
