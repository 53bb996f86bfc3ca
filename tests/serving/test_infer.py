"""Inference by the v2 protocol, at the core."""

import gzip
import struct
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

INFER = "/v2/models/churn/infer"


def fp64(name: str, *values: float | None) -> dict[str, Any]:
    return {"name": name, "shape": [len(values)], "datatype": "FP64", "data": list(values)}


def texts(name: str, *values: str | None) -> dict[str, Any]:
    return {"name": name, "shape": [len(values), 1], "datatype": "BYTES", "data": list(values)}


def outputs_of(told: dict[str, Any]) -> dict[str, Any]:
    return {output["name"]: output["data"] for output in told["outputs"]}


def test_json_in_and_out(world: Any) -> None:
    body = {"id": "x1", "inputs": [texts("Contract", "four", None), fp64("tenure", 30, 50)]}
    assert world.told("POST", INFER, body) == {
        "model_name": "churn",
        "model_version": "1",
        "id": "x1",
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["No", "Yes"]},
            {"name": "score", "datatype": "FP64", "shape": [2], "data": [0.34, 0.5]},
            {
                "name": "probabilities",
                "datatype": "FP64",
                "shape": [2, 2],
                "data": [1 - 0.34, 0.34, 0.5, 0.5],
            },
        ],
    }


