"""Rollouts as records: a challenger that takes a share of a deployment's requests until a decision is made (B9, C4).

A rollout runs from its start until it is promoted, rolled back, stopped, or its horizon is over. While it runs, one
routing rule of its own stands before the deployment's rules. What workers observe is folded into it, ``rollouts_judge``
decides, ``rollouts_keeper`` carries the decision out.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Literal, Protocol

import msgspec

from tenantry.errors import Conflict, InvalidRequest, NotFound
from tenantry.routing.observed import ArmCounts, PairCounts
from tenantry.routing.rules import Sticky
from tenantry.tenancy import TenantId

Objective = Literal["reward", "errors", "latency"]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Margin = Annotated[float, msgspec.Meta(ge=0, le=0.5)]
CANARY_SHARE, MOST_CANARY_SHARE = 0.05, 0.9
SHADOW_SHARE = 1.0


class RolloutState(StrEnum):
    """Where a rollout is. All but ``running`` are final."""

    RUNNING = "running"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    INCONCLUSIVE = "inconclusive"
    STOPPED = "stopped"


class RolloutPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for. Rates and shares are between 0 and 1.

    ``challenger``: the version to try, a number or an alias. ``share`` of the requests: 0.05 unless said, and 1 of a
    ``shadow``, which gets copies. ``sticky``: ``request``, or what goes the same way: ``tenant``, ``header:NAME``,
    ``parameter:NAME``. ``promote`` what is ``better`` at the ``objective``, or ``not-worse`` by more than ``margin``,
    after ``min_requests`` of the challenger, within ``horizon_hours``. Guard rails roll back at once: the challenger's
    error rate may be ``error_margin`` above the champion's, it may take ``latency_factor`` times as long, ``max_shift``
    of its scores may lie elsewhere, ``min_agreement`` of a shadow's answers must be the champion's. ``latency_ms``:
    what the objective ``latency`` calls slow.
    """

    challenger: int | str
    """The version to try: a number or an alias."""
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    """Share of the requests that the challenger gets: 0.05 without a word, at most 0.9; of a shadow, 1."""
    shadow: bool = False
    """The challenger gets copies, and nobody its answers."""
    sticky: Sticky = "request"
    """What decides on a request's arm: the request itself, or its tenant, a header or a parameter."""
    objective: Objective | None = None
    """What the challenger must be better at, or not worse at. None: reward for ``better``; for ``not-worse`` errors and
    latency, and in a shadow agreement."""
    promote: Literal["better", "not-worse"] = "better"
    """What must be shown before the challenger becomes champion."""
    margin: Margin = 0.01
    """Differences of a rate or of the mean reward below this count as none, for ``not-worse`` and the reward's guard
    rail."""
    min_requests: Annotated[int, msgspec.Meta(ge=1)] = 500
    """Requests that the challenger answers, at the least, before it is promoted."""
    horizon_hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 90)] = 72.0
    """Hours after which the rollout ends without a decision; the champion stays."""
    error_margin: Margin = 0.02
    """Guard rail: the challenger's error rate may be this much above the champion's."""
    latency_factor: Annotated[float, msgspec.Meta(ge=1, le=100)] = 1.5
    """Guard rail: the challenger may take this many times as long."""
    latency_ms: Positive | None = None
    """What ``latency`` calls slow; None: what is slower than 9 of 10 of the champion's first answers."""
    max_shift: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.25
    """Guard rail: share of the scores that may lie elsewhere than the champion's (total variation)."""
    min_agreement: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.8
    """Guard rail of a shadow: share of the answers that are the champion's too."""

    @property
    def required(self) -> tuple[str, ...]:
        """What must have been shown before the promotion."""
        if self.objective is not None:
            return (self.objective,)
        if self.promote == "better":
            return ("reward",)
        return ("errors", "latency", "agreement") if self.shadow else ("errors", "latency")


