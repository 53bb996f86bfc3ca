"""Rules from outside: what is refused, and in which words."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tenantry.errors import InvalidRequest
from tenantry.routing import Endpoint, VersionRef, check_rules, rules_from, unresolved
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

PIN = {"kind": "pin", "version": "1"}


def refused(*rules: Any, platform: bool = False) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        rules_from(list(rules), platform=platform)
    assert caught.value.code == "rule_invalid"
    assert caught.value.hint
    return caught.value


def test_every_kind_of_rule_is_read() -> None:
    text = """[
      {"name": "eu", "match": {"headers": {"x-region": ["eu", "uk"]}}, "action": {"kind": "alias", "alias": "eu"}},
      {"name": "safe", "action": {"kind": "fallback", "refs": ["3", "2"]}},
      {"name": "copy", "action": {"kind": "shadow", "ref": "challenger"}},
      {"name": "try", "action": {"kind": "canary", "ref": "challenger", "share": 0.05, "sticky": "header:x-user"}},
      {"name": "best", "match": {"parameters": {"mode": ["best"]}},
       "action": {"kind": "select", "tags": {"data": "full"}, "metrics": {"auroc": {"least": 0.7}}, "best": "auroc"}},
      {"name": "ab", "action": {"kind": "split", "arms": [{"ref": "1", "weight": 9}, {"ref": "2", "weight": 1}]}},
      {"name": "last", "action": {"kind": "pin", "version": "1"}}
    ]"""
    assert rules_from(json.loads(text), platform=False) == (
        Rule(name="eu", action=Alias("eu"), match=Match(headers={"x-region": ("eu", "uk")})),
        Rule(name="safe", action=Fallback(("3", "2"))),
        Rule(name="copy", action=Shadow(ref="challenger")),
        Rule(name="try", action=Canary(ref="challenger", share=0.05, sticky="header:x-user")),
        Rule(
            name="best",
            action=Select(tags={"data": "full"}, metrics={"auroc": Bound(least=0.7)}, best="auroc"),
            match=Match(parameters={"mode": ("best",)}),
        ),
        Rule(name="ab", action=Split(arms=(Arm("1", 9), Arm("2", 1)))),
        Rule(name="last", action=Pin("1")),
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"name": "a", "action": {"kind": "pun"}},
            "rule 2 ('a'), action.kind: Invalid value 'pun'; there are: alias, canary",
        ),
        (
            {"name": "a", "action": {"kind": "canary", "ref": "1", "share": 2}},
            "rule 2 ('a'), action.share: Expected `float` <= 1.0",
        ),
        (
            {"name": "a", "action": PIN, "mach": {}},
            "rule 2 ('a'): Object contains unknown field `mach`",
        ),
        ({"action": PIN}, "rule 2: Object missing required field `name`"),
        ({"name": "A b", "action": PIN}, "rule 2 ('A b'), name: a name is up to 63 lower-case letters"),
        ("x", "rule 2: Expected `object`, got `str`"),
        (
            {"name": "a", "action": {"kind": "shadow", "ref": "1", "sticky": "header:X-User"}},
            "rule 2 ('a'), action.sticky: it is 'request', 'tenant', 'header:NAME'",
        ),
        (
            {"name": "a", "action": {"kind": "split", "arms": []}},
            "rule 2 ('a'), action.arms: Expected `array` of length >= 1",
        ),
        (
            {"name": "a", "action": PIN, "match": {"headers": {"x-a": [1]}}},
            "rule 2 ('a'), match.headers[...][0]: Expected `str`, got `int`",
        ),
        (
            {"name": "first", "action": PIN},
            "rule 2 ('first'), name: another rule of the list has the same name",
        ),
        ({"name": "default", "action": PIN}, "rule 2 ('default'), name: 'default' is what replies say"),
        (
            {"name": "a", "action": {"kind": "pin", "version": "champion"}},
            "rule 2 ('a'), action.version: 'champion' is no version number",
        ),
        (
            {"name": "a", "action": {"kind": "split", "arms": [{"ref": "1", "weight": 0}]}},
            "rule 2 ('a'), action.arms: all weights are 0",
        ),
        (
            {"name": "a", "action": PIN, "match": {"headers": {"X-Region": ["eu"]}}},
            "rule 2 ('a'), match.headers.X-Region: not the name of a header in lower case",
        ),
        (
            {"name": "a", "action": PIN, "match": {"attributes": {"tier": []}}},
            "rule 2 ('a'), match.attributes.tier: no values",
        ),
        (
            {"name": "a", "action": PIN, "match": {"parameters": {"m": ["x"] * 1001}}},
            "rule 2 ('a'), match.parameters.m: 1001 values are too many",
        ),
        (
            {"name": "a", "action": PIN, "match": {"parameters": {"m": ["x" * 1025]}}},
            "rule 2 ('a'), match.parameters.m: a value is longer than 1024",
        ),
        (
            {"name": "a", "action": {"kind": "select", "metrics": {"auroc": {"least": 0.9, "most": 0.1}}}},
            "rule 2 ('a'), action.metrics.auroc: least 0.9 is above most 0.1",
        ),
        (
            {"name": "a", "action": {"kind": "select", "lowest": True}},
            "rule 2 ('a'), action.lowest: 'lowest' needs",
        ),
    ],
)
def test_a_fault_is_said_with_its_place(rule: Any, message: str) -> None:
    error = refused({"name": "first", "action": PIN}, rule)
    assert error.message.startswith(message)
    assert error.details["position"] == 2


def test_what_is_about_other_tenants_is_the_platforms_alone() -> None:
    for where in ("tenants", "models"):
        rule = {"name": "a", "action": PIN, "match": {where: ["acme"]}}
        assert f"match.{where}: only the platform's" in refused(rule).message
        assert len(rules_from([rule], platform=True)) == 1


@pytest.mark.parametrize("raw", [{}, None, "x", 7])
def test_what_is_no_list_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidRequest, match="the rules are no list of rules: Expected `array`"):
        rules_from(raw, platform=False)


def test_rules_built_in_python_meet_the_same_limits() -> None:
    for action in (
        Canary(ref="1", share=7.0),
        Shadow(ref=""),
        Split(arms=()),
        Canary(ref="1", share=float("nan")),
    ):
        with pytest.raises(InvalidRequest) as caught:
            check_rules([Rule(name="a", action=action)], platform=True)
        assert caught.value.details["rule"] == "a"
    with pytest.raises(InvalidRequest, match="no finite number"):
        check_rules([Rule(name="a", action=Split(arms=(Arm("1", float("inf")),)))], platform=False)


def test_too_many_rules_are_refused() -> None:
    rules = [Rule(name=f"r{number}", action=Pin("1")) for number in range(257)]
    check_rules(rules[:256], platform=False)
    with pytest.raises(InvalidRequest, match="257 rules are too many"):
        check_rules(rules, platform=False)


def test_refs_that_name_nothing_are_told_but_not_refused() -> None:
    endpoint = Endpoint(
        versions={"1": VersionRef(path="p", sha256="0" * 64)}, aliases={"champion": "1", "lost": "7"}
    )
    rules = (
        Rule(name="fine", action=Split(arms=(Arm("1", 1.0), Arm("champion", 1.0)))),
        Rule(name="pin", action=Pin("2")),
        Rule(name="alias", action=Alias("lost")),
        Rule(name="number", action=Alias("1")),
        Rule(name="arms", action=Split(arms=(Arm("1", 1.0), Arm("x", 1.0), Arm("y", 1.0)))),
        Rule(name="canary", action=Canary(ref="z", share=0.1)),
        Rule(name="fallback", action=Fallback(("1", "w"))),
        Rule(name="select", action=Select(tags={"a": "b"})),
    )
    check_rules(rules, platform=False)
    assert [(missing.rule, missing.ref) for missing in unresolved(rules, endpoint)] == [
        ("pin", "2"),
        ("alias", "lost"),
        ("number", "1"),
        ("arms", "x"),
        ("arms", "y"),
        ("canary", "z"),
        ("fallback", "w"),
        ("select", ""),
    ]


def test_the_rules_in_the_documentation_are_good() -> None:
    page = (Path(__file__).parents[2] / "docs" / "routing.md").read_text()
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        assert rules_from(json.loads(example), platform=False)


def test_the_documentation_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "routing.md").read_text()
    for kind in (Pin, Alias, Select, Split, Canary, Shadow, Fallback):
        assert f"| `{kind.__struct_config__.tag}` |" in page
        for field in kind.__struct_fields__:
            assert f"`{field}`" in page
    for field in Match.__struct_fields__:
        assert f"| `{field}` |" in page
