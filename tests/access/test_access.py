"""Roles, actions and secrets."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.access import ACTIONS, Role, digest_of, may, new_key, roles_that_may

EXPECTED = {
    "score": {"scorer", "builder", "admin", "operator"},
    "data:read": {"viewer", "builder", "admin", "operator"},
    "data:write": {"builder", "admin", "operator"},
    "models:read": {"viewer", "builder", "admin", "operator"},
    "models:write": {"builder", "admin", "operator"},
    "jobs:read": {"viewer", "builder", "admin", "operator"},
    "jobs:write": {"builder", "admin", "operator"},
    "keys:read": {"admin", "operator"},
    "keys:write": {"admin", "operator"},
    "tenants:read": {"admin", "operator"},
    "tenants:write": {"operator"},
    "metrics:read": {"operator"},
}


def test_the_table_of_permissions_is_this() -> None:
    assert {action: {role.value for role in Role if may(role, action)} for action in ACTIONS} == EXPECTED


@given(st.text(), st.sampled_from(Role))
def test_an_unknown_action_is_denied_to_all(action: str, role: Role) -> None:
    assert may(role, action) == (role.value in EXPECTED.get(action, ()))


@pytest.mark.parametrize("role", ["", "root", "Admin", "admin "])
def test_an_unknown_role_may_nothing(role: str) -> None:
    assert not any(may(role, action) for action in ACTIONS)


def test_a_refusal_can_name_the_roles_that_may() -> None:
    assert roles_that_may("tenants:write") == (Role.OPERATOR,)
    assert roles_that_may("score")[0] is Role.SCORER


def test_secrets_are_random_and_tell_what_they_are() -> None:
    secrets = {new_key()[0] for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"tnk_[A-Za-z0-9_-]{43}", secret) for secret in secrets)


def test_the_digest_is_the_sha256_of_the_secret() -> None:
    secret, digest = new_key()
    assert digest_of(secret) == digest
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.text(st.characters()))
def test_any_text_has_a_digest(text: str) -> None:
    assert re.fullmatch("[0-9a-f]{64}", digest_of(text))


def test_access_is_light_enough_for_a_scoring_process() -> None:
    import subprocess
    import sys

    program = "import sys, tenantry.access; print([m for m in ('pyarrow', 'sqlalchemy', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
