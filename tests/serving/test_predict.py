"""POST /predict/{name}: records in, predictions out."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest


def test_one_record_gives_one_prediction(world: Any) -> None:
    assert world.told("POST", "/predict/churn", {"tenure": 30, "Contract": "monthly"}) == {
        "predictions": [
            {"label": "No", "score": 0.37, "probabilities": {"No": 0.63, "Yes": 0.37}, "model_version": "1"}
        ]
    }


def test_a_list_gives_predictions_in_order(world: Any) -> None:
    told = world.told("POST", "/predict/churn", [{"tenure": 10}, {"tenure": 90}, {"charges": None}])
    assert [(p["label"], p["score"]) for p in told["predictions"]] == [("No", 0.1), ("Yes", 0.9), ("No", 0.0)]


def test_an_empty_list_gives_no_predictions(world: Any) -> None:
    assert world.told("POST", "/predict/churn", []) == {"predictions": []}


def test_probabilities_keep_to_their_classes_whatever_the_order(world: Any) -> None:
    told = world.told("POST", "/predict/churn", {"tenure": 90}, query=b"version=challenger")
    prediction = told["predictions"][0]
    assert prediction["model_version"] == "2"
    assert prediction["label"] == "Yes"
    assert prediction["probabilities"]["Yes"] == prediction["score"] == 0.9


def test_several_classes_give_the_top_one(world: Any) -> None:
    prediction = world.told("POST", "/predict/segment", {"tenure": 2})["predictions"][0]
    assert prediction == {
        "label": "c",
        "score": 0.5,
        "probabilities": {"a": 0.25, "b": 0.25, "c": 0.5},
        "model_version": "1",
    }


def test_a_regression_gives_its_value_alone(world: Any) -> None:
    told = world.told("POST", "/predict/value", {"tenure": 2.5})
    assert told == {"predictions": [{"score": 2.5, "model_version": "1"}]}


def test_reasons_come_when_asked_for(world: Any) -> None:
    body = [{"tenure": 2}, {"tenure": 3}]
    told = world.told("POST", "/predict/segment", body, query=b"explain=2")
    reasons = [prediction["reasons"] for prediction in told["predictions"]]
    assert [[reason["text"] for reason in row] for row in reasons] == [
        ["tenure: 2", "Contract: 2"],  # about the output that won
        ["tenure: 0", "Contract: 0"],
    ]
    assert "reasons" not in world.told("POST", "/predict/segment", body)["predictions"][0]


def test_unknown_fields_are_listed_once(world: Any) -> None:
    told = world.told(
        "POST", "/predict/churn", [{"tenure": 1, "tenur": 2}, {"tenure": 1, "tenur": 2, "zz": 3}]
    )
    assert told["warnings"] == [
        "ignored, since the model has no such column: 'tenur' (did you mean 'tenure'?), 'zz'"
    ]


def test_a_record_without_any_known_field_is_refused(world: Any) -> None:
    error = world.refused(400, "record_unknown", "POST", "/predict/churn", [{"tenure": 1}, {"contract": "x"}])
    assert "record 1" in error["error"]
    assert "did you mean 'Contract'?" in error["error"]
    world.refused(400, "record_unknown", "POST", "/predict/churn", {})


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", "body_json", "is empty"),
        (b'{"tenure": 1,}', "body_json", "byte 13"),
        (b"\xff\xfe", "body_json", "not JSON"),
        (b'{"tenure": 1e999}', "number_range", "Number out of range"),
        (b"[" * 100_000, "body_json", "body is"),
        (b"3", "record_shape", "neither"),
        (b"null", "record_shape", "neither"),
        (b'[{"tenure": 1}, 2]', "record_shape", "record 1"),
        (b'[{"tenure": 1}, {"tenure": [2]}]', "record_value", "record 1: column 'tenure'"),
        (b'{"tenure": {"a": 1}}', "record_value", "record 0: column 'tenure'"),
    ],
)
def test_a_bad_body_is_refused_with_the_place(world: Any, body: bytes, code: str, words: str) -> None:
    assert words in world.refused(400, code, "POST", "/predict/churn", body)["error"]


def test_nan_literals_are_missing_values(world: Any) -> None:
    told = world.told("POST", "/predict/churn", b'{"tenure": NaN, "charges": 50}')
    assert told["predictions"][0]["score"] == 0.5


def test_scores_that_are_not_finite_leave_the_json_whole(world: Any) -> None:
    told = world.told("POST", "/predict/value", b'{"tenure": Infinity}')
    assert told["predictions"][0]["score"] is None


@pytest.mark.parametrize(
    "query", [b"explain=x", b"explain=-1", b"explain=51", b"explain=1&explain=2", b"versio=1", b"explain="]
)
def test_a_bad_query_is_refused(world: Any, query: bytes) -> None:
    response = world.ask("POST", "/predict/churn", {"tenure": 1}, query=query)
    assert response.status == 400
    assert msgspec.json.decode(response.body)["code"] in ("query_value", "parameter_value")


def test_a_version_may_be_a_number_or_an_alias(world: Any) -> None:
    for query, version in ((b"", "1"), (b"version=2", "2"), (b"version=challenger", "2"), (b"version=", "1")):
        told = world.told("POST", "/predict/churn", {"tenure": 1}, query=query)
        assert told["predictions"][0]["model_version"] == version
    world.refused(404, "not_found", "POST", "/predict/churn", {"tenure": 1}, query=b"version=3")


def test_too_many_records_are_refused(make_world: Callable[..., Any]) -> None:
    world = make_world(rows=2, explained_rows=1)
    rows = [{"tenure": 1}] * 2
    world.told("POST", "/predict/churn", rows)
    world.refused(413, "too_many_rows", "POST", "/predict/churn", [*rows, *rows])
    world.refused(413, "too_many_rows", "POST", "/predict/churn", rows, query=b"explain=1")


def test_a_sliced_batch_answers_as_an_unsliced_one(make_world: Callable[..., Any]) -> None:
    rows = [{"tenure": i % 90} for i in range(50)]
    whole = make_world(slice_rows=1000).told("POST", "/predict/churn", rows)
    world = make_world(slice_rows=7, explained_slice_rows=3)
    assert world.told("POST", "/predict/churn", rows) == whole
    explained = world.told("POST", "/predict/churn", rows, query=b"explain=1")["predictions"]
    assert [p["score"] for p in explained] == [p["score"] for p in whole["predictions"]]


def test_a_large_list_is_read_in_parts_and_answers_alike(
    make_world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(slice_rows=2)
    rows = [{"tenure": i, "Contract": "é" * i} for i in range(9)]
    whole = world.told("POST", "/predict/churn", rows)
    monkeypatch.setattr("tenantry.wire.oip.LATE_BYTES", 10)
    assert world.told("POST", "/predict/churn", rows) == whole
    assert len(world.told("POST", "/predict/churn", rows[0])["predictions"]) == 1
    assert "record 3" in world.refused(400, "record_shape", "POST", "/predict/churn", [*rows[:3], 7])["error"]
    world.refused(400, "body_json", "POST", "/predict/churn", b'[{"tenure": 1}, {"tenure": }]')
    assert len(world.told("POST", "/predict/churn", b'[{"tenure": 1}, {"tenure": NaN}]')["predictions"]) == 2
