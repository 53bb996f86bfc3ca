"""The rivals: their environments and models in a folder of their own, and each as a server to measure.

``python -m benchmarks.rivals --setup --rivals FOLDER`` makes one virtual environment a rival and 1,000 ONNX models: the
same forests as ours, so that the answers can be compared. Without ``--setup`` it starts each of them on 1,000 models
and says what they take: start, memory, first request of a model that is not loaded. ``zipf`` measures them beside ours.
"""

import argparse
import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from benchmarks.homes import FLOATS, LEAVES, MODEL, floats_plan, forest, furnish, key_of, record
from benchmarks.servers import Server, free_port, home_folder, ours, started
from tenantry.plan import Plan

PEERS = Path(__file__).with_name("peers")
MODELS = 1000
COLD = 16
"""Models that the rivals which load on demand have not seen when their first requests are timed."""
NEEDS = {
    "kserve": ("kserve==0.21.0", "onnxruntime"),
    "mlserver": ("mlserver==1.7.1", "onnxruntime"),
    "triton": ("nvidia-pytriton==0.7.0", "onnxruntime"),
    "fastapi": ("fastapi", "uvicorn", "uvloop", "httptools", "onnxruntime"),
}


class Rival(NamedTuple):
    """``body``: its native body of a row for a model; ``path``: where it goes; ``score``: out of its answer;
    ``on_demand``: whether it loads a model at its first request.
    """

    title: str
    start: Callable[[Path, Sequence[str]], contextlib.AbstractContextManager[Server]]
    path: Callable[[str], str]
    body: Callable[[str, list[float]], Any]
    score: Callable[[Any], float]
    on_demand: bool


def name_of(number: int) -> str:
    return f"m{number:05d}"


def setup(folder: Path) -> None:
    """Environments and models; what does not install is named and left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for rival, packages in NEEDS.items():
        place = folder / rival
        if (place / ".ready").exists():
            print(f"{rival}: there already")
            continue
        uv = [sys.executable, "-m", "uv"]
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        steps = (
            [*uv, "venv", "--quiet", "--clear", "--python", python, str(place)],
            [*uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *packages],
        )
        failed = next((step for step in steps if subprocess.run(step, check=False).returncode), None)
        if failed is None:
            (place / ".ready").touch()
        print(
            f"{rival}: {'installed' if failed is None else 'does not install here'} ({', '.join(packages)})"
        )
    models = folder / "models"
    if len(list(models.glob("*.onnx"))) < MODELS:
        write_models(models)
    print(f"{MODELS} models in {models}")


def write_models(folder: Path) -> None:
    """1,000 ONNX forests: the first is that of ``floats_plan``, the others have leaves of their own."""
    from onnx import TensorProto, helper

    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[Any]] = {}
    leaves: list[float] = []
    for number, tree in enumerate(forest(len(FLOATS))):
        _add_tree(columns, leaves, number, tree)
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["input"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        post_transform="LOGISTIC",
        classlabels_int64s=[0, 1],
        class_weights=leaves,
        **columns,
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, len(FLOATS)])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    weights = next(one for one in model.graph.node[0].attribute if one.name == "class_weights")
    rng = np.random.default_rng(5)
    for number in range(MODELS):
        if number:
            weights.floats[:] = (np.array(leaves) * rng.normal(1.0, 0.2, len(leaves))).tolist()
        (folder / f"{name_of(number)}.onnx").write_bytes(model.SerializeToString())


def _add_tree(columns: dict[str, list[Any]], leaves: list[float], number: int, tree: Any) -> None:
    """One tree's nodes: inner ones first, then leaves."""
    nodes = len(tree.feature)

    def add(**values: Any) -> None:
        for name, value in values.items():
            columns.setdefault(name, []).append(value)

    for i in range(nodes + LEAVES):
        inner = i < nodes
        places = (tree.left[i], tree.right[i]) if inner else (0, 0)
        true, false = (int(at) if at >= 0 else nodes + ~int(at) for at in places)
        add(
            nodes_treeids=number,
            nodes_nodeids=i,
            nodes_featureids=int(tree.feature[i]) if inner else 0,
            nodes_values=float(tree.threshold[i]) if inner else 0.0,
            nodes_modes="BRANCH_LEQ" if inner else "LEAF",
            nodes_truenodeids=true if inner else 0,
            nodes_falsenodeids=false if inner else 0,
            nodes_missing_value_tracks_true=int(tree.default_left[i]) if inner else 0,
        )
        if not inner:
            add(class_treeids=number, class_nodeids=i, class_ids=1)
            leaves.append(float(tree.value[i - nodes]))


