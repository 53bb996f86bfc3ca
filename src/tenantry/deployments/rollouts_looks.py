"""A rollout's sequential tests: what each asks, and one look at all of them. Pure functions of records."""

from typing import NamedTuple

import msgspec
import numpy as np

from tenantry.deployments.rollouts import Arms, Marks, Progress, RewardCounts, RolloutPlan
from tenantry.evaluation.arrays import F64
from tenantry.evaluation.sequential import GRID, RATE, compare, exceed, fresh, mean_evidence
from tenantry.routing.observed import BUCKETS_PER_OCTAVE, LAST_BUCKET, ArmCounts, bucket_of

PROMOTE_ALPHA = 0.05 / 3
"""Chance that the test of one objective ever speaks for a challenger that is no better. Reward, errors and latency are
tested in every rollout and shown in its report, so all three together speak by luck in at most one rollout of 20."""
GUARD_ALPHA = 0.01
"""Chance that one guard rail ever rolls back a challenger that keeps within its margin."""
BLOCK = 10
"""Requests (or rewards) that a look needs of each arm."""
MARKED_AFTER = 200
"""Answers of the champion that say what is slow; nothing is bet on them."""
SHIFT_AFTER = 30
"""Requests of each arm that say where scores may have shifted to, before that is bet on."""
MORE_SLOW = 0.01
"""By how much the share of slow requests may rise before the latency guard rail speaks."""


class Question(NamedTuple):
    """A question, the tests that answer it together, and how sure the answer must be."""

    name: str
    tests: tuple[str, ...]
    alpha: float


GUARDS = (
    Question("errors", ("errors worse",), GUARD_ALPHA),
    Question("latency", ("median slower", "tail slower"), GUARD_ALPHA),
    Question("shift", ("scores shifted",), GUARD_ALPHA),
    Question("agreement", ("agreement low",), GUARD_ALPHA),
    Question("reward", ("reward worse",), GUARD_ALPHA),
)
PROMOTIONS = (
    Question("reward", ("reward good",), PROMOTE_ALPHA),
    Question("errors", ("errors good",), PROMOTE_ALPHA),
    Question("latency", ("latency good",), PROMOTE_ALPHA),
    Question("agreement", ("agreement good",), PROMOTE_ALPHA),
)


def answered(question: Question, progress: Progress) -> float:
    """How far the evidence has come: 1 and above is an answer. The logarithm of the stake over that of ``1 / alpha``;
    0 before the first look.
    """
    states = [np.array(progress.tests[test]) for test in question.tests if test in progress.tests]
    return float(mean_evidence(states)) / -float(np.log(question.alpha)) if states else 0.0


def looked(progress: Progress, plan: RolloutPlan) -> Progress:
    """Take in what waits, with a look at each test; the same record where too little waits.

    What is in a block depends on numbers of requests only, never on how they went.
    """
    waiting = progress.waiting
    requests = min(waiting.champion.requests, waiting.challenger.requests) >= BLOCK
    blocks = _blocks(progress.champion_queue, progress.challenger_queue)
    if not requests and not blocks:
        return progress
    found = msgspec.json.decode(msgspec.json.encode(progress), type=Progress)
    looks = _Looks(found, plan)
    if requests:
        looks.requests(found.waiting)
        found.judged.add(found.waiting)
        found.waiting = Arms()
        if found.marks is None and sum(found.judged.champion.latency.values()) >= MARKED_AFTER:
            found.marks = _marks(found.judged.champion, plan)
    for theirs, ours in blocks:
        looks.rewards(ours, theirs)
        found.judged.champion_rewards.add(theirs)
        found.judged.challenger_rewards.add(ours)
    if blocks:
        found.champion_queue, found.challenger_queue = [], []
    return found


