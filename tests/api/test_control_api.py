"""What the control API takes, refuses and says, beyond who may ask (``test_isolation``)."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.house import ACME, BOLT, COIL, House
from tests.workflows.installation import DEFINITION

from tenantry.access import Role
from tenantry.api.application import create_app
from tenantry.api.resources import ROUTES
from tenantry.app.control import control_plane
from tenantry.errors import CATALOGUE
from tenantry.workflows import request_training

CSV = b"name;amount\nAda;1\nBen;2\n"


def _error(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = reply.json()
    assert (reply.status_code, body["code"]) == (status, code), body
    assert body["error"]
    assert body["hint"]
    assert code in CATALOGUE
    return body


# Shape of requests


def test_unknown_paths_methods_and_parameters_are_errors_like_all_others(house: House) -> None:
    for path in ("/", "/api", "/api/v2/models", "/api/v1/nothing", "/api/v1/models/", "/docs", "//"):
        _error(house.admin("GET", path), 404, "route_unknown")
    reply = house.admin("PATCH", "/api/v1/models/churn")
    _error(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == "GET"
    assert house.admin("DELETE", "/api/v1/keys").headers["allow"] == "GET, POST"
    _error(house.admin("GET", "/api/v1/models?colour=red"), 400, "query_value")
    _error(house.admin("GET", "/api/v1/models/churn?limit=1"), 400, "query_value")


@pytest.mark.parametrize("query", ["limit=0", "limit=51", "limit=x", "limit=", "offset=-1", "limit=1.5"])
def test_a_bad_page_is_refused(house: House, query: str) -> None:
    body = _error(house.admin("GET", f"/api/v1/models?{query}"), 400, "query_value")
    assert query.partition("=")[0] in body["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "body_json"),
        (b"\xff\xfe", "body_json"),
        (b'{"role": "viewer"} x', "body_json"),
        (b"[" * 5000, "body_json"),
        (b'{"role": "viewer", "expires_in": 1e999}', "number_range"),
        (b"[]", "body_value"),
        (b"{}", "body_value"),
        (b'{"role": "king"}', "body_value"),
        (b'{"role": "viewer", "colour": 1}', "body_value"),
        (b'{"role": "viewer", "expires_in": 0}', "body_value"),
        (b'{"role": "viewer", "label": 7}', "body_value"),
        (b'{"role": "viewer", "label": "' + b"x" * 201 + b'"}', "body_value"),
    ],
)
def test_a_bad_body_is_refused_with_its_place(house: House, body: bytes, code: str) -> None:
    _error(house.admin("POST", "/api/v1/keys", content=body), 400, code)


def test_a_body_that_is_too_long_is_refused(house: House) -> None:
    _error(house.admin("POST", "/api/v1/keys", content=b" " * 1_000_001), 413, "body_too_large")


@pytest.mark.parametrize("name", ["%00", "a%20b", "%F0%9F%98%80", "x" * 5000, "-", "%2e%2e", "a;b", "%7B%7D"])
def test_strange_names_are_no_ones(house: House, name: str) -> None:
    for path in (f"models/{name}", f"datasets/{name}", f"predictions/{name}", f"jobs/{name}"):
        reply = house.admin("GET", f"/api/v1/{path}")
        assert reply.status_code in (400, 404), (path, reply.text)
        assert reply.json()["code"] in CATALOGUE


def test_an_operator_must_say_for_whom(house: House) -> None:
    body = _error(house.ask("GET", "/api/v1/models", house.operator), 400, "tenant_required")
    assert "X-Tenant" in body["hint"]
    assert house.ask("GET", "/api/v1/models", house.operator, tenant=ACME).json()["total"] == 1
    _error(house.ask("GET", "/api/v1/models", house.operator, tenant="zz"), 404, "tenant_unknown")
    _error(house.ask("GET", "/api/v1/models", house.operator, tenant="Z Z"), 400, "tenant_name")


# Tenants and keys


def test_tenants_are_made_once_listed_in_pages_and_shown(house: House) -> None:
    made = house.ask("POST", "/api/v1/tenants", house.operator, json={"id": "new", "attributes": {"tier": 1}})
    assert made.status_code == 201
    assert made.json()["attributes"] == {"tier": 1}
    _error(house.ask("POST", "/api/v1/tenants", house.operator, json={"id": "new"}), 409, "tenant_exists")
    _error(house.ask("POST", "/api/v1/tenants", house.operator, json={"id": "New!"}), 400, "tenant_name")
    assert house.ask("GET", "/api/v1/tenants/new", house.operator).json()["id"] == "new"
    page = house.ask("GET", "/api/v1/tenants?limit=2&offset=1", house.operator).json()
    assert [tenant["id"] for tenant in page["items"]] == ["bolt", "coil"]
    assert (page["total"], page["limit"], page["offset"]) == (4, 2, 1)


def test_a_key_works_at_once_and_no_more_when_it_is_revoked(house: House) -> None:
    made = house.ask("POST", "/api/v1/keys", house.keys[BOLT, Role.ADMIN], json={"role": "viewer"}).json()
    who = house.ask("GET", "/api/v1/me", made["key"]).json()
    assert (who["id"], who["tenant"], who["role"]) == (made["id"], "bolt", "viewer")
    revoked = house.ask("DELETE", f"/api/v1/keys/{made['id']}", house.keys[BOLT, Role.ADMIN]).json()
    assert revoked["revoked"] is not None
    _error(house.ask("GET", "/api/v1/me", made["key"]), 401, "unauthenticated")
    listed = house.ask("GET", "/api/v1/keys", house.keys[BOLT, Role.ADMIN])
    assert made["key"] not in listed.text


def test_a_tenants_admin_cannot_make_an_operator(house: House) -> None:
    _error(house.admin("POST", "/api/v1/keys", json={"role": "operator"}), 400, "key_role")
    _error(house.ask("POST", "/api/v1/keys", house.operator, json={"role": "admin"}), 400, "key_role")
    made = house.ask("POST", "/api/v1/keys", house.operator, json={"role": "operator"}).json()
    assert house.ask("GET", "/api/v1/tenants", made["key"]).status_code == 200


# Data


def test_a_file_comes_in_as_the_body_or_in_a_form_and_is_the_same_snapshot(house: House) -> None:
    key = house.keys[COIL, Role.BUILDER]
    path = "/api/v1/datasets/people"
    raw = house.ask("POST", f"{path}?filename=people.csv", key, content=CSV)
    assert raw.status_code == 201
    assert (raw.json()["rows"], raw.json()["source"]) == (2, "people.csv")
    packed = house.ask("POST", path, key, content=gzip.compress(CSV))
    form = house.ask("POST", path, key, files={"file": ("C:\\data\\people.csv", CSV)})
    assert {reply.json()["digest"] for reply in (raw, packed, form)} == {raw.json()["digest"]}
    assert [column["name"] for column in raw.json()["columns"]] == ["name", "amount"]
    profile = house.ask("GET", f"{path}/profile", key).json()
    assert profile["columns"][0]["examples"] == ["Ada", "Ben"]
    assert house.ask("GET", path, key).json()["total"] == 1


def test_uploads_that_are_no_table_say_why(house: House) -> None:
    key = house.keys[COIL, Role.BUILDER]
    path = "/api/v1/datasets/people"
    _error(house.ask("POST", path, key), 400, "upload_empty")
    _error(house.ask("POST", path, key, files={"other": ("x.csv", CSV)}), 400, "upload_empty")
    _error(house.ask("POST", path, key, files={"file": ("x.csv", b"")}), 400, "upload_empty")
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    _error(house.ask("POST", path, key, content=b"--x\r\nnonsense", headers=broken), 400, "upload_empty")
    _error(house.ask("POST", path, key, content=b"PK\x03\x04" + b"\0" * 90), 422, "file_archive")
    body = _error(
        house.ask("POST", f"{path}?filename=a/b/c.csv", key, content=b"a,b\n1,2,3\n"), 422, "row_ragged"
    )
    assert "c.csv" in body["error"]
    assert "/" not in body["error"].partition("c.csv")[0]


def test_an_upload_over_the_limit_is_stopped(house: House, tmp_path: Path) -> None:
    control = control_plane(house.services)
    small = type(control)(stores=control.stores, upload_limit_bytes=1000)
    house_app, house.app = house.app, create_app(small)
    try:
        key = house.keys[COIL, Role.BUILDER]
        big = b"a,b\n" + b"1,2\n" * 1000
        _error(house.ask("POST", "/api/v1/datasets/big", key, content=big), 413, "body_too_large")
        files = {"file": ("big.csv", big)}
        _error(house.ask("POST", "/api/v1/datasets/big", key, files=files), 413, "body_too_large")
        huge = {"file": ("big.csv", b"1,2\n" * 600_000)}
        _error(house.ask("POST", "/api/v1/datasets/big", key, files=huge), 413, "body_too_large")
    finally:
        house.app = house_app


# Predictions and jobs


def test_a_definition_is_checked_field_by_field(house: House) -> None:
    key = house.keys[COIL, Role.BUILDER]
    body = _error(
        house.ask("PUT", "/api/v1/predictions/p", key, json={"targt": "x", "budget_cpu_seconds": -1}),
        400,
        "definition_invalid",
    )
    assert set(body["details"]["fields"]) >= {"targt", "target", "budget_cpu_seconds"}
    _error(
        house.ask("PUT", "/api/v1/predictions/p", key, json={"name": "q", "target": "x"}),
        400,
        "definition_invalid",
    )
    _error(house.ask("PUT", "/api/v1/predictions/p", key, json=[1]), 400, "definition_invalid")
    kept = house.ask("PUT", "/api/v1/predictions/p", key, json={"target": "x"})
    assert kept.json()["name"] == "p"
    assert house.ask("GET", "/api/v1/predictions/p", key).json() == kept.json()
    gone = house.ask("DELETE", "/api/v1/predictions/p", key)
    assert (gone.status_code, gone.content) == (204, b"")
    _error(house.ask("GET", "/api/v1/predictions/p", key), 404, "not_found")


def test_a_training_is_queued_once_for_an_idempotency_key_and_can_be_cancelled(house: House) -> None:
    path = "/api/v1/predictions/churn/train"
    first = house.admin("POST", path, headers={"Idempotency-Key": "today"})
    assert first.status_code == 202
    job = first.json()
    assert (job["state"], job["payload"]["snapshot"]) == ("queued", house.snapshot.digest)
    assert house.admin("POST", path, headers={"Idempotency-Key": "today"}).json()["id"] == job["id"]
    assert house.admin("GET", "/api/v1/jobs?state=queued").json()["total"] == 1
    assert house.admin("POST", f"/api/v1/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    named = house.admin("POST", path, json={"dataset": house.snapshot.digest}).json()
    house.admin("POST", f"/api/v1/jobs/{named['id']}/cancel")
    _error(house.admin("POST", path, json={"dataset": "nowhere"}), 404, "not_found")
    _error(house.admin("POST", path, json={"dataset": "0" * 64}), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("predictions/nowhere", "there is no prediction of that name for this tenant"),
        ("datasets/nowhere", "there is no data set of that name for this tenant"),
        ("models/nowhere", "there is no model of that name for this tenant"),
        ("models/churn/versions/9", "there is no such version of that model for this tenant"),
        ("jobs/job-0", "there is no job with that id for this tenant"),
    ],
)
def test_what_is_missing_is_told_by_its_kind(house: House, path: str, said: str) -> None:
    reply = house.admin("GET", f"/api/v1/{path}")
    assert reply.status_code == 404
    assert reply.json()["error"] == said


def test_an_alias_that_is_not_there_is_told_as_one(house: House) -> None:
    reply = house.admin("POST", "/api/v1/models/churn/aliases/shadow/rollback")
    assert (reply.status_code, reply.json()["error"]) == (
        404,
        "there is no such alias of that model for this tenant",
    )


def test_a_training_without_data_says_how_to_bring_them(house: House) -> None:
    asked = house.admin("POST", "/api/v1/predictions/churn/train", json={"dataset": "nowhere"}).json()
    assert asked["error"] == "there is no data set of that name for this tenant to train on"
    assert "POST /api/v1/datasets/" in asked["hint"]


def _events(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_events_are_told_to_the_end_and_from_where_a_client_left_off(house: House) -> None:
    path = f"/api/v1/jobs/{house.jobs[0].id}/events"
    reply = house.admin("GET", path)
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = _events(reply.text)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert events[0][1] == "queued"
    assert events[-1][1] == "succeeded"
    assert [event["stage"] for _, _, event in events][-2] == "publish"
    rest = house.admin("GET", path, headers={"Last-Event-ID": "3"})
    assert _events(rest.text) == events[3:]
    assert _events(house.admin("GET", f"{path}?after=4").text) == events[4:]
    _error(house.admin("GET", path, headers={"Last-Event-ID": "x"}), 400, "header_value")


def test_a_follower_sees_events_while_they_happen(house: House) -> None:
    jobs = house.services.jobs
    job = request_training(house.services, ACME, DEFINITION, snapshot=house.snapshot.digest)

    async def follow() -> str:
        transport = httpx.ASGITransport(app=house.app)
        headers = {"Authorization": f"Bearer {house.keys[ACME, Role.VIEWER]}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            asked = asyncio.create_task(client.get(f"/api/v1/jobs/{job.id}/events", headers=headers))
            await asyncio.sleep(0.3)
            claim = jobs.claim_job("tests", ACME, job.id, 60.0)
            assert claim is not None
            jobs.report(claim, "learn", 0.5, "half")
            await asyncio.sleep(0.3)
            jobs.fail(claim, {"error": "no", "code": "too_few_rows", "hint": "more"})
            return (await asked).text

    events = _events(asyncio.run(follow()))
    assert [state for _, state, _ in events] == ["queued", "running", "running", "failed"]
    assert events[2][2]["detail"] == "half"


# Models


def test_versions_are_named_by_number_or_alias(house: House) -> None:
    by_alias = house.admin("GET", "/api/v1/models/churn/versions/champion").json()
    assert by_alias == house.admin("GET", "/api/v1/models/churn/versions/2").json()
    assert by_alias["aliases"] == ["champion"]
    assert by_alias["manifest"]["data"]["snapshot"] == house.snapshot.digest
    assert (
        house.admin("GET", "/api/v1/models/churn/versions/1/scorecard").json()["metrics"][0]["value"] == 0.8
    )
    assert house.admin("GET", "/api/v1/models/churn/versions/1/card").text == "# churn\n"


def test_aliases_move_only_from_where_the_caller_thinks_they_are(house: House) -> None:
    alias = "/api/v1/models/churn/aliases/shadow"
    assert house.admin("PUT", alias, json={"version": 1, "expected": 0}).json()["number"] == 1
    _error(house.admin("PUT", alias, json={"version": 2, "expected": 2}), 409, "alias_moved")
    assert house.admin("PUT", alias, json={"version": "champion", "expected": 1}).json()["number"] == 2
    assert house.admin("POST", f"{alias}/rollback").json()["number"] == 1
    _error(house.admin("POST", f"{alias}/rollback"), 409, "no_rollback")
    history = house.admin("GET", f"{alias}/history").json()
    assert [(change["number"], change["rollback"]) for change in history["items"]] == [
        (1, True),
        (2, False),
        (1, False),
    ]
    assert house.admin("GET", "/api/v1/models/churn/aliases").json()["shadow"] == 1


def test_an_export_is_a_file_with_a_name(house: House) -> None:
    reply = house.admin("GET", "/api/v1/models/churn/versions/1/export")
    assert reply.headers["content-disposition"] == 'attachment; filename="churn-1.onnx"'
    plan = house.admin("GET", "/api/v1/models/churn/versions/1/export?format=plan").content
    assert plan.startswith(b"TNPLAN")
    _error(house.admin("GET", "/api/v1/models/churn/versions/1/export?format=pickle"), 400, "query_value")


def test_damaged_files_are_found_and_named(tmp_path: Path) -> None:
    own = House(tmp_path)
    try:
        plan = own.services.registry.version(ACME, "churn", "1")
        detail = own.admin("GET", "/api/v1/models/churn/versions/1").json()
        digest = detail["manifest"]["files"]["plan.tnp"]["sha256"]
        path = own.services.blobs.path(ACME, digest)
        path.chmod(0o600)
        path.write_bytes(b"damaged")
        body = _error(
            own.admin("GET", f"/api/v1/models/churn/versions/{plan.number}/verify"), 500, "bundle_corrupt"
        )
        assert "plan.tnp" in body["error"]
    finally:
        own.close()


# The description


def test_the_description_covers_every_route_with_its_errors(house: House) -> None:
    document = house.ask("GET", "/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["summary"]
        assert str(route.status) in operation["responses"]
        assert {"400", "500"} <= set(operation["responses"])
        named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert named == set(route.parameters)
    text = json.dumps(document)
    for reference in set(_references(document)):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"], reference
    assert "Page_" not in text
    assert "tenantry." not in text.replace("tenantry.tnp", "")


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for one in value.values() for found in _references(one)]
    return [found for one in value for found in _references(one)] if isinstance(value, list) else []


def test_replies_are_what_the_description_says(house: House) -> None:
    """Every GET's reply has exactly the fields that its schema names, none missing that is required."""
    document = house.ask("GET", "/openapi.json").json()
    names = {"model": "churn", "version": "2", "alias": "champion", "dataset": "churn", "prediction": "churn"}
    names |= {"policy": "standard", "tenant": "acme", "job": house.jobs[0].id}
    for route in ROUTES:
        if route.method != "GET" or route.media != "application/json" or "rollout" in route.parameters:
            continue  # no rollout runs in this house: test_rollouts looks at their replies
        answer = house.ask("GET", route.path.format(**names), house.operator, tenant="acme")
        assert answer.status_code == 200, answer.text
        reply = answer.json()
        responses = document["paths"][route.path]["get"]["responses"]
        _check(
            reply,
            responses["200"]["content"]["application/json"]["schema"],
            document["components"]["schemas"],
        )


def _check(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value), (schema.get("title"), value)
        assert set(value) <= set(schema["properties"]), schema.get("title")
        for name, one in value.items():
            _check(one, schema["properties"][name], schemas)
    elif isinstance(value, list) and schema.get("items") is False:  # a fixed number of different items
        assert len(value) == len(schema["prefixItems"]), schema
        for one, its in zip(value, schema["prefixItems"], strict=True):
            _check(one, its, schemas)
    elif isinstance(value, list) and "items" in schema:
        for one in value:
            _check(one, schema["items"], schemas)
