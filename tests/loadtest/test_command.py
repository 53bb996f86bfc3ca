"""``tenantry load``, as a customer's CI calls it: against a small server, and against real scoring workers."""

import http.client
import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.loadtest.conftest import Asked, SmallServer, reply
from tests.serving.plans import furnish

from tenantry.adapters.arrow import ParquetLogFiles
from tenantry.app.children import scoring_worker
from tenantry.app.recorded import recorded_log
from tenantry.app.supervisor import Supervisor
from tenantry.cli.entry import run
from tenantry.errors import Unavailable
from tenantry.loadtest import Target, ask
from tenantry.predictions import LogKeeper, Retention
from tenantry.telemetry import configure
from tenantry.tenancy import TenantId

Serve = Callable[..., SmallServer]
QUICK = ("--duration", "1s", "--warmup", "0s", "--timeout", "5s")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TENANT", "SERVER", "KEY"):
        monkeypatch.delenv(f"TENANTRY_{name}", raising=False)
    monkeypatch.setenv("TENANTRY_HOME", str(tmp_path / "nothing"))


@pytest.fixture
def api(serve: Serve) -> SmallServer:
    """A scoring API of one tenant with two models, that takes 20 ms for each answer of the second."""

    async def answer(asked: Asked) -> bytes:
        if asked.path == "/v2/models":
            return reply(b'{"models":["churn","slow"]}')
        if asked.method == "GET":
            return reply(b'{"inputs":[{"name":"a","datatype":"FP64","shape":[-1]}]}')
        if asked.path.startswith("/predict/slow"):
            time.sleep(0.02)  # the whole server stands still
        return reply(b'{"predictions":[]}', x_tenantry_version="1")

    return serve(answer)