def _blocks(
    champion: list[RewardCounts], challenger: list[RewardCounts]
) -> list[tuple[RewardCounts, RewardCounts]]:
    """The chunks that wait, as blocks of both versions in the order in which they came; none where too few wait."""
    least = min(sum(chunk.count for chunk in queue) for queue in (champion, challenger))
    blocks = min(len(champion), len(challenger), least // BLOCK)
    return list(zip(_grouped(champion, blocks), _grouped(challenger, blocks), strict=True))


def _grouped(queue: list[RewardCounts], groups: int) -> list[RewardCounts]:
    found = []
    for group in range(groups):
        together = RewardCounts()
        for chunk in queue[group * len(queue) // groups : (group + 1) * len(queue) // groups]:
            together.add(chunk)
        found.append(together)
    return found


class _Looks:
    """One look at each test of a record, whose states it replaces."""

    def __init__(self, progress: Progress, plan: RolloutPlan) -> None:
        self._progress = progress
        self._plan = plan
        self._slack = -plan.margin if plan.promote == "not-worse" else 0.0

    def requests(self, block: Arms) -> None:
        """Errors, latency, scores and agreement."""
        self._errors(block)
        if self._progress.marks is not None:
            self._latency(block, self._progress.marks)
        self._scores(block)
        if block.pairs.pairs:
            agreed = _rate(block.pairs.agreed, block.pairs.pairs)
            self._exceed("agreement low", 1 - RATE, agreed, 1 - self._plan.min_agreement)
            self._exceed("agreement good", RATE, agreed, self._plan.min_agreement)

    def rewards(self, challenger: RewardCounts, champion: RewardCounts) -> None:
        """Rewards: more is better."""
        ours, theirs = np.array(challenger.grid), np.array(champion.grid)
        self._compare("reward worse", 1 - GRID, ours, theirs, self._plan.margin)
        self._compare("reward good", GRID, ours, theirs, self._slack)

    def _errors(self, block: Arms) -> None:
        plan = self._plan
        ours = _rate(block.challenger.errors, block.challenger.requests)
        if plan.shadow:
            # Copied are requests that the champion answered: its rate is 0, and known.
            self._exceed("errors worse", RATE, ours, max(plan.error_margin, 1e-4))
            self._exceed("errors good", 1 - RATE, ours, 1 + self._slack)
            return
        theirs = _rate(block.champion.errors, block.champion.requests)
        self._compare("errors worse", RATE, ours, theirs, plan.error_margin)
        self._compare("errors good", 1 - RATE, ours, theirs, self._slack)

    def _latency(self, block: Arms, marks: Marks) -> None:
        """Shares beyond marks; where a factor is allowed, the challenger's mark lies that much further out."""
        ours, theirs = block.challenger.latency, block.champion.latency
        factor = round(np.log2(self._plan.latency_factor) * BUCKETS_PER_OCTAVE)
        for test, mark in (("median slower", marks.median), ("tail slower", marks.tail)):
            self._compare(test, RATE, _beyond(ours, mark + factor), _beyond(theirs, mark), MORE_SLOW)
        allowed = factor if self._slack else 0
        self._compare(
            "latency good",
            1 - RATE,
            _beyond(ours, marks.slow + allowed),
            _beyond(theirs, marks.slow),
            self._slack,
        )

    def _scores(self, block: Arms) -> None:
        """Total variation is the largest difference that any set of bins shows. The set is chosen by what was seen
        before this block, so that the block itself is a fair bet.
        """
        ours, theirs = self._progress.judged.challenger, self._progress.judged.champion
        if min(sum(ours.scores.values()), sum(theirs.scores.values())) < SHIFT_AFTER:
            return
        more = {place for place, change in shifts(ours, theirs).items() if change > 0}
        new, old = _inside(block.challenger, more), _inside(block.champion, more)
        self._compare("scores shifted", RATE, new, old, self._plan.max_shift)

    def _compare(self, test: str, values: F64, challenger: F64, champion: F64, more: float) -> None:
        tests = self._progress.tests
        tests[test] = compare(self._state(test), values, challenger, champion, more).tolist()

    def _exceed(self, test: str, values: F64, seen: F64, level: float) -> None:
        self._progress.tests[test] = exceed(self._state(test), values, seen, level).tolist()

    def _state(self, test: str) -> F64:
        known = self._progress.tests.get(test)
        return fresh() if known is None else np.array(known)


def shifts(challenger: ArmCounts, champion: ArmCounts) -> dict[int, float]:
    """Bin → by how much its share of the challenger's requests is above its share of the champion's."""
    ours, theirs = sum(challenger.scores.values()), sum(champion.scores.values())
    if not ours or not theirs:
        return {}
    places = challenger.scores.keys() | champion.scores.keys()
    return {
        place: challenger.scores.get(place, 0.0) / ours - champion.scores.get(place, 0.0) / theirs
        for place in places
    }


def quantile(latency: dict[int, int], share: float) -> int | None:
    """The bucket that holds a quantile; None where there is nothing."""
    count = sum(latency.values())
    passed = 0
    for bucket in sorted(latency):
        passed += latency[bucket]
        if passed >= share * count:
            return bucket
    return None


def _marks(champion: ArmCounts, plan: RolloutPlan) -> Marks:
    median, slow, tail = (quantile(champion.latency, share) or 0 for share in (0.5, 0.9, 0.99))
    if plan.latency_ms is not None:
        slow = bucket_of(plan.latency_ms / 1000)
    return Marks(median=median, tail=tail, slow=slow)


def _rate(hits: float, count: float) -> F64:
    """What lies on :data:`RATE`; sums of fractions may be above their number by rounding."""
    return np.array([max(count - hits, 0.0), hits], dtype=np.float64)


def _beyond(latency: dict[int, int], mark: int) -> F64:
    mark = min(mark, LAST_BUCKET - 1)
    return _rate(sum(count for bucket, count in latency.items() if bucket > mark), sum(latency.values()))


def _inside(arm: ArmCounts, places: set[int]) -> F64:
    return _rate(sum(mass for place, mass in arm.scores.items() if place in places), sum(arm.scores.values()))
