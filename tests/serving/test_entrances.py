"""Who may not enter is counted: a wave of bad keys is to be seen from outside."""

from typing import Any


def test_keys_that_are_refused_are_counted(world: Any) -> None:
    world.refused(401, "unauthenticated", "POST", "/predict/churn", {"tenure": 1}, key="nobody")
    world.refused(401, "unauthenticated", "GET", "/v2/models", key=None)
    world.refused(403, "forbidden", "GET", "/metrics")
    page = world.ask("GET", "/metrics", key="operator").body.decode()
    assert 'tenantry_unauthenticated_total{code="unauthenticated"} 2\n' in page
    assert 'tenantry_unauthenticated_total{code="forbidden"} 1\n' in page
