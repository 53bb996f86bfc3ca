"""SageMaker's contract for containers of several models, against the real process."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.serving.plans import small_plan

from tenantry.plan import Plan
from tenantry.schema import Task

RECORD = {"tenure": 5, "MonthlyCharges": "$80.5", "Contract": "Month-to-month", "signed": "2024-01-05"}
CSV = b'5,$80.5,Month-to-month,2024-01-05\n24,,"One year",\n'
SCORES = [
    Plan.from_bytes(small_plan()).score(record)[0]
    for record in (RECORD, {"tenure": "24", "Contract": "One year"})
]
Reply = tuple[int, dict[str, str], bytes]


class Container:
    """The process, on a port of its own."""

    def __init__(self, *arguments: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "tenantry.app.sagemaker", "--host", "127.0.0.1", "--log-level", "warning",
                *arguments,
            ],
            env={**os.environ, "SAGEMAKER_BIND_TO_PORT": str(self.port)},
        )  # fmt: skip
        until = time.monotonic() + 60
        while True:
            try:
                assert self.ask("GET", "/ping")[::2] == (200, b"")
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            else:
                break

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 — loopback
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def told(self, *args: Any, **headers: str) -> Any:
        status, _, body = self.ask(*args, **headers)
        assert status == 200, body
        return json.loads(body)

    def refused(self, status: int, code: str, *args: Any, **headers: str) -> str:
        got, _, body = self.ask(*args, **headers)
        error = json.loads(body)
        assert (got, error["code"]) == (status, code), error
        assert error["hint"]
        return str(error["error"])

    def load(self, name: str, folder: Path) -> Reply:
        return self.ask("POST", "/models", {"model_name": name, "url": str(folder)})

    def scores(self, path: str, *args: Any, **headers: str) -> list[float]:
        return [one["score"] for one in self.told("POST", path, *args, **headers)["predictions"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model folders as the platform unpacks them: one, two, value, empty, twins, broken."""
    whole = tmp_path_factory.mktemp("models")
    files = {
        "one/model/churn-1.tnp": small_plan(),
        "two/model/nested/plan.tnp": small_plan(shift=1.0),
        "value/model/value-1.tnp": small_plan(Task.REGRESSION),
        "empty/model/readme.txt": b"nothing",
        "twins/model/a.tnp": small_plan(),
        "twins/model/b.tnp": small_plan(),
        "broken/model/a.tnp": small_plan()[:-8],
    }
    for name, data in files.items():
        path = whole / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return whole


@pytest.fixture
def start() -> Iterator[Callable[..., Container]]:
    started: list[Container] = []

    def begin(*arguments: str) -> Container:
        started.append(Container(*arguments))
        return started[-1]

    yield begin
    for container in started:
        container.process.kill()
        container.process.wait()


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Container]:
    """A container with the models one and value."""
    container = Container()
    for name in ("one", "value"):
        assert container.load(name, folder / name / "model")[0] == 200
    yield container
    container.process.send_signal(signal.SIGTERM)
    assert container.process.wait(30) == 0


def test_models_are_loaded_listed_described_and_deleted(
    start: Callable[..., Container], folder: Path
) -> None:
    container = start()
    assert container.told("GET", "/models") == {"models": []}
    shown = {}
    for name in ("one", "two"):
        url = str(folder / name / "model")
        shown[name] = {"modelName": name, "modelUrl": url}
        assert json.loads(container.load(name, folder / name / "model")[2]) == shown[name]
    assert container.load("one", folder / "one" / "model")[0] == 409
    assert container.told("GET", "/models") == {"models": [shown["one"], shown["two"]]}
    assert container.told("GET", "/models/two") == shown["two"]
    assert container.scores("/models/one/invoke", RECORD) == SCORES[:1]
    assert container.scores("/models/two/invoke", RECORD) != SCORES[:1]
    assert container.ask("DELETE", "/models/one")[0] == 200
    container.refused(404, "not_found", "DELETE", "/models/one")
    container.refused(404, "not_found", "GET", "/models/one")
    container.refused(404, "not_found", "POST", "/models/one/invoke", RECORD)
    assert container.load("one", folder / "one" / "model")[0] == 200
    assert container.scores("/models/one/invoke", RECORD) == SCORES[:1]


