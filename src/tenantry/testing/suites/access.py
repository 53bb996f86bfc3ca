"""What every directory of tenants and keys must do."""

import pytest

from tenantry.access import Role, digest_of
from tenantry.errors import Conflict, InvalidRequest
from tenantry.tenancy import TenantId
from tenantry.testing.clock import HeldClock
from tenantry.testing.state import State
from tenantry.testing.suites.base import ACME, GLOBEX, NOBODY, StateSuite, refusal


class DirectorySuite(StateSuite):
    """Runs over ``state.directory``."""

    def test_lists_tenants_by_name(self, state: State, clock: HeldClock) -> None:
        state.directory.create_tenant(TenantId("beta"), {"plan": "gold", "seats": 3})
        assert [tenant.id for tenant in state.directory.tenants()] == ["acme", "beta", "globex"]
        beta = state.directory.tenant(TenantId("beta"))
        assert (beta.created, beta.attributes) == (clock.now(), {"plan": "gold", "seats": 3})

    def test_refuses_a_name_twice_and_keeps_the_first(self, state: State) -> None:
        state.directory.change_attributes(ACME, {"plan": "gold"})
        with pytest.raises(Conflict) as caught:
            state.directory.create_tenant(ACME, {"plan": "none"})
        assert caught.value.code == "tenant_exists"
        assert state.directory.tenant(ACME).attributes == {"plan": "gold"}

    @pytest.mark.parametrize("name", ["", "Acme", "a_b", "-a", "a/b", "a" * 64, "é"])
    def test_refuses_what_is_no_tenant_name(self, state: State, name: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            state.directory.create_tenant(TenantId(name))
        assert caught.value.code == "tenant_name"

    def test_changes_attributes_one_by_one(self, state: State) -> None:
        state.directory.change_attributes(ACME, {"region": "eu", "tier": 1})
        changed = state.directory.change_attributes(ACME, {"tier": None, "seats": 3, "never": None})
        assert changed.attributes == {"region": "eu", "seats": 3}
        assert state.directory.tenant(ACME) == changed
        assert state.directory.tenant(GLOBEX).attributes == {}
        refusal(state.directory.change_attributes, NOBODY, {"a": 1})

    @pytest.mark.parametrize(
        "changes", [{"": 1}, {"a b": 1}, {"é": 1}, {"a": "x" * 20_000}, {f"a{i}": i for i in range(65)}]
    )
    def test_refuses_attributes_that_cannot_be_kept(self, state: State, changes: dict[str, object]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            state.directory.change_attributes(ACME, changes)
        assert caught.value.code == "attribute_invalid"
        assert state.directory.tenant(ACME).attributes == {}

    def test_a_secret_finds_its_key_and_is_not_in_it(self, state: State) -> None:
        key, secret = state.directory.create_key(ACME, Role.BUILDER, "ci", None)
        assert state.directory.find(digest_of(secret)) == key
        assert (key.tenant, key.role, key.label, key.expires, key.revoked) == (
            ACME,
            Role.BUILDER,
            "ci",
            None,
            None,
        )
        assert secret not in repr(key)
        assert digest_of(secret) not in repr(key)

    def test_an_unknown_secret_finds_nothing(self, state: State) -> None:
        state.directory.create_key(ACME, Role.ADMIN)
        assert state.directory.find(digest_of("tnk_guess")) is None
        assert state.directory.find("") is None

    def test_a_key_ends_at_its_expiry(self, state: State, clock: HeldClock) -> None:
        _, secret = state.directory.create_key(ACME, Role.SCORER, expires=clock.now() + 60)
        assert state.directory.find(digest_of(secret)) is not None
        clock.advance(60)
        assert state.directory.find(digest_of(secret)) is None
        assert state.directory.live_keys() == []
        assert len(state.directory.keys(ACME)) == 1

    def test_a_revoked_key_finds_nothing_and_stays_listed(self, state: State, clock: HeldClock) -> None:
        key, secret = state.directory.create_key(ACME, Role.SCORER)
        clock.advance(5)
        revoked = state.directory.revoke(ACME, key.id)
        assert revoked.revoked == clock.now()
        clock.advance(5)
        assert state.directory.revoke(ACME, key.id) == revoked
        assert state.directory.find(digest_of(secret)) is None
        assert state.directory.keys(ACME) == [revoked]

    def test_another_tenants_key_is_as_one_that_does_not_exist(self, state: State) -> None:
        key, secret = state.directory.create_key(ACME, Role.ADMIN)
        for owner in (GLOBEX, None):
            foreign = refusal(state.directory.revoke, owner, key.id)
            assert foreign == {
                **refusal(state.directory.revoke, owner, "key-none"),
                "error": f"there is no key {key.id!r}",
            }
        assert state.directory.keys(GLOBEX) == []
        assert state.directory.find(digest_of(secret)) is not None

    def test_operators_keys_belong_to_no_tenant(self, state: State) -> None:
        operator, secret = state.directory.create_key(None, Role.OPERATOR, "root")
        state.directory.create_key(ACME, Role.ADMIN)
        assert state.directory.keys(None) == [operator]
        assert state.directory.find(digest_of(secret)) == operator
        refusal(state.directory.revoke, ACME, operator.id)

    @pytest.mark.parametrize(
        ("tenant", "role"),
        [(ACME, Role.OPERATOR), (None, Role.ADMIN), (None, Role.SCORER), (None, Role.VIEWER)],
    )
    def test_refuses_a_role_that_does_not_fit_its_owner(
        self, state: State, tenant: TenantId | None, role: Role
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            state.directory.create_key(tenant, role)
        assert caught.value.code == "key_role"

    def test_refuses_a_key_that_has_expired_already(self, state: State, clock: HeldClock) -> None:
        for expires in (clock.now(), clock.now() - 1, float("nan")):
            with pytest.raises(InvalidRequest):
                state.directory.create_key(ACME, Role.VIEWER, expires=expires)

    def test_refuses_a_key_for_nobody(self, state: State) -> None:
        refusal(state.directory.create_key, NOBODY, Role.ADMIN)

    def test_live_keys_are_those_of_all_with_their_digests(self, state: State) -> None:
        made = [
            state.directory.create_key(ACME, Role.ADMIN),
            state.directory.create_key(GLOBEX, Role.SCORER),
            state.directory.create_key(None, Role.OPERATOR),
        ]
        dead, _ = state.directory.create_key(GLOBEX, Role.SCORER)
        state.directory.revoke(GLOBEX, dead.id)
        assert dict(state.directory.live_keys()) == {digest_of(secret): key for key, secret in made}
        for owner, (key, secret) in zip((ACME, GLOBEX, None), made, strict=True):
            assert state.directory.live_keys_of(owner) == [(digest_of(secret), key)]
        assert state.directory.live_keys_of(NOBODY) == []
