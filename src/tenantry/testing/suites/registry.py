"""What every registry must do."""

from typing import Any

import pyarrow as pa
import pytest

from tenantry.bundle import ParityReceipt
from tenantry.errors import Conflict, InvalidRequest
from tenantry.registry import CHALLENGER, CHAMPION, Version
from tenantry.tenancy import TenantId
from tenantry.testing.clock import HeldClock
from tenantry.testing.state import State
from tenantry.testing.suites.base import ACME, GLOBEX, NOBODY, StateSuite, refusal

RECEIPT = ParityReceipt(
    plan_sha256="a" * 64, rows=50, hostile_rows=8, kernel_twin=0.0, plan_pipeline=1e-9, tolerance=1e-6
)
FAILED = ParityReceipt(
    plan_sha256="a" * 64, rows=50, hostile_rows=8, kernel_twin=0.0, plan_pipeline=1e-3, tolerance=1e-6
)


def register(
    state: State, content: bytes, model: str = "churn", tenant: TenantId = ACME, **summary: Any
) -> Version:
    """Register made-up bundle bytes, learnt from a made-up table."""
    snapshot = state.datasets.save(tenant, "customers", pa.table({"plan": ["gold"]}), "made up")
    bundle = state.blobs.put(tenant, content)
    return state.registry.register(tenant, model, bundle, RECEIPT, snapshot.digest, summary)


