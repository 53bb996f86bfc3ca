"""A server of the demo's own: ``tenantry up`` as a child process on free ports, on the demo's home folder."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tenantry.errors import Unavailable

START_SECONDS = 40.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the server answers, and the operator's key."""

    data_url: str
    control_url: str
    operator_key: str


class Server:
    """Starts with the ``with`` block and stops with it. Its log lies in ``home/demo.log``."""

    def __init__(self, home: Path, workers: int) -> None:
        self._home = home
        self._log = home / "demo.log"
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Address:
        ports = ["--port", "0", "--control-port", "0", "--grpc-port", "off", "--workers", str(self._workers)]
        # It talks to itself, on this machine: an installation's certificate is not for that.
        plain = ["/usr/bin/env", "TENANTRY_TLS_CERTIFICATE="]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*plain, sys.executable, "-m", "tenantry.cli", "--home", str(self._home), "up", *ports],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the demo's to handle
            )
        try:
            return self._wait(self._process)
        except BaseException:
            self._stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _wait(self, process: subprocess.Popen[bytes]) -> Address:
        facts = self._home / "run" / "server.json"
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            if facts.exists():
                found = json.loads(facts.read_text())
                return Address(
                    data_url=found["data_url"],
                    control_url=found["control_url"],
                    operator_key=(self._home / "operator.key").read_text().strip(),
                )
            time.sleep(0.05)
        tail = self._log.read_text(errors="replace")[-600:].strip()
        raise Unavailable("server_start", f"the demo's server did not start: {tail or 'it said nothing'}")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
