"""Reading and writing v2 inference bodies."""

import math
import struct
from array import array
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.utils import serialize_byte_tensor

from tenantry.errors import InvalidRequest, TenantryError, Unsupported
from tenantry.wire import (
    DATATYPES,
    InputTensor,
    LateTensor,
    OutputTensor,
    Values,
    decode_infer,
    decode_tensor,
    encode_infer,
)
from tenantry.wire.oip import LATE_BYTES

NOTHING = memoryview(b"")


def tensor(datatype: str, shape: list[int], **rest: Any) -> InputTensor:
    return InputTensor(name="x", datatype=datatype, shape=shape, **rest)


def from_binary(datatype: str, raw: bytes, rows: int, *, as_float: bool = True) -> Values:
    size = {"binary_data_size": len(raw)}
    got, values, used = decode_tensor(
        tensor(datatype, [rows], parameters=size), memoryview(raw + b"next"), as_float=as_float
    )
    assert (got, used) == (rows, len(raw))
    return values


def test_a_request_is_read() -> None:
    request = decode_infer(
        b'{"id":"7","inputs":[{"name":"a","shape":[1],"datatype":"FP64","data":[1.5]}],'
        b'"outputs":[{"name":"score"}],"parameters":{"explain":3},"unknown":1}'
    )
    assert request.id == "7"
    assert request.inputs[0].data == [1.5]
    assert request.outputs is not None
    assert request.outputs[0].name == "score"
    assert request.parameters == {"explain": 3}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        (b"{", "not JSON"),
        (b'{"inputs":[}', "byte 11"),
        (b"[]", "Expected `object`"),
        (b'{"inputs":{}}', "$.inputs"),
        (b'{"inputs":[{"name":1}]}', "$.inputs[0].name"),
        (b'{"inputs":[{"name":"a","shape":[-1],"datatype":"FP64"}]}', "$.inputs[0].shape[0]"),
        (b'{"inputs":[{"name":"\xff"}]}', "not JSON"),
        (b'{"inputs":[{"name":"a","data":' + b"[" * 100_000, "JSON|nested"),
        (b'{"inputs":NaN}', "Expected `array`"),
        (b"NaN NaN", "not JSON"),
    ],
)
def test_a_bad_request_says_where(body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decode_infer(body)
    assert caught.value.code == "body_json"
    assert any(word in caught.value.message for word in words.split("|"))


def _read(body: bytes) -> None:
    for one in decode_infer(body).inputs:
        if isinstance(one, LateTensor):
            one.ready()


def test_a_number_that_no_float_holds_has_a_code_of_its_own() -> None:
    body = b'{"inputs":[{"name":"a","shape":[1],"datatype":"FP64","data":[1e999]%s}]}'
    for padding in (b"", b" " * LATE_BYTES):
        with pytest.raises(InvalidRequest, match="Number out of range") as caught:
            _read(body % padding)
        assert caught.value.code == "number_range"


def test_nan_literals_of_clients_are_read() -> None:
    request = decode_infer(b'{"inputs":[{"name":"a","shape":[2],"datatype":"FP64","data":[NaN,-Infinity]}]}')
    data = request.inputs[0].data
    assert isinstance(data, list)
    assert math.isnan(data[0])
    assert data[1] == -math.inf


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name not in ("BYTES", "BF16")])
def test_every_binary_number_type_arrives_as_the_same_number(datatype: str) -> None:
    kinds = {"BOOL": np.bool_, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64}
    dtype = kinds.get(datatype) or getattr(np, datatype.lower())
    column = np.array([0, 1, 1], dtype=dtype)
    values = from_binary(datatype, column.tobytes(), 3)
    assert values == array("d", [0.0, 1.0, 1.0])
    assert list(from_binary(datatype, column.tobytes(), 3, as_float=False) or ()) == [0, 1, 1]


def test_integers_and_booleans_keep_their_kind_for_words() -> None:
    assert [type(v) for v in from_binary("INT64", struct.pack("<q", 7), 1, as_float=False) or ()] == [int]
    assert from_binary("BOOL", b"\x01\x00", 2, as_float=False) == [True, False]


def test_bf16_is_the_upper_half_of_fp32() -> None:
    column = np.array([1.5, -2.0, np.nan], dtype="<f4")
    upper = b"".join(struct.pack("<f", value)[2:] for value in column)
    values = from_binary("BF16", upper, 3)
    assert values is not None
    assert list(values[:2]) == [1.5, -2.0]
    assert math.isnan(values[2])


@given(st.lists(st.text(), max_size=20))
def test_bytes_tensors_are_read_as_the_client_writes_them(texts: list[str]) -> None:
    column = np.array([text.encode() for text in texts], dtype=np.object_)
    raw = serialize_byte_tensor(column).item() if texts else b""
    assert from_binary("BYTES", raw, len(texts)) == texts