def _environment(folder: Path, names: Sequence[str]) -> dict[str, str]:
    return {"MODELS": str(folder / "models"), "NAMES": ",".join(names), "PYTHONPATH": str(PEERS)}


@contextlib.contextmanager
def fastapi(folder: Path, names: Sequence[str]) -> Iterator[Server]:
    port = free_port()
    command = [str(folder / "fastapi/bin/uvicorn"), "fastapi_app:app", "--port", str(port), "--no-access-log"]
    url = f"http://127.0.0.1:{port}"
    with started(command, url, "/ready", environment=_environment(folder, names)) as server:
        yield server


@contextlib.contextmanager
def kserve(folder: Path, names: Sequence[str]) -> Iterator[Server]:
    port = free_port()
    command = [str(folder / "kserve/bin/python"), str(PEERS / "kserve_app.py"), str(port)]
    url = f"http://127.0.0.1:{port}"
    more = _environment(folder, names)
    with started(command, url, "/v2/health/ready", environment=more, seconds=300) as server:
        yield server


@contextlib.contextmanager
def mlserver(folder: Path, names: Sequence[str]) -> Iterator[Server]:
    port = free_port()
    with home_folder() as repository:
        settings = {
            "host": "127.0.0.1",
            "http_port": port,
            "grpc_port": free_port(),
            "metrics_port": free_port(),
        }
        # In process: with a worker of its own, this version does not start here.
        (repository / "settings.json").write_text(
            json.dumps(settings | {"parallel_workers": 0, "debug": False})
        )
        for name in names:
            (repository / name).mkdir()
            told = {"name": name, "implementation": "mlserver_model.Scorer", "parameters": {"version": "v1"}}
            (repository / name / "model-settings.json").write_text(json.dumps(told))
        command = [str(folder / "mlserver/bin/mlserver"), "start", str(repository)]
        url = f"http://127.0.0.1:{port}"
        more = _environment(folder, names)
        with started(command, url, "/v2/health/ready", environment=more, seconds=300) as server:
            yield server


TRITON_MODEL = """name: "mux"
backend: "python"
max_batch_size: 0
input [ { name: "input" data_type: TYPE_FP32 dims: [ -1, 20 ] }, { name: "model" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "score" data_type: TYPE_FP32 dims: [ -1 ] } ]
instance_group [ { kind: KIND_CPU count: 1 } ]
"""


@contextlib.contextmanager
def triton(folder: Path, names: Sequence[str]) -> Iterator[Server]:
    port, python = free_port(), f"{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "triton" / "lib" / f"python{python}" / "site-packages"
    server_folder = site / "pytriton" / "tritonserver"
    stub = server_folder / "python_backend_stubs" / python / "triton_python_backend_stub"
    backends = server_folder / "backends"
    (backends / "python" / stub.name).write_bytes(stub.read_bytes())
    (backends / "python" / stub.name).chmod(0o755)
    with home_folder() as repository:
        (repository / "mux" / "1").mkdir(parents=True)
        (repository / "mux" / "config.pbtxt").write_text(TRITON_MODEL)
        (repository / "mux" / "1" / "model.py").write_text((PEERS / "triton_model.py").read_text())
        command = [
            str(server_folder / "bin" / "tritonserver"),
            f"--model-repository={repository}",
            f"--backend-directory={backends}",
            "--http-address=127.0.0.1",
            f"--http-port={port}",
            "--allow-grpc=false",
            "--allow-metrics=false",
        ]
        more = _environment(folder, names) | {"SITE": str(site), "PEERS": str(PEERS)}
        libraries = [str(server_folder / "external_libs"), os.environ.get("LD_LIBRARY_PATH", "")]
        more["LD_LIBRARY_PATH"] = ":".join(filter(None, libraries))
        url = f"http://127.0.0.1:{port}"
        with started(command, url, "/v2/health/ready", environment=more) as server:
            yield server


def _tensor(row: list[float]) -> dict[str, Any]:
    return {"name": "input", "shape": [1, len(row)], "datatype": "FP32", "data": row}


def _mux(model: str, row: list[float]) -> Any:
    named = {"name": "model", "shape": [1], "datatype": "BYTES", "data": [model]}
    return {"inputs": [_tensor(row), named]}


