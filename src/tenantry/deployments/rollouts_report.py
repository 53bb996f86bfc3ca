"""A rollout as people read it: both arms, what was tested, what was decided and why, or what is still lacking."""

import math

import msgspec

from tenantry.deployments.rollouts import Arms, RewardCounts, Rollout, RolloutPlan, RolloutState
from tenantry.deployments.rollouts_judge import lacking, mean_reward, milliseconds, variation
from tenantry.deployments.rollouts_looks import GUARDS, PROMOTIONS, Question, answered
from tenantry.evaluation.sequential import interval
from tenantry.routing.observed import ArmCounts

FLOOR = 1e-4
"""The share that an empty bin counts as in the population stability index."""


class ArmReport(msgspec.Struct, frozen=True, kw_only=True):
    """One version's side. Intervals hold at 95 %, at all looks at once. None: nothing seen yet.

    Of a shadow, ``latency_*`` are the times of the work alone; of a canary, from the request's arrival to its reply.
    """

    version: int
    requests: int
    rows: int
    errors: int
    error_rate: float | None
    error_low: float
    error_high: float
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    score_mean: float | None
    score_deviation: float | None
    rewards: int
    reward_mean: float | None
    reward_low: float
    reward_high: float


class QuestionReport(msgspec.Struct, frozen=True, kw_only=True):
    """One question: ``evidence`` is how far it has come (from 1 on it is answered; below 0 it points away)."""

    name: str
    evidence: float
    spoken: bool


class RolloutReport(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout's state, figures, tests and decision.

    ``total_variation`` and ``stability_index`` (PSI) compare the arms' scores; ``agreement`` and the differences of
    scores are a shadow's. ``lacking``: what a promotion still lacks, of a rollout that runs. ``notes``: what to bear in
    mind with these figures.
    """

    id: str
    model: str
    state: RolloutState
    plan: RolloutPlan
    share: float
    created: float
    until: float
    ended: float | None
    reason: str
    lacking: str
    champion: ArmReport
    challenger: ArmReport
    total_variation: float | None
    stability_index: float | None
    agreement: float | None
    mean_difference: float | None
    worst_difference: float | None
    guards: tuple[QuestionReport, ...]
    promotions: tuple[QuestionReport, ...]
    notes: tuple[str, ...]


def report(rollout: Rollout) -> RolloutReport:
    """Work the report out of the record."""
    seen = rollout.progress.seen()
    pairs = seen.pairs
    scored = bool(seen.champion.scores and seen.challenger.scores)
    running = rollout.state is RolloutState.RUNNING and rollout.decided is None
    return RolloutReport(
        id=rollout.id,
        model=rollout.model,
        state=rollout.state,
        plan=rollout.plan,
        share=rollout.share,
        created=rollout.created,
        until=rollout.until,
        ended=rollout.ended,
        reason=rollout.reason,
        lacking=lacking(rollout) if running else "",
        champion=_arm(rollout.champion, seen.champion, seen.champion_rewards),
        challenger=_arm(rollout.challenger, seen.challenger, seen.challenger_rewards),
        total_variation=variation(seen) if scored else None,
        stability_index=stability_index(seen) if scored else None,
        agreement=pairs.agreed / pairs.pairs if pairs.pairs else None,
        mean_difference=pairs.difference / pairs.pairs if pairs.pairs else None,
        worst_difference=pairs.worst if pairs.pairs else None,
        guards=tuple(_question(question, rollout) for question in GUARDS if _asked(question, rollout)),
        promotions=tuple(
            _question(question, rollout) for question in PROMOTIONS if _asked(question, rollout)
        ),
        notes=_notes(rollout),
    )


def stability_index(seen: Arms) -> float:
    """The population stability index of the scores: under 0.1 is alike, over 0.25 is another population."""
    ours, theirs = seen.challenger.scores, seen.champion.scores
    n, m = sum(ours.values()), sum(theirs.values())
    found = 0.0
    for place in ours.keys() | theirs.keys():
        new, old = max(ours.get(place, 0.0) / n, FLOOR), max(theirs.get(place, 0.0) / m, FLOOR)
        found += (new - old) * math.log(new / old)
    return found


def _arm(version: int, arm: ArmCounts, rewards: RewardCounts) -> ArmReport:
    mean = arm.total / arm.scored if arm.scored else None
    reward = mean_reward(rewards.count, rewards.grid)
    low, high = interval(arm.requests, arm.errors)
    reward_low, reward_high = interval(rewards.count, (reward or 0.0) * rewards.count)
    return ArmReport(
        version=version,
        requests=arm.requests,
        rows=arm.rows,
        errors=arm.errors,
        error_rate=arm.errors / arm.requests if arm.requests else None,
        error_low=low,
        error_high=high,
        latency_p50_ms=milliseconds(arm, 0.5),
        latency_p99_ms=milliseconds(arm, 0.99),
        score_mean=mean,
        score_deviation=None if mean is None else math.sqrt(max(arm.squares / arm.scored - mean * mean, 0.0)),
        rewards=rewards.count,
        reward_mean=reward,
        reward_low=reward_low,
        reward_high=reward_high,
    )


def _asked(question: Question, rollout: Rollout) -> bool:
    return question.name != "agreement" or rollout.plan.shadow


def _question(question: Question, rollout: Rollout) -> QuestionReport:
    evidence = answered(question, rollout.progress)
    return QuestionReport(name=question.name, evidence=evidence, spoken=evidence >= 1)


def _notes(rollout: Rollout) -> tuple[str, ...]:
    notes = []
    if rollout.plan.sticky != "request":
        notes.append(
            f"requests go by {rollout.plan.sticky}: those of one key are alike, so a few heavy keys can make the two "
            "arms differ by more than the tests and intervals allow for"
        )
    if rollout.plan.promote == "better" and rollout.plan.required == ("reward",):
        notes.append(
            f"rewards come in by POST …/rollouts/{rollout.id}/outcomes; without them nothing is promoted"
        )
    return tuple(notes)
