"""Explanations in words, for people who ask why."""

import pytest

from tenantry.errors import NotFound
from tenantry.routing import Endpoint, EndpointTable, Explanation, RuleStep, TenantEntry, VersionRef, explain
from tenantry.routing.rules import (
    Alias,
    Arm,
    Bound,
    Canary,
    Fallback,
    Match,
    Pin,
    Rule,
    Select,
    Shadow,
    Split,
)
from tenantry.tenancy import TenantId

ACME = TenantId("acme")
VERSIONS = {
    number: VersionRef(path="p", sha256="0" * 64, metrics={"auroc": 0.7 + int(number) / 100})
    for number in "1234"
}


def world(*rules: Rule, platform: tuple[Rule, ...] = ()) -> EndpointTable:
    endpoint = Endpoint(
        versions=VERSIONS, aliases={"champion": "1", "challenger": "2", "lost": "9"}, rules=rules
    )
    tenants = {ACME: TenantEntry(attributes={"tier": "gold"})}
    return EndpointTable(
        number=1, created=0.0, endpoints={ACME: {"churn": endpoint}}, tenants=tenants, rules=platform
    )


def explained(
    rule: Rule, headers: dict[bytes, bytes] | None = None, **parameters: str
) -> tuple[Explanation, RuleStep]:
    explanation = explain(world(rule), ACME, "churn", headers=headers, parameters=parameters, request_id="q1")
    (step,) = explanation.steps
    return explanation, step


@pytest.mark.parametrize(
    ("match", "why"),
    [
        (Match(headers={"x-region": ("eu", "uk")}), "header x-region is 'us', the rule wants 'eu' or 'uk'"),
        (Match(headers={"x-nation": ("eu",)}), "header x-nation is missing, the rule wants 'eu'"),
        (
            Match(parameters={"mode": ("a", "b", "c")}),
            "parameter mode is 'z', the rule wants 'a', 'b' or 'c'",
        ),
        (Match(attributes={"tier": ("silver",)}), "attribute tier is 'gold', the rule wants 'silver'"),
        (Match(tenants=("bolt",)), "the tenant is 'acme', the rule wants 'bolt'"),
        (Match(models=("fraud",)), "the deployment is 'churn', the rule wants 'fraud'"),
        (
            Match(attributes={"tier": tuple("abcdefgh")}),
            "attribute tier is 'gold', the rule wants 'a', 'b', 'c', 'd', 'e' or one of 3 more",
        ),
        (
            Match(attributes={"tier": ()}),
            "attribute tier is 'gold', the rule wants one of no values, which is never",
        ),
    ],
)
def test_a_condition_that_fails_says_what_is_and_what_is_wanted(match: Match, why: str) -> None:
    explanation, step = explained(
        Rule(name="r", action=Pin("2"), match=match), {b"x-region": b"us"}, mode="z"
    )
    assert (step.applies, step.why) == (False, why)
    assert (explanation.rule, explanation.version) == ("default", "1")
    assert explanation.why == "no rule ended the search; the default 'champion' answers, which is version 1"


@pytest.mark.parametrize(
    ("action", "version", "why"),
    [
        (Pin("2"), "2", "version 2 is here"),
        (Pin("8"), None, "version 8 is not here"),
        (Alias("challenger"), "2", "alias 'challenger', which is version 2"),
        (Alias("lost"), None, "alias 'lost', which names no version here"),
        (Alias("nobody"), None, "there is no alias 'nobody'"),
        (Select(), "4", "version 4 is the newest that fits"),
        (
            Select(metrics={"auroc": Bound(most=0.73)}, best="auroc"),
            "3",
            "version 3 has the highest auroc of those that fit: 0.73",
        ),
        (Select(best="auroc", lowest=True), "1", "version 1 has the lowest auroc of those that fit: 0.71"),
        (Select(tags={"a": "b"}), None, "no version has these tags and metrics"),
        (Canary(ref="nowhere", share=1.0), None, "'nowhere' names no version here"),
        (Split(arms=(Arm("8", 1.0), Arm("1", 0.0))), None, "none of its arms is here with a weight above 0"),
    ],
)
def test_what_an_action_came_to(action: Pin | Alias | Select | Split, version: str | None, why: str) -> None:
    explanation, step = explained(Rule(name="r", action=action))
    assert (step.applies, step.why) == (version is not None, why)
    assert (explanation.version, explanation.rule) == ((version, "r") if version else ("1", "default"))


def test_shares_and_buckets_are_shown() -> None:
    canary = Rule(name="c", action=Canary(ref="2", share=0.1, sticky="header:x-user"))
    _, step = explained(canary, {b"x-user": b"u7"})
    assert step.share == 0.1
    assert step.bucket is not None
    assert step.why.startswith(f"bucket {step.bucket:.4f} by header x-user is not below the share 0.1")
    _, step = explained(canary)
    assert step.why.startswith(f"bucket {step.bucket:.4f} by request, for want of header x-user is ")
    explanation, step = explained(Rule(name="s", action=Split(arms=(Arm("1", 3.0), Arm("2", 1.0)))))
    assert step.share == {"1": 0.75, "2": 0.25}[explanation.version or ""]
    assert f"version {explanation.version} answers" in step.why


def test_rules_behind_the_decisive_one_are_not_asked() -> None:
    rules = (Rule(name="p", action=Pin("2")), Rule(name="q", action=Pin("3")))
    explanation = explain(world(*rules, platform=(Rule(name="all", action=Pin("8")),)), ACME, "churn")
    assert [(step.rule, step.of, step.kind, step.applies) for step in explanation.steps] == [
        ("all", "platform", "pin", False),
        ("p", "deployment", "pin", True),
        ("q", "deployment", "pin", False),
    ]
    assert explanation.steps[2].why == "not asked: rule 'p' decided"


def test_copies_and_fallbacks_are_named() -> None:
    rules = (
        Rule(name="f", action=Fallback(("3", "8", "2", "3"))),
        Rule(name="s", action=Shadow(ref="2", rollout="ro1")),
        Rule(name="t", action=Shadow(ref="challenger")),
        Rule(name="z", action=Fallback(("8",))),
    )
    explanation = explain(world(*rules), ACME, "churn")
    assert explanation.fallbacks == ("3", "2")
    assert [(shadow.version, shadow.rule, shadow.rollout) for shadow in explanation.shadows] == [
        ("2", "s", "ro1")
    ]
    assert explanation.steps[2].why == "version 2 gets a copy already"
    assert explanation.steps[3].why == "none of its versions is here"


def test_a_caller_that_names_a_version_is_past_all_rules() -> None:
    table = world(Rule(name="p", action=Pin("2")))
    explanation = explain(table, ACME, "churn", "3")
    assert (explanation.version, explanation.rule) == ("3", "requested")
    assert explanation.why == "the caller names '3', which is version 3"
    assert explanation.steps[0].why == "not asked: the caller names the version"
    assert explain(table, ACME, "churn", "lost").version is None


def test_long_values_are_cut() -> None:
    _, step = explained(Rule(name="r", action=Pin("2"), match=Match(parameters={"m": ("a",)})), m="x" * 5000)
    assert len(step.why) < 200


def test_another_tenants_deployment_is_not_there() -> None:
    with pytest.raises(NotFound) as caught:
        explain(world(), TenantId("bolt"), "churn")
    assert caught.value.code == "not_found"