class ObservedReward(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one answer turned out: ``reward`` is between 0 (bad) and 1 (good), the same scale for both versions. The same
    ``request_id`` counts once.
    """

    version: int
    reward: Annotated[float, msgspec.Meta(ge=0, le=1)]
    request_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class RewardCounts(msgspec.Struct, array_like=True):
    """Rewards of one arm: how many, and where on ``evaluation.sequential.GRID``; each is split between two points."""

    count: int = 0
    grid: list[float] = []

    def add(self, other: "RewardCounts") -> None:
        """Take more in."""
        self.count += other.count
        self.grid = (
            [ours + theirs for ours, theirs in zip(self.grid, other.grid, strict=True)]
            if self.grid and other.grid
            else list(self.grid or other.grid)
        )


class Arms(msgspec.Struct):
    """What was counted of both versions."""

    champion: ArmCounts = msgspec.field(default_factory=ArmCounts)
    challenger: ArmCounts = msgspec.field(default_factory=ArmCounts)
    pairs: PairCounts = msgspec.field(default_factory=PairCounts)
    champion_rewards: RewardCounts = msgspec.field(default_factory=RewardCounts)
    challenger_rewards: RewardCounts = msgspec.field(default_factory=RewardCounts)

    def add(self, other: "Arms") -> None:
        """Take more in."""
        self.champion.add(other.champion)
        self.challenger.add(other.challenger)
        self.pairs.add(other.pairs)
        self.champion_rewards.add(other.champion_rewards)
        self.challenger_rewards.add(other.challenger_rewards)


class Marks(msgspec.Struct, frozen=True):
    """Latency buckets that the champion's first answers set, once: its median, its p99, and what counts as slow."""

    median: int
    tail: int
    slow: int


class Progress(msgspec.Struct):
    """What a rollout has come to. ``waiting`` was counted, and waits for the next look; so do rewards, in chunks by the
    order in which they came. ``tests`` holds the states of the sequential tests by name.
    """

    judged: Arms = msgspec.field(default_factory=Arms)
    waiting: Arms = msgspec.field(default_factory=Arms)
    champion_queue: list[RewardCounts] = []
    challenger_queue: list[RewardCounts] = []
    marks: Marks | None = None
    tests: dict[str, list[float]] = {}

    def seen(self) -> Arms:
        """Everything counted so far."""
        total = msgspec.json.decode(msgspec.json.encode(self.judged), type=Arms)
        total.add(self.waiting)
        for chunk in self.champion_queue:
            total.champion_rewards.add(chunk)
        for chunk in self.challenger_queue:
            total.challenger_rewards.add(chunk)
        return total


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """One rollout. ``champion`` and ``challenger`` are version numbers; times are in seconds since the epoch.

    ``decided`` is set in the transaction that decides, ``state`` and ``ended`` once the decision is carried out: what
    is killed in between goes on from there.
    """

    id: str
    tenant: TenantId
    model: str
    champion: int
    challenger: int
    plan: RolloutPlan
    created: float
    until: float
    state: RolloutState = RolloutState.RUNNING
    decided: RolloutState | None = None
    reason: str = ""
    ended: float | None = None
    progress: Progress = msgspec.field(default_factory=Progress)

    @property
    def share(self) -> float:
        """The share of the requests, with its default."""
        return self.plan.share or (SHADOW_SHARE if self.plan.shadow else CANARY_SHARE)


Change = Callable[[Rollout], Rollout]
"""What becomes of a rollout. Pure: it may be called again where a transaction is."""


class Rollouts(Protocol):
    """The rollouts of all tenants. Safe to call from several threads and processes at once.

    A rollout's record is changed as a whole, in one transaction, by a function of what it is then.
    """

    def start(self, rollout: Rollout) -> Rollout:
        """Keep a new rollout. Raises ``Conflict("rollout_running")`` where the model has one already, ``NotFound`` for
        a model that is not this tenant's.
        """
        ...

    def get(self, tenant: TenantId, model: str, rollout: str) -> Rollout:
        """Raises ``NotFound``."""
        ...

    def list(self, tenant: TenantId, model: str) -> list[Rollout]:
        """Newest first. Raises ``NotFound`` for a model that is not this tenant's."""
        ...

    def running(self, tenant: TenantId | None = None, model: str | None = None) -> Sequence[Rollout]:
        """The running rollouts of all tenants, by tenant and model; or of one tenant, or of one model of it."""
        ...

    def apply(self, changes: Mapping[str, Change], *, once: str | None = None) -> dict[str, Rollout]:
        """Change rollouts by id, all in one transaction; returns what became of them. Those that do not run (any more)
        stay as they are, and are left out. With ``once``, a name, nothing is done where that name was given before.
        """
        ...

    def reward(self, rollout: str, rewards: Sequence[ObservedReward]) -> int:
        """Take rewards in, each request id once; returns how many were new. Rewards for a rollout that does not run are
        not kept.
        """
        ...

    def forget(self, before: float) -> None:
        """Forget the names given as ``once`` before this time, and the request ids of rollouts that ended before it."""
        ...


def new_rollout_id() -> str:
    """An id that nobody can guess."""
    return f"rollout-{secrets.token_hex(8)}"


def no_such_rollout(rollout: str) -> NotFound:
    """The one error for a rollout that is not this tenant's model's, be it another's or nobody's."""
    return NotFound(
        "not_found",
        f"there is no rollout {rollout[:80]!r}",
        unnamed="there is no such rollout of that model for this tenant",
    )


def rollout_running(model: str) -> Conflict:
    """The refusal of a second rollout."""
    return Conflict("rollout_running", f"a rollout of {model[:80]!r} is running already")


def rollout_ended(rollout: Rollout) -> Conflict:
    """The refusal of what only a running rollout takes."""
    return Conflict("rollout_ended", f"the rollout {rollout.id!r} has ended: {rollout.state}")


def check_plan(plan: RolloutPlan) -> RolloutPlan:
    """Refuse what could never be decided. Raises ``InvalidRequest("rollout_invalid")``."""
    if not plan.shadow and plan.share is not None and plan.share > MOST_CANARY_SHARE:
        raise InvalidRequest(
            "rollout_invalid",
            f"a canary's share is at most {MOST_CANARY_SHARE}: the champion must be seen too",
        )
    if plan.shadow and plan.objective == "errors" and plan.promote == "better":
        raise InvalidRequest(
            "rollout_invalid",
            "a shadow is copied from requests that the champion answered well, so it cannot have fewer errors",
        )
    if plan.promote == "not-worse" and plan.margin == 0:
        raise InvalidRequest("rollout_invalid", "no worse within a margin of 0 can only be shown by better")
    return plan
