"""Health, metadata, keys, roles, tenants, methods and limits at the core."""

import gzip
import inspect
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from tenantry import __version__
from tenantry.access import may
from tenantry.errors import CATALOGUE
from tenantry.serving import ROUTES
from tenantry.serving.routes import Route
from tenantry.serving.work import Work
from tenantry.telemetry import configure

CLOSED = [route for route in ROUTES if not route.public]
OF_TENANTS = [route for route in CLOSED if route.tenant and "{model}" in route.path]


def path_of(route: Route, model: str = "churn", version: str = "1") -> str:
    return route.path.replace("{model}", model).replace("{version}", version)


def test_health_needs_no_key(world: Any) -> None:
    assert world.told("GET", "/v2/health/live", key=None) == {"live": True}
    assert world.told("GET", "/v2/health/ready", key=None) == {"ready": True}


def test_a_worker_without_a_table_lives_but_is_not_ready(world: Any) -> None:
    world.state.table = None
    assert world.ask("GET", "/v2/health/live", key=None).status == 200
    assert world.ask("GET", "/v2/health/ready", key=None).status == 503
    world.refused(503, "serving_starting", "GET", "/v2")


def test_server_metadata(world: Any) -> None:
    assert world.told("GET", "/v2") == {
        "name": "tenantry",
        "version": __version__,
        "extensions": [
            "binary_tensor_data",
            "classification",
            "model_repository",
            "model_repository(unload_dependents)",
            "parameters",
            "schedule_policy",
            "statistics",
        ],
    }


def test_the_list_holds_only_the_tenants_own(world: Any) -> None:
    assert world.told("GET", "/v2/models") == {"models": ["churn", "segment", "unpublished", "value"]}
    assert world.told("GET", "/v2/models", key="bolt-admin") == {"models": ["secret"]}


def test_model_metadata(world: Any) -> None:
    assert world.told("GET", "/v2/models/churn") == {
        "name": "churn",
        "versions": ["1", "2", "10"],
        "platform": "tenantry_plan",
        "inputs": [
            {"name": "tenure", "datatype": "FP64", "shape": [-1]},
            {"name": "Contract", "datatype": "BYTES", "shape": [-1]},
            {"name": "charges", "datatype": "FP64", "shape": [-1]},
        ],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "score", "datatype": "FP64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
            {"name": "reasons", "datatype": "BYTES", "shape": [-1]},
        ],
        "parameters": {
            "version": "1",
            "aliases": {"challenger": "2", "champion": "1"},
            "task": "binary",
            "target": "Churn",
            "classes": ["No", "Yes"],
            "positive_class": "Yes",
            "threshold": 0.4,
        },
    }
    assert world.told("GET", "/v2/models/churn/versions/challenger")["parameters"]["version"] == "2"


def test_metadata_of_a_regression_has_no_label(world: Any) -> None:
    outputs = world.told("GET", "/v2/models/value")["outputs"]
    assert [output["name"] for output in outputs] == ["score", "reasons"]


def test_readiness_of_a_model(world: Any) -> None:
    assert world.told("GET", "/v2/models/churn/ready")["ready"] is True
    assert world.told("GET", "/v2/models/churn/versions/2/ready")["version"] == "2"
    world.refused(404, "not_found", "GET", "/v2/models/unpublished/ready")
    world.refused(404, "not_found", "GET", "/v2/models/churn/versions/3/ready")


def test_a_lost_plan_makes_the_model_unavailable(world: Any) -> None:
    for path in (world.home / "blobs" / "acme").iterdir():
        path.unlink()
    error = world.refused(503, "model_unavailable", "GET", "/v2/models/churn/ready")
    assert str(world.home) not in error["error"]
    told = world.told("GET", "/v2/models/churn/residency")
    assert told["copies"] == []
    assert {one["why"] for one in told["failures"]} == {error["error"]}


