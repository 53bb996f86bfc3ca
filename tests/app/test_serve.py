"""Real scoring workers under a supervisor, spoken to by unmodified clients."""

import gzip
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.serving.plans import KEYS, furnish, publish, small_plan

from tenantry import __version__
from tenantry.api.residency_live import living
from tenantry.app.children import scoring_worker
from tenantry.app.serve import most_connections
from tenantry.app.supervisor import Supervisor
from tenantry.plan import Plan
from tenantry.predictions import KIND as INFERENCE
from tenantry.predictions.block import decode_block
from tenantry.segments import SegmentReader
from tenantry.tenancy import TenantId

# gevent, on which tritonclient stands, warns at import that ssl was loaded before it could patch it.
pytestmark = pytest.mark.filterwarnings("ignore:Monkey-patching ssl:Warning")

FORBIDDEN = (
    "alembic", "duckdb", "fastapi", "lightgbm", "narwhals", "pandas", "pyarrow", "pydantic", "scipy", "sklearn",
    "sqlalchemy", "tenantry.adapters", "tenantry.automl",
)  # fmt: skip
RECORD = {"tenure": 5, "MonthlyCharges": "$80.5", "Contract": "Month-to-month", "signed": "2024-01-05"}
ACME = {"Authorization": "Bearer tnk_acme"}


class Server:
    """Two workers over one socket."""

    def __init__(self, home: Path, workers: int = 2) -> None:
        self.home = home
        self.table = furnish(home)
        children = [scoring_worker(home, number, "warning") for number in range(workers)]
        self.supervisor = Supervisor(home, {"data": ("127.0.0.1", 0)}, children)
        self.supervisor.start()
        self.address = self.supervisor.urls["data"].removeprefix("http://")
        until = time.monotonic() + 60
        while self.ask("GET", "/v2/health/ready")[0] != 200:
            assert time.monotonic() < until

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, raw, headers or {})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def predict(self, body: Any, name: str = "churn", query: str = "", key: str = "tnk_acme") -> Any:
        status, _, raw = self.ask("POST", f"/predict/{name}{query}", body, {"Authorization": f"Bearer {key}"})
        assert status == 200, raw
        return json.loads(raw)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("home"))
    yield running
    running.supervisor.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(workers: int = 1) -> Server:
        started.append(Server(tmp_path, workers))
        return started[-1]

    yield start
    for running in started:
        running.supervisor.stop()


@pytest.fixture
def triton(server: Server) -> Iterator[Any]:
    import tritonclient.http as client

    with client.InferenceServerClient(server.address) as one:
        yield one


def test_the_scoring_process_imports_nothing_forbidden() -> None:
    code = "import sys, tenantry.app.serve; print('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert "tenantry.serving.core" in loaded
    assert [name for name in loaded if name.startswith(FORBIDDEN)] == []


def test_people_get_predictions_with_reasons(server: Server) -> None:
    told = server.predict([RECORD, {"tenure": None}], query="?explain=2")
    plan = Plan.from_bytes(small_plan())
    assert [p["score"] for p in told["predictions"]] == [plan.score(RECORD)[0], plan.score({})[0]]
    reasons = told["predictions"][0]["reasons"]
    assert len(reasons) == 2
    assert {"column", "value", "contribution", "text"} <= set(reasons[0])
    assert abs(reasons[0]["contribution"]) >= abs(reasons[1]["contribution"])


def test_triton_client_reads_health_and_metadata(triton: Any) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("churn", headers=ACME)
    assert triton.is_model_ready("churn", "champion", headers=ACME)
    assert not triton.is_model_ready("secret", headers=ACME)
    assert triton.get_server_metadata(headers=ACME)["version"] == __version__
    metadata = triton.get_model_metadata("churn", "challenger", headers=ACME)
    assert metadata["versions"] == ["1", "2"]
    assert [one["name"] for one in metadata["inputs"]] == ["tenure", "MonthlyCharges", "Contract", "signed"]


def inputs_of(client: Any, columns: dict[str, Any], *, binary: bool = True) -> list[Any]:
    kinds = {"f": "FP64", "i": "INT64", "O": "BYTES"}
    inputs = []
    for name, values in columns.items():
        tensor = client.InferInput(name, list(values.shape), kinds[values.dtype.kind])
        tensor.set_data_from_numpy(values, binary_data=binary)
        inputs.append(tensor)
    return inputs


COLUMNS = {
    "tenure": np.array([1, 24, 70], dtype=np.int64),
    "MonthlyCharges": np.array([20.5, np.nan, 99.9]),
    "Contract": np.array([[b"One year"], ["Zwölf".encode()], [b""]], dtype=np.object_),
    "signed": np.array([b"2024-01-05", b"", b"nonsense"], dtype=np.object_),
}


