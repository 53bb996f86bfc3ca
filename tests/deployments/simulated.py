"""Traffic that never was: two versions' answers by chance, counted as scoring workers count them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from tenantry.deployments.rollouts import Arms, RewardCounts, Rollout, RolloutPlan
from tenantry.deployments.rollouts_judge import judged
from tenantry.evaluation.sequential import split
from tenantry.routing.observed import (
    BUCKETS_PER_OCTAVE,
    FASTEST,
    LAST_BUCKET,
    SCORE_BINS,
    ArmCounts,
    PairCounts,
)
from tenantry.tenancy import TenantId


@dataclass(frozen=True)
class Version:
    """How a version answers: its error rate, the median and spread of its time, its scores' Beta, its mean reward."""

    errors: float = 0.005
    median_ms: float = 2.0
    spread: float = 0.5
    scores: tuple[float, float] = (2.0, 5.0)
    reward: float = 0.3


ALIKE = Version()


def arm(rng: np.random.Generator, version: Version, requests: int) -> ArmCounts:
    """What a worker would have counted of so many requests of one row."""
    errors = int(rng.binomial(requests, version.errors))
    good = requests - errors
    seconds = version.median_ms / 1000 * np.exp(version.spread * rng.standard_normal(good))
    buckets = np.clip((np.log2(seconds / FASTEST) * BUCKETS_PER_OCTAVE).astype(int), 0, LAST_BUCKET)
    scores = rng.beta(*version.scores, good)
    bins = np.minimum((scores * SCORE_BINS).astype(int), SCORE_BINS - 1)
    return ArmCounts(
        requests=requests,
        errors=errors,
        rows=requests,
        latency=dict(zip(*map(np.ndarray.tolist, np.unique(buckets, return_counts=True)), strict=True)),
        scores={
            int(place): float(count)
            for place, count in zip(*np.unique(bins, return_counts=True), strict=True)
        },
        scored=good,
        total=float(scores.sum()),
        squares=float((scores**2).sum()),
    )


def rewards(rng: np.random.Generator, version: Version, requests: int, share: float) -> RewardCounts:
    """What came back of so many answers: 0 or 1, of a share of them."""
    count = int(rng.binomial(requests, share))
    found = (rng.random(count) < version.reward).astype(float)
    return RewardCounts(count=count, grid=split(found).tolist()) if count else RewardCounts()


def pairs(rng: np.random.Generator, requests: int, agreement: float) -> PairCounts:
    """Answers of both versions to the same requests."""
    agreed = int(rng.binomial(requests, agreement))
    return PairCounts(pairs=requests, agreed=float(agreed), difference=0.1 * (requests - agreed), worst=0.4)


def rollout(**plan: Any) -> Rollout:
    """A rollout of version 2 against version 1 that began at time 0."""
    asked = RolloutPlan(challenger=2, **plan)
    return Rollout(
        id="rollout-simulated",
        tenant=TenantId("acme"),
        model="churn",
        champion=1,
        challenger=2,
        plan=asked,
        created=0.0,
        until=asked.horizon_hours * 3600,
    )


def run(
    one: Rollout,
    challenger: Version,
    seed: int,
    *,
    looks: int = 300,
    per_look: int = 200,
    agreement: float = 0.97,
    rewarded: float = 1.0,
    looked: Callable[[Rollout], None] = lambda _one: None,
) -> Rollout:
    """Let traffic come and look every second until a decision is made, or the looks are over."""
    rng = np.random.default_rng(seed)
    for second in range(looks):
        requests = int(rng.poisson(per_look))
        if one.plan.shadow:
            tried = champions = requests
        else:
            tried = int(rng.binomial(requests, one.share))
            champions = requests - tried
        seen = Arms(
            champion=arm(rng, Version(errors=0.0) if one.plan.shadow else ALIKE, champions),
            challenger=arm(rng, challenger, tried),
            pairs=pairs(rng, requests, agreement) if one.plan.shadow else PairCounts(),
        )
        progress = msgspec.structs.replace(one.progress)
        progress.waiting.add(seen)
        for queue, version, count in (
            (progress.champion_queue, ALIKE, champions),
            (progress.challenger_queue, challenger, tried),
        ):
            chunk = rewards(rng, version, count, rewarded)
            if chunk.count:
                queue.append(chunk)
        one = judged(msgspec.structs.replace(one, progress=progress), float(second))
        looked(one)
        if one.decided is not None:
            return one
    return one
