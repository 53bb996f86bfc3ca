"""What every store of deployments, SLO classes and quotas must do."""

import threading

import pytest

from tenantry.admission import DEFAULT_POLICY, Policy, Quota
from tenantry.deployments.records import STARTERS, Deployment, Export, RuleList
from tenantry.errors import Conflict, InvalidRequest
from tenantry.routing.rules import Alias, Canary, Match, Pin, Rule
from tenantry.testing.state import State
from tenantry.testing.suites.base import ACME, GLOBEX, NOBODY, StateSuite, refusal
from tenantry.testing.suites.registry import register

EU = Rule(name="eu", match=Match(attributes={"region": ("eu", "uk")}), action=Pin(version="1"))
TRY = Rule(name="try", action=Canary(ref="challenger", share=0.1, sticky="header:x-user", salt="s"))
LAST = Rule(name="last", action=Alias(alias="stable"))
EXPORT = Export(sha256="e" * 64, size=1234)


class DeploymentsSuite(StateSuite):
    """Runs over ``state.deployments``."""

    def test_a_model_that_nobody_touched_has_fresh_settings(self, state: State) -> None:
        register(state, b"one")
        assert state.deployments.deployment(ACME, "churn") == Deployment(tenant=ACME, model="churn")
        assert state.deployments.all_deployments() == []
        refusal(state.deployments.deployment, ACME, "upsell")
        refusal(state.deployments.deployment, NOBODY, "churn")

    def test_rules_come_back_as_they_were_given_and_each_change_is_a_revision(self, state: State) -> None:
        register(state, b"one")
        kept = state.deployments.set_rules(ACME, "churn", (EU, TRY, LAST))
        assert kept.routes == RuleList(revision=1, rules=(EU, TRY, LAST))
        assert state.deployments.deployment(ACME, "churn") == kept
        assert state.deployments.set_rules(ACME, "churn", (EU, TRY, LAST)).routes.revision == 1
        assert state.deployments.set_rules(ACME, "churn", (TRY, EU)).routes == RuleList(
            revision=2, rules=(TRY, EU)
        )
        assert state.deployments.set_rules(ACME, "churn", ()).routes == RuleList(revision=3)

    def test_a_change_to_rules_that_somebody_else_changed_is_refused(self, state: State) -> None:
        register(state, b"one")
        state.deployments.set_rules(ACME, "churn", (EU,), expected=0)
        with pytest.raises(Conflict) as caught:
            state.deployments.set_rules(ACME, "churn", (LAST,), expected=0)
        assert (caught.value.code, caught.value.details) == ("rules_changed", {"revision": 1})
        assert state.deployments.deployment(ACME, "churn").routes.rules == (EU,)
        assert state.deployments.set_rules(ACME, "churn", (LAST,), expected=1).routes.revision == 2

    def test_of_many_writers_with_one_expectation_one_wins(self, state: State) -> None:
        register(state, b"one")
        won: list[int] = []

        def work(number: int) -> None:
            rule = Rule(name=f"r-{number}", action=Pin(version="1"))
            try:
                state.deployments.set_rules(ACME, "churn", (rule,), expected=0)
            except Conflict:
                return
            won.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rules = state.deployments.deployment(ACME, "churn").routes.rules
        assert [rule.name for rule in rules] == [f"r-{number}" for number in won]
        assert len(won) == 1

    def test_settings_change_one_by_one(self, state: State) -> None:
        register(state, b"one")
        state.deployments.set_rules(ACME, "churn", (EU,))
        state.deployments.configure(ACME, "churn", policy="realtime")
        state.deployments.configure(ACME, "churn", pinned=True)
        kept = state.deployments.configure(ACME, "churn", runtime="onnx")
        assert (kept.policy, kept.pinned, kept.runtime) == ("realtime", True, "onnx")
        assert kept.routes == RuleList(revision=1, rules=(EU,))
        assert state.deployments.deployment(ACME, "churn") == kept
        assert state.deployments.configure(ACME, "churn", pinned=False, policy=DEFAULT_POLICY).pinned is False
        with pytest.raises(InvalidRequest):
            state.deployments.configure(ACME, "churn", policy="a/b")
        refusal(state.deployments.configure, ACME, "upsell", pinned=True)
        refusal(state.deployments.set_rules, GLOBEX, "churn", (EU,))

    def test_tags_and_exports_belong_to_a_version(self, state: State) -> None:
        for content in (b"one", b"two"):
            register(state, content)
        state.deployments.set_tags(ACME, "churn", 2, {"stage": "qa"})
        state.deployments.set_export(ACME, "churn", 1, EXPORT)
        kept = state.deployments.set_tags(ACME, "churn", 1, {"stage": "live", "team": "crm"})
        assert kept.tags == {"1": {"stage": "live", "team": "crm"}, "2": {"stage": "qa"}}
        assert kept.exports == {"1": EXPORT}
        assert state.deployments.deployment(ACME, "churn") == kept
        assert state.deployments.set_tags(ACME, "churn", 2, {}).tags["2"] == {}
        refusal(state.deployments.set_tags, ACME, "churn", 3, {})
        refusal(state.deployments.set_export, ACME, "churn", 3, EXPORT)
        refusal(state.deployments.set_tags, GLOBEX, "churn", 1, {})

    @pytest.mark.parametrize(
        "tags", [{"": "x"}, {"a b": "x"}, {"a": "x" * 201}, {f"t{i}": "" for i in range(33)}]
    )
    def test_refuses_tags_that_cannot_be_kept(self, state: State, tags: dict[str, str]) -> None:
        register(state, b"one")
        with pytest.raises(InvalidRequest) as caught:
            state.deployments.set_tags(ACME, "churn", 1, tags)
        assert caught.value.code == "tag_invalid"
        assert state.deployments.all_deployments() == []

    def test_lists_what_is_set_of_one_tenant_or_of_all(self, state: State) -> None:
        for tenant, model in ((GLOBEX, "churn"), (ACME, "upsell"), (ACME, "churn"), (ACME, "quiet")):
            register(state, b"one", model=model, tenant=tenant)
        globex = state.deployments.configure(GLOBEX, "churn", pinned=True)
        upsell = state.deployments.set_tags(ACME, "upsell", 1, {"a": "b"})
        churn = state.deployments.set_rules(ACME, "churn", (EU,))
        assert state.deployments.all_deployments() == [churn, upsell, globex]
        assert state.deployments.all_deployments(ACME) == [churn, upsell]
        assert state.deployments.all_deployments(NOBODY) == []

    def test_the_platforms_rules_are_a_list_of_their_own(self, state: State) -> None:
        assert state.deployments.platform_rules() == RuleList()
        rule = Rule(name="all", match=Match(tenants=("acme",)), action=Alias(alias="champion"))
        assert state.deployments.set_platform_rules((rule,), expected=0) == RuleList(
            revision=1, rules=(rule,)
        )
        with pytest.raises(Conflict) as caught:
            state.deployments.set_platform_rules((), expected=0)
        assert caught.value.code == "rules_changed"
        assert state.deployments.platform_rules() == RuleList(revision=1, rules=(rule,))
        assert state.deployments.set_platform_rules(()).revision == 2


