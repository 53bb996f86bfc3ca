"""Two real workers over compiled plans, on HTTP and gRPC, for clients as they are published."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.certificates import self_signed
from tests.serving.plans import furnish, small_plan

from tenantry.app.children import scoring_worker
from tenantry.app.supervisor import Supervisor
from tenantry.plan import Plan

ACME = {"authorization": "Bearer tnk_acme"}
OPERATOR = {"authorization": "Bearer tnk_operator", "x-tenant": "acme"}
COLUMNS: dict[str, Any] = {
    "tenure": np.array([1, 24, 70], dtype=np.int64),
    "MonthlyCharges": np.array([20.5, np.nan, 99.9]),
    "Contract": np.array([b"One year", "Zwölf".encode(), b""], dtype=np.object_),
    "signed": np.array([b"2024-01-05", b"", b"nonsense"], dtype=np.object_),
}
KINDS = {"f": "FP64", "i": "INT64", "O": "BYTES"}


def expected(data: bytes | None = None) -> list[float]:
    """The scores of ``COLUMNS`` by the plan itself."""
    plan = Plan.from_bytes(data or small_plan())
    rows = zip(*COLUMNS.values(), strict=True)
    return [
        plan.score(
            {
                name: value.decode() if isinstance(value, bytes) else value.item()
                for name, value in zip(COLUMNS, row, strict=True)
            }
        )[0]
        for row in rows
    ]


class Served(NamedTuple):
    """Where the workers are: host:port each."""

    http: str
    grpc: str


def inputs_of(client: Any, **options: Any) -> list[Any]:
    """``COLUMNS`` as the inputs of one of Triton's clients."""
    inputs = []
    for name, values in COLUMNS.items():
        tensor = client.InferInput(name, list(values.shape), KINDS[values.dtype.kind])
        tensor.set_data_from_numpy(values, **options)
        inputs.append(tensor)
    return inputs


def running(home: Path, workers: int, *more: str) -> Supervisor:
    """Workers over ``home`` that answer."""
    furnish(home)
    arguments = ("--grpc", "{at:grpc}")
    children = [
        scoring_worker(home, number, "warning", workers=workers, more=arguments) for number in range(workers)
    ]
    supervisor = Supervisor(home, {"data": ("127.0.0.1", 0)}, children, reserve={"grpc": ("127.0.0.1", 0)})
    supervisor.start()
    return supervisor


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    supervisor = running(tmp_path_factory.mktemp("home"), 2)
    try:
        urls = supervisor.urls
        _until_ready(urls)
        yield Served(urls["data"].removeprefix("http://"), urls["grpc"])
    finally:
        supervisor.stop()


def _until_ready(urls: dict[str, str]) -> None:
    import grpc

    with urllib.request.urlopen(f"{urls['data']}/v2/health/live", timeout=60):  # noqa: S310 — loopback
        pass
    with grpc.insecure_channel(urls["grpc"]) as channel:
        grpc.channel_ready_future(channel).result(60)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    return self_signed(tmp_path_factory.mktemp("tls"), "DNS:localhost", "IP:127.0.0.1")