def test_binary_in_and_out(world: Any) -> None:
    inputs = [
        {"name": "tenure", "shape": [2], "datatype": "INT32", "parameters": {"binary_data_size": 8}},
        {"name": "Contract", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": 12}},
    ]
    head = msgspec.json.encode({"inputs": inputs, "parameters": {"binary_data_output": True}})
    tail = struct.pack("<2i", 30, 50) + struct.pack("<I", 4) + b"four" + struct.pack("<I", 0)
    response = world.ask("POST", INFER, head + tail, inference_header_content_length=str(len(head)))
    assert response.status == 200
    headers = dict(response.headers)
    size = int(headers[b"inference-header-content-length"])
    assert headers[b"content-type"] == b"application/octet-stream"
    assert int(headers[b"content-length"]) == len(response.body)
    told = msgspec.json.decode(response.body[:size])
    assert [output["parameters"]["binary_data_size"] for output in told["outputs"]] == [13, 16, 32]
    assert response.body[size : size + 13] == b"\x02\x00\x00\x00No\x03\x00\x00\x00Yes"
    assert struct.unpack("<6d", response.body[size + 13 :]) == (0.34, 0.5, 1 - 0.34, 0.34, 0.5, 0.5)


def test_every_input_may_be_missing_or_null(world: Any) -> None:
    null = {"name": "charges", "shape": [2], "datatype": "FP64", "data": None}
    told = world.told("POST", INFER, {"inputs": [null]})
    assert outputs_of(told)["score"] == [0.0, 0.0]


def test_numbers_may_come_as_text_and_words_as_numbers(world: Any) -> None:
    body = {"inputs": [texts("tenure", "30"), fp64("Contract", 7)]}
    assert len(outputs_of(world.told("POST", INFER, body))["score"]) == 1


def test_requested_outputs_are_honoured_in_form_and_order(world: Any) -> None:
    wanted = [{"name": "score"}, {"name": "label", "parameters": {"binary_data": False}}]
    body = {"inputs": [fp64("tenure", 50)], "outputs": wanted}
    told = world.told("POST", INFER, body)
    assert [output["name"] for output in told["outputs"]] == ["score", "label"]
    mixed = {**body, "parameters": {"binary_data_output": True}}
    response = world.ask("POST", INFER, mixed)
    size = int(dict(response.headers)[b"inference-header-content-length"])
    outputs = msgspec.json.decode(response.body[:size])["outputs"]
    assert outputs[0]["parameters"] == {"binary_data_size": 8}
    assert outputs[1]["data"] == ["Yes"]


def test_classification_names_the_top_classes(world: Any) -> None:
    wanted = [{"name": "probabilities", "parameters": {"classification": 2}}]
    body = {"inputs": [fp64("tenure", 1, 2)], "outputs": wanted}
    told = world.told("POST", "/v2/models/segment/infer", body)
    assert told["outputs"] == [
        {
            "name": "probabilities",
            "datatype": "BYTES",
            "shape": [2, 2],
            "data": ["0.5:1:b", "0.25:0:a", "0.5:2:c", "0.25:0:a"],
        }
    ]


def test_reasons_come_by_the_explain_parameter(world: Any) -> None:
    body = {
        "inputs": [fp64("tenure", 1, 2)],
        "parameters": {"explain": 2, "priority": 1, "timeout": 5_000_000},
    }
    reasons = [msgspec.json.decode(text) for text in outputs_of(world.told("POST", INFER, body))["reasons"]]
    assert [[reason["column"] for reason in row] for row in reasons] == [["tenure", "Contract"]] * 2
    assert [row[0]["value"] for row in reasons] == ["1", "2"]


def test_reasons_may_be_asked_for_as_an_output(world: Any) -> None:
    body = {"inputs": [fp64("tenure", 1)], "outputs": [{"name": "reasons"}]}
    told = world.told("POST", INFER, body)
    assert list(outputs_of(told)) == ["reasons"]
    assert len(msgspec.json.decode(outputs_of(told)["reasons"][0])) == 3


def test_a_regression_has_only_its_score(world: Any) -> None:
    told = world.told("POST", "/v2/models/value/infer", {"inputs": [fp64("tenure", 1.5)]})
    assert outputs_of(told) == {"score": [1.5]}


def test_no_rows_give_no_rows(world: Any) -> None:
    told = world.told("POST", INFER, {"inputs": [fp64("tenure")]})
    assert outputs_of(told) == {"label": [], "score": [], "probabilities": []}
    assert told["outputs"][2]["shape"] == [0, 2]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_requests_are_read(world: Any, encoding: str) -> None:
    body = msgspec.json.encode({"inputs": [fp64("tenure", 50)]})
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    assert outputs_of(world.told("POST", INFER, packed, content_encoding=encoding))["score"] == [0.5]
    world.refused(400, "body_encoding", "POST", INFER, body, content_encoding=encoding)


@pytest.mark.parametrize("length", ["20", "5000"])
def test_a_header_left_over_from_a_binary_request_is_named(world: Any, length: str) -> None:
    body = {"inputs": [fp64("tenure", 50)]}
    told = world.refused(400, "header_value", "POST", INFER, body, inference_header_content_length=length)
    assert f"Inference-Header-Content-Length says that the first {length} of" in told["error"]
    assert "fresh dict" in told["hint"]


def test_a_version_in_the_path_is_a_number_or_an_alias(world: Any) -> None:
    body = {"inputs": [fp64("tenure", 50)]}
    for version, number in (("1", "1"), ("2", "2"), ("challenger", "2"), ("champion", "1"), ("10", "10")):
        told = world.told("POST", f"/v2/models/churn/versions/{version}/infer", body)
        assert told["model_version"] == number
    world.refused(404, "not_found", "POST", "/v2/models/churn/versions/3/infer", body)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"inputs": []}, "input_missing", "no inputs"),
        ({}, "body_json", "inputs"),
        ({"inputs": [fp64("tenur", 1)]}, "input_unknown", "did you mean 'tenure'?"),
        ({"inputs": [fp64("CONTRACT", 1)]}, "input_unknown", "did you mean 'Contract'?"),
        ({"inputs": [fp64("tenure", 1), fp64("tenure", 1)]}, "input_duplicate", "'tenure'"),
        ({"inputs": [fp64("tenure", 1), fp64("charges", 1, 2)]}, "input_shape", "'charges' has 2 rows"),
        ({"inputs": [{**fp64("tenure", 1), "datatype": "TEXT"}]}, "input_datatype", "'TEXT'"),
        ({"inputs": [{**fp64("tenure", 1), "shape": [2]}]}, "input_data", "1 elements"),
        ({"inputs": [fp64("tenure", 1)], "outputs": [{"name": "scores"}]}, "output_unknown", "'score'?"),
        ({"inputs": [fp64("tenure", 1)], "parameters": {"explain": "3"}}, "parameter_value", "explain"),
        ({"inputs": [fp64("tenure", 1)], "parameters": {"explain": True}}, "parameter_value", "explain"),
        ({"inputs": [fp64("tenure", 1)], "parameters": {"explain": 99}}, "parameter_value", "0 to 50"),
        (
            {"inputs": [fp64("tenure", 1)], "parameters": {"binary_data_output": 1}},
            "parameter_value",
            "true or false",
        ),
        (
            {
                "inputs": [fp64("tenure", 1)],
                "outputs": [{"name": "label", "parameters": {"classification": 1}}],
            },
            "parameter_value",
            "probabilities",
        ),
    ],
)
def test_a_bad_request_is_named(world: Any, body: dict[str, Any], code: str, words: str) -> None:
    assert words in world.refused(400, code, "POST", INFER, body)["error"]