RIVALS = {
    "triton": Rival(
        "Triton 2.51, Python backend, one model that holds all",
        triton,
        lambda _: "/v2/models/mux/infer",
        _mux,
        lambda told: float(told["outputs"][0]["data"][0]),
        on_demand=True,
    ),
    "kserve": Rival(
        "KServe 0.21",
        kserve,
        lambda model: f"/v1/models/{model}:predict",
        lambda _, row: {"instances": [row]},
        lambda told: float(told["predictions"][0]),
        on_demand=False,
    ),
    "mlserver": Rival(
        "MLServer 1.7.1, in process",
        mlserver,
        lambda model: f"/v2/models/{model}/infer",
        lambda _, row: {"inputs": [_tensor(row)]},
        lambda told: float(told["outputs"][0]["data"][0]),
        on_demand=False,
    ),
    "fastapi": Rival(
        "FastAPI + ONNX Runtime",
        fastapi,
        lambda model: f"/predict/{model}",
        lambda _, row: {"x": row},
        lambda told: float(told["score"]),
        on_demand=True,
    ),
}


def installed(folder: Path | None) -> list[str]:
    """The rivals that are set up in a folder."""
    return [] if folder is None else [name for name in RIVALS if (folder / name / ".ready").exists()]


def row_of(number: int) -> list[float]:
    """The values of one record, as the rivals take them."""
    return list(record("floats", number).values())


def ask(server: Server, path: str, body: bytes, headers: dict[str, str]) -> tuple[float, Any]:
    """Milliseconds and answer of one request on a connection of its own."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    connection.connect()
    begin = time.perf_counter()
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    told = response.read()
    took = 1000 * (time.perf_counter() - begin)
    connection.close()
    assert response.status == 200, told[:300]
    return took, json.loads(told)


def first_requests(call: Callable[[int], float], *, on_demand: bool) -> str:
    if not on_demand:
        return "all at start"
    call(0)  # what the server itself loads at its first request is not the models'
    times = [call(number) for number in range(MODELS - COLD, MODELS)]
    return f"{statistics.median(times):.2f} [{min(times):.2f}–{max(times):.2f}]"


def _line(
    title: str, start: Callable[[], Any], call: Callable[[Server, int], tuple[float, float]], *, lazy: bool
) -> str:
    began = time.monotonic()
    with start() as server:
        up = time.monotonic() - began
        expected = Plan.from_bytes(floats_plan()).score(record("floats", 0))[0]
        answer = call(server, 0)[1]
        assert abs(answer - expected) < 1e-5, f"{title} answers {answer}, not {expected}"
        cold = first_requests(lambda number: call(server, number)[0], on_demand=lazy)
        for number in range(MODELS - COLD):
            call(server, number)
        return f"| {title} | {up:.1f} | {cold} | {server.pss_mb():,.0f} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rivals", type=Path, help="the folder of the rivals' environments")
    parser.add_argument("--setup", action="store_true", help="make the environments and the models")
    given = parser.parse_args()
    if given.setup:
        setup(given.rivals)
        return 0
    print(
        f"{MODELS:,} models (100 trees of 31 leaves, 20 numbers) behind each server; all answer alike (to 1e-5).\n"
    )
    print(
        "| server | s to start | ms, first request of a model | PSS MB, all models touched |\n|---|---|---|---|"
    )
    with home_folder() as home:
        furnish(home, MODELS, floats_plan())

        def mine(server: Server, number: int) -> tuple[float, float]:
            body = json.dumps(record("floats", number)).encode()
            took, told = ask(server, f"/predict/{MODEL}", body, {"Authorization": f"Bearer {key_of(number)}"})
            return took, float(told["predictions"][0]["score"])

        print(_line("tenantry, one worker", lambda: ours(home), mine, lazy=True), flush=True)
    names = [name_of(number) for number in range(MODELS)]
    for name in installed(given.rivals):
        rival = RIVALS[name]

        def theirs(server: Server, number: int, rival: Rival = rival) -> tuple[float, float]:
            model = name_of(number)
            body = json.dumps(rival.body(model, row_of(number))).encode()
            took, told = ask(server, rival.path(model), body, {"Content-Type": "application/json"})
            return took, rival.score(told)

        def start(rival: Rival = rival) -> Any:
            return rival.start(given.rivals, names)

        print(_line(rival.title, start, theirs, lazy=rival.on_demand), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
