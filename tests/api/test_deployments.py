"""Rules, SLO classes, quotas and settings through the control API, down to the table that workers read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.house import ACME, BOLT, House

from tenantry.access import Role
from tenantry.admission import Policy, Quota
from tenantry.routing import Endpoint, EndpointTable, load_current

EU = {
    "name": "eu",
    "match": {"attributes": {"region": ["eu"]}},
    "action": {"kind": "pin", "version": "1"},
}
QA = {"name": "qa", "action": {"kind": "select", "tags": {"stage": "qa"}, "best": "auroc"}}
LATER = {"name": "later", "action": {"kind": "canary", "ref": "challenger", "share": 0.5}}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[House]:
    """A house of the test's own: what it changes shows nowhere else."""
    made = House(tmp_path)
    yield made
    made.close()


def _table(house: House) -> EndpointTable:
    table = load_current(house.services.settings.endpoints)
    assert table is not None
    return table


def _churn(house: House) -> Endpoint:
    return _table(house).endpoints[ACME]["churn"]


def _refused(reply: Any, status: int, code: str) -> dict[str, Any]:
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
    body: dict[str, Any] = reply.json()
    return body


def test_rules_reach_the_table_and_come_back_with_what_names_nothing(own: House) -> None:
    assert own.admin("GET", "/api/v1/models/churn/routes").json() == {
        "revision": 0,
        "rules": [],
        "rollout": [],
        "warnings": [],
    }
    put = own.admin("PUT", "/api/v1/models/churn/routes", json={"rules": [EU, LATER], "expected": 0})
    assert put.status_code == 200, put.text
    shown = put.json()
    assert shown["revision"] == 1
    assert shown["rules"] == [EU, LATER]
    assert [(warning["rule"], warning["ref"]) for warning in shown["warnings"]] == [("later", "challenger")]
    assert own.admin("GET", "/api/v1/models/churn/routes").json() == shown
    assert [rule.name for rule in _churn(own).rules] == ["eu", "later"]


def test_rules_that_somebody_else_changed_are_not_overwritten(own: House) -> None:
    own.admin("PUT", "/api/v1/models/churn/routes", json={"rules": [EU]})
    late = own.admin("PUT", "/api/v1/models/churn/routes", json={"rules": [], "expected": 0})
    assert _refused(late, 409, "rules_changed")["details"] == {"revision": 1}
    assert [rule.name for rule in _churn(own).rules] == ["eu"]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([{"name": "a", "action": {"kind": "pin"}}], "version"),
        ([{"name": "a", "action": {"kind": "teleport"}}], "teleport"),
        ([{"name": "A B", "action": {"kind": "pin", "version": "1"}}], "name"),
        ([EU, EU], "same name"),
        ([{**EU, "match": {"tenants": ["acme"]}}], "platform"),
        ([{**EU, "match": {"headers": {"X-Region": ["eu"]}}}], "lower case"),
        ([{**EU, "name": "default"}], "default"),
        ([{**LATER, "action": {**LATER["action"], "share": 2}}], "share"),  # type: ignore[dict-item]
        ([{**LATER, "action": {**LATER["action"], "rollout": "r-1"}}], "rollout"),  # type: ignore[dict-item]
        ("none", "rules"),
    ],
)
def test_bad_rules_are_refused_with_rule_and_place(house: House, rules: Any, told: str) -> None:
    reply = house.admin("PUT", "/api/v1/models/churn/routes", json={"rules": rules})
    body = _refused(reply, 400, "body_value" if rules == "none" else "rule_invalid")
    assert told in body["error"]
    assert house.admin("GET", "/api/v1/models/churn/routes").json()["revision"] == 0


def test_the_platforms_rules_come_first_and_are_the_operators(own: House) -> None:
    rule = {"name": "all", "match": {"tenants": ["acme"]}, "action": {"kind": "pin", "version": "1"}}
    body = {"rules": [rule], "expected": 0}
    _refused(own.admin("PUT", "/api/v1/routes", json=body), 403, "forbidden")
    assert own.ask("PUT", "/api/v1/routes", own.operator, json=body).json()["rules"] == [rule]
    assert own.ask("GET", "/api/v1/routes", own.operator).json()["revision"] == 1
    own.admin("PUT", "/api/v1/models/churn/routes", json={"rules": [QA]})
    assert [rule.name for rule in _table(own).rules] == ["all"]
    found = own.admin("POST", "/api/v1/routes:explain", json={"model": "churn"}).json()
    assert (found["version"], found["rule"]) == ("1", "all")


