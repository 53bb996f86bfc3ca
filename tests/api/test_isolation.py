"""Every route of both APIs × another tenant's key × every role, generated from the route tables (B20).

A route that is added without a case here fails ``test_every_route_has_a_case``.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.house import ACME, BOLT, COIL, TENANT_ROLES, House
from tests.app.scoring_core import core_of

from tenantry.access import Role, may
from tenantry.api.resources import ROUTES
from tenantry.api.route import Route, Scope
from tenantry.serving import ROUTES as SCORING_ROUTES
from tenantry.serving import Core
from tenantry.serving import Route as ScoringRoute
from tenantry.tenancy import TenantId

NOWHERE = {
    "tenant": "no-such-tenant",
    "key": "key-000000000000",
    "dataset": "nowhere",
    "prediction": "nowhere",
    "model": "nowhere",
    "job": "job-0000000000000000",
    "schedule": "nowhere",
    "rollout": "rollout-0000000000000000",
}
"""Names that nobody has. ``version`` and ``alias`` are parts of a model, and stay as they are; SLO classes are
nobody's, and this one is not there."""
PARTS = {"version": "1", "alias": "champion", "policy": "gold"}
BODIES: dict[str, Any] = {
    "create_tenant": {"id": "made-up"},
    "create_key": {"role": "viewer"},
    "apply_prediction": {"target": "churned"},
    "train_prediction": {},
    "promote_version": {"version": 1},
    "upload_dataset": b"a,b\n1,2\n",
    "put_routes": {"rules": [{"name": "one", "action": {"kind": "pin", "version": "1"}}]},
    "put_platform_routes": {"rules": []},
    "explain_route": {"model": "churn"},
    "put_policy": {"priority": 4},
    "put_deployment": {"runtime": "plan"},
    "put_version_tags": {"tags": {"stage": "qa"}},
    "change_tenant": {"attributes": {"region": "eu"}},
    "put_quota": {"weight": 2},
    "begin_rollout": {"challenger": 1},
    "observe_outcomes": [{"version": 1, "reward": 1}],
    "ask_what_if": {"record": {"tenure": 3}},
    "check_before_scoring": {"records": [{"tenure": 3}]},
    "find_similar_records": {"record": {"tenure": 3}},
    "put_schedule": {"prediction": "churn", "every_seconds": 86_400},
}
CREATES = {"apply_prediction", "upload_dataset"}
"""Routes that make a thing of the caller's own under any name; what they must not do is touch another's."""
NAMED = [route for route in ROUTES if route.parameters]
UNNAMED = [route for route in ROUTES if not route.parameters]
KEYED = [route for route in ROUTES if route.scope is not Scope.PUBLIC]


def _id(route: Route | ScoringRoute) -> str:
    return f"{route.method} {route.path}"


def _intruder(route: Route) -> TenantId:
    """Who knocks: coil where something of its own comes of it, so that bolt goes on having nothing."""
    return COIL if route.name in CREATES else BOLT


def _theirs(house: House) -> dict[str, str]:
    """acme's names."""
    return {
        "tenant": ACME,
        "key": house.key_ids[ACME, Role.VIEWER],
        "dataset": "churn",
        "prediction": "churn",
        "model": "churn",
        "job": house.jobs[0].id,
        "schedule": "churn",
        "rollout": house.rollout,
    }


def _more(route: Route) -> dict[str, Any]:
    if route.body is None and not route.upload:
        return {}
    body = BODIES[route.name]
    return {"content": body if isinstance(body, bytes) else json.dumps(body).encode()}


def _answer(house: House, route: Route, names: dict[str, str], key: str | None, **more: Any) -> Any:
    path = route.path.format(**PARTS, **names)
    reply = house.ask(route.method, path, key, **_more(route), **more)
    return reply.status_code, sorted(reply.headers.multi_items()), reply.content


def _fingerprint(house: House) -> bytes:
    """All that acme has, as its own admin sees it; but for what tells the time of day."""
    replies = []
    for route in ROUTES:
        if route.method == "GET" and route.scope is Scope.TENANT and route.name != "show_residency":
            _, _, body = _answer(house, route, _theirs(house), house.keys[ACME, Role.ADMIN])
            replies.append(body)
    return b"".join(replies)


