"""The compiled decision, the explained one and the reference agree, over random rules and requests (B9, B12, B13)."""

import random
from collections import Counter

import msgspec
import pytest
from tests.routing import reference, worlds

from tenantry.errors import NotFound
from tenantry.routing import Decision, Explanation, explain
from tenantry.tenancy import TenantId

TABLES = 1_700
REQUESTS_PER_ENDPOINT = 3


def test_decisions_equal_the_reference_and_the_explanation() -> None:
    seen: Counter[str] = Counter()
    for number in range(TABLES):
        dice = random.Random(number)
        table = worlds.table(dice)
        for tenant in worlds.TENANTS:
            for name in worlds.MODELS:
                compiled = table.compiled(TenantId(tenant), name)
                for _ in range(REQUESTS_PER_ENDPOINT):
                    request = worlds.request(dice)
                    expected = reference.decide(table, tenant, name, *request)
                    seen["requests"] += 1
                    if compiled is None:
                        assert expected is None
                        seen["absent"] += 1
                        continue
                    where = (number, tenant, name, request)
                    assert compiled.decide(*request) == expected, where
                    assert_explained(explain(table, TenantId(tenant), name, *request), expected, where)
                    count(seen, expected)
    # The worlds are worth something only where all that can happen does, and often.
    assert seen["requests"] >= 30_000
    for kind in ("default", "requested", "rule", "none", "shadows", "several shadows", "fallbacks", "champion",
                 "challenger", "absent"):  # fmt: skip
        assert seen[kind] > 200, (kind, seen)


def assert_explained(explanation: Explanation, expected: Decision | None, where: object) -> None:
    if expected is None:
        assert explanation.version is None, where
        return
    shown = (
        explanation.version,
        explanation.rule,
        [(shadow.version, shadow.rule, shadow.rollout) for shadow in explanation.shadows],
        list(explanation.fallbacks),
        explanation.rollout,
        explanation.arm,
    )
    assert shown == (
        expected.target.version,
        expected.rule,
        [(shadow.target.version, shadow.rule, shadow.rollout) for shadow in expected.shadows],
        [target.version for target in expected.fallbacks],
        expected.rollout,
        expected.arm,
    ), where


def count(seen: Counter[str], decision: Decision | None) -> None:
    if decision is None:
        seen["none"] += 1
        return
    seen[decision.rule if decision.rule in ("default", "requested") else "rule"] += 1
    seen[decision.arm] += 1
    seen["shadows"] += bool(decision.shadows)
    seen["several shadows"] += len(decision.shadows) > 1
    seen["fallbacks"] += bool(decision.fallbacks)


def test_every_request_is_explained_rule_by_rule() -> None:
    for number in range(200):
        dice = random.Random(number)
        table = worlds.table(dice)
        for tenant in worlds.TENANTS:
            for name in worlds.MODELS:
                endpoint = table.endpoint(TenantId(tenant), name)
                request = worlds.request(dice)
                if endpoint is None:
                    with pytest.raises(NotFound):
                        explain(table, TenantId(tenant), name, *request)
                    continue
                explanation = explain(table, TenantId(tenant), name, *request)
                names = [rule.name for rule in (*table.rules, *endpoint.rules)]
                assert [step.rule for step in explanation.steps] == names
                assert all(step.why for step in explanation.steps)
                # What is explained can be sent as it is.
                assert msgspec.json.decode(msgspec.json.encode(explanation), type=Explanation) == explanation