def test_what_a_worker_holds_is_told_without_looking_at_others_models(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = world.state.residency
    world.told("POST", "/predict/value", {"tenure": 1})
    world.told("POST", "/predict/secret", {"tenure": 1}, key="bolt-admin")
    with monkeypatch.context() as patch:
        patch.setattr(held, "states", lambda: pytest.fail("every model of the worker was looked at"))
        told = world.told("GET", "/v2/models/value/residency")
    assert told.keys() == {"copies", "failures", "events"}  # nothing of the whole worker
    ((version, state),) = [(one["version"], one["state"]) for one in told["copies"]]
    assert (version, state) == ("1", "READY")
    model = held.find("acme", world.state.table.endpoints["acme"]["value"].versions["1"])
    held.log.add("evicted", model, "budget: memory is full [9 KB over, 812 models]", 0.0)
    told = world.told("GET", "/v2/models/value/residency")
    assert [one["why"] for one in told["events"]] == ["budget: memory is full"]


@pytest.mark.parametrize("data", [b"", b"{}", b"nonsense"])
def test_a_damaged_plan_is_refused(world: Any, data: bytes) -> None:
    for path in (world.home / "blobs" / "acme").iterdir():
        path.write_bytes(data)
    error = world.refused(500, "plan_corrupt", "POST", "/predict/churn", {"tenure": 1})
    assert str(world.home) not in error["error"]


@pytest.mark.parametrize("key", [None, "", "nobody", "acme-expired", "ACME-SCORER"])
@pytest.mark.parametrize("route", [*CLOSED, Route("GET", "/v2/nothing"), Route("PUT", "/v2/models/churn")])
def test_without_a_good_key_every_path_answers_alike(world: Any, route: Route, key: str | None) -> None:
    response = world.ask(route.method, path_of(route), b"{}", key=key, x_request_id="r-1")
    other = world.ask("GET", "/v2/models/secret", key="wrong", x_request_id="r-1")
    assert response.status == 401
    assert response == other
    assert (b"www-authenticate", b"Bearer") in response.headers


@pytest.mark.parametrize(
    "authorization", ["Basic acme-scorer", "acme-scorer", "Bearer", "Bearer  ", "Bearer x y"]
)
def test_a_malformed_key_is_no_key(world: Any, authorization: str) -> None:
    world.refused(401, "unauthenticated", "GET", "/v2", key=None, authorization=authorization)


def test_the_scheme_is_read_in_any_case(world: Any) -> None:
    world.told("GET", "/v2", key=None, authorization="bearer acme-scorer")


def sent_to(route: Route, world: Any, **rest: Any) -> Any:
    infer = {"inputs": [{"name": "tenure", "shape": [1], "datatype": "FP64", "data": [1]}]}
    body = infer if route.path.endswith("/infer") else {"tenure": 1}
    model = rest.pop("model", "churn")
    rest.setdefault("x_request_id", "r-1")
    return world.ask(route.method, path_of(route, model), b"" if route.method == "GET" else body, **rest)


@pytest.mark.parametrize("route", CLOSED)
def test_roles_may_what_access_says(world: Any, route: Route) -> None:
    for role in ("admin", "builder", "scorer", "viewer"):
        able = any(may(role, action) for action in route.actions)
        assert sent_to(route, world, key=f"acme-{role}").status == (200 if able else 403)
    assert sent_to(route, world, key="operator", x_tenant="acme").status == 200
    assert sent_to(route, world, key="acme-odd").status == 403


@pytest.mark.parametrize("route", OF_TENANTS)
@pytest.mark.parametrize("key", ["acme-admin", "acme-builder", "acme-scorer", "acme-viewer"])
def test_a_foreign_name_and_no_name_give_the_same_bytes(world: Any, route: Route, key: str) -> None:
    foreign = sent_to(route, world, key=key, model="secret")
    nonexistent = sent_to(route, world, key=key, model="nothing-of-the-kind")
    assert foreign == nonexistent
    assert foreign.status == (404 if key.removeprefix("acme-") in route.roles else 403)
    # The header that lets operators act for a tenant does nothing for anybody else.
    assert sent_to(route, world, key=key, model="secret", x_tenant="bolt") == foreign


@pytest.mark.parametrize("route", [route for route in CLOSED if route.tenant])
def test_an_operator_names_a_tenant(world: Any, route: Route) -> None:
    response = sent_to(route, world, key="operator")
    assert response.status == 400
    assert msgspec.json.decode(response.body)["code"] == "tenant_required"
    bad = sent_to(route, world, key="operator", x_tenant="../acme")
    assert msgspec.json.decode(bad.body)["code"] == "header_value"
    if "{model}" in route.path:
        assert sent_to(route, world, key="operator", x_tenant="nobody").status == 404


def test_every_reply_names_the_version_of_the_server(world: Any) -> None:
    replies = [
        world.ask("GET", "/v2/health/live", key=None),
        world.ask("GET", "/v2"),
        world.ask("GET", "/v2", key=None),
        world.ask("GET", "/nothing"),
        world.ask("POST", "/predict/churn", {"tenure": 1}),
    ]
    for reply in replies:
        assert (b"server", f"tenantry/{__version__}".encode()) in reply.headers
        assert dict(reply.headers)[b"content-length"] == str(len(reply.body)).encode()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v2/",
        "/v2/model",
        "/v2/models/",
        "/v2/models/churn/",
        "/predict",
        "/predict/",
        "/predict/a/b",
    ],
)
def test_an_unknown_path_is_told_apart(world: Any, path: str) -> None:
    world.refused(404, "route_unknown", "GET", path)


