"""Rules, SLO classes, tenants and deployments by command: in a home folder, and through a server."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Done, Run

from tenantry.cli.rules import Flags, read_rules
from tenantry.cli.session import UsageError
from tenantry.errors import InvalidRequest, NotFound
from tenantry.routing.rules import Arm, Bound, Canary, Match, Select, Shadow, Split


@pytest.fixture(params=["embedded", "http"])
def ask(request: pytest.FixtureRequest, tenantry: Run, furnished: Path, tmp_path: Path) -> Any:
    """A command for acme, in a copy of the furnished home or through the server on another."""
    if request.param == "http":
        home: Path = request.getfixturevalue("served")
    else:
        home = tmp_path / "home"
        shutil.copytree(furnished, home)

    def command(*words: str | Path) -> Done:
        return tenantry("--home", home, "--tenant", "acme", *words)

    return command


def _good(done: Done) -> Any:
    assert done.status == 0, done.err
    return done.json


def test_rules_are_added_moved_explained_and_removed(ask: Any) -> None:
    assert ask("route", "list", "churn").out.strip() == "none"
    ask("route", "add", "churn", "old", "--pin", "1", "--header", "X-Old=yes", "--header", "X-Old=1")
    ask("route", "add", "churn", "try", "--canary", "challenger=0.25", "--sticky", "header:x-user")
    first = ask("route", "add", "churn", "vip", "--pin", "1", "--attribute", "tier=vip", "--first")
    assert first.status == 0, first.err
    assert "challenger" in first.err  # it names nothing yet, and the command says so
    shown = ask("route", "list", "churn").out
    assert [shown.index(name) for name in ("vip", "old", "try")] == sorted(
        shown.index(name) for name in ("vip", "old", "try")
    )
    assert "header x-old is yes or 1" in shown
    assert "25 % to challenger, sticky by header x-user" in shown
    ask("route", "add", "churn", "vip", "--pin", "2", "--before", "try")
    listed = _good(ask("route", "list", "churn", "--json"))
    assert [rule["name"] for rule in listed["rules"]] == ["old", "vip", "try"]

    found = _good(ask("route", "explain", "churn", "--header", "x-old=1", "--json"))
    assert (found["version"], found["rule"]) == ("1", "old")
    told = ask("route", "explain", "churn").out
    assert "vip" in told
    assert "header x-old is missing" in told

    for name in ("old", "vip", "try"):
        assert ask("route", "remove", "churn", name).status == 0
    assert _good(ask("route", "list", "churn", "--json"))["rules"] == []


def test_rules_come_from_a_file_and_go_back_into_one(ask: Any, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(
        "- name: eu\n  match: {attributes: {region: [eu]}}\n  action: {kind: pin, version: '1'}\n"
    )
    listed = _good(ask("route", "set", "churn", "-f", file, "--json"))
    copy = tmp_path / "copy.json"
    copy.write_text(json.dumps(listed))
    assert _good(ask("route", "set", "churn", "-f", copy, "--json")) == listed
    file.write_text("- name: eu\n  action: {kind: pin, version: 1}\n")
    bad = ask("route", "set", "churn", "-f", file)
    assert (bad.status, "version" in bad.err, "rule_invalid" in bad.err) == (1, True, True)
    file.write_text("[]\n")
    assert _good(ask("route", "set", "churn", "-f", file, "--json"))["rules"] == []


def test_the_platform_has_rules_too(ask: Any) -> None:
    assert ask("route", "add", "--platform", "all", "--pin", "1", "--for-tenant", "acme").status == 0
    assert "tenant is acme" in ask("route", "list", "--platform").out
    assert _good(ask("route", "explain", "churn", "--json"))["rule"] == "all"
    assert ask("route", "remove", "--platform", "all").status == 0
    assert ask("route", "list").status == 2
    assert ask("route", "add", "--platform", "churn", "all", "--pin", "1").status == 2


def test_classes_quotas_attributes_and_tags(ask: Any) -> None:
    assert ask("policy", "set", "gold", "--priority", "1", "--requests-per-second", "50").status == 0
    changed = _good(
        ask("policy", "set", "gold", "--deadline-ms", "80", "--requests-per-second", "0", "--json")
    )
    assert changed == {"priority": 1, "deadline_ms": 80.0}
    assert "gold" in ask("policy", "list").out
    assert ask("policy", "set", "gold", "--priority", "9").status == 2
    assert ask("model", "policy", "churn", "gold").status == 0
    used = ask("policy", "remove", "gold")
    assert (used.status, "policy_in_use" in used.err) == (1, True)

    words = ("--attribute", "region=eu", "--attribute", "tier=vip", "--weight", "2")
    assert ask("tenant", "set", "acme", *words, "--requests-per-second", "50").status == 0
    kept = _good(ask("tenant", "set", "acme", "--no-attribute", "tier", "--concurrency", "9", "--json"))
    assert kept["tenant"]["attributes"] == {"region": "eu"}
    assert kept["quota"] == {"weight": 2.0, "concurrency": 9, "requests_per_second": 50.0}
    assert _good(ask("tenant", "show", "acme", "--json")) == kept
    assert "50 a second" in ask("tenant", "show", "acme").out

    ask("model", "tag", "churn", "stage=qa", "team=crm", "--version", "1")
    tagged = _good(ask("model", "tag", "churn", "stage=live", "--remove", "team", "--version", "1", "--json"))
    assert tagged["tags"] == {"1": {"stage": "live"}}
    assert _good(ask("model", "pin", "churn", "--json"))["pinned"] is True
    assert _good(ask("model", "unpin", "churn", "--json"))["pinned"] is False
    assert ask("model", "policy", "churn", "standard").status == 0
    assert ask("policy", "remove", "gold").status == 0
    assert "stage = live" in ask("model", "deployment", "churn").out


def test_a_model_says_why_it_is_in_memory_or_not(ask: Any) -> None:
    found = _good(ask("model", "why", "churn", "--json"))
    assert (found["model"], found["pinned"]) == ("churn", False)
    assert ask("model", "why", "churn").out.startswith(("No scoring worker", "Worker 0, version 1: "))
    assert ask("model", "why", "nowhere").status == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("route", "add", "churn", "x"), "one action"),
        (("route", "add", "churn", "x", "--pin", "1", "--alias", "a"), "one action"),
        (("route", "add", "churn", "x", "--canary", "a"), "NAME=VALUE"),
        (("route", "add", "churn", "x", "--canary", "a=lots"), "not a number"),
        (("route", "remove", "churn", "x"), "no rule 'x'"),
        (("tenant", "set", "acme", "--attribute", "region"), "NAME=VALUE"),
        (("tenant", "set", "acme", "--weight", "-1"), "--weight: Expected"),
        (("policy", "set", "gold", "--memory-share", "2"), "--memory-share: Expected"),
        (("route", "add", "churn", "x", "--pin", "1", "--sticky", "tenant"), "which have shares"),
        (("route", "add", "churn", "x", "--fallback", "1", "--salt", "a"), "which have shares"),
    ],
)
def test_wrong_usage_says_what_is_meant(
    tenantry: Run, furnished: Path, words: tuple[str, ...], told: str
) -> None:
    done = tenantry("--home", furnished, "--tenant", "acme", *words)
    assert (done.status, told in done.err) == (2, True), done.err


def test_flags_make_every_kind_of_rule() -> None:
    split = Flags(split=("1=90", "2=10"), sticky="tenant").rule("s")
    assert split.action == Split(arms=(Arm(ref="1", weight=90.0), Arm(ref="2", weight=10.0)), sticky="tenant")
    select = Flags(tag=("stage=qa",), at_least=("auroc=0.8",), at_most=("auroc=0.9",), lowest="logloss")
    assert select.rule("s").action == Select(
        tags={"stage": "qa"}, metrics={"auroc": Bound(least=0.8, most=0.9)}, best="logloss", lowest=True
    )
    assert Flags(shadow="2").rule("s").action == Shadow(ref="2")
    assert Flags(canary="2=0.5", salt="x").rule("s").action == Canary(ref="2", share=0.5, salt="x")
    matched = Flags(alias="a", parameter=("p=1", "p=2"), for_model=("churn",)).rule("s")
    assert matched.match == Match(models=("churn",), parameters={"p": ("1", "2")})
    with pytest.raises(UsageError):
        Flags(best="a", lowest="b").rule("s")


def test_files_that_hold_no_rules_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_rules(tmp_path / "none.yaml", platform=False)
    for text in ("{a: [}", "just words", "- 3", "\x00"):
        (tmp_path / "rules").write_text(text)
        with pytest.raises(InvalidRequest) as caught:
            read_rules(tmp_path / "rules", platform=False)
        assert caught.value.code == "rule_invalid"