def test_explains_what_the_published_rules_do_with_a_request(own: House) -> None:
    own.ask("PATCH", "/api/v1/tenants/acme", own.operator, json={"attributes": {"region": "us"}})
    header = {
        "name": "beta",
        "match": {"headers": {"x-beta": ["yes"]}, "parameters": {"rows": ["3"]}},
        "action": {"kind": "pin", "version": "1"},
    }
    own.admin("PUT", "/api/v1/models/churn/routes", json={"rules": [EU, header]})
    plain = own.admin("POST", "/api/v1/routes:explain", json={"model": "churn"}).json()
    assert (plain["version"], plain["rule"]) == ("2", "default")
    assert [(step["rule"], step["applies"]) for step in plain["steps"]] == [("eu", False), ("beta", False)]
    assert "region" in plain["steps"][0]["why"]
    asked = {"model": "churn", "headers": {"X-Beta": "yes"}, "parameters": {"rows": 3}, "request_id": "r"}
    beta = own.admin("POST", "/api/v1/routes:explain", json=asked).json()
    assert (beta["version"], beta["rule"]) == ("1", "beta")
    named = own.admin("POST", "/api/v1/routes:explain", json={"model": "churn", "version": 1}).json()
    assert (named["version"], named["rule"]) == ("1", "requested")
    _refused(own.admin("POST", "/api/v1/routes:explain", json={"model": "nowhere"}), 404, "not_found")


def test_a_tenant_is_not_told_of_rules_that_are_about_others(own: House) -> None:
    rule = {"name": "vip", "match": {"tenants": ["bolt"]}, "action": {"kind": "pin", "version": "1"}}
    own.ask("PUT", "/api/v1/routes", own.operator, json={"rules": [rule]})
    seen = own.admin("POST", "/api/v1/routes:explain", json={"model": "churn"})
    assert "bolt" not in seen.text
    operator = own.ask("POST", "/api/v1/routes:explain", own.operator, "acme", json={"model": "churn"})
    assert "bolt" in operator.text


def test_attributes_and_quotas_reach_the_table(own: House) -> None:
    change = {"attributes": {"region": "eu", "seats": 3, "gone": None}}
    changed = own.ask("PATCH", "/api/v1/tenants/acme", own.operator, json=change).json()
    assert changed["attributes"] == {"region": "eu", "seats": 3}
    given = {"weight": 2, "requests_per_second": 50}
    assert own.ask("PUT", "/api/v1/tenants/acme/quota", own.operator, json=given).json() == {
        "weight": 2.0,
        "requests_per_second": 50.0,
    }
    entry = _table(own).tenants[ACME]
    assert entry.attributes == {"region": "eu", "seats": "3"}
    assert entry.quota == Quota(weight=2.0, requests_per_second=50.0)
    assert BOLT not in _table(own).tenants
    own.ask(
        "PATCH", "/api/v1/tenants/acme", own.operator, json={"attributes": dict.fromkeys(entry.attributes)}
    )
    own.ask("PUT", "/api/v1/tenants/acme/quota", own.operator, json={})
    assert ACME not in _table(own).tenants
    bad = own.ask("PUT", "/api/v1/tenants/acme/quota", own.operator, json={"weight": 0})
    assert "weight" in _refused(bad, 400, "body_value")["error"]
    _refused(
        own.ask("PATCH", "/api/v1/tenants/acme", own.operator, json={"attributes": {"a b": 1}}),
        400,
        "attribute_invalid",
    )