def expected_scores(data: bytes | None = None) -> list[tuple[float, ...]]:
    plan = Plan.from_bytes(data or small_plan())
    rows = zip(*(values.ravel() for values in COLUMNS.values()), strict=True)
    records = [
        {
            name: value.decode() if isinstance(value, bytes) else value.item()
            for name, value in zip(COLUMNS, row, strict=True)
        }
        for row in rows
    ]
    return [plan.score(record) for record in records]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_triton_client_infers(triton: Any, binary: bool, compression: str | None) -> None:  # noqa: FBT001 — a parameter
    import tritonclient.http as client

    result = triton.infer(
        "churn",
        inputs_of(client, COLUMNS, binary=binary),
        request_id="r-1",
        headers=dict(ACME),
        request_compression_algorithm=compression,
        response_compression_algorithm=compression,
        priority=1,
        timeout=1_000_000,
    )
    scores = [score for (score,) in expected_scores()]
    assert result.as_numpy("score").tolist() == scores
    assert result.as_numpy("label").tolist() == [b"Yes" if p >= 0.5 else b"No" for p in scores]
    assert result.as_numpy("probabilities").tolist() == [[1 - p, p] for p in scores]
    response = result.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == ("churn", "1", "r-1")


def test_triton_client_asks_for_outputs_versions_and_reasons(triton: Any) -> None:
    import tritonclient.http as client

    inputs = inputs_of(client, COLUMNS)
    wanted = [
        client.InferRequestedOutput("score", binary_data=False),
        client.InferRequestedOutput("reasons"),
        client.InferRequestedOutput("probabilities", class_count=1),
    ]
    result = triton.infer(
        "churn", inputs, "challenger", outputs=wanted, headers=ACME, parameters={"explain": 1}
    )
    scores = [score for (score,) in expected_scores(small_plan(shift=1.0))]
    assert result.get_response()["model_version"] == "2"
    assert result.as_numpy("score").tolist() == scores
    assert [len(json.loads(text)) for text in result.as_numpy("reasons")] == [1, 1, 1]
    top = [f"{max(p, 1 - p)!r}:{int(p >= 0.5)}:{'Yes' if p >= 0.5 else 'No'}".encode() for p in scores]
    assert result.as_numpy("probabilities").ravel().tolist() == top
    assert result.as_numpy("label") is None


def test_triton_client_infers_asynchronously(triton: Any) -> None:
    import tritonclient.http as client

    inputs = inputs_of(client, {"tenure": COLUMNS["tenure"]})
    requests = [triton.async_infer("segment", inputs, headers=ACME) for _ in range(5)]
    for request in requests:
        assert request.get_result().as_numpy("probabilities").shape == (3, 3)


def test_triton_client_reads_errors(triton: Any) -> None:
    import tritonclient.http as client
    from tritonclient.utils import InferenceServerException

    good = inputs_of(client, COLUMNS)
    wrong = inputs_of(client, {"tenur": COLUMNS["tenure"]})
    cases: list[tuple[Callable[[], Any], str, str]] = [
        (lambda: triton.infer("churn", good), "401", "key"),
        (lambda: triton.infer("secret", good, headers=ACME), "404", "no such model"),
        (lambda: triton.infer("churn", good, "9", headers=ACME), "404", "no such model"),
        (lambda: triton.infer("churn", wrong, headers=ACME), "400", "did you mean 'tenure'?"),
    ]
    for call, status, words in cases:
        with pytest.raises(InferenceServerException) as caught:
            call()
        assert caught.value.status() == status
        assert words in caught.value.message()


def test_a_foreign_name_and_no_name_give_the_same_bytes(server: Server) -> None:
    def reply(name: str) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = server.ask("POST", f"/predict/{name}", RECORD, ACME)
        headers.pop("date")
        headers.pop("x-request-id")
        return status, headers, body

    assert reply("secret") == reply("nothing-of-the-kind")
    assert reply("secret")[0] == 404


def test_chunked_and_late_bodies_are_read(server: Server) -> None:
    def parts() -> Iterator[bytes]:
        whole = json.dumps([RECORD] * 3).encode()
        for i in range(0, len(whole), 50):
            yield whole[i : i + 50]

    connection = http.client.HTTPConnection(server.address, timeout=60)
    connection.request("POST", "/predict/churn", parts(), ACME, encode_chunked=True)
    response = connection.getresponse()
    assert len(json.loads(response.read())["predictions"]) == 3
    connection.close()


def test_a_large_batch_is_scored_and_others_are_served_meanwhile(server: Server) -> None:
    rows = [{"tenure": i % 80, "Contract": "One year"} for i in range(20_000)]
    replies: list[Any] = []
    batch = threading.Thread(target=lambda: replies.append(server.predict(rows)))
    batch.start()
    while batch.is_alive():
        server.predict(RECORD)
    assert len(replies[0]["predictions"]) == 20_000


def test_a_body_over_the_limit_is_refused_before_it_is_read(server: Server) -> None:
    host, _, port = server.address.rpartition(":")
    for head, status in ((b"Authorization: Bearer tnk_acme\r\n", b"413"), (b"", b"401"), (b"", b"401")):
        size = b"Content-Length: 99999999999\r\n" if status == b"413" else b"Content-Length: 1000000\r\n"
        with socket.create_connection((host, int(port)), timeout=60) as caller:
            caller.sendall(b"POST /predict/churn HTTP/1.1\r\nHost: x\r\n" + head + size + b"\r\n{")
            assert caller.recv(100).split()[1] == status


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\n" + b"X: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(200)) + b"\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_requests_beyond_all_bounds_are_turned_away(server: Server, raw: bytes) -> None:
    host, _, port = server.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as caller:
        caller.sendall(raw)
        assert caller.recv(100).split()[1] == b"400"