@pytest.mark.parametrize("route", ROUTES)
def test_other_methods_are_refused_with_the_right_one(world: Any, route: Route) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"} - {route.method}:
        response = world.ask(method, path_of(route))
        assert response.status == 405, (method, route)
        assert (b"allow", route.method.encode()) in response.headers


def test_headers_alone_can_refuse_a_body(world: Any) -> None:
    good = {b"authorization": b"Bearer acme-scorer"}

    def refuse(method: str, path: str, headers: dict[bytes, bytes]) -> Any:
        return world.core.begin(method, path, b"", headers)

    assert isinstance(refuse("POST", "/predict/churn", {**good, b"content-length": b"1000"}), Work)
    assert refuse("POST", "/predict/churn", {**good, b"content-length": b"99999999999"}).status == 413
    assert refuse("POST", "/predict/churn", {**good, b"content-length": b"-1"}).status == 413
    assert refuse("POST", "/predict/churn", {}).status == 401
    assert refuse("POST", "/nothing", good).status == 404
    assert refuse("GET", "/v2", {**good, b"content-length": b"1"}).status == 413


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_defect_answers_500_is_logged_without_keys_and_the_worker_goes_on(
    world: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, style: str
) -> None:
    log = io.StringIO()
    configure("info", style, stream=log)
    request.addfinalizer(structlog.reset_defaults)

    def broken(*args: Any) -> Any:
        raise RuntimeError("boom")

    monkeypatch.setattr(world.state.residency, "find", broken)
    error = world.refused(500, "internal", "POST", "/predict/churn", {"tenure": 1})
    assert "boom" not in str(error)
    assert "boom" in log.getvalue()
    assert "acme-scorer" not in log.getvalue()
    monkeypatch.undo()
    world.told("POST", "/predict/churn", {"tenure": 1})


def test_what_is_remembered_of_a_caller_goes_with_its_table(world: Any) -> None:
    ask = ("POST", "/predict/churn", {"tenure": 1})
    for _ in range(2):
        world.told(*ask)
    table = world.state.table
    world.state.swap(msgspec.structs.replace(table, number=2, keys={}))
    assert world.ask(*ask).status == 401  # revoked
    other = {digest: msgspec.structs.replace(key, tenant="bolt") for digest, key in table.keys.items()}
    world.state.swap(msgspec.structs.replace(table, number=3, keys=other))
    assert world.ask(*ask).status == 404  # it is another tenant's now
    role = {digest: msgspec.structs.replace(key, role="viewer") for digest, key in table.keys.items()}
    world.state.swap(msgspec.structs.replace(table, number=4, keys=role))
    assert world.ask(*ask).status == 403
    world.state.swap(table)
    world.told(*ask)
    world.state.table = None
    assert world.ask(*ask).status == 503


def test_a_remembered_key_expires(world: Any) -> None:
    ask = ("POST", "/predict/churn", {"tenure": 1})
    for _ in range(2):
        world.told(*ask)
    world.core.now = lambda: 1_001.0
    for _ in range(2):
        world.refused(401, "unauthenticated", *ask)