def test_classes_reach_the_table_and_stay_while_they_are_used(own: House) -> None:
    assert {"realtime", "standard", "bulk"} <= set(own.admin("GET", "/api/v1/policies").json())
    made = own.ask("PUT", "/api/v1/policies/gold", own.operator, json={"priority": 1, "deadline_ms": 80})
    assert made.status_code == 200
    assert _table(own).policies["gold"] == Policy(priority=1, deadline_ms=80.0)
    put = own.ask("PUT", "/api/v1/models/churn/deployment", own.operator, "acme", json={"policy": "gold"})
    assert put.json()["policy"] == "gold"
    assert _churn(own).policy == "gold"
    used = own.ask("DELETE", "/api/v1/policies/gold", own.operator)
    assert "churn of acme" in _refused(used, 409, "policy_in_use")["error"]
    own.ask("PUT", "/api/v1/models/churn/deployment", own.operator, "acme", json={"policy": "standard"})
    assert own.ask("DELETE", "/api/v1/policies/gold", own.operator).status_code == 204
    assert "gold" not in _table(own).policies
    _refused(own.ask("DELETE", "/api/v1/policies/standard", own.operator), 409, "policy_builtin")
    _refused(own.ask("GET", "/api/v1/policies/gold", own.operator), 404, "not_found")
    body = {"policy": "gold"}
    unknown = own.ask("PUT", "/api/v1/models/churn/deployment", own.operator, "acme", json=body)
    _refused(unknown, 404, "not_found")


def test_only_operators_give_classes_and_places_in_memory(own: House) -> None:
    for body in ({"policy": "realtime"}, {"pinned": True}):
        _refused(own.admin("PUT", "/api/v1/models/churn/deployment", json=body), 403, "forbidden")
    assert own.admin("PUT", "/api/v1/models/churn/deployment", json={"runtime": "plan"}).status_code == 200
    own.ask("PUT", "/api/v1/models/churn/deployment", own.operator, "acme", json={"pinned": True})
    assert _churn(own).pinned is True
    assert own.admin("GET", "/api/v1/models/churn/deployment").json()["pinned"] is True


def test_tags_and_metrics_of_versions_are_what_rules_select_by(own: House) -> None:
    tagged = own.admin("PUT", "/api/v1/models/churn/versions/1/tags", json={"tags": {"stage": "qa"}})
    assert tagged.json()["tags"] == {"1": {"stage": "qa"}}
    ref = _churn(own).versions["1"]
    assert ref.tags == {"stage": "qa"}
    assert ref.metrics["auroc"] == pytest.approx(0.80)
    assert ref.size == (own.services.settings.home / ref.path).stat().st_size
    own.admin("PUT", "/api/v1/models/churn/routes", json={"rules": [QA]})
    found = own.admin("POST", "/api/v1/routes:explain", json={"model": "churn"}).json()
    assert (found["version"], found["rule"]) == ("1", "qa")
    bad = own.admin("PUT", "/api/v1/models/churn/versions/1/tags", json={"tags": {"a b": "x"}})
    _refused(bad, 400, "body_value")
    missing = own.admin("PUT", "/api/v1/models/churn/versions/9/tags", json={"tags": {}})
    _refused(missing, 404, "not_found")


def test_a_deployment_for_onnx_runtime_serves_an_export_that_was_made_once(own: House) -> None:
    pytest.importorskip("onnxruntime")
    set_ = own.admin("PUT", "/api/v1/models/churn/deployment", json={"runtime": "onnx"})
    assert set_.status_code == 200, set_.text
    assert set(set_.json()["exports"]) == {"1", "2"}
    refs = _churn(own).versions
    for number, export in set_.json()["exports"].items():
        ref = refs[number]
        assert (ref.runtime, ref.sha256, ref.size) == ("onnx", export["sha256"], export["size"])
        assert (own.services.settings.home / ref.path).stat().st_size == ref.size
        assert ref.metrics["auroc"] > 0.5
    back = own.admin("PUT", "/api/v1/models/churn/deployment", json={"runtime": "plan"})
    assert back.json()["exports"] == set_.json()["exports"]
    assert {ref.runtime for ref in _churn(own).versions.values()} == {"plan"}


def test_a_viewer_sees_rules_and_changes_none(house: House) -> None:
    viewer = house.keys[ACME, Role.VIEWER]
    assert house.ask("GET", "/api/v1/models/churn/routes", viewer).status_code == 200
    assert house.ask("GET", "/api/v1/policies", viewer).status_code == 200
    assert house.ask("POST", "/api/v1/routes:explain", viewer, json={"model": "churn"}).status_code == 200
    _refused(house.ask("PUT", "/api/v1/models/churn/routes", viewer, json={"rules": []}), 403, "forbidden")
