"""What a compiled endpoint promises beyond being right: stickiness, true shares, bounded memory, reuse."""

import json
import subprocess
import sys
from collections import Counter
from math import sqrt

import msgspec
import pytest

from tenantry.routing import Decision, Endpoint, EndpointTable, TenantEntry, VersionRef
from tenantry.routing.outcome import KEPT
from tenantry.routing.rules import Action, Alias, Arm, Canary, Fallback, Match, Pin, Rule, Shadow, Split
from tenantry.tenancy import TenantId

ACME, BOLT = TenantId("acme"), TenantId("bolt")
VERSIONS = {number: VersionRef(path=f"p/{number}", sha256=number * 64) for number in "1234"}
ALIASES = {"champion": "1", "challenger": "2"}
BY_USER = "header:x-user"


def rule(name: str, action: Action, match: Match | None = None) -> Rule:
    return Rule(name=name, action=action, match=match or Match())


def endpoint(*rules: Rule) -> Endpoint:
    return Endpoint(versions=VERSIONS, aliases=ALIASES, rules=rules)


def table(*rules: Rule, platform: tuple[Rule, ...] = ()) -> EndpointTable:
    return EndpointTable(number=1, created=0.0, endpoints={ACME: {"churn": endpoint(*rules)}}, rules=platform)


def decide(
    table: EndpointTable, request_id: str = "q1", headers: dict[bytes, bytes] | None = None, **parameters: str
) -> Decision:
    compiled = table.compiled(ACME, "churn")
    assert compiled is not None
    decision = compiled.decide(None, headers or {}, parameters, request_id)
    assert decision is not None
    return decision


def user(number: int) -> dict[bytes, bytes]:
    return {b"x-user": f"u{number}".encode()}


def test_the_same_key_stays_with_its_arm_whatever_else_changes() -> None:
    split = Split(arms=(Arm("1", 1.0), Arm("2", 1.0), Arm("3", 2.0)), sticky=BY_USER)
    one, other = table(rule("ab", split)), table(rule("new", Pin("9")), rule("ab", split))
    for number in range(300):
        versions = {
            decide(world, f"q{n}", user(number)).target.version for world in (one, other) for n in range(5)
        }
        assert len(versions) == 1


def test_without_its_key_a_request_is_drawn_by_its_id() -> None:
    by_user = table(rule("ab", Split(arms=(Arm("1", 1.0), Arm("2", 1.0)), sticky=BY_USER)))
    by_request = table(rule("ab", Split(arms=(Arm("1", 1.0), Arm("2", 1.0)))))
    for number in range(100):
        expected = decide(by_request, f"q{number}")
        assert decide(by_user, f"q{number}") == expected
        assert decide(by_user, f"q{number}", {b"x-user": b""}) == expected


def test_a_tenant_sticks_whatever_the_request() -> None:
    split = table(rule("ab", Split(arms=(Arm("1", 1.0), Arm("2", 1.0)), sticky="tenant")))
    assert len({decide(split, f"q{n}", user(n)).target.version for n in range(100)}) == 1


def test_tenants_spread_over_the_arms() -> None:
    rules = (rule("ab", Split(arms=(Arm("1", 1.0), Arm("2", 1.0)), sticky="tenant")),)
    tenants = [TenantId(f"t{number}") for number in range(400)]
    fleet = EndpointTable(
        number=1, created=0.0, rules=rules, endpoints={tenant: {"m": endpoint()} for tenant in tenants}
    )
    chosen: Counter[str] = Counter()
    for tenant in tenants:
        compiled = fleet.compiled(tenant, "m")
        assert compiled is not None
        decision = compiled.decide(None, {}, {}, "q")
        assert decision is not None
        chosen[decision.target.version] += 1
    assert abs(chosen["1"] - 200) < 4 * sqrt(400 * 0.25)


def test_a_growing_canary_keeps_everyone_it_had() -> None:
    before: set[int] = set()
    for share in (0.0, 0.01, 0.1, 0.5, 1.0):
        world = table(rule("c", Canary(ref="2", share=share, sticky=BY_USER)))
        inside = {number for number in range(2000) if decide(world, headers=user(number)).rule == "c"}
        assert inside >= before
        before = inside
    assert len(before) == 2000