class RegistrySuite(StateSuite):
    """Runs over ``state.registry``; a bundle is complete when the blob of its digest is there."""

    def test_numbers_versions_from_one(self, state: State, clock: HeldClock) -> None:
        first = register(state, b"one", auroc=0.8, verdict="good")
        clock.advance(10)
        second = register(state, b"two")
        assert (first.number, second.number) == (1, 2)
        assert first.summary == {"auroc": 0.8, "verdict": "good"}
        assert (first.receipt, second.created) == (RECEIPT, clock.now())
        assert state.registry.versions(ACME, "churn") == [second, first]
        assert register(state, b"one", model="upsell").number == 1

    def test_the_same_bundle_is_the_same_version(self, state: State, clock: HeldClock) -> None:
        first = register(state, b"one", auroc=0.8)
        register(state, b"two")
        clock.advance(10)
        assert register(state, b"one", auroc=0.1) == first
        assert len(state.registry.versions(ACME, "churn")) == 2

    def test_a_version_leads_to_the_snapshot_that_it_learnt_from(self, state: State) -> None:
        version = register(state, b"one")
        assert state.datasets.load(ACME, version.snapshot).num_rows == 1

    def test_a_version_remembers_who_was_champion(self, state: State) -> None:
        assert register(state, b"one").parent is None
        assert register(state, b"two").parent is None
        state.registry.set_alias(ACME, "churn", CHAMPION, 1)
        assert register(state, b"three").parent == 1

    @pytest.mark.parametrize("receipt", [None, FAILED], ids=["none", "failed"])
    def test_refuses_a_bundle_without_a_passed_receipt(self, state: State, receipt: Any) -> None:
        snapshot = state.datasets.save(ACME, "customers", pa.table({"plan": ["gold"]}), "made up")
        bundle = state.blobs.put(ACME, b"one")
        with pytest.raises(InvalidRequest) as caught:
            state.registry.register(ACME, "churn", bundle, receipt, snapshot.digest, {})
        assert caught.value.code == "receipt_missing"
        assert state.registry.models(ACME) == []

    def test_refuses_a_bundle_that_is_not_complete(self, state: State) -> None:
        snapshot = state.datasets.save(ACME, "customers", pa.table({"plan": ["gold"]}), "made up")
        foreign = state.blobs.put(GLOBEX, b"one")
        for bundle in ("0" * 64, foreign):
            with pytest.raises(Conflict) as caught:
                state.registry.register(ACME, "churn", bundle, RECEIPT, snapshot.digest, {})
            assert caught.value.code == "bundle_incomplete"
        assert state.registry.models(ACME) == []

    def test_refuses_what_was_learnt_from_another_tenants_data(self, state: State) -> None:
        snapshot = state.datasets.save(GLOBEX, "customers", pa.table({"plan": ["gold"]}), "made up")
        bundle = state.blobs.put(ACME, b"one")
        refusal(state.registry.register, ACME, "churn", bundle, RECEIPT, snapshot.digest, {})
        assert state.registry.models(ACME) == []

    def test_refuses_bad_names(self, state: State) -> None:
        with pytest.raises(InvalidRequest):
            register(state, b"one", model="a/b")
        register(state, b"one")
        for alias in ("", "a b", "3"):
            with pytest.raises(InvalidRequest):
                state.registry.set_alias(ACME, "churn", alias, 1)

    def test_finds_a_version_by_number_and_by_alias(self, state: State) -> None:
        first, second = register(state, b"one"), register(state, b"two")
        state.registry.set_alias(ACME, "churn", CHAMPION, 1)
        state.registry.set_alias(ACME, "churn", CHALLENGER, 2)
        assert state.registry.version(ACME, "churn") == first
        assert state.registry.version(ACME, "churn", "2") == second
        assert state.registry.version(ACME, "churn", CHALLENGER) == second
        assert state.registry.aliases(ACME, "churn") == {CHALLENGER: 2, CHAMPION: 1}
        for missing in ("3", "0", "-1", "canary", "", "9" * 30):
            refusal(state.registry.version, ACME, "churn", missing)

    def test_describes_models(self, state: State) -> None:
        register(state, b"one", model="upsell")
        register(state, b"one")
        register(state, b"two")
        state.registry.set_alias(ACME, "churn", CHAMPION, 2)
        churn, upsell = state.registry.models(ACME)
        assert (churn.name, churn.latest, churn.aliases) == ("churn", 2, {CHAMPION: 2})
        assert (upsell.name, upsell.latest, upsell.aliases) == ("upsell", 1, {})
        assert state.registry.model(ACME, "churn") == churn
        register(state, b"one", tenant=GLOBEX)
        (theirs,) = state.registry.models(GLOBEX)
        assert state.registry.all_models() == [churn, upsell, theirs]

    def test_an_alias_moves_only_to_what_exists(self, state: State) -> None:
        register(state, b"one")
        refusal(state.registry.set_alias, ACME, "churn", CHAMPION, 2)
        refusal(state.registry.set_alias, ACME, "upsell", CHAMPION, 1)
        assert state.registry.aliases(ACME, "churn") == {}

    def test_an_alias_never_moves_to_an_incomplete_bundle(self, state: State) -> None:
        register(state, b"one")
        second = register(state, b"two")
        state.registry.set_alias(ACME, "churn", CHAMPION, 1)
        state.blobs.delete(ACME, second.bundle)
        with pytest.raises(Conflict) as caught:
            state.registry.set_alias(ACME, "churn", CHAMPION, 2)
        assert caught.value.code == "bundle_incomplete"
        assert state.registry.aliases(ACME, "churn") == {CHAMPION: 1}

    def test_a_rollback_never_goes_to_an_incomplete_bundle(self, state: State) -> None:
        first = register(state, b"one")
        register(state, b"two")
        state.registry.set_alias(ACME, "churn", CHAMPION, 1)
        state.registry.set_alias(ACME, "churn", CHAMPION, 2)
        state.blobs.delete(ACME, first.bundle)
        with pytest.raises(Conflict) as caught:
            state.registry.rollback(ACME, "churn")
        assert caught.value.code == "bundle_incomplete"
        assert state.registry.aliases(ACME, "churn") == {CHAMPION: 2}

    def test_expected_protects_against_a_move_in_between(self, state: State) -> None:
        register(state, b"one")
        register(state, b"two")
        state.registry.set_alias(ACME, "churn", CHAMPION, 1, expected=0)
        for wrong in (0, 2):
            with pytest.raises(Conflict) as caught:
                state.registry.set_alias(ACME, "churn", CHAMPION, 2, expected=wrong)
            assert caught.value.code == "alias_moved"
        assert state.registry.set_alias(ACME, "churn", CHAMPION, 2, expected=1).number == 2

    def test_remembers_every_move_and_no_repeat(self, state: State, clock: HeldClock) -> None:
        register(state, b"one")
        register(state, b"two")
        state.registry.set_alias(ACME, "churn", CHAMPION, 1)
        state.registry.set_alias(ACME, "churn", CHAMPION, 1)
        clock.advance(10)
        state.registry.set_alias(ACME, "churn", CHAMPION, 2)
        latest, first = state.registry.alias_history(ACME, "churn")
        assert (first.number, first.previous, first.rollback) == (1, None, False)
        assert (latest.number, latest.previous, latest.at) == (2, 1, clock.now())
        assert latest.seq > first.seq
        assert state.registry.alias_history(ACME, "churn", CHALLENGER) == []

    def test_rollback_goes_back_one_step_at_a_time(self, state: State) -> None:
        for content in (b"one", b"two", b"three"):
            number = register(state, content).number
            state.registry.set_alias(ACME, "churn", CHAMPION, number)
        assert state.registry.rollback(ACME, "churn").number == 2
        assert state.registry.rollback(ACME, "churn").number == 1
        with pytest.raises(Conflict) as caught:
            state.registry.rollback(ACME, "churn")
        assert caught.value.code == "no_rollback"
        assert [change.rollback for change in state.registry.alias_history(ACME, "churn")] == [True, True] + [
            False
        ] * 3

    def test_a_move_after_a_rollback_rolls_back_to_where_the_rollback_led(self, state: State) -> None:
        for content in (b"one", b"two", b"three"):
            register(state, content)
        state.registry.set_alias(ACME, "churn", CHAMPION, 1)
        state.registry.set_alias(ACME, "churn", CHAMPION, 2)
        state.registry.rollback(ACME, "churn")
        state.registry.set_alias(ACME, "churn", CHAMPION, 3)
        assert state.registry.rollback(ACME, "churn").number == 1

    def test_an_alias_can_be_removed_and_set_again(self, state: State) -> None:
        register(state, b"one")
        state.registry.set_alias(ACME, "churn", CHALLENGER, 1)
        state.registry.remove_alias(ACME, "churn", CHALLENGER)
        refusal(state.registry.version, ACME, "churn", CHALLENGER)
        refusal(state.registry.remove_alias, ACME, "churn", CHALLENGER)
        refusal(state.registry.rollback, ACME, "churn", CHALLENGER)
        state.registry.set_alias(ACME, "churn", CHALLENGER, 1)
        assert len(state.registry.alias_history(ACME, "churn", CHALLENGER)) == 2

    def test_another_tenants_model_is_as_one_that_does_not_exist(self, state: State) -> None:
        register(state, b"one")
        state.registry.set_alias(ACME, "churn", CHAMPION, 1)
        registry = state.registry
        calls: list[tuple[Any, tuple[Any, ...]]] = [
            (registry.model, ()),
            (registry.versions, ()),
            (registry.version, ()),
            (registry.version, ("1",)),
            (registry.aliases, ()),
            (registry.alias_history, ()),
            (registry.rollback, ()),
            (registry.set_alias, (CHAMPION, 1)),
            (registry.remove_alias, (CHAMPION,)),
        ]
        for call, more in calls:
            assert refusal(call, GLOBEX, "churn", *more) == refusal(call, NOBODY, "churn", *more)
        assert registry.models(GLOBEX) == []
        assert registry.aliases(ACME, "churn") == {CHAMPION: 1}

    def test_tenants_number_the_same_name_apart(self, state: State) -> None:
        register(state, b"one")
        register(state, b"two")
        assert register(state, b"one", tenant=GLOBEX).number == 1
        assert state.registry.version(ACME, "churn", "2").tenant == ACME
