"""What gRPC says beside results: readiness, metadata, repository, streams, errors, bounds, and a stop."""

import asyncio
import gzip
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.adapters.grpc.conftest import Edge
from tests.adapters.grpc.test_infer import request_of, values_of
from tests.certificates import self_signed

from tenantry.adapters.grpc import serve
from tenantry.adapters.grpc.messages import (
    HealthCheckRequest,
    HealthCheckResponse,
    ModelStreamInferResponse,
    message,
    methods,
)
from tenantry.adapters.grpc.service import SERVICE
from tenantry.adapters.grpc.statuses import CODES
from tenantry.errors import InvalidRequest, Unavailable
from tenantry.serving import Scheduler
from tenantry.serving.replies import STATUS

Code = grpc.StatusCode
ONE = {"tenure": ("FP64", [50.0])}


def test_the_descriptor_set_is_what_the_protos_say() -> None:
    tool = Path(__file__).parents[3] / "tools" / "gen_protos.py"
    run = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"run tools/gen_protos.py; {run.stderr}"


def test_the_messages_live_beside_a_clients_own() -> None:
    code = (
        "from tritonclient.grpc import service_pb2 as theirs\n"
        "from tenantry.adapters.grpc.messages import ModelInferRequest as ours\n"
        "sent = theirs.ModelInferRequest(model_name='churn')\n"
        "sent.parameters['a'].uint64_param = 3\n"
        "assert ours.FromString(sent.SerializeToString()).parameters['a'].uint64_param == 3\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_every_method_is_tritons_or_kserves_to_the_field(on_edge: Any) -> None:
    from tritonclient.grpc import service_pb2

    theirs = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name
    for name, method in methods(SERVICE).items():
        assert (method.client_streaming, method.server_streaming) == (
            theirs[name].client_streaming,
            theirs[name].server_streaming,
        )
        for side in ("input_type", "output_type"):
            _same_fields(getattr(method, side), getattr(theirs[name], side), set())


# KServe's fields of these replies, which Triton's do not have.
_OF_KSERVE = {"RepositoryModelLoadResponse", "RepositoryModelUnloadResponse"}


def _same_fields(ours: Any, theirs: Any, seen: set[str]) -> None:
    assert ours.full_name == theirs.full_name
    if ours.full_name in seen or ours.name in _OF_KSERVE:
        return
    seen.add(ours.full_name)
    for field in ours.fields:
        other = theirs.fields_by_number[field.number]
        assert (field.name, field.type, field.is_repeated) == (other.name, other.type, other.is_repeated)
        if field.message_type is not None:
            _same_fields(field.message_type, other.message_type, seen)


def test_readiness_and_metadata(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        assert (await edge.ask("ServerLive", key=None))[0].live
        assert (await edge.ask("ServerReady", key=None))[0].ready
        for name, version, ready in (
            ("churn", "", True), ("churn", "challenger", True), ("churn", "3", False), ("secret", "", False),
            ("", "", False), ("churn/versions/1", "", False),
        ):  # fmt: skip
            asked = edge.request("ModelReady", name=name, version=version)
            assert (await edge.ask("ModelReady", asked))[0].ready is ready, (name, version)
        told, _ = await edge.ask("ServerMetadata")
        assert told.name == "tenantry"
        assert "model_repository" in told.extensions
        told, trailing = await edge.ask("ModelMetadata", edge.request("ModelMetadata", name="churn"))
        assert (told.name, list(told.versions), told.platform) == ("churn", ["1", "2", "10"], "tenantry_plan")
        assert [(one.name, one.datatype, list(one.shape)) for one in told.outputs][2] == (
            "probabilities", "FP64", [-1, 2],
        )  # fmt: skip
        assert trailing["x-tenantry-version"] == "1"
        table, edge.world.state.table = edge.world.state.table, None
        assert not (await edge.ask("ServerReady", key=None))[0].ready
        edge.world.state.table = table

    on_edge(scenario)


def test_the_repository_as_triton_and_as_kserve_asks(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        async def ready() -> set[str]:
            told, _ = await edge.ask("RepositoryIndex", edge.request("RepositoryIndex", ready=True))
            assert all(one.state == "READY" for one in told.models)
            return {one.name for one in told.models}

        assert await ready() == set()
        triton = edge.request("RepositoryModelLoad", model_name="churn")
        told, _ = await edge.ask("RepositoryModelLoad", triton, key="acme-builder")
        assert (told.model_name, told.is_loaded) == ("churn", True)
        kserve = edge.request(
            "RepositoryModelLoad", repository_name="value"
        )  # field 1 is KServe's model_name
        assert (await edge.ask("RepositoryModelLoad", kserve, key="acme-builder"))[0].model_name == "value"
        assert await ready() == {"churn", "value", "unpublished"}  # the last has the same file
        drop = edge.request("RepositoryModelUnload", model_name="churn")
        drop.parameters["unload_dependents"].bool_param = False
        told, _ = await edge.ask("RepositoryModelUnload", drop, key="acme-builder")
        assert (told.model_name, told.is_unloaded) == ("churn", True)
        await edge.refused(
            Code.PERMISSION_DENIED, "forbidden", "RepositoryModelUnload", drop, key="acme-scorer"
        )
        whole, _ = await edge.ask("RepositoryIndex")
        assert len(whole.models) == 6

    on_edge(scenario)


def test_statistics(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        told, _ = await edge.ask(
            "ModelStatistics", edge.request("ModelStatistics", name="churn", version="2")
        )
        assert [(one.name, one.version) for one in told.model_stats] == [("churn", "2")]
        told, _ = await edge.ask("ModelStatistics")
        assert {one.name for one in told.model_stats} == {"churn", "segment", "unpublished", "value"}

    on_edge(scenario)


def test_every_kind_of_error_has_a_status() -> None:
    assert set(CODES) | {400} == {*STATUS.values(), 500}


def test_errors_carry_code_hint_and_request_id(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        request = request_of(ONE, typed=True)
        for key in (None, "nonsense", "acme-expired"):
            told = await edge.refused(Code.UNAUTHENTICATED, "unauthenticated", "ModelInfer", request, key=key)
        await edge.refused(Code.PERMISSION_DENIED, "forbidden", "ModelInfer", request, key="acme-viewer")
        await edge.refused(Code.INVALID_ARGUMENT, "tenant_required", "ModelInfer", request, key="operator")
        foreign = await edge.refused(Code.NOT_FOUND, "not_found", "ModelInfer", request, key="bolt-admin")
        request.model_name = "nothing-of-the-kind"
        nothing = await edge.refused(Code.NOT_FOUND, "not_found", "ModelInfer", request, key="bolt-admin")
        for told in (foreign, nothing):
            del told["x-request-id"]
        assert foreign == nothing
        told = await edge.refused(
            Code.NOT_FOUND, "not_found", "ModelInfer", request, metadata={"x_request_id": "r-7"}
        )
        assert told["x-request-id"] == "r-7"
        details = told["grpc-status-details-bin"]
        assert isinstance(details, bytes)
        status = message("google.rpc.Status").FromString(details)
        assert (status.code, status.message) == (5, told["message"])
        info = message("google.rpc.ErrorInfo")()
        assert status.details[0].Unpack(info)
        assert (info.reason, info.domain) == ("not_found", "tenantry")
        assert info.metadata["hint"]
        reply, told = await edge.ask(
            "ModelInfer",
            request_of(ONE, typed=True),
            key="operator",
            metadata={"x_tenant": "acme", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"},
        )
        assert str(told["traceparent"]).startswith(f"00-{'ab' * 16}-")
        assert reply.model_version == "1"

    on_edge(scenario)


def test_what_is_over_the_limit_says_when_to_try_again(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        edge.limit(requests_per_second=0.5, burst_seconds=2.0)
        request = request_of(ONE, typed=True)
        await edge.ask("ModelInfer", request)
        told = await edge.refused(Code.RESOURCE_EXHAUSTED, "rate_limited", "ModelInfer", request)
        assert int(told["retry-after"]) >= 1
        assert 0 < int(told["grpc-retry-pushback-ms"]) <= 2000
        details = told["grpc-status-details-bin"]
        assert isinstance(details, bytes)
        status = message("google.rpc.Status").FromString(details)
        retry = message("google.rpc.RetryInfo")()
        assert status.details[1].Unpack(retry)
        assert retry.retry_delay.ToMilliseconds() == int(told["grpc-retry-pushback-ms"])

    on_edge(scenario)


def test_the_timeout_parameter_and_the_callers_deadline_bound_the_work(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        late = request_of(ONE, typed=True, parameters={"timeout": {"int64Param": 1}})
        await edge.refused(Code.UNAVAILABLE, "deadline_passed", "ModelInfer", late)
        begun: list[float] = []
        begin = edge.world.core.begin

        def noted(*args: Any) -> Any:
            work = begin(*args)
            begun.append(work.deadline - work.arrived)
            return work

        edge.world.core.begin = noted  # type: ignore[method-assign]
        edge.limit(deadline_ms=60_000.0)
        await edge.ask("ModelInfer", request_of(ONE, typed=True), timeout=5)
        await edge.ask("ModelInfer", request_of(ONE, typed=True))
        assert 4 < begun[0] < 6  # gRPC rounds it up
        assert begun[1] == pytest.approx(60)

    on_edge(scenario)


def test_a_caller_that_goes_away_takes_its_work_along(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        gate = edge.world.state.gate
        assert gate is not None
        opened = edge.world.runtime.open

        def slow(path: Path) -> Any:
            time.sleep(0.5)
            return opened(path)

        edge.world.runtime.open = slow  # type: ignore[method-assign]
        call = asyncio.ensure_future(edge.ask("ModelInfer", request_of(ONE, typed=True)))
        while not gate._tenants:
            await asyncio.sleep(0.01)
        call.cancel()
        async with asyncio.timeout(10):
            while gate._tenants:
                await asyncio.sleep(0.02)

    on_edge(scenario)


def test_a_stream_answers_each_request_in_its_turn_and_outlives_errors(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        good = [request_of({"tenure": ("FP64", [float(n)])}, typed=n % 2 == 0, id=str(n)) for n in range(20)]
        good[7].model_name = "nothing-of-the-kind"
        stream = edge.channel.stream_stream(f"/{SERVICE}/ModelStreamInfer")(
            iter([request.SerializeToString() for request in good]),
            metadata=(("authorization", "Bearer acme-scorer"),),
        )
        answers = [ModelStreamInferResponse.FromString(data) async for data in stream]
        assert [one.infer_response.id for one in answers] == [str(n) for n in range(20)]
        for number, answer in enumerate(answers):
            if number == 7:
                assert "no such model" in answer.error_message
                continue
            assert not answer.error_message
            assert values_of(answer.infer_response)["score"] == [number / 100]
            assert answer.infer_response.parameters["triton_final_response"].bool_param
        refused = edge.channel.stream_stream(f"/{SERVICE}/ModelStreamInfer")(iter([b""]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await refused.read()
        assert caught.value.code() is Code.UNAUTHENTICATED

    on_edge(scenario)


def test_bounds_on_messages_also_when_they_are_compressed(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        request = request_of(ONE, typed=False)
        request.raw_input_contents[0] = bytes(1 << 20)
        for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await edge.ask("ModelInfer", request, compression=compression)
            assert caught.value.code() is Code.RESOURCE_EXHAUSTED
            assert "larger than max" in str(caught.value.details())
        assert len(gzip.compress(request.SerializeToString())) < 100_000
        small = request_of(ONE, typed=False)
        reply, _ = await edge.ask("ModelInfer", small, compression=grpc.Compression.Gzip)
        assert values_of(reply)["score"] == [0.5]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await edge.ask("ModelInfer", small, metadata={"x_large": "x" * 40_000})
        assert caught.value.code() is Code.RESOURCE_EXHAUSTED

    on_edge(scenario, body_bytes=500_000)


def test_large_messages_together_are_bounded(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        request = request_of({"tenure": ("FP64", [1.0] * 200)}, typed=False)
        told = await edge.refused(Code.UNAVAILABLE, "serving_busy", "ModelInfer", request)
        assert told["retry-after"]
        await edge.ask("ModelInfer", request_of(ONE, typed=False))

    on_edge(scenario, held_bytes=1000)


def test_bytes_that_are_no_message_are_refused(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        for method in ("ModelInfer", "ModelMetadata"):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await edge.ask(method, b"\xff\xff\xff")
            assert caught.value.code() is Code.INVALID_ARGUMENT
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await edge.channel.unary_unary(f"/{SERVICE}/CudaSharedMemoryStatus")(b"")
        assert caught.value.code() is Code.UNIMPLEMENTED

    on_edge(scenario)


def test_health_is_watched_until_the_server_stops(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        def check(service: str) -> Any:
            return edge.channel.unary_unary("/grpc.health.v1.Health/Check")(
                HealthCheckRequest(service=service).SerializeToString()
            )

        for service in ("", SERVICE, "grpc.health.v1.Health"):
            assert HealthCheckResponse.FromString(await check(service)).status == 1
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await check("someone.else")
        assert caught.value.code() is Code.NOT_FOUND

        def watch(service: str) -> Any:
            return edge.channel.unary_stream("/grpc.health.v1.Health/Watch")(
                HealthCheckRequest(service=service).SerializeToString()
            )

        unknown = watch("someone.else")
        assert HealthCheckResponse.FromString(await unknown.read()).status == 3
        unknown.cancel()
        stream = watch("")

        async def told() -> int:
            status: int = HealthCheckResponse.FromString(await stream.read()).status
            return status

        assert await told() == 1
        table, edge.world.state.table = edge.world.state.table, None
        assert await told() == 2
        edge.world.state.table = table
        assert await told() == 1
        edge.stop.set()
        assert await told() == 2
        assert await stream.read() is grpc.aio.EOF

    on_edge(scenario)


def test_a_renewed_certificate_is_served_at_the_next_handshake(make_world: Any, tmp_path: Path) -> None:
    async def main() -> None:
        world = make_world()
        loop = asyncio.get_running_loop()
        stop, port = asyncio.Event(), loop.create_future()
        chain, key = self_signed(tmp_path / "first", "DNS:localhost")
        served = loop.create_task(
            serve(
                world.core,
                Scheduler(world.core, loop),
                "localhost:0",
                stop=stop,
                tls=(chain, key),
                ready=port.set_result,
            )
        )
        address = f"localhost:{await port}"

        async def live(root: bytes) -> bool:
            credentials = grpc.ssl_channel_credentials(root)
            async with grpc.aio.secure_channel(address, credentials) as channel:
                try:
                    await channel.unary_unary(f"/{SERVICE}/ServerLive")(b"", timeout=10)
                except grpc.aio.AioRpcError as error:
                    if error.code() is not Code.UNAVAILABLE:
                        raise
                    return False
            return True

        old = chain.read_bytes()
        assert await live(old)
        renewed, its_key = self_signed(tmp_path / "second", "DNS:localhost")
        new = renewed.read_bytes()
        assert not await live(new)
        key.write_bytes(b"half written")  # the pair does not fit, and the old one goes on
        assert await live(old)
        chain.write_bytes(new)
        key.write_bytes(its_key.read_bytes())
        assert await live(new)
        assert not await live(old)
        stop.set()
        await served

    asyncio.run(main())


def test_bad_certificates_and_addresses_are_refused_at_the_start(make_world: Any, tmp_path: Path) -> None:
    async def start(address: str, **options: Any) -> None:
        core = make_world().core
        await serve(
            core, Scheduler(core, asyncio.get_running_loop()), address, stop=asyncio.Event(), **options
        )

    nothing = tmp_path / "nothing.pem"
    with pytest.raises(InvalidRequest, match="cannot be used") as caught:
        asyncio.run(start("127.0.0.1:0", tls=(nothing, None)))
    assert caught.value.code == "tls_certificate"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unavailable) as refused:
        asyncio.run(start(f"127.0.0.1:{taken.getsockname()[1]}"))
    assert refused.value.code == "port_taken"


def test_a_stop_waits_for_calls_in_flight(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        opened = edge.world.runtime.open

        def slow(path: Path) -> Any:
            time.sleep(0.5)
            return opened(path)

        edge.world.runtime.open = slow  # type: ignore[method-assign]
        call = asyncio.ensure_future(edge.ask("ModelInfer", request_of(ONE, typed=True)))
        while not edge.world.state.gate._tenants:  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
        edge.stop.set()
        reply, _ = await call
        assert values_of(reply)["score"] == [0.5]

    on_edge(scenario)
