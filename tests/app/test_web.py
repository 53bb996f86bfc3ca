"""The control process by itself."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_it_makes_its_home_answers_and_ends_well_when_asked_to(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{_free_port()}"
    words = ["--home", str(tmp_path), "--port", url.rpartition(":")[2]]
    process = subprocess.Popen(
        [sys.executable, "-m", "tenantry.app.web", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            until = time.monotonic() + 60
            server: httpx.Response | None = None
            while server is None and time.monotonic() < until:
                with contextlib.suppress(httpx.TransportError):
                    server = client.get("/api/v1")
                time.sleep(0.05)
            assert server is not None
            assert server.json()["data_port"] is None
            secret = (tmp_path / "operator.key").read_text().strip()
            assert (tmp_path / "operator.key").stat().st_mode & 0o777 == 0o600
            assert (tmp_path / "endpoints" / "current").exists()
            who = client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).json()
            assert (who["role"], who["tenant"]) == ("operator", None)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
        assert secret.encode() not in output
    finally:
        process.kill()
        process.communicate()
