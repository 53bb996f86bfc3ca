"""A PostgreSQL server of the tests' own, where its programs are installed: on a socket in a folder, no network."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg


@functools.cache
def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: on the path, or where Debian has them; None: not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


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
    """A server, until the end of the block. PostgreSQL refuses to run as root: then it runs as its own user."""
    where = programs()
    assert where is not None
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg-") as name:  # short: a socket's path is
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        made = [
            where / "initdb",
            "-D",
            data,
            "-U",
            "t",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd="/")
        options = [
            "listen_addresses=",
            f"unix_socket_directories={folder}",
            "fsync=off",
            "max_connections=200",
        ]
        begun = [where / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", "60"]
        words = " ".join(f"-c {option}" for option in options)
        subprocess.run([*begun, "-o", words, "start"], check=True, capture_output=True, user=user, cwd="/")
        try:
            yield Postgres(folder)
        finally:
            stop = [where / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"]
            subprocess.run(stop, check=True, capture_output=True, user=user, cwd="/")
