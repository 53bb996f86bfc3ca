"""The model repository extension: hints to one worker about what to keep in memory."""

import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from tests.serving.conftest import World

from tenantry.serving.models import Model

INDEX = "/v2/repository/index"
CHURN = "/v2/repository/models/churn"
SCORED = {"inputs": [{"name": "tenure", "shape": [1], "datatype": "FP64", "data": [1.0]}]}


def unload(world: World) -> None:
    """Unload churn, and wait until the loader's thread has let go of it."""
    world.told("POST", f"{CHURN}/unload", key="acme-builder")
    world.state.residency._loads.run(lambda: None).result(10)


def states(world: World, body: bytes = b"", key: str = "acme-builder") -> dict[tuple[str, str], str]:
    listed = world.told("POST", INDEX, body, key=key)
    return {(one["name"], one["version"]): one["state"] for one in listed}


def test_the_index_lists_the_tenants_versions_and_no_others(world: World) -> None:
    listed = world.told("POST", INDEX, key="bolt-admin")
    reason = "not in this worker's memory; a request brings it in"
    assert listed == [{"name": "secret", "version": "1", "state": "UNAVAILABLE", "reason": reason}]
    assert set(states(world)) == {
        ("churn", "1"), ("churn", "2"), ("churn", "10"), ("segment", "1"), ("unpublished", "1"), ("value", "1"),
    }  # fmt: skip


def test_a_scored_version_is_ready_and_ready_alone_can_be_asked_for(world: World) -> None:
    world.told("POST", "/v2/models/segment/infer", SCORED)
    assert states(world)["segment", "1"] == "READY"
    assert states(world, b'{"ready": true}') == {("segment", "1"): "READY"}
    assert len(states(world, b'{"ready": false}')) == 6


def test_loading_brings_in_what_is_in_use(world: World) -> None:
    assert world.told("POST", f"{CHURN}/load", key="acme-builder") == {}
    # champion is 1, challenger is 2; 10 is the same file as 1, and a file is what memory holds.
    assert states(world, b'{"ready": true}') == {("churn", version): "READY" for version in ("1", "2", "10")}
    opened = len(world.runtime.opened)
    world.told("POST", f"{CHURN}/load", b'{"parameters": {}}', key="acme-builder")
    assert len(world.runtime.opened) == opened == 2


def test_unloading_gives_the_memory_back_and_a_request_brings_it_in_again(world: World) -> None:
    world.told("POST", f"{CHURN}/load", key="acme-builder")
    assert world.state.residency.bytes > 0
    body = {"parameters": {"unload_dependents": False}}
    assert world.told("POST", f"{CHURN}/unload", body, key="acme-builder") == {}
    world.state.residency._loads.run(lambda: None).result(10)
    assert (len(world.state.residency), world.state.residency.bytes) == (0, 0)
    assert states(world, b'{"ready": true}') == {}
    assert world.told("POST", "/v2/models/churn/infer", SCORED)["model_version"] == "1"
    assert states(world)["churn", "1"] == "READY"


def test_a_model_in_use_is_not_unloaded(world: World) -> None:
    world.told("POST", f"{CHURN}/load", key="acme-builder")
    ref = world.state.current.endpoints["acme"]["churn"].versions["1"]  # type: ignore[index]
    model = world.state.residency.find("acme", ref)  # type: ignore[arg-type]
    assert isinstance(model, Model)
    with world.state.residency.lease(model):
        unload(world)
        assert states(world)["churn", "1"] == "READY"
        assert states(world)["churn", "2"] == "UNAVAILABLE"
    unload(world)
    assert states(world)["churn", "1"] == "UNLOADING"  # this test still holds it
    del model
    assert states(world)["churn", "1"] == "UNAVAILABLE"


def test_a_model_that_is_being_read_is_loading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, go_on = threading.Event(), threading.Event()
    opened = world.runtime.open

    def slow(path: Path) -> object:
        reading.set()
        go_on.wait(10)
        return opened(path)

    monkeypatch.setattr(world.runtime, "open", slow)
    ref = world.state.current.endpoints["acme"]["value"].versions["1"]  # type: ignore[index]
    future: Future[Model] = world.state.residency.load("acme", ref)  # type: ignore[arg-type]
    reading.wait(10)
    assert states(world)["value", "1"] == "LOADING"
    go_on.set()
    future.result(10)
    assert states(world)["value", "1"] == "READY"


def test_a_damaged_model_is_refused_with_its_reason_which_the_index_repeats(world: World) -> None:
    ref = world.state.current.endpoints["acme"]["value"].versions["1"]  # type: ignore[index]
    (world.home / ref.path).write_bytes(b"not what it was")
    error = world.refused(500, "plan_corrupt", "POST", "/v2/repository/models/value/load", key="acme-admin")
    listed = world.told("POST", INDEX)
    (value,) = (one for one in listed if one["name"] == "value")
    assert (value["state"], value["reason"]) == ("UNAVAILABLE", error["error"])


def test_who_may_not_change_models_may_not_load_them(world: World) -> None:
    for key in ("acme-scorer", "acme-viewer"):
        assert world.ask("POST", INDEX, key=key).status == 200
        for what in ("load", "unload"):
            world.refused(403, "forbidden", "POST", f"{CHURN}/{what}", key=key)
    world.refused(404, "not_found", "POST", f"{CHURN}/load", key="bolt-admin")
    world.refused(404, "not_found", "POST", f"{CHURN}/unload", key="bolt-admin")
    world.refused(401, "unauthenticated", "POST", INDEX, key=None)


def test_bodies_that_are_wrong_say_so(world: World) -> None:
    world.refused(400, "body_json", "POST", INDEX, b"[")
    world.refused(400, "body_json", "POST", INDEX, b'{"ready": "yes"}')
    world.refused(400, "body_json", "POST", f"{CHURN}/unload", b"[]", key="acme-builder")
    for name in ("config", "file:1/model.onnx"):
        body = {"parameters": {name: "{}"}}
        world.refused(400, "parameter_value", "POST", f"{CHURN}/load", body, key="acme-builder")