@pytest.mark.parametrize("weights", [(1.0, 1.0), (90.0, 9.0, 1.0), (0.2, 0.0, 0.3), (5.0,)])
def test_arms_get_their_shares(weights: tuple[float, ...]) -> None:
    requests = 20_000
    arms = tuple(Arm(str(number + 1), weight) for number, weight in enumerate(weights))
    world = table(rule("ab", Split(arms=arms)))
    got = Counter(decide(world, f"q{number}").target.version for number in range(requests))
    for arm in arms:
        share = arm.weight / sum(weights)
        # Fixed ids, hence no luck in it; five standard errors say that the hash is as even as it should be.
        assert abs(got[arm.ref] - share * requests) <= 5 * sqrt(requests * share * (1 - share)), got


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5])
def test_canaries_and_shadows_get_their_shares_independently(share: float) -> None:
    requests = 40_000
    world = table(rule("s", Shadow(ref="3", share=share)), rule("c", Canary(ref="2", share=share)))
    decisions = [decide(world, f"q{number}") for number in range(requests)]
    canary = sum(decision.rule == "c" for decision in decisions)
    shadow = sum(bool(decision.shadows) for decision in decisions)
    both = sum(decision.rule == "c" and bool(decision.shadows) for decision in decisions)
    for count, part in ((canary, share), (shadow, share), (both, share * share)):
        assert abs(count - part * requests) <= 5 * sqrt(requests * part * (1 - part)) + 1


def test_a_deployments_canary_is_not_blocked_by_the_platforms_of_the_same_name() -> None:
    same = rule("canary", Canary(ref="2", share=0.5))
    world = table(rule("canary", Canary(ref="3", share=0.5)), platform=(same,))
    got = Counter(decide(world, f"q{number}").target.version for number in range(4000))
    for version, share in (("2", 0.5), ("3", 0.25), ("1", 0.25)):
        assert abs(got[version] - share * 4000) < 5 * sqrt(4000 * share * (1 - share)), got


def test_the_same_salt_draws_alike_and_another_does_not() -> None:
    def inside(name: str, salt: str) -> set[int]:
        world = table(rule(name, Canary(ref="2", share=0.3, sticky=BY_USER, salt=salt)))
        return {number for number in range(1000) if decide(world, headers=user(number)).rule == name}

    assert inside("a", "spring") == inside("b", "spring")
    assert 20 < len(inside("a", "") & inside("b", "")) < 200


def test_both_sides_of_a_canary_carry_its_rollout() -> None:
    world = table(rule("c", Canary(ref="2", share=0.5, rollout="ro7")))
    decisions = [decide(world, f"q{number}") for number in range(200)]
    sides = {(d.target.version, d.rule, d.rollout, d.arm) for d in decisions}
    assert sides == {("2", "c", "ro7", "challenger"), ("1", "default", "ro7", "champion")}


def test_a_request_counts_for_one_rollout() -> None:
    world = table(
        rule("a", Canary(ref="2", share=0.5, rollout="roa")),
        rule("b", Canary(ref="3", share=0.5, rollout="rob")),
    )
    sides = {(d.rule, d.rollout, d.arm) for d in (decide(world, f"q{number}") for number in range(200))}
    assert sides == {("a", "roa", "challenger"), ("b", "rob", "challenger"), ("default", "roa", "champion")}


def test_a_caller_that_names_a_version_gets_it_and_nothing_else() -> None:
    world = table(rule("f", Fallback(("3",))), rule("s", Shadow(ref="3")), rule("p", Pin("4")))
    compiled = world.compiled(ACME, "churn")
    assert compiled is not None
    assert compiled.decide("2", {}, {}, "q") == Decision(("2", VERSIONS["2"]), "requested")  # type: ignore[arg-type]
    assert compiled.decide("challenger", {}, {}, "q") == compiled.decide("2", {}, {}, "q")
    assert compiled.decide("9", {}, {}, "q") is None
    ruled = compiled.decide("", {}, {}, "q")
    assert ruled is not None
    assert (ruled.rule, ruled.target.version, [shadow.target.version for shadow in ruled.shadows]) == (
        "p",
        "4",
        ["3"],
    )


def test_rule_headers_are_compared_in_lower_case_and_as_utf8() -> None:
    world = table(rule("p", Pin("2"), Match(headers={"X-Region": ("größe",)})))
    assert decide(world, headers={b"x-region": "größe".encode()}).rule == "p"
    assert decide(world, headers={b"x-region": "größe".encode("latin-1")}).rule == "default"


def test_made_up_values_cost_no_memory() -> None:
    conditions = dict.fromkeys(("x-a", "x-b"), ("eu", "uk"))
    world = table(rule("p", Pin("2"), Match(headers=conditions, parameters={"mode": ("x",)})))
    compiled = world.compiled(ACME, "churn")
    assert compiled is not None
    assert compiled._conditions is not None
    for number in range(5000):
        word = f"made-up-{number}"
        compiled.decide(None, {b"x-a": word.encode(), b"x-b": b"eu"}, {"mode": word}, "q")
        compiled.decide(word, {}, {}, "q")
    # "eu" and "uk" do the same and are one; a flood of strangers is one too.
    assert len(compiled._conditions._outcomes) == 1
    assert not compiled._requested


