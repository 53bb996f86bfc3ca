"""A furnished home folder, used by commands in this process, and a server on a copy of it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.api.house import House

from tenantry.cli.entry import run

Capture = pytest.CaptureFixture[str]


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, decoded."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error on standard error, decoded."""
        return json.loads(self.err.strip().splitlines()[-1])


Run = Callable[..., Done]


@pytest.fixture
def tenantry(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process."""
    for name in ("HOME", "TENANT", "SERVER", "KEY", "LOG_LEVEL"):
        monkeypatch.delenv(f"TENANTRY_{name}", raising=False)

    def command(*words: str | Path) -> Done:
        capsys.readouterr()
        status = run([str(word) for word in words])
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return command


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which acme has the model ``churn`` in two versions. Read only: copy it to change it."""
    home = tmp_path_factory.mktemp("furnished")
    House(home).close()
    return home


@pytest.fixture(scope="session")
def served(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the furnished home with a server on it."""
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(furnished, home)
    ports = ["--port", "0", "--control-port", "0", "--workers", "1"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tenantry.cli", "--home", str(home), "up", *ports],
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    until = time.monotonic() + 60
    while not (home / "run" / "server.json").exists():
        assert process.poll() is None and time.monotonic() < until, (home / "log").read_text()  # noqa: PT018
        time.sleep(0.05)
    yield home
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert not (home / "run" / "server.json").exists()


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Five records for the furnished model, with a column that it does not know."""
    path = tmp_path / "records.csv"
    rows = [
        "id,tenure,MonthlyCharges,Contract,signed",
        "a,1,$ 70.35,Month-to-month,2024-01-05",
        "b,,20,Two year,",
        'c,60,"$1,020.50",One year,2023-12-31',
        "d,x,,never seen,2024-02-30",
        "e,,,,",
    ]
    path.write_text("\n".join(rows) + "\n")
    return path