def test_what_does_not_fit_is_507_until_another_is_deleted(
    start: Callable[..., Container], folder: Path
) -> None:
    # A model takes whole pages of its file, and about a kilobyte of objects.
    pages = -(-max(len(small_plan()), len(small_plan(Task.REGRESSION))) // 4096) * 4096
    container = start("--model-bytes", str(int(2.5 * (pages + 1024))))
    names = ["one", "two", "value"]
    statuses = [container.load(name, folder / name / "model")[0] for name in names]
    assert statuses == [200, 200, 507]
    container.refused(
        507, "models_full", "POST", "/models", {"model_name": "value", "url": str(folder / "value" / "model")}
    )
    # What is loaded is not pushed out by what was not.
    assert container.scores("/models/one/invoke", RECORD) == SCORES[:1]
    assert container.ask("DELETE", "/models/one")[0] == 200
    assert container.load("value", folder / "value" / "model")[0] == 200
    assert container.load("one", folder / "one" / "model")[0] == 507
    assert len(container.told("GET", "/models")["models"]) == 2


def test_one_file_under_two_names_stays_until_the_last_goes(
    start: Callable[..., Container], folder: Path
) -> None:
    container = start()
    for name in ("a", "b"):
        assert container.load(name, folder / "one" / "model")[0] == 200
    assert container.ask("DELETE", "/models/a")[0] == 200
    assert container.scores("/models/b/invoke", RECORD) == SCORES[:1]


def test_a_list_of_many_models_comes_in_pages(start: Callable[..., Container], folder: Path) -> None:
    container = start()
    names = [f"m/{number:03} x" for number in range(101)]  # names may hold anything
    for name in names:
        assert container.load(name, folder / "one" / "model")[0] == 200
    first = container.told("GET", "/models")
    assert [one["modelName"] for one in first["models"]] == names[:100]
    token = quote(first["nextPageToken"], safe="")
    assert [
        one["modelName"] for one in container.told("GET", f"/models?next_page_token={token}")["models"]
    ] == [names[100]]
    path = quote(names[0], safe="")
    assert container.told("GET", f"/models/{path}")["modelName"] == names[0]
    assert container.scores(f"/models/{path}/invoke", RECORD) == SCORES[:1]


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("none/model", 404, "nothing at"),
        ("empty/model", 400, "no file *.tnp"),
        ("twins/model", 400, "2 files *.tnp"),
        ("broken/model", 400, "damaged"),
        ("empty/model/readme.txt", 400, "damaged"),
    ],
)
def test_a_bad_url_says_what_is_wrong(
    served: Container, folder: Path, name: str, status: int, words: str
) -> None:
    body = {"model_name": "bad", "url": str(folder / name)}
    assert words in served.refused(status, "model_url", "POST", "/models", body)
    served.refused(404, "not_found", "GET", "/models/bad")


