"""Inference over gRPC gives what REST gives, bit for bit."""

import asyncio
import json
import struct
import threading
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from google.protobuf.json_format import ParseDict
from tests.adapters.grpc.conftest import Edge

from tenantry.adapters.grpc.forms import CONTENTS, LATE_ROWS, GrpcForm
from tenantry.adapters.grpc.messages import ModelInferRequest
from tenantry.admission import Gate
from tenantry.predictions import KIND
from tenantry.predictions.block import decode_block
from tenantry.segments import SegmentReader, SegmentWriter
from tenantry.serving import Scheduler
from tenantry.serving.inference_log import InferenceLog
from tenantry.serving.tasks import fair_queue
from tenantry.wire import InferRequest, decode_infer, split_body

INVALID = grpc.StatusCode.INVALID_ARGUMENT
TEXTS = ["a", "Zwölf", ""]
NUMBERS = [1.5, float("nan"), -7.25e-300]
FORMATS = {
    "BOOL": "?", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "UINT8": "B", "UINT16": "H", "UINT32": "I",
    "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip


def raw(values: list[Any], datatype: str) -> bytes:
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in values)
    return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *values)


def request_of(columns: dict[str, tuple[str, list[Any]]], *, typed: bool, **more: Any) -> Any:
    """A request for churn. ``columns``: name → datatype and values."""
    request = ParseDict({"modelName": "churn", **more}, ModelInferRequest())
    for name, (datatype, values) in columns.items():
        tensor = request.inputs.add(name=name, datatype=datatype, shape=[len(values)])
        if typed:
            given = [value.encode() for value in values] if datatype == "BYTES" else values
            getattr(tensor.contents, CONTENTS[datatype]).extend(given)
            tensor.contents.SetInParent()
        else:
            request.raw_input_contents.append(raw(values, datatype))
    return request


def rest_of(columns: dict[str, tuple[str, list[Any]]], edge: Edge) -> dict[str, Any]:
    """What REST says to the same in binary form."""
    inputs, tail = [], b""
    for name, (datatype, values) in columns.items():
        data = raw(values, datatype)
        inputs.append(
            {
                "name": name,
                "shape": [len(values)],
                "datatype": datatype,
                "parameters": {"binary_data_size": len(data)},
            }
        )
        tail += data
    head = msgspec.json.encode({"inputs": inputs})
    body = head + tail
    told: dict[str, Any] = edge.world.told(
        "POST", "/v2/models/churn/infer", body, inference_header_content_length=str(len(head))
    )
    return told


def values_of(reply: Any) -> dict[str, list[Any]]:
    """The outputs of a reply, typed or raw."""
    found: dict[str, list[Any]] = {}
    for number, output in enumerate(reply.outputs):
        if reply.raw_output_contents:
            data = reply.raw_output_contents[number]
            if output.datatype == "BYTES":
                texts = []
                while data:
                    size = int.from_bytes(data[:4], "little")
                    texts.append(data[4 : 4 + size].decode())
                    data = data[4 + size :]
                found[output.name] = texts
            else:
                found[output.name] = list(struct.unpack(f"<{len(data) // 8}d", data))
        elif output.datatype == "BYTES":
            found[output.name] = [text.decode() for text in output.contents.bytes_contents]
        else:
            found[output.name] = list(output.contents.fp64_contents)
    return found


COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "tenure": ("INT64", [1, 24, 70]),
    "charges": ("FP64", NUMBERS),
    "Contract": ("BYTES", TEXTS),
}


@pytest.mark.parametrize("typed", [True, False])
def test_results_equal_rests_bit_for_bit_and_come_in_the_requests_form(on_edge: Any, *, typed: bool) -> None:
    async def scenario(edge: Edge) -> None:
        reply, told = await edge.ask("ModelInfer", request_of(COLUMNS, typed=typed, id="r7"))
        rest = {output["name"]: output["data"] for output in rest_of(COLUMNS, edge)["outputs"]}
        assert values_of(reply) == rest
        assert set(rest) == {"label", "score", "probabilities"}
        assert (reply.model_name, reply.model_version, reply.id) == ("churn", "1", "r7")
        assert bool(reply.raw_output_contents) is not typed
        assert [list(output.shape) for output in reply.outputs] == [[3], [3], [3, 2]]
        assert (told["x-tenantry-version"], told["x-tenantry-rule"]) == ("1", "default")

    on_edge(scenario)