def test_a_compressed_bomb_is_refused(server: Server) -> None:
    bomb = gzip.compress(bytes(40 << 20), 9)
    status, _, body = server.ask("POST", "/predict/churn", bomb, {**ACME, "Content-Encoding": "gzip"})
    assert (status, json.loads(body)["code"]) == (413, "body_too_large")


def test_a_revoked_key_is_refused_within_two_seconds(own_server: Callable[..., Server]) -> None:
    server = own_server()
    server.predict(RECORD)
    publish(server.home, {k: v for k, v in KEYS.items() if k != "tnk_acme"}, server.table.endpoints)
    until = time.monotonic() + 2
    while server.ask("POST", "/predict/churn", RECORD, ACME)[0] != 401:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_promoted_version_answers_and_a_corrupt_table_changes_nothing(
    own_server: Callable[..., Server],
) -> None:
    server = own_server()
    churn = server.table.endpoints["acme"]["churn"]
    promoted = type(churn)(versions=churn.versions, aliases={"champion": "2"})
    publish(server.home, KEYS, {"acme": {"churn": promoted}})
    until = time.monotonic() + 10
    while server.predict(RECORD)["predictions"][0]["model_version"] != "2":
        assert time.monotonic() < until
        time.sleep(0.02)
    (server.home / "endpoints" / "current").write_text("ruined")
    time.sleep(0.6)
    assert server.predict(RECORD)["predictions"][0]["model_version"] == "2"


def test_a_killed_workers_callers_are_served_by_its_sibling(own_server: Callable[..., Server]) -> None:
    server = own_server(2)
    pids = server.supervisor.pids
    os.kill(pids["serve-0"], signal.SIGKILL)
    os.waitid(os.P_PID, pids["serve-0"], os.WEXITED | os.WNOWAIT)  # a dying one may take a caller with it
    for _ in range(50):  # the supervisor has not replaced it: nobody has called step()
        server.predict(RECORD)
    until = time.monotonic() + 30
    while server.supervisor.pids.get("serve-0") in (None, pids["serve-0"]):
        assert time.monotonic() < until
        server.supervisor.step()
        time.sleep(0.02)


def test_a_stopping_worker_finishes_what_it_has_begun(own_server: Callable[..., Server]) -> None:
    server = own_server()
    rows = [{"tenure": i % 80, "Contract": "One year"} for i in range(4_000)]
    replies: list[Any] = []

    def ask() -> None:
        replies.append(server.predict(rows, query="?explain=3"))

    batch = threading.Thread(target=ask)
    batch.start()
    time.sleep(0.15)
    server.supervisor.stop()
    batch.join(60)
    assert len(replies[0]["predictions"]) == 4_000


def test_each_worker_tells_of_its_own_memory_on_its_own_socket(server: Server) -> None:
    for _ in range(20):
        server.predict(RECORD)
    told = dict(living(server.home / "run", "tnk_operator", TenantId("acme"), "churn"))
    assert sorted(told) == [0, 1]
    held = [copy for live in told.values() for copy in live.copies]
    assert held
    assert all(copy.state == "READY" and copy.bytes > 0 and copy.leases == 0 for copy in held)
    assert sum(copy.uses for copy in held) >= 20
    assert not list(living(server.home / "run", "tnk_acme_unknown", TenantId("acme"), "churn"))


def test_a_clean_stop_loses_nothing_of_the_inference_log_however_long_callers_take(
    own_server: Callable[..., Server],
) -> None:
    server = own_server()
    host, port = server.address.split(":")
    body = json.dumps(RECORD).encode()
    head = (
        "POST /predict/churn HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tnk_acme\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    late, never = (socket.create_connection((host, int(port)), timeout=60) for _ in range(2))
    with late, never:
        for caller in (late, never):
            caller.sendall(head + body[:10])
        server.predict(RECORD)  # by now the worker has read both
        stopping = threading.Thread(target=server.supervisor.stop)
        stopping.start()
        time.sleep(9.7)  # the other one's body never comes: the worker waits for it to the end of its drain
        late.sendall(body[10:])
        assert late.recv(65_536).startswith(b"HTTP/1.1 200")
        stopping.join()
    reader = SegmentReader(server.home / "spool")
    reader.recover(INFERENCE)
    blocks = [record for path in reader.closed(INFERENCE) for record in reader.records(path)]
    assert [request.status for block in blocks for request in decode_block(block)] == [200, 200]


@pytest.mark.parametrize(
    ("files", "connections"), [(65_536, 16_384), (16_384, 15_360), (4_096, 3_072), (1_024, 512)]
)
def test_connections_leave_room_for_other_open_files(
    monkeypatch: pytest.MonkeyPatch, files: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_connections() == connections
