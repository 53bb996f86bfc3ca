"""Whatever is sent, a worker's core answers, and never with a defect: real plans, no sockets."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.app.scoring_core import core_of
from tests.serving.plans import furnish

from tenantry.serving import Core
from tenantry.wire import DATATYPES

NAMES = ("tenure", "MonthlyCharges", "Contract", "signed", "strange")
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["$1,200.50", "2024-02-30", "Month-to-month", "1e999", "-", "٣", "\ud800", "\x00"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
RECORDS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES, max_size=6)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "shape": st.lists(st.integers(0, 3), max_size=3),
        "datatype": st.sampled_from([*DATATYPES, "X"]),
    },
    optional={
        "data": VALUES | st.lists(LEAVES, max_size=3),
        "parameters": st.dictionaries(st.sampled_from(["binary_data_size", "shared_memory_region"]), VALUES),
    },
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS, max_size=4)},
    optional={
        "id": VALUES,
        "parameters": st.dictionaries(
            st.sampled_from(["explain", "binary_data_output", "x"]), VALUES, max_size=3
        ),
        "outputs": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["label", "score", "probabilities", "reasons", "x"])},
                optional={
                    "parameters": st.dictionaries(st.sampled_from(["binary_data", "classification"]), VALUES)
                },
            ),
            max_size=3,
        ),
    },
)
MODELS = st.sampled_from(["churn", "segment", "value"])


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Core:
    home: Path = tmp_path_factory.mktemp("home")
    furnish(home)
    return core_of(home)


@pytest.fixture(scope="module")
def answered(core: Core) -> Callable[..., int]:
    def ask(method: str, path: str, body: bytes, query: bytes = b"", **headers: bytes) -> int:
        sent = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        response = core.handle(method, path, query, {b"authorization": b"Bearer tnk_acme", **sent}, body)
        assert response.status not in (500, 503), response.body
        if response.status != 200:
            error = json.loads(response.body)
            assert error["error"]
            assert error["code"]
            assert error["hint"]
        elif b"inference-header-content-length" not in dict(response.headers):
            json.loads(response.body, parse_constant=pytest.fail)
        return response.status

    return ask


@settings(max_examples=200, deadline=None)
@given(
    MODELS,
    RECORDS | st.lists(RECORDS, max_size=4) | VALUES,
    st.sampled_from([b"", b"explain=2", b"version=2"]),
)
def test_any_json_to_predict(answered: Callable[..., int], model: str, body: Any, query: bytes) -> None:
    answered("POST", f"/predict/{model}", json.dumps(body).encode(), query)


@settings(max_examples=200, deadline=None)
@given(MODELS, REQUESTS, st.binary(max_size=30))
def test_any_tensors_to_infer(answered: Callable[..., int], model: str, body: Any, tail: bytes) -> None:
    head = json.dumps(body).encode()
    answered("POST", f"/v2/models/{model}/infer", head)
    length = str(len(head)).encode()
    answered("POST", f"/v2/models/{model}/infer", head + tail, inference_header_content_length=length)


@settings(deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT"]),
    st.text(max_size=20) | st.sampled_from(["predict/churn", "v2/models/churn/infer", "v2/models/churn"]),
    st.binary(max_size=50),
    st.binary(max_size=20),
    st.binary(max_size=10),
)
def test_any_bytes_anywhere(
    answered: Callable[..., int], method: str, path: str, body: bytes, query: bytes, header: bytes
) -> None:
    answered(method, f"/{path}", body, query)
    answered(method, f"/{path}", body, query, inference_header_content_length=header, content_encoding=header)
    answered(method, f"/{path}", body, query, authorization=header, x_tenant=header)


def test_values_that_some_parsers_choke_on(answered: Callable[..., int]) -> None:
    for value in (
        b"1" * 5000,
        b"-1e400",
        b"1" * 400,
        b'"\\ud800"',
        b'"\\u0000"',
        b"1e-400",
        b"9223372036854775808",
    ):
        body = b'{"tenure": %s, "Contract": %s}' % (value, value)
        assert answered("POST", "/predict/churn", body) in (200, 400)
        tensor = b'{"inputs":[{"name":"tenure","shape":[1],"datatype":"FP64","data":[%s]}]}' % value
        assert answered("POST", "/v2/models/churn/infer", tensor) in (200, 400)