class PoliciesSuite(StateSuite):
    """Runs over ``state.policies``."""

    def test_the_built_in_classes_are_always_there(self, state: State) -> None:
        assert state.policies.policies() == STARTERS
        assert state.policies.policy(DEFAULT_POLICY) == Policy()
        assert {"realtime", "standard", "bulk"} <= set(STARTERS)
        refusal(state.policies.policy, "gold")

    def test_classes_are_added_changed_and_removed(self, state: State) -> None:
        gold = Policy(priority=1, requests_per_second=50.0, rows_per_second=1e6)
        assert state.policies.set_policy("gold", gold) == gold
        assert state.policies.policy("gold") == gold
        assert list(state.policies.policies()) == sorted([*STARTERS, "gold"])
        state.policies.set_policy("gold", Policy(priority=3))
        assert state.policies.policy("gold") == Policy(priority=3)
        state.policies.remove_policy("gold")
        refusal(state.policies.policy, "gold")
        refusal(state.policies.remove_policy, "gold")
        with pytest.raises(InvalidRequest):
            state.policies.set_policy("a/b", gold)

    def test_a_built_in_class_can_be_set_and_set_back_but_never_removed(self, state: State) -> None:
        state.policies.set_policy("realtime", Policy(priority=1, deadline_ms=50.0))
        assert state.policies.policies()["realtime"].deadline_ms == 50.0
        state.policies.remove_policy("realtime")
        assert state.policies.policy("realtime") == STARTERS["realtime"]
        with pytest.raises(Conflict) as caught:
            state.policies.remove_policy("realtime")
        assert caught.value.code == "policy_builtin"

    def test_a_tenant_has_the_usual_quota_until_it_is_given_another(self, state: State) -> None:
        assert state.policies.quota(ACME) == Quota()
        assert state.policies.quotas() == {}
        given = Quota(weight=2.0, requests_per_second=50.0)
        assert state.policies.set_quota(ACME, given) == given
        assert state.policies.quota(ACME) == given
        assert state.policies.quota(GLOBEX) == Quota()
        state.policies.set_quota(GLOBEX, Quota(memory_share=0.25))
        state.policies.set_quota(ACME, Quota(concurrency=3))
        assert state.policies.quotas() == {ACME: Quota(concurrency=3), GLOBEX: Quota(memory_share=0.25)}
        refusal(state.policies.quota, NOBODY)
        refusal(state.policies.set_quota, NOBODY, Quota())