def test_known_values_in_ever_new_combinations_are_bounded() -> None:
    rules = [
        rule(f"r{n}-{v}", Shadow(ref="3"), Match(headers={f"x-{n}": (str(v),)}))
        for n in range(4)
        for v in range(8)
    ]
    world = table(*rules)
    compiled = world.compiled(ACME, "churn")
    assert compiled is not None
    assert compiled._conditions is not None
    for number in range(8**4):
        headers = {f"x-{n}".encode(): str(number // 8**n % 8).encode() for n in range(4)}
        decision = compiled.decide(None, headers, {}, "q")
        assert decision is not None
        assert decision.shadows[0].rule == f"r0-{number % 8}"
        assert len(compiled._conditions._outcomes) <= KEPT


def test_many_draws_are_bounded() -> None:
    shadows = [rule(f"s{n}", Shadow(ref="3", share=0.5, rollout=f"ro{n}")) for n in range(30)]
    world = table(*shadows)
    seen = {tuple(s.rule for s in decide(world, f"q{number}").shadows) for number in range(3 * KEPT)}
    compiled = world.compiled(ACME, "churn")
    assert compiled is not None
    assert compiled._outcome is not None
    assert len(compiled._outcome._by_ways) <= KEPT
    assert len(seen) > 8  # by the first of the thirty that drew the request


ELSEWHERE = """
import json, sys
import msgspec
from tenantry.routing import EndpointTable
table = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=EndpointTable)
compiled = table.compiled("acme", "churn")
decisions = [compiled.decide(None, {b"x-user": b"u%d" % n}, {}, f"q{n}") for n in range(500)]
print(json.dumps([[d.target.version, d.rule, d.arm, len(d.shadows)] for d in decisions]))
"""


def test_another_process_decides_alike() -> None:
    world = table(
        rule("c", Canary(ref="2", share=0.2, sticky=BY_USER, rollout="ro1")),
        rule("s", Shadow(ref="4", share=0.4)),
        rule("ab", Split(arms=(Arm("1", 3.0), Arm("3", 1.0)))),
    )
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=msgspec.msgpack.encode(world),
        capture_output=True,
        check=True,
    )
    here = [decide(world, f"q{number}", user(number)) for number in range(500)]
    assert json.loads(done.stdout) == [[d.target.version, d.rule, d.arm, len(d.shadows)] for d in here]


def test_the_hash_is_what_it_was() -> None:
    # Figures of the first release: a change of the hash would send every sticky key to another arm.
    world = table(rule("ab", Split(arms=tuple(Arm(number, 1.0) for number in "1234"), sticky=BY_USER)))
    assert (
        "".join(decide(world, headers=user(number)).target.version for number in range(24))
        == "434111244442114331211144"
    )


def test_a_compiled_endpoint_is_kept_and_no_part_of_the_table() -> None:
    world = table(rule("p", Pin("2")))
    before = msgspec.msgpack.encode(world)
    compiled = world.compiled(ACME, "churn")
    assert world.compiled(ACME, "churn") is compiled
    assert world.compiled(BOLT, "churn") is None
    assert msgspec.msgpack.encode(world) == before
    assert world == table(rule("p", Pin("2")))


def test_a_newer_table_takes_over_what_did_not_change() -> None:
    entry = TenantEntry(attributes={"region": "eu"})
    ours, theirs = endpoint(rule("p", Pin("2"), Match(attributes={"region": ("eu",)}))), endpoint()
    old = EndpointTable(
        number=1, created=0.0, endpoints={ACME: {"churn": ours}, BOLT: {"m": theirs}}, tenants={ACME: entry}
    )
    first, second = old.compiled(ACME, "churn"), old.compiled(BOLT, "m")

    def newer(**changes: object) -> EndpointTable:
        table = msgspec.structs.replace(old, number=2, **changes)
        table.inherit(old)
        return table

    assert newer().compiled(ACME, "churn") is first
    assert newer().compiled(BOLT, "m") is second
    moved = newer(tenants={ACME: TenantEntry(attributes={"region": "us"})})
    assert decide(moved).rule == "default"
    assert moved.compiled(BOLT, "m") is second
    assert newer(endpoints={ACME: {"churn": endpoint()}}).compiled(ACME, "churn") is not first
    assert newer(endpoints={ACME: {}}).compiled(ACME, "churn") is None
    ruled = newer(rules=(rule("all", Alias("challenger")),))
    assert decide(ruled).rule == "all"
    # The older table goes on as before: requests in flight may still ask it.
    assert old.compiled(ACME, "churn") is first