def test_an_operators_key_acts_for_whom_each_request_names(world: Any) -> None:
    ask = ("POST", "/predict/churn", {"tenure": 1})
    for _ in range(2):
        world.told(*ask, key="operator", x_tenant="acme")
        assert world.ask(*ask, key="operator", x_tenant="bolt").status == 404
        assert world.ask(*ask, key="operator").status == 400
        assert world.ask(*ask, x_tenant="bolt").status == 200  # another key cannot name a tenant


def test_a_decompressed_body_is_bounded(make_world: Callable[..., Any]) -> None:
    world = make_world(body_bytes=1000)
    world.refused(
        413, "body_too_large", "POST", "/predict/churn", gzip.compress(bytes(5000)), content_encoding="gzip"
    )


def test_every_code_that_serving_raises_is_in_the_catalogue() -> None:
    import tenantry.serving as package
    from tenantry import wire

    raised = re.compile(r'(?:Invalid\w+|NotFound|Un\w+|Corrupt|Internal|Forbidden)\(\s*"(\w+)"')
    for module in (package, wire):
        for path in Path(inspect.getfile(module)).parent.glob("*.py"):
            for code in raised.findall(path.read_text()):
                assert code in CATALOGUE, (path.name, code)


def test_padded_keys_and_made_up_versions_take_no_memory(world: Any) -> None:
    core = world.core
    for length in range(6, 3000, 13):
        padded = {b"authorization": b"Bearer".ljust(length) + b" acme-scorer"}
        assert isinstance(core.begin("POST", "/predict/churn", b"", padded), Work)
        asked = {b"authorization": b"Bearer acme-scorer"}
        core.begin("POST", f"/v2/models/churn/versions/{'9' * length}/infer", b"", asked)
    for known in (core._entrances._known, world.state.known._known):
        assert 0 < len(known) < 60
    assert max(len(given) for given in world.state.known._known) <= 256
    assert max(len(part) for key in core._entrances._known for part in key) <= 256


def test_a_deployment_may_have_the_name_of_a_part_of_a_path(world: Any) -> None:
    table = world.state.current
    own = {**table.endpoints["acme"], "stats": table.endpoints["acme"]["value"]}
    world.state.swap(msgspec.structs.replace(table, number=2, endpoints={**table.endpoints, "acme": own}))
    inputs = {"inputs": [{"name": "tenure", "shape": [1], "datatype": "FP64", "data": [4]}]}
    for path in ("/v2/models/stats/infer", "/v2/models/stats/versions/1/infer"):
        told = world.told("POST", path, inputs)
        assert (told["model_name"], told["outputs"][0]["data"]) == ("stats", [4.0])
    assert world.told("GET", "/v2/models/stats/ready")["name"] == "stats"
    assert world.told("GET", "/v2/models/stats/stats")["model_stats"][0]["name"] == "stats"
    assert len(world.told("GET", "/v2/models/stats")["model_stats"]) > 1  # the protocol's own, of all models
    for path in ("/v2/models//infer", "/v2/models/stats/infer/", "/v2/models/stats/versions", "/v2/models/"):
        world.refused(404, "route_unknown", "GET", path)
    world.refused(405, "method_not_allowed", "GET", "/v2/models/stats/infer")


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/v2", None, 401),
        ("GET", "/v2", "nobody's", 401),
        ("GET", "/nowhere", "acme-scorer", 404),
        ("POST", "/predict/absent", "acme-scorer", 404),
        ("DELETE", "/predict/churn", "acme-scorer", 405),
        ("POST", "/predict/churn", "acme-viewer", 403),
        ("GET", "/v2", "acme-scorer", 200),
    ],
)
def test_whatever_the_reply_it_has_the_requests_id(
    world: Any, method: str, path: str, key: str | None, status: int
) -> None:
    for given, wanted in (("r-7", "r-7"), ("not one", r"[0-9a-f]{12}-[0-9a-f]+")):
        response = world.ask(method, path, key=key, x_request_id=given)
        assert response.status == status
        ids = [value.decode() for name, value in response.headers if name == b"x-request-id"]
        assert len(ids) == 1
        assert re.fullmatch(wanted, ids[0])
