"""The decision about a rollout, from its record and the time alone.

In this order: a guard rail that has spoken rolls back at once; an objective that has spoken, with requests enough,
promotes; a horizon that is over ends it without a decision, and the champion stays.
"""

import msgspec

from tenantry.deployments.rollouts import Arms, Rollout, RolloutState
from tenantry.deployments.rollouts_looks import GUARDS, PROMOTIONS, answered, looked, quantile, shifts
from tenantry.routing.observed import ArmCounts, bucket_end


def judged(rollout: Rollout, now: float) -> Rollout:
    """Look at what has come in, and decide if the time has come; the same record where there is nothing new."""
    if rollout.decided is not None:
        return rollout
    progress = looked(rollout.progress, rollout.plan)
    over = now >= rollout.until
    if progress is not rollout.progress:
        rollout = msgspec.structs.replace(rollout, progress=progress)
    spoken = [question.name for question in GUARDS if answered(question, progress) >= 1]
    if spoken:
        return decide(rollout, RolloutState.ROLLED_BACK, guard_words(rollout, spoken[0]))
    if lacking(rollout) == "":
        return decide(rollout, RolloutState.PROMOTED, promotion_words(rollout))
    if over:
        reason = f"the horizon of {rollout.plan.horizon_hours:g} h is over: {lacking(rollout)}"
        return decide(rollout, RolloutState.INCONCLUSIVE, reason)
    return rollout


def decide(rollout: Rollout, state: RolloutState, reason: str) -> Rollout:
    """Write the decision down; carrying it out comes next."""
    return msgspec.structs.replace(rollout, decided=state, reason=reason)


def lacking(rollout: Rollout) -> str:
    """What a promotion still lacks, in words; empty where it lacks nothing."""
    seen, plan = rollout.progress.seen(), rollout.plan
    if seen.challenger.requests < plan.min_requests:
        return f"the challenger has answered {seen.challenger.requests:,} of {plan.min_requests:,} requests"
    open_ = [
        question.name
        for question in PROMOTIONS
        if question.name in plan.required and answered(question, rollout.progress) < 1
    ]
    if "reward" in open_ and not (seen.champion_rewards.count and seen.challenger_rewards.count):
        return "no rewards have come in for both versions"
    if not open_:
        return ""
    shown = "better" if plan.promote == "better" else f"not worse (margin {plan.margin:.3g})"
    return f"the challenger is not shown to be {shown} at {_joined(open_)}"


def guard_words(rollout: Rollout, guard: str) -> str:
    """Why a guard rail rolls back, with the figures at that moment."""
    seen, plan = rollout.progress.seen(), rollout.plan
    ours, theirs = seen.challenger, seen.champion
    if guard == "errors":
        return (
            f"the challenger's error rate is more than {_percent(plan.error_margin)} above the champion's: "
            f"{_rate(ours)} against {_rate(theirs)}"
        )
    if guard == "latency":
        return (
            f"the challenger is more than {plan.latency_factor:g} times as slow: median {_ms(ours, 0.5)}, p99 "
            f"{_ms(ours, 0.99)} against {_ms(theirs, 0.5)} and {_ms(theirs, 0.99)}"
        )
    if guard == "shift":
        return (
            f"{_percent(variation(seen))} of the challenger's scores lie elsewhere than the champion's; "
            f"{_percent(plan.max_shift)} may"
        )
    if guard == "agreement":
        return (
            f"the two versions agree on {_percent(seen.pairs.agreed / seen.pairs.pairs)} of "
            f"{seen.pairs.pairs:,} requests; {_percent(plan.min_agreement)} must be"
        )
    return f"the challenger's mean reward is lower by more than {plan.margin:.3g}: {_rewards(rollout, seen)}"


def promotion_words(rollout: Rollout) -> str:
    """Why the challenger becomes champion."""
    seen, plan = rollout.progress.seen(), rollout.plan
    found = {
        "reward": lambda: f"mean reward {_rewards(rollout, seen)}",
        "errors": lambda: f"errors {_rate(seen.challenger)} against {_rate(seen.champion)}",
        "latency": lambda: (
            f"p99 {_ms(seen.challenger, 0.99)} and median {_ms(seen.challenger, 0.5)} against "
            f"{_ms(seen.champion, 0.99)} and {_ms(seen.champion, 0.5)}"
        ),
        "agreement": lambda: f"the same answer to {_percent(seen.pairs.agreed / seen.pairs.pairs)}",
    }
    shown = "better" if plan.promote == "better" else "not worse"
    return f"shown to be {shown}: {'; '.join(found[name]() for name in plan.required)}"


def variation(seen: Arms) -> float:
    """Total variation between the arms' scores, as counted: 0 is alike, 1 is nothing in common."""
    return sum(abs(change) for change in shifts(seen.challenger, seen.champion).values()) / 2


def milliseconds(arm: ArmCounts, share: float) -> float | None:
    """A quantile of an arm's latency: the end of the bucket that holds it."""
    bucket = quantile(arm.latency, share)
    return None if bucket is None else bucket_end(bucket) * 1000


def mean_reward(count: int, grid: list[float]) -> float | None:
    """The mean of rewards on the grid; None where there are none."""
    if not count:
        return None
    return sum(place * mass for place, mass in enumerate(grid)) / (len(grid) - 1) / count


def _rewards(rollout: Rollout, seen: Arms) -> str:
    ours, theirs = seen.challenger_rewards, seen.champion_rewards
    return (
        f"{mean_reward(ours.count, ours.grid) or 0:.4g} of {ours.count:,} against "
        f"{mean_reward(theirs.count, theirs.grid) or 0:.4g} of {theirs.count:,} of version {rollout.champion}"
    )


def _rate(arm: ArmCounts) -> str:
    rate = arm.errors / arm.requests if arm.requests else 0.0
    return f"{_percent(rate)} of {arm.requests:,} requests"


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def _ms(arm: ArmCounts, share: float) -> str:
    found = milliseconds(arm, share)
    return "–" if found is None else f"{found:.3g} ms"


def _joined(words: list[str]) -> str:
    return " and ".join(words)
