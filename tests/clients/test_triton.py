"""Triton's clients, unmodified: HTTP (sync, aio) and gRPC (sync, aio, stream). HTTP sync is also in tests/app."""

import asyncio
import json
import os
import queue
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tests.clients.conftest import ACME, OPERATOR, Served, expected, inputs_of, running
from tests.serving.plans import small_plan

from tenantry import __version__
from tenantry.wire import EXTENSIONS

# gevent, on which tritonclient stands, warns at import that ssl was loaded before it could patch it.
pytestmark = pytest.mark.filterwarnings("ignore:Monkey-patching ssl:Warning")


@pytest.fixture(params=["http", "grpc"])
def either(request: pytest.FixtureRequest, served: Served) -> Iterator[tuple[Any, Any]]:
    """A client, and its module."""
    if request.param == "http":
        import tritonclient.http as module

        address = served.http
    else:
        import tritonclient.grpc as module

        address = served.grpc
    with module.InferenceServerClient(address) as client:
        yield client, module


def test_health_and_metadata_are_told_alike(served: Served) -> None:
    import tritonclient.grpc
    import tritonclient.http

    with (
        tritonclient.http.InferenceServerClient(served.http) as rest,
        tritonclient.grpc.InferenceServerClient(served.grpc) as rpc,
    ):
        for client in (rest, rpc):
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("churn", headers=ACME)
            assert client.is_model_ready("churn", "champion", headers=ACME)
            assert not client.is_model_ready("churn", "9", headers=ACME)
            assert not client.is_model_ready("secret", headers=ACME)
        as_json = partial(rpc.get_server_metadata, headers=ACME, as_json=True)
        assert as_json() == rest.get_server_metadata(headers=ACME)
        assert as_json() == {"name": "tenantry", "version": __version__, "extensions": list(EXTENSIONS)}
        told = rest.get_model_metadata("churn", "challenger", headers=ACME)
        by_grpc = rpc.get_model_metadata("churn", "challenger", headers=ACME, as_json=True)
        for side in ("inputs", "outputs"):
            for tensor in by_grpc[side]:
                tensor["shape"] = [
                    int(size) for size in tensor["shape"]
                ]  # JSON of protobuf writes int64 as text
        assert by_grpc == {name: told[name] for name in by_grpc}
        assert set(told) - set(by_grpc) == {"parameters"}


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_infers_with_priority_timeout_and_compression(either: Any, compression: str | None) -> None:
    client, module = either
    options = {"priority": 1, "timeout": 1_000_000, "request_id": "r-1", "headers": dict(ACME)}
    if module.__name__.endswith("http"):
        options |= {
            "request_compression_algorithm": compression,
            "response_compression_algorithm": compression,
        }
    else:
        options |= {"compression_algorithm": compression, "client_timeout": 30}
    result = client.infer("churn", inputs_of(module), **options)
    scores = expected()
    assert result.as_numpy("score").tolist() == scores
    assert result.as_numpy("label").tolist() == [b"Yes" if p >= 0.5 else b"No" for p in scores]
    assert result.as_numpy("probabilities").tolist() == [[1 - p, p] for p in scores]


def test_aliases_outputs_classes_and_reasons(either: Any) -> None:
    client, module = either
    outputs = [
        module.InferRequestedOutput("score"),
        module.InferRequestedOutput("probabilities", class_count=1),
        module.InferRequestedOutput("reasons"),
    ]
    result = client.infer(
        "churn",
        inputs_of(module),
        "challenger",
        outputs=outputs,
        headers=dict(ACME),
        parameters={"explain": 2},
    )
    scores = expected(small_plan(shift=1.0))
    assert result.as_numpy("score").tolist() == scores
    top = [f"{max(p, 1 - p)!r}:{int(p >= 0.5)}:{'Yes' if p >= 0.5 else 'No'}".encode() for p in scores]
    assert result.as_numpy("probabilities").ravel().tolist() == top
    assert [len(json.loads(text)) for text in result.as_numpy("reasons")] == [2, 2, 2]
    assert result.as_numpy("label") is None


def test_errors_have_their_status(either: Any) -> None:
    from tritonclient.utils import InferenceServerException

    client, module = either
    good = inputs_of(module)
    wrong = module.InferInput("tenur", [1], "FP64")
    wrong.set_data_from_numpy(np.array([1.0]))
    cases: list[tuple[Any, str, str, str]] = [
        (lambda: client.infer("churn", good), "401", "UNAUTHENTICATED", "key"),
        (lambda: client.infer("secret", good, headers=dict(ACME)), "404", "NOT_FOUND", "no such model"),
        (lambda: client.infer("churn", good, "9", headers=dict(ACME)), "404", "NOT_FOUND", "no such model"),
        (lambda: client.infer("churn", [wrong], headers=dict(ACME)), "400", "INVALID_ARGUMENT", "'tenure'?"),
        (lambda: client.infer("churn", good, headers=dict(ACME), timeout=1), "503", "UNAVAILABLE", "timeout"),
        (lambda: client.unload_model("churn", headers=dict(ACME)), "403", "PERMISSION_DENIED", "builder"),
    ]
    for call, http, rpc, words in cases:
        with pytest.raises(InferenceServerException) as caught:
            call()
        assert caught.value.status() in (http, f"StatusCode.{rpc}")
        assert words in caught.value.message()