def test_bytes_left_over_are_refused(world: Any) -> None:
    head = msgspec.json.encode({"inputs": [fp64("tenure", 1)]})
    length = str(len(head))
    world.refused(400, "input_data", "POST", INFER, head + b"xx", inference_header_content_length=length)


def test_shared_memory_is_not_served(world: Any) -> None:
    tensor = {
        "name": "tenure",
        "shape": [1],
        "datatype": "FP64",
        "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 8},
    }
    world.refused(501, "shared_memory", "POST", INFER, {"inputs": [tensor]})


def test_too_many_rows_are_refused(make_world: Callable[..., Any]) -> None:
    world = make_world(rows=2, explained_rows=1)
    world.refused(413, "too_many_rows", "POST", INFER, {"inputs": [fp64("tenure", 1, 2, 3)]})
    explained = {"inputs": [fp64("tenure", 1, 2)], "parameters": {"explain": 1}}
    world.refused(413, "too_many_rows", "POST", INFER, explained)
    huge = {"name": "tenure", "shape": [2**31], "datatype": "FP64", "data": None}
    world.refused(413, "too_many_rows", "POST", INFER, {"inputs": [huge]})


def test_a_sliced_batch_answers_as_an_unsliced_one(make_world: Callable[..., Any]) -> None:
    numbers = [float(i % 90) for i in range(50)]
    body = {"inputs": [fp64("tenure", *numbers), texts("Contract", *["x" * (i % 5) for i in range(50)])]}
    whole = make_world(slice_rows=1000).told("POST", INFER, body)
    world = make_world(slice_rows=7, explained_slice_rows=3)
    assert world.told("POST", INFER, body) == whole
    explained = world.told("POST", INFER, {**body, "parameters": {"explain": 1}})
    reasons = [msgspec.json.decode(text)[0]["value"] for text in outputs_of(explained).pop("reasons")]
    assert reasons == [str(number) for number in numbers]


def test_a_large_json_request_is_read_in_parts_and_answers_alike(
    make_world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    null = {"name": "charges", "shape": [3], "datatype": "FP64", "data": None}
    body = {"inputs": [fp64("tenure", 1, None, 90), texts("Contract", "a", "bb", None), null]}
    world = make_world()
    whole = world.told("POST", INFER, body)
    monkeypatch.setattr("tenantry.wire.oip.LATE_BYTES", 10)
    assert world.told("POST", INFER, body) == whole
    bad = {"inputs": [fp64("tenure", 1), {"name": "charges", "shape": [1], "datatype": "FP64", "data": {}}]}
    assert "charges" in world.refused(400, "body_json", "POST", INFER, bad)["error"]
    missing = {"inputs": [{"name": "charges", "shape": [1], "datatype": "FP64"}]}
    world.refused(400, "input_data", "POST", INFER, missing)
    nan = b'{"inputs":[{"name":"tenure","shape":[1],"datatype":"FP64","data":[NaN]}]}'
    assert outputs_of(world.told("POST", INFER, nan))["score"] == [0.0]