@pytest.mark.parametrize("datatype", sorted(CONTENTS))
def test_every_datatype_means_the_same_typed_and_raw(on_edge: Any, datatype: str) -> None:
    values: list[Any] = [True, False] if datatype == "BOOL" else ["7", "x"] if datatype == "BYTES" else [7, 3]

    async def scenario(edge: Edge) -> None:
        columns = {"tenure": (datatype, values), "Contract": (datatype, values)}
        typed, _ = await edge.ask("ModelInfer", request_of(columns, typed=True))
        plain, _ = await edge.ask("ModelInfer", request_of(columns, typed=False))
        rest = {output["name"]: output["data"] for output in rest_of(columns, edge)["outputs"]}
        assert values_of(typed) == values_of(plain) == rest

    on_edge(scenario)


def test_versions_aliases_outputs_and_parameters(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        columns = {"tenure": ("FP64", [50.0])}
        reply, told = await edge.ask("ModelInfer", request_of(columns, typed=True, modelVersion="challenger"))
        assert (reply.model_version, told["x-tenantry-rule"]) == ("2", "requested")
        wanted = [
            {"name": "probabilities", "parameters": {"classification": {"int64Param": 1}}},
            {"name": "reasons"},
        ]
        reply, _ = await edge.ask(
            "ModelInfer",
            request_of(columns, typed=True, outputs=wanted, parameters={"explain": {"int64Param": 2}}),
        )
        values = values_of(reply)
        assert values["probabilities"] == ["0.5:0:No"]
        assert [reason["column"] for reason in json.loads(values["reasons"][0])] == ["tenure", "Contract"]

    on_edge(scenario)


def test_many_rows_are_read_input_by_input(on_edge: Any) -> None:
    count = LATE_ROWS + 1
    columns: dict[str, tuple[str, list[Any]]] = {
        "tenure": ("FP64", [float(row % 90) for row in range(count)]),
        "Contract": ("BYTES", ["ab"] * count),
    }

    async def scenario(edge: Edge) -> None:
        reply, _ = await edge.ask("ModelInfer", request_of(columns, typed=True))
        assert values_of(reply)["score"] == [(row % 90 + 2) / 100 for row in range(count)]
        bad = request_of(columns, typed=True)
        bad.inputs[1].contents.bytes_contents.pop()
        told = await edge.refused(INVALID, "input_data", "ModelInfer", bad)
        assert "4096 values in bytes_contents, but its shape says 4097" in str(told["message"])

    on_edge(scenario, rows=count)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda r: r.inputs[0].contents.Clear(), "input_data", "0 values in fp64_contents"),
        (lambda r: r.inputs[0].ClearField("contents"), "input_data", "no contents"),
        (lambda r: r.raw_input_contents.append(b"12345678"), "input_data", "contents, although"),
        (lambda r: r.raw_input_contents.extend([b"", b""]), "input_data", "2 raw_input_contents"),
        (lambda r: r.inputs[0].shape.append(3), "input_shape", "[rows]"),
        (lambda r: r.inputs[0].shape.__setitem__(0, -1), "input_shape", "[-1]"),
        (lambda r: setattr(r.inputs[0], "datatype", "FP16"), "input_data", "raw_input_contents"),
        (lambda r: setattr(r.inputs[0], "datatype", "FP128"), "input_datatype", "FP128"),
        (lambda r: setattr(r.inputs[0], "name", "tenur"), "input_unknown", "tenure"),
        (lambda r: r.inputs.append(r.inputs[0]), "input_duplicate", "twice"),
        (lambda r: r.ClearField("inputs"), "input_missing", "no inputs"),
        (lambda r: r.outputs.add(name="scores"), "output_unknown", "score"),
        (lambda r: _put(r.parameters, "timeout", "soon"), "parameter_value", "timeout"),
    ],
)
def test_what_is_wrong_is_told(on_edge: Any, change: Any, code: str, words: str) -> None:
    async def scenario(edge: Edge) -> None:
        request = request_of({"tenure": ("FP64", [50.0])}, typed=True)
        change(request)
        told = await edge.refused(INVALID, code, "ModelInfer", request)
        assert words in str(told["message"])

    on_edge(scenario)


def _put(parameters: Any, name: str, value: str) -> None:
    parameters[name].string_param = value


def test_text_that_is_no_utf8_and_shared_memory_are_refused(on_edge: Any) -> None:
    async def scenario(edge: Edge) -> None:
        request = request_of({"Contract": ("BYTES", ["x"])}, typed=True)
        request.inputs[0].contents.bytes_contents[0] = b"\xff"
        await edge.refused(INVALID, "input_data", "ModelInfer", request)
        request.inputs[0].ClearField("contents")
        _put(request.inputs[0].parameters, "shared_memory_region", "r")
        await edge.refused(grpc.StatusCode.UNIMPLEMENTED, "shared_memory", "ModelInfer", request)

    on_edge(scenario)