def test_the_repository(either: Any) -> None:
    client, module = either
    rpc = module.__name__.endswith("grpc")
    client.load_model("churn", headers=dict(OPERATOR))
    index = client.get_model_repository_index(headers=dict(OPERATOR), **({"as_json": True} if rpc else {}))
    listed = index["models"] if rpc else index
    assert {(one["name"], one["version"]) for one in listed} == {
        ("churn", "1"), ("churn", "2"), ("segment", "1"), ("value", "1"),
    }  # fmt: skip
    assert {one["state"] for one in listed} <= {"READY", "LOADING", "UNLOADING", "UNAVAILABLE"}
    client.unload_model("churn", headers=dict(OPERATOR))
    result = client.infer("churn", inputs_of(module), headers=dict(ACME))
    assert result.as_numpy("score").tolist() == expected()


def test_statistics_count_what_was_inferred(either: Any) -> None:
    client, module = either
    rpc = module.__name__.endswith("grpc")

    def successes() -> int:
        told = client.get_inference_statistics(
            "value", "1", headers=dict(ACME), **({"as_json": True} if rpc else {})
        )
        (stats,) = told["model_stats"]
        assert (stats["name"], stats["version"]) == ("value", "1")
        return int(stats["inference_stats"]["success"].get("count", 0))

    before = successes()
    for _ in range(3):
        client.infer("value", inputs_of(module), headers=dict(ACME))
    # Workers publish what they counted every second.
    for _ in range(100):
        if successes() >= before + 3:
            break
        asyncio.run(asyncio.sleep(0.05))
    assert successes() == before + 3


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_aio(served: Served, kind: str) -> None:
    async def scenario() -> None:
        if kind == "http":
            import tritonclient.http.aio as module

            client = module.InferenceServerClient(served.http)
        else:
            import tritonclient.grpc.aio as module

            client = module.InferenceServerClient(served.grpc)
        async with client:
            assert await client.is_server_ready()
            assert await client.is_model_ready("churn", headers=dict(ACME))
            results = await asyncio.gather(
                *(client.infer("churn", inputs_of(module), headers=dict(ACME)) for _ in range(20))
            )
            for result in results:
                assert result.as_numpy("score").tolist() == expected()

    asyncio.run(scenario())


def test_grpc_streams_and_callbacks(served: Served) -> None:
    import tritonclient.grpc as module

    answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
    with module.InferenceServerClient(served.grpc) as client:
        client.async_infer(
            "churn", inputs_of(module), lambda result, error: answers.put((result, error)), headers=dict(ACME)
        )
        result, error = answers.get(timeout=30)
        assert error is None
        assert result.as_numpy("score").tolist() == expected()
        client.start_stream(lambda result, error: answers.put((result, error)), headers=dict(ACME))
        for number in range(5):
            name = "nothing" if number == 2 else "churn"
            client.async_stream_infer(name, inputs_of(module), request_id=str(number))
        for number in range(5):
            result, error = answers.get(timeout=30)
            if number == 2:
                assert "no such model" in error.message()
                continue
            assert error is None
            assert result.get_response().id == str(number)
            assert result.as_numpy("score").tolist() == expected()
        client.stop_stream()


def test_what_triton_alone_has_is_unimplemented(served: Served) -> None:
    import tritonclient.grpc as module
    from tritonclient.utils import InferenceServerException

    with module.InferenceServerClient(served.grpc) as client:
        for call in (client.get_log_settings, client.get_cuda_shared_memory_status):
            with pytest.raises(InferenceServerException) as caught:
                call(headers=dict(ACME))
            assert caught.value.status() == "StatusCode.UNIMPLEMENTED"


def test_grpc_over_tls(
    tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tritonclient.grpc as module

    chain, key = certificate
    monkeypatch.setenv("TENANTRY_TLS_CERTIFICATE", str(chain))
    monkeypatch.setenv("TENANTRY_TLS_KEY", str(key))
    supervisor = running(tmp_path, 1)
    try:
        address = supervisor.urls["grpc"].replace("127.0.0.1", "localhost")
        credentials = grpc.ssl_channel_credentials(chain.read_bytes())
        with grpc.secure_channel(address, credentials) as channel:
            grpc.channel_ready_future(channel).result(60)
        with module.InferenceServerClient(address, ssl=True, root_certificates=str(chain)) as client:
            result = client.infer("churn", inputs_of(module), headers=dict(ACME))
            assert result.as_numpy("score").tolist() == expected()
    finally:
        supervisor.stop()


def test_a_grpc_client_goes_on_after_its_worker_died(tmp_path: Path) -> None:
    import tritonclient.grpc as module
    from tritonclient.utils import InferenceServerException

    supervisor = running(tmp_path, 1)
    try:
        with grpc.insecure_channel(supervisor.urls["grpc"]) as channel:
            grpc.channel_ready_future(channel).result(60)
        with module.InferenceServerClient(supervisor.urls["grpc"]) as client:
            assert client.infer("churn", inputs_of(module), headers=dict(ACME)) is not None
            assert json.loads(supervisor.facts.read_text())["grpc_url"] == supervisor.urls["grpc"]
            os.kill(supervisor.pids["serve-0"], signal.SIGKILL)
            until = time.monotonic() + 60
            while True:
                supervisor.step()
                try:
                    result = client.infer("churn", inputs_of(module), headers=dict(ACME))
                except InferenceServerException as error:
                    if error.status() != "StatusCode.UNAVAILABLE" or time.monotonic() > until:
                        raise
                    time.sleep(0.1)
                else:
                    break
            assert result.as_numpy("score").tolist() == expected()
    finally:
        supervisor.stop()
