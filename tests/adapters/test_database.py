"""Opening databases: settings, migrations, many at once, and everything that can be wrong with one."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tenantry.adapters.sql import SqlDirectory, SqlJobs, database, open_database
from tenantry.adapters.sql.migrate import MIGRATIONS
from tenantry.adapters.sql.tables import HEAD, metadata
from tenantry.errors import Conflict, Corrupt, InvalidRequest, TenantryError, Unavailable, Unsupported
from tenantry.tenancy import TenantId


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def schema_of(path: Path) -> dict[str, str]:
    """Every table and index as SQL, without the order of a table's constraints."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {
        name: "\n".join(sorted(line.strip().rstrip(",").strip() for line in sql.splitlines() if line.strip()))
        for name, sql in rows
        if not name.startswith(("sqlite_", "alembic_"))
    }


def test_a_migrated_schema_is_the_fresh_schema(tmp_path: Path) -> None:
    open_database(url(tmp_path / "migrated.db")).close()
    fresh = sa.create_engine(url(tmp_path / "fresh.db"))
    metadata.create_all(fresh)
    fresh.dispose()
    assert schema_of(tmp_path / "migrated.db") == schema_of(tmp_path / "fresh.db")


def test_the_migrations_leave_nothing_to_generate(tmp_path: Path) -> None:
    opened = open_database(url(tmp_path / "tenantry.db"))
    with opened.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    opened.close()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_sqlite_is_set_up_as_decided(tmp_path: Path) -> None:
    opened = open_database(url(tmp_path / "tenantry.db"))
    with opened.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    opened.close()
    assert found == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 30_000, "foreign_keys": 1}


def test_opening_again_keeps_what_is_there_and_needs_no_alembic(tmp_path: Path) -> None:
    opened = open_database(url(tmp_path / "tenantry.db"))
    SqlDirectory(opened).create_tenant(TenantId("acme"))
    opened.close()
    program = (
        "import sys; from tenantry.adapters.sql import SqlDirectory, open_database\n"
        "database = open_database(sys.argv[1])\n"
        "print([t.id for t in SqlDirectory(database).tenants()], 'alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, url(tmp_path / "tenantry.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['acme'] False"


def test_many_processes_may_make_the_same_database(tmp_path: Path) -> None:
    program = (
        "import sys; from tenantry.adapters.sql import SqlDirectory, open_database\n"
        "sys.stdin.readline()\n"
        "SqlDirectory(open_database(sys.argv[1])).create_tenant(sys.argv[2])"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, url(tmp_path / "tenantry.db"), f"tenant-{number}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    assert [process.communicate("go\n")[1] for process in started] == [""] * 4
    opened = open_database(url(tmp_path / "tenantry.db"))
    assert len(SqlDirectory(opened).tenants()) == 4
    opened.close()


def test_many_threads_may_write_at_once(tmp_path: Path) -> None:
    opened = open_database(url(tmp_path / "tenantry.db"))
    directory = SqlDirectory(opened)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(10):
                directory.create_tenant(TenantId(f"t-{number}-{i}"))
                directory.tenants()
        except BaseException as error:  # noqa: BLE001  handed to the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(directory.tenants()) == 200
    opened.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    opened = open_database(url(tmp_path / "tenantry.db"))

    def fail() -> None:
        with opened.write() as connection:
            connection.exec_driver_sql("INSERT INTO tenants VALUES ('acme', 0, '{}')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert SqlDirectory(opened).tenants() == []
    opened.close()


def test_a_lock_that_lasts_is_a_clear_and_transient_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_database(url(tmp_path / "tenantry.db")).close()
    holder = sqlite3.connect(tmp_path / "tenantry.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    opened = open_database(url(tmp_path / "tenantry.db"))
    with pytest.raises(Unavailable) as caught:
        SqlDirectory(opened).create_tenant(TenantId("acme"))
    assert (caught.value.code, caught.value.transient) == ("database_busy", True)
    assert SqlDirectory(opened).tenants() == []  # readers do not wait
    holder.close()
    opened.close()


def test_refuses_a_database_of_a_newer_build_and_leaves_it_alone(tmp_path: Path) -> None:
    opened = open_database(url(tmp_path / "tenantry.db"))
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    opened.close()
    before = schema_of(tmp_path / "tenantry.db")
    with pytest.raises(Conflict) as caught:
        open_database(url(tmp_path / "tenantry.db"))
    assert caught.value.code == "database_newer"
    assert "9999" in caught.value.message
    assert schema_of(tmp_path / "tenantry.db") == before


@pytest.mark.parametrize(
    ("address", "kind", "code"),
    [
        ("not a url", InvalidRequest, "setting_invalid"),
        ("sqlite://", InvalidRequest, "setting_invalid"),
        ("sqlite:///:memory:", InvalidRequest, "setting_invalid"),
        ("mysql://root:secret@localhost/x", Unsupported, "database_unsupported"),
        ("postgresql+nodriver://u:secret@localhost/x", Unsupported, "database_unsupported"),
    ],
)
def test_refuses_what_is_no_address(address: str, kind: type[TenantryError], code: str) -> None:
    with pytest.raises(kind) as caught:
        open_database(address)
    assert caught.value.code == code
    assert "secret" not in str(caught.value.as_dict())


def test_refuses_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "tenantry.db").write_bytes(b"name,target\n" * 1000)
    with pytest.raises(Corrupt) as caught:
        open_database(url(tmp_path / "tenantry.db"))
    assert caught.value.code == "database_corrupt"
    assert (tmp_path / "tenantry.db").read_bytes() == b"name,target\n" * 1000


def test_refuses_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as caught:
        open_database(url(tmp_path / "file" / "tenantry.db"))
    assert caught.value.code == "database_unavailable"


def test_a_new_database_and_its_folder_are_their_owners_only(tmp_path: Path) -> None:
    open_database(url(tmp_path / "home" / "tenantry.db")).close()
    assert (tmp_path / "home").stat().st_mode & 0o077 == 0
    assert (tmp_path / "home" / "tenantry.db").stat().st_mode & 0o077 == 0


def test_a_claim_walks_no_finished_jobs(tmp_path: Path) -> None:
    """Every question of a claim is answered by an index of what is queued or running, or by one row's key."""
    opened = open_database(url(tmp_path / "tenantry.db"))
    SqlDirectory(opened).create_tenant(TenantId("acme"))
    jobs = SqlJobs(opened)
    jobs.enqueue(TenantId("acme"), "train", {})
    asked: dict[str, object] = {}
    sa.event.listen(
        opened.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, sql, values, _context, _many: asked.setdefault(sql, values),
    )
    claim = jobs.claim("worker", ["train"], 15.0)
    assert claim is not None
    jobs.heartbeat(claim)
    jobs.expire()
    steps = []
    with opened.read() as connection:
        for sql, values in list(asked.items()):
            if not sql.startswith("BEGIN"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)  # type: ignore[arg-type]
                steps += [row[-1] for row in plan if " jobs" in row[-1] or "SCAN" in row[-1]]
    opened.close()
    cheap = ("ix_jobs_queued", "ix_jobs_ready", "ix_jobs_lease", "ix_job_turns_waiting", "(id=?)")
    assert steps
    assert [step for step in steps if not any(index in step for index in cheap)] == []