def test_a_breach_is_status_1_and_in_junit(
    api: SmallServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junit = tmp_path / "junit.xml"
    words = ["load", api.url, "--key", "k", "--rate", "100", *QUICK, "--model", "churn"]
    assert run([*words, "--slo", "p99=500ms,errors=0%", "--junit", str(junit)]) == 0
    assert ET.parse(junit).getroot().get("failures") == "0"  # noqa: S314 — written above
    capsys.readouterr()
    assert run([*words, "--slo", "p99=1us", "--junit", str(junit)]) == 1
    assert ET.parse(junit).getroot().get("failures") == "1"  # noqa: S314
    assert "BREACH" in capsys.readouterr().out
    body = next(asked.body for asked in api.asked if asked.method == "POST")
    assert set(json.loads(body)) == {"a"}


def test_a_feature_that_costs_is_found_against_the_baseline(
    api: SmallServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, records = tmp_path / "base.json", tmp_path / "records.csv"
    records.write_text("a,b\n1,x\n")
    words = ["load", api.url, "--key", "k", "--rate", "40", *QUICK, "--records", str(records), "--json"]
    assert run([*words, "--model", "churn", "--save", str(base)]) == 0
    capsys.readouterr()
    assert run([*words, "--model", "slow", "--compare", str(base), "--fail-if-worse"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {change["figure"]: change["verdict"] for change in told["changes"]}["latency p50"] == "worse"
    assert {asked.body for asked in api.asked if asked.method == "POST"} == {b'{"a":"1","b":"x"}'}


def test_a_file_s_records_are_all_sent(
    api: SmallServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "records.csv"
    records.write_text("a\n" + "\n".join(map(str, range(500))))
    words = ["load", api.url, "--key", "k", "--model", "churn", "--records", str(records), "--json"]
    assert run([*words, "--connections", "8", *QUICK]) == 0
    capsys.readouterr()
    sent = {asked.body for asked in api.asked if asked.method == "POST"}
    assert len(sent) > 200  # of 500, by chance; it was the first 64, however many there were


def test_a_recorded_log_is_replayed(
    api: SmallServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, keys = tmp_path / "log.jsonl", tmp_path / "keys.csv"
    keys.write_text("key,tenant\nk1,acme\n")
    lines = [{"time": n / 10, "tenant": "acme", "deployment": "churn", "body": {"n": n}} for n in range(10)]
    log.write_text("\n".join(json.dumps(line) for line in lines))
    words = ["load", api.url, "--keys", str(keys), "--replay", str(log), "--speed", "3", "--json"]
    assert run(words) == 0
    (stage,) = json.loads(capsys.readouterr().out)["report"]["stages"]
    assert (stage["requests"], stage["shape"]) == (10, "replay")
    assert [json.loads(asked.body)["n"] for asked in api.asked if asked.method == "POST"] == list(range(10))


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["http://127.0.0.1:1", "--key", "k"], 1, "load_unreachable"),
        (["http://127.0.0.1:1"], 1, "unauthenticated"),
        ([], 1, "load_unreachable"),
        (["http://127.0.0.1:1", "--key", "k", "--slo", "fast"], 1, "load_objective"),
        (["http://127.0.0.1:1", "--rate", "fast"], 2, "usage"),
        (["http://127.0.0.1:1", "--rate", "1", "--connections", "1"], 2, "usage"),
        (["http://127.0.0.1:1", "--replay", "x", "--rate", "1"], 2, "usage"),
        (["http://127.0.0.1:1", "--fail-if-worse"], 2, "usage"),
        (["http://127.0.0.1:1", "--duration", "long"], 2, "usage"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str], status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["load", *words, "--json"]) == status
    assert json.loads(capsys.readouterr().err.strip().splitlines()[-1])["code"] == code


@contextmanager
def serving(folder: Path, workers: int) -> Iterator[str]:
    """Real workers on a home folder, from when they answer."""
    configure("warning", "auto")  # the supervisor's log goes to stderr
    children = [scoring_worker(folder, number, "warning", workers=workers) for number in range(workers)]
    supervisor = Supervisor(folder, {"data": ("127.0.0.1", 0)}, children)
    supervisor.start()
    until, url = time.monotonic() + 60, supervisor.urls["data"]
    while True:
        try:
            ask(url, [("/v2/health/ready", Target(tenant="-", model="", key="-"))])
            break
        except Unavailable:
            assert time.monotonic() < until
            time.sleep(0.1)
    yield url
    supervisor.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two tenants with four models behind two real workers."""
    folder = tmp_path_factory.mktemp("home")
    furnish(folder)
    (folder / "operator.key").write_text("tnk_operator\n")
    with serving(folder, 2):
        yield folder


@pytest.mark.parametrize("protocol", ["predict", "v2"])
def test_the_running_installation_is_loaded_without_a_key_file(
    home: Path, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["load", str(home), "--rate", "100,200", *QUICK, "--rows", "3", "--protocol", protocol, "--json"]
    assert run([*words, "--slo", "p99=2s,errors=0%"]) == 0
    told = json.loads(capsys.readouterr().out)["report"]
    assert told["targets"] == 4
    assert told["best_rate"] == 200
    assert {part["name"] for part in told["stages"][1]["tenants"]} == {"acme", "bolt"}


def test_one_tenant_s_key_reaches_its_own_models_only(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = json.loads((home / "run" / "server.json").read_text())["data_url"]
    assert (
        run(["load", url, "--key", "tnk_acme", "--connections", "4", *QUICK, "--processes", "2", "--json"])
        == 0
    )
    (stage,) = json.loads(capsys.readouterr().out)["report"]["stages"]
    assert stage["errors"] == 0
    assert stage["requests"] > 100
    keys = home / "keys.csv"
    keys.write_text("key,tenant,model\ntnk_acme,acme,secret\n")
    assert run(["load", url, "--keys", str(keys), "--rate", "50", *QUICK, "--json"]) == 1
    assert "404" in json.loads(capsys.readouterr().err)["error"]


def test_an_inference_log_is_replayed_as_it_was_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records and tensors, JSON and binary, of two tenants: each goes to the path it came by and is answered again."""
    furnish(tmp_path)
    (tmp_path / "operator.key").write_text("tnk_operator\n")
    tensors = [{"name": "tenure", "shape": [1], "datatype": "FP64", "data": [3.0]}]
    head = json.dumps(
        {
            "inputs": [
                {"name": "tenure", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
            ]
        }
    ).encode()
    sent = [
        ("/predict/churn", "tnk_acme", b'[{"tenure": 1}, {"tenure": 2}]', {}),
        ("/v2/models/value/infer", "tnk_acme", json.dumps({"inputs": tensors}).encode(), {}),
        ("/predict/secret", "tnk_bolt", b'{"tenure": 4}', {}),
        (
            "/v2/models/churn/infer",
            "tnk_acme",
            head + struct.pack("<d", 5.0),
            {"Inference-Header-Content-Length": str(len(head))},
        ),
    ]
    with serving(tmp_path, 1) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        for path, key, body, more in sent:
            connection.request("POST", path, body, {"Authorization": f"Bearer {key}", **more})
            answer = connection.getresponse()
            assert (answer.status, answer.read() != b"") == (200, True)
            time.sleep(0.05)
        connection.close()
    logged(tmp_path)
    with serving(tmp_path, 1) as url:
        assert (
            run(
                [
                    "load",
                    str(tmp_path),
                    "--replay",
                    str(tmp_path),
                    "--since",
                    "1h",
                    "--speed",
                    "0.5",
                    "--json",
                ]
            )
            == 0
        )
    (stage,) = json.loads(capsys.readouterr().out)["report"]["stages"]
    assert [(one["status"], one["count"]) for one in stage["outcomes"]] == [(200, 4)]
    assert stage["seconds"] >= 0.3, "half as fast as it was recorded"
    twice = logged(tmp_path)
    assert twice[:4] == twice[4:], "the same requests in the same order"
    assert [body for _, _, _, body in twice[:4]] == [body for _, _, body, _ in sent]


def logged(home: Path) -> list[tuple[str, str, str, bytes]]:
    """Every request of the inference log, in order of time."""
    LogKeeper(home / "spool", home / "predictions", ParquetLogFiles(), Retention()).drain()
    log = recorded_log(home)
    deployments = [("acme", "churn"), ("acme", "value"), ("bolt", "secret")]
    found = [one for tenant, name in deployments for one in log.read(TenantId(tenant), name)]
    return [
        (one.tenant, one.deployment, one.format, one.body) for one in sorted(found, key=lambda one: one.time)
    ]