def test_json_data_may_be_null_nested_or_hold_nulls() -> None:
    assert decode_tensor(tensor("FP64", [3], data=None), NOTHING, as_float=True) == (3, None, 0)
    assert decode_tensor(tensor("FP64", [2, 1], data=[[1], [None]]), NOTHING, as_float=True) == (
        2,
        [1, None],
        0,
    )
    assert decode_tensor(tensor("BYTES", [2], data=["a", None]), NOTHING, as_float=False)[1] == ["a", None]
    assert decode_tensor(tensor("FP64", [0], data=[]), NOTHING, as_float=True) == (0, [], 0)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (tensor("FP65", [1], data=[1]), "input_datatype"),
        (tensor("FP64", [], data=[1]), "input_shape"),
        (tensor("FP64", [1, 2], data=[1, 2]), "input_shape"),
        (tensor("FP64", [2], data=[1]), "input_data"),
        (tensor("FP64", [1], data=["1"]), "input_data"),
        (tensor("BYTES", [1], data=[{}]), "input_data"),
        (tensor("BYTES", [1], data=[[["a"]]]), "input_data"),
        (tensor("FP64", [1]), "input_data"),
        (tensor("FP64", [1], data=[1], parameters={"binary_data_size": 8}), "input_data"),
        (tensor("FP64", [1], parameters={"binary_data_size": 4}), "input_data"),
        (tensor("FP64", [1], parameters={"binary_data_size": 800}), "input_data"),
        (tensor("FP64", [1], parameters={"binary_data_size": -1}), "input_data"),
        (tensor("FP64", [1], parameters={"binary_data_size": "8"}), "input_data"),
        (tensor("BYTES", [1], parameters={"binary_data_size": 3}), "input_data"),
        (tensor("BYTES", [1], parameters={"binary_data_size": 8}), "input_data"),
        (tensor("BYTES", [1], parameters={"binary_data_size": 9}), "input_data"),
        (tensor("BYTES", [2], parameters={"binary_data_size": 0}), "input_data"),
        (tensor("FP64", [1], parameters={"shared_memory_region": "r"}), "shared_memory"),
    ],
)
def test_a_bad_tensor_is_named(bad: InputTensor, code: str) -> None:
    raw = memoryview(b"\xff\x00\x00\x00" + b"a" * 4 + b"\x01\x00\x00\x00\xff")
    with pytest.raises((InvalidRequest, Unsupported)) as caught:
        decode_tensor(bad, raw, as_float=True)
    assert caught.value.code == code
    assert "'x'" in caught.value.message
    assert caught.value.hint


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="UTF-8"):
        from_binary("BYTES", b"\x01\x00\x00\x00\xff", 1)


@given(st.sampled_from(sorted(DATATYPES)), st.integers(0, 4), st.binary(max_size=40), st.booleans())
def test_any_bytes_give_values_or_a_clear_error(datatype: str, rows: int, raw: bytes, as_float: bool) -> None:  # noqa: FBT001 — drawn by hypothesis
    try:
        values = from_binary(datatype, raw, rows, as_float=as_float)
    except TenantryError as error:
        assert error.code == "input_data"  # noqa: PT017 — values are as good an outcome
    else:
        assert values is not None
        assert len(values) == rows


def test_a_json_reply_holds_all_outputs_and_no_nan() -> None:
    body, length = encode_infer(
        "churn",
        "3",
        "id-1",
        [
            OutputTensor("label", "BYTES", [2], ["yes", "no"], binary=False),
            OutputTensor("score", "FP64", [2], [0.5, math.nan], binary=False),
        ],
    )
    assert length is None
    assert msgspec.json.decode(body) == {
        "model_name": "churn",
        "model_version": "3",
        "id": "id-1",
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]},
            {"name": "score", "datatype": "FP64", "shape": [2], "data": [0.5, None]},
        ],
    }


def test_a_binary_reply_follows_its_json_part() -> None:
    body, length = encode_infer(
        "churn",
        "3",
        None,
        [
            OutputTensor("label", "BYTES", [2], ["é", ""], binary=True),
            OutputTensor("score", "FP64", [2], [0.5, 1.5], binary=False),
            OutputTensor("probabilities", "FP64", [1, 2], [0.25, 0.75], binary=True),
        ],
    )
    assert length is not None
    head = msgspec.json.decode(body[:length])
    assert [tensor.get("parameters") for tensor in head["outputs"]] == [
        {"binary_data_size": 10},
        None,
        {"binary_data_size": 16},
    ]
    assert "id" not in head
    assert body[length:] == b"\x02\x00\x00\x00\xc3\xa9\x00\x00\x00\x00" + struct.pack("<2d", 0.25, 0.75)