def test_bodies_in_every_form_score_alike(served: Container) -> None:
    invoke = "/models/one/invoke"
    records = [RECORD, {"tenure": "24", "Contract": "One year"}]
    assert served.scores(invoke, records, Content_Type="application/json") == SCORES
    lines = b"\n".join(json.dumps(record).encode() for record in records)
    assert served.scores(invoke, lines, Content_Type="application/jsonlines") == SCORES
    assert served.scores(invoke, CSV, Content_Type="text/csv", Accept="application/json") == SCORES
    packed = served.ask(
        "POST", invoke, gzip.compress(CSV), Content_Type="text/csv; charset=utf-8", Content_Encoding="gzip"
    )
    assert packed[1]["content-type"] == "text/csv; charset=utf-8"
    assert packed[2].decode().splitlines() == [f"Yes,{SCORES[0]!r}", f"No,{SCORES[1]!r}"]
    oip = {
        "inputs": [
            {"name": "tenure", "shape": [2], "datatype": "FP64", "data": [5, 24]},
            {"name": "MonthlyCharges", "shape": [2], "datatype": "BYTES", "data": ["$80.5", None]},
            {"name": "Contract", "shape": [2], "datatype": "BYTES", "data": ["Month-to-month", "One year"]},
            {"name": "signed", "shape": [2], "datatype": "BYTES", "data": ["2024-01-05", None]},
        ],
        "outputs": [{"name": "score"}],
    }
    told = served.told("POST", invoke, oip, Content_Type="application/json")
    assert told["outputs"][0]["data"] == SCORES
    assert told["model_name"] == "one"


def test_csv_may_name_its_columns(served: Container) -> None:
    named = b"Contract,tenure\nOne year,24\n"
    for kind in ("text/csv", "text/csv; header=present"):
        assert (
            served.scores("/models/one/invoke", named, Content_Type=kind, Accept="application/json")
            == SCORES[1:]
        )
    _, _, body = served.ask("POST", "/models/value/invoke", CSV, Content_Type="text/csv")
    value = Plan.from_bytes(small_plan(Task.REGRESSION))
    assert (
        body.decode()
        == f"{value.score(RECORD)[0]!r}\n{value.score({'tenure': 24, 'Contract': 'One year'})[0]!r}\n"
    )


def test_a_large_csv_scores_every_row(served: Container) -> None:
    body = CSV * 8000  # beyond what is prepared on the loop
    _, _, told = served.ask("POST", "/models/one/invoke", body, Content_Type="text/csv")
    lines = told.decode().splitlines()
    assert len(lines) == 16_000
    assert set(lines) == {f"Yes,{SCORES[0]!r}", f"No,{SCORES[1]!r}"}


def test_invocations_take_the_model_of_the_header(
    served: Container, start: Callable[..., Container], folder: Path
) -> None:
    target = {"X_Amzn_SageMaker_Target_Model": "one"}
    assert served.scores("/invocations", RECORD, **target) == SCORES[:1]
    served.refused(400, "header_value", "POST", "/invocations", RECORD)
    target = {"X_Amzn_SageMaker_Target_Model": "none"}
    served.refused(404, "not_found", "POST", "/invocations", RECORD, **target)
    single = start("--model", str(folder / "one" / "model"))
    assert single.scores("/invocations", RECORD) == SCORES[:1]


@pytest.mark.parametrize(
    ("status", "code", "method", "path", "body", "kind"),
    [
        (400, "body_json", "POST", "/models", b"{", "application/json"),
        (400, "body_json", "POST", "/models", b'{"model_name": "x"}', "application/json"),
        (400, "body_json", "POST", "/models", b'{"model_name": "", "url": "x"}', "application/json"),
        (400, "body_json", "POST", "/models/one/invoke", b"{", "application/json"),
        (400, "header_value", "POST", "/models/one/invoke", b"<a/>", "application/xml"),
        (400, "record_shape", "POST", "/models/one/invoke", b"1,2\n", "text/csv"),
        (400, "record_shape", "POST", "/models/one/invoke", b'1,2,3,"4', "text/csv"),
        (400, "record_shape", "POST", "/models/one/invoke", b"\xff,2,3,4", "text/csv"),
        (405, "method_not_allowed", "PUT", "/models", b"", "application/json"),
        (405, "method_not_allowed", "POST", "/ping", b"", "application/json"),
        (404, "route_unknown", "GET", "/v2", None, ""),
    ],
)
def test_what_is_wrong_is_refused(
    served: Container, status: int, code: str, method: str, path: str, body: bytes | None, kind: str
) -> None:
    served.refused(status, code, method, path, body, Content_Type=kind)
