"""Random endpoint tables and requests, small enough that everything meets everything."""

import random

from tenantry.routing import Endpoint, EndpointTable, TenantEntry, VersionRef
from tenantry.routing.rules import (
    Action,
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

TENANTS = ("acme", "bolt", "crow")
MODELS = ("churn", "fraud")
REFS = ("1", "2", "3", "4", "9", "champion", "challenger", "gone", "nowhere")
REGIONS = ("eu", "us", "uk", "jp", "größe")
STICKY = ("request", "tenant", "header:x-user", "parameter:user")


def table(dice: random.Random) -> EndpointTable:
    tenants = {
        TenantId(tenant): TenantEntry(
            attributes={key: dice.choice(REGIONS) for key in ("region", "tier") if dice.random() < 0.7}
        )
        for tenant in TENANTS
        if dice.random() < 0.8
    }
    endpoints = {
        TenantId(tenant): {name: endpoint(dice) for name in MODELS if dice.random() < 0.9}
        for tenant in TENANTS
    }
    return EndpointTable(
        number=1,
        created=0.0,
        tenants=tenants,
        endpoints=endpoints,
        rules=rules(dice, dice.choice((0, 0, 1, 4))),
    )


def endpoint(dice: random.Random) -> Endpoint:
    versions = {number: version(dice, number) for number in ("1", "2", "3", "4", "10") if dice.random() < 0.9}
    aliases = {"champion": dice.choice("123"), "challenger": dice.choice("234"), "gone": "7"}
    if dice.random() < 0.1:
        del aliases["champion"]
    if dice.random() < 0.05:
        aliases["3"] = "1"
    return Endpoint(versions=versions, aliases=aliases, rules=rules(dice, dice.choice((0, 1, 2, 5, 9, 16))))


def version(dice: random.Random, number: str) -> VersionRef:
    return VersionRef(
        path=f"p/{number}",
        sha256=number * 64,
        tags={tag: dice.choice("ab") for tag in ("kind", "data") if dice.random() < 0.6},
        metrics={
            metric: dice.choice((0.5, 0.6, 0.7, 0.9, float("nan")))
            for metric in ("auroc", "loss")
            if dice.random() < 0.7
        },
    )


def rules(dice: random.Random, count: int) -> tuple[Rule, ...]:
    # The names of both lists overlap, and a list may have a name twice: neither may matter to a decision.
    return tuple(
        Rule(name=f"r{dice.randrange(6)}", action=action(dice), match=match(dice)) for _ in range(count)
    )


def match(dice: random.Random) -> Match:
    if dice.random() < 0.5:
        return Match()

    def some(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dice.sample(values, dice.randint(0 if dice.random() < 0.05 else 1, 3)))

    def conditions(names: tuple[str, ...], chance: float) -> dict[str, tuple[str, ...]]:
        return {name: some(REGIONS) for name in names if dice.random() < chance}

    return Match(
        tenants=tuple(dice.sample(TENANTS, 2)) if dice.random() < 0.15 else (),
        models=(dice.choice(MODELS),) if dice.random() < 0.15 else (),
        attributes=conditions(("region", "tier"), 0.15),
        headers=conditions(("x-region", "x-user", "x-tier"), 0.25),
        parameters=conditions(("mode", "user"), 0.2),
    )


def action(dice: random.Random) -> Action:
    ref = dice.choice(REFS)
    share = dice.choice((0.0, 0.01, 0.25, 0.5, 0.9, 1.0))
    sticky, salt, rollout = dice.choice(STICKY), dice.choice(("", "", "s")), dice.choice(("", "ro1", "ro2"))
    kind = dice.randrange(16)
    if kind == 0:
        return Pin(dice.choice(REFS))
    if kind == 1:
        return Alias(ref)
    if kind == 2:
        bound = Bound(least=dice.choice((None, 0.6)), most=dice.choice((None, 0.7)))
        return Select(
            tags={"kind": dice.choice("ab")} if dice.random() < 0.4 else {},
            metrics={"auroc": bound} if dice.random() < 0.5 else {},
            best=dice.choice((None, "auroc", "loss", "none")),
            lowest=dice.random() < 0.5,
        )
    if kind == 3:
        arms = tuple(
            Arm(dice.choice(REFS), dice.choice((0.0, 1.0, 0.3, 1e-300, 7.0, 90.0)))
            for _ in range(dice.randint(1, 4))
        )
        return Split(arms=arms, sticky=sticky, salt=salt)
    if kind < 8:
        return Canary(ref=ref, share=share, sticky=sticky, salt=salt, rollout=rollout)
    if kind < 14:
        return Shadow(ref=ref, share=share, sticky=sticky, salt=salt, rollout=rollout)
    return Fallback(tuple(dice.choice(REFS) for _ in range(dice.randint(1, 3))))


def request(dice: random.Random) -> tuple[str | None, dict[bytes, bytes], dict[str, str], str]:
    values = (*REGIONS, "", "else", f"u{dice.randrange(50)}")
    headers = {
        name: dice.choice(values).encode()
        for name in (b"x-region", b"x-user", b"x-tier", b"host")
        if dice.random() < 0.7
    }
    parameters = {name: dice.choice(values) for name in ("mode", "user") if dice.random() < 0.7}
    requested = dice.choice(REFS) if dice.random() < 0.05 else dice.choice((None, None, None, ""))
    return requested, headers, parameters, f"q{dice.randrange(10_000)}"
