"""``tenantry up`` opens the gRPC port beside the scoring API's, and tells of TLS by its addresses."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tenantry.adapters.grpc.messages import HealthCheckRequest, HealthCheckResponse


@contextmanager
def up(home: Path, *words: str, **environ: str) -> Iterator[dict[str, str]]:
    """A server of one worker, with what it says at its start."""
    command = [sys.executable, "-m", "tenantry.cli", "--json", "up", "--control-port", "0", "--workers", "1"]
    settings = {"HOME": str(home), "TRAINING_WORKERS": "1", **environ}
    with subprocess.Popen(
        [*command, *words],
        env={**os.environ, **{f"TENANTRY_{name}": value for name, value in settings.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            while not lines or lines[-1] != b"}\n":
                lines.append(process.stdout.readline())
                assert lines[-1]
            yield json.loads(b"".join(lines))
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def serves(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        data = channel.unary_unary("/grpc.health.v1.Health/Check")(
            HealthCheckRequest().SerializeToString(), wait_for_ready=True, timeout=60
        )
    return bool(HealthCheckResponse.FromString(data).status == 1)


def two_free_ports() -> int:
    """A port that is free, as is the next."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


@pytest.mark.parametrize("words", [(), ("--grpc-port", "0")])
def test_with_a_free_port_for_the_scoring_api_grpc_takes_one_too(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with up(tmp_path, "--port", "0", *words) as told:
        assert serves(told["grpc"])


def test_grpc_is_beside_the_scoring_api_unless_somebody_has_the_port(tmp_path: Path) -> None:
    port = two_free_ports()
    with up(tmp_path, "--port", str(port)) as told:
        assert told["grpc"] == f"127.0.0.1:{port + 1}"
        assert serves(told["grpc"])
        facts = json.loads((tmp_path / "run" / "server.json").read_text())
        assert facts["grpc_url"] == told["grpc"]
    with socket.create_server(("127.0.0.1", port + 1)), up(tmp_path, "--port", str(port)) as told:
        assert "grpc" not in told
        with urllib.request.urlopen(f"{told['data']}/v2/health/live", timeout=60) as reply:  # noqa: S310 — loopback
            assert reply.status == 200


@pytest.mark.parametrize(("words", "environ"), [(("--grpc-port", "off"), {}), ((), {"GRPC_PORT": "off"})])
def test_grpc_can_be_off(tmp_path: Path, words: tuple[str, ...], environ: dict[str, str]) -> None:
    with up(tmp_path, "--port", "0", *words, **environ) as told:
        assert "grpc" not in told


def test_addresses_say_that_the_scoring_api_speaks_tls(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    chain, key = certificate
    with up(tmp_path, "--port", "0", TLS_CERTIFICATE=str(chain), TLS_KEY=str(key)) as told:
        assert told["data"].startswith("https://")
        assert told["control"].startswith("http://")
        facts = json.loads((tmp_path / "run" / "server.json").read_text())
        assert facts["data_url"] == told["data"]
        trusting = ssl.create_default_context(cafile=str(chain))
        live = f"{told['data']}/v2/health/live"
        with urllib.request.urlopen(live, timeout=60, context=trusting) as reply:  # noqa: S310 — loopback
            assert reply.status == 200
        with urllib.request.urlopen(f"{told['control']}/api/v1", timeout=60) as reply:  # noqa: S310 — loopback
            server = json.load(reply)
        assert server["data_tls"] is True
        assert told["data"].endswith(f":{server['data_port']}")