@pytest.fixture(scope="module")
def untouched(house: House) -> Iterator[None]:
    """Whatever the tests of this module ask for with bolt's keys, acme's things stay as they were."""
    before = _fingerprint(house)
    yield
    assert _fingerprint(house) == before


def test_every_route_has_a_case(house: House) -> None:
    known = set(NOWHERE) | set(PARTS)
    for route in ROUTES:
        assert set(route.parameters) <= known, _id(route)
        assert (route.body is None and not route.upload) or route.name in BODIES, _id(route)
        assert (route.action is None) == (route.scope is Scope.PUBLIC or route.name == "show_caller"), _id(
            route
        )
    served = {(method, path) for path, methods in _described(house).items() for method in methods}
    assert served == {(route.method.lower(), route.path) for route in ROUTES}
    # What the application really listens to is the table and the description, and nothing else.
    listening = {getattr(route, "path", "") for route in house.app.routes}
    assert listening == {route.path for route in ROUTES} | {"/openapi.json"}
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def _described(house: House) -> dict[str, Any]:
    paths: dict[str, Any] = house.ask("GET", "/openapi.json").json()["paths"]
    return paths


@pytest.mark.parametrize("route", KEYED, ids=_id)
def test_without_a_live_key_every_route_says_the_same(house: House, route: Route) -> None:
    key, secret = house.services.directory.create_key(ACME, Role.ADMIN)
    house.services.directory.revoke(ACME, key.id)
    for bad in (None, "", "tnk_made-up", secret, house.operator + "x"):
        status, headers, body = _answer(house, route, _theirs(house), bad)
        assert status == 401
        assert ("www-authenticate", "Bearer") in headers
        assert json.loads(body)["code"] == "unauthenticated"
    foreign = _answer(house, route, _theirs(house), "tnk_made-up")
    assert foreign == _answer(house, route, NOWHERE, "tnk_made-up")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("role", TENANT_ROLES)
@pytest.mark.parametrize("route", NAMED, ids=_id)
def test_a_foreign_and_a_nonexistent_name_are_the_same_to_a_tenant(
    house: House, route: Route, role: Role
) -> None:
    key = house.keys[_intruder(route), role]
    foreign = _answer(house, route, _theirs(house), key)
    nowhere = _answer(house, route, NOWHERE, key)
    claimed = _answer(house, route, _theirs(house), key, tenant=ACME)
    if route.name in CREATES and may(role, route.action or ""):
        assert foreign[0] == nowhere[0] == claimed[0] == route.status
    else:
        assert foreign[0] in (403, 404)
        assert foreign == nowhere == claimed


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("route", [r for r in NAMED if r.scope is not Scope.OPERATOR], ids=_id)
def test_an_operator_who_acts_for_a_tenant_sees_that_tenant_only(house: House, route: Route) -> None:
    tenant = _intruder(route)
    foreign = _answer(house, route, _theirs(house), house.operator, tenant=tenant)
    nowhere = _answer(house, route, NOWHERE, house.operator, tenant=tenant)
    if route.name in CREATES:
        assert foreign[0] == nowhere[0] == route.status
    else:
        assert foreign[0] == 404
        assert foreign == nowhere
    absent = _answer(house, route, _theirs(house), house.operator, tenant="no-such-tenant")
    assert absent[0] == 404
    nobody = _answer(house, route, _theirs(house), house.operator)
    assert nobody[0] == (404 if route.scope is Scope.CALLER else 400)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("role", TENANT_ROLES)
@pytest.mark.parametrize("route", UNNAMED, ids=_id)
def test_a_list_tells_nothing_of_another_tenant(house: House, route: Route, role: Role) -> None:
    for tenant in (None, ACME):
        _, headers, body = _answer(house, route, {}, house.keys[BOLT, role], tenant=tenant)
        shown = (body + str(headers).encode()).decode("utf-8", "replace")
        traces = [house.jobs[0].id, house.snapshot.digest, *house.key_ids.values()]
        own = {key_id for (owner, _), key_id in house.key_ids.items() if owner == BOLT}
        assert not [trace for trace in traces if trace in shown and trace not in own]
        assert f'"{ACME}"' not in shown


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("role", TENANT_ROLES)
@pytest.mark.parametrize("route", KEYED, ids=_id)
def test_a_role_may_do_what_the_table_says_and_nothing_else(house: House, route: Route, role: Role) -> None:
    status, _, body = _answer(house, route, NOWHERE, house.keys[COIL, role])
    allowed = route.action is None or (may(role, route.action) and route.scope is not Scope.OPERATOR)
    assert (status != 403) is allowed
    assert allowed or json.loads(body)["code"] == "forbidden"


