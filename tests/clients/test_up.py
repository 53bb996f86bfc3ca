"""``tenantry up`` opens the gRPC port unless it is told not to."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from tenantry.adapters.grpc.messages import HealthCheckRequest, HealthCheckResponse


@pytest.mark.parametrize("wanted", [None, "0", "off"])
def test_up(tmp_path: Path, wanted: str | None) -> None:
    command = [sys.executable, "-m", "tenantry.cli", "--json", "up", "--port", "0", "--control-port", "0"]
    with subprocess.Popen(
        [*command, "--workers", "1", *([] if wanted is None else ["--grpc-port", wanted])],
        env={**os.environ, "TENANTRY_HOME": str(tmp_path), "TENANTRY_TRAINING_WORKERS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            while not lines or lines[-1] != b"}\n":
                lines.append(process.stdout.readline())
                assert lines[-1]
            urls = json.loads(b"".join(lines))
            assert ("grpc" in urls) is (wanted != "off")
            if wanted != "off":
                with grpc.insecure_channel(urls["grpc"]) as channel:
                    data = channel.unary_unary("/grpc.health.v1.Health/Check")(
                        HealthCheckRequest().SerializeToString(), wait_for_ready=True, timeout=60
                    )
                assert HealthCheckResponse.FromString(data).status == 1
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