@pytest.mark.parametrize("typed", [True, False])
def test_the_log_keeps_a_request_as_rest_would_have_sent_it(*, typed: bool) -> None:
    request = request_of(COLUMNS, typed=typed, id="r7", parameters={"explain": {"int64Param": 2}})
    body, length = GrpcForm(request).rest()
    head, tail = split_body(body, None if length is None else str(length).encode())
    kept = decode_infer(head)
    assert isinstance(kept, InferRequest)
    assert (kept.id, kept.parameters) == ("r7", {"explain": 2})
    assert [(tensor.name, tensor.datatype, tensor.shape) for tensor in kept.inputs] == [
        (name, datatype, [3]) for name, (datatype, _) in COLUMNS.items()
    ]
    if typed:
        assert [tensor.data for tensor in kept.inputs] == [[1, 24, 70], [1.5, None, -7.25e-300], TEXTS]
    else:
        assert bytes(tail) == b"".join(raw(values, datatype) for datatype, values in COLUMNS.values())


def test_the_log_is_written_beside_the_loop_and_keeps_refused_requests_too(
    on_edge: Any, tmp_path: Path
) -> None:
    """Typed values of many rows are read late: what is wrong with them is found in the middle of the work."""
    rows = LATE_ROWS + 1
    good = request_of({"tenure": ("FP64", [1.0] * rows), "charges": ("FP64", [2.0] * rows)}, typed=True)
    bad = request_of({"tenure": ("FP64", [1.0] * rows), "charges": ("FP64", [2.0] * rows)}, typed=True)
    del bad.inputs[1].contents.fp64_contents[:7]
    small = request_of({"tenure": ("FP64", [1.0])}, typed=False)
    writer = SegmentWriter(tmp_path, KIND, 0)
    threads: set[str] = set()
    rest = GrpcForm.rest

    class Watched(GrpcForm):
        def rest(self) -> tuple[bytes, int | None]:
            threads.add(threading.current_thread().name)
            return rest(self)

    async def scenario(edge: Edge) -> None:
        log = InferenceLog(writer)
        edge.world.core.recorders = (log,)
        await edge.ask("ModelInfer", good)
        await asyncio.wait_for(edge.refused(INVALID, "input_data", "ModelInfer", bad), 10)
        await edge.ask("ModelInfer", small)
        gate = edge.world.state.gate
        assert gate is not None
        assert not gate._tenants
        assert log._bytes > good.ByteSize()
        assert log.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenantry.adapters.grpc.service.GrpcForm", Watched)
        on_edge(scenario)
    reader = SegmentReader(tmp_path)
    told = [
        one for path in reader.closed(KIND) for record in reader.records(path) for one in decode_block(record)
    ]
    assert [(one.status, one.format, one.rows, len(one.scores)) for one in told] == [
        (200, "oip-json", rows, rows), (400, "oip-json", rows, 0), (200, "oip-binary", 1, 1),
    ]  # fmt: skip
    assert msgspec.json.decode(told[0].body)["inputs"][1]["data"] == [2.0] * rows
    assert (told[1].body, told[1].code) == (b"", "input_data")
    assert told[2].body[told[2].header_length :] == raw([1.0], "FP64")
    assert threading.current_thread().name not in threads


def test_a_call_may_put_itself_behind_others(make_world: Any) -> None:
    async def main() -> list[int]:
        world = make_world()
        world.state.gate = Gate(fair_queue())
        scheduler = Scheduler(world.core, asyncio.get_running_loop())
        order: list[int] = []

        async def ask(priority: int) -> None:
            request = request_of(
                {"tenure": ("FP64", [1.0])}, typed=False, parameters={"priority": {"int64Param": priority}}
            )
            headers = {b"authorization": b"Bearer acme-scorer"}
            work = world.core.begin("POST", "/v2/models/churn/infer", b"", headers)
            work.form = GrpcForm(request)
            reply = asyncio.get_running_loop().create_future()
            scheduler.submit(work, b"", reply.set_result)
            assert (await reply).status == 200
            order.append(priority)

        await ask(0)
        scheduler._at_once = 1.0  # as if this turn of the loop had run enough at once
        await asyncio.wait_for(asyncio.gather(*(ask(priority) for priority in (4, 4, 0))), 10)
        return order[1:]

    assert asyncio.run(main()) == [0, 4, 4]