# The scoring API


@pytest.fixture(scope="module")
def core(house: House) -> Core:
    house.services.publisher.publish()
    return core_of(house.services.settings.home)


OF_THE_REQUEST = {b"x-request-id", b"traceparent"}
"""Headers that are different for every request, whoever asks for what."""


def _score(core: Core, route: ScoringRoute, model: str, key: str | None, tenant: str | None = None) -> Any:
    path = route.path.format(model=model, version="champion")
    headers = {} if key is None else {b"authorization": f"Bearer {key}".encode()}
    if tenant is not None:
        headers[b"x-tenant"] = tenant.encode()
    record = {"tenure": 3}
    tensor = {"name": "tenure", "shape": [1], "datatype": "FP64", "data": [3]}
    body = json.dumps(record if route.path.startswith("/predict") else {"inputs": [tensor]}).encode()
    reply = core.handle(route.method, path, b"", headers, body if route.method == "POST" else b"")
    told = [header for header in reply.headers if header[0] not in OF_THE_REQUEST]
    return reply.status, sorted(told), reply.body


SCORING_NAMED = [route for route in SCORING_ROUTES if "{" in route.path]
SCORING_KEYED = [route for route in SCORING_ROUTES if not route.public]


def test_every_scoring_route_has_a_case() -> None:
    for route in SCORING_ROUTES:
        names = {part for part in route.path.split("/") if part.startswith("{")}
        assert names <= {"{model}", "{version}"}, _id(route)
        assert route.public or route.actions, _id(route)
        assert not route.public or route.path.startswith("/v2/health/"), _id(route)


@pytest.mark.parametrize("route", SCORING_NAMED, ids=_id)
def test_the_cases_do_reach_the_owners_model(house: House, core: Core, route: ScoringRoute) -> None:
    assert _score(core, route, "churn", house.keys[ACME, Role.ADMIN])[0] == 200
    assert _score(core, route, "churn", house.operator, ACME)[0] == 200


@pytest.mark.parametrize("route", SCORING_KEYED, ids=_id)
def test_without_a_live_key_no_scoring_route_answers(core: Core, route: ScoringRoute) -> None:
    for bad in (None, "", "tnk_made-up"):
        assert _score(core, route, "churn", bad)[0] == 401
    assert _score(core, route, "churn", "tnk_made-up") == _score(core, route, "nowhere", "tnk_made-up")


@pytest.mark.parametrize("role", TENANT_ROLES)
@pytest.mark.parametrize("route", SCORING_NAMED, ids=_id)
def test_a_foreign_and_a_nonexistent_model_are_the_same(
    house: House, core: Core, route: ScoringRoute, role: Role
) -> None:
    key = house.keys[BOLT, role]
    foreign = _score(core, route, "churn", key)
    assert foreign[0] == (404 if any(may(role, action) for action in route.actions) else 403)
    assert foreign == _score(core, route, "nowhere", key) == _score(core, route, "churn", key, tenant=ACME)


@pytest.mark.parametrize("route", SCORING_NAMED, ids=_id)
def test_an_operator_scores_only_for_the_tenant_that_it_names(
    house: House, core: Core, route: ScoringRoute
) -> None:
    foreign = _score(core, route, "churn", house.operator, BOLT)
    assert foreign[0] == 404
    assert foreign == _score(core, route, "nowhere", house.operator, BOLT)
    assert _score(core, route, "churn", house.operator)[0] == 400


def test_the_list_of_models_is_the_tenants_own(house: House, core: Core) -> None:
    (route,) = [route for route in SCORING_ROUTES if route.path == "/v2/models"]
    assert b"churn" in _score(core, route, "", house.keys[ACME, Role.VIEWER])[2]
    assert b"churn" not in _score(core, route, "", house.keys[BOLT, Role.VIEWER])[2]
