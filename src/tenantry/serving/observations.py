"""Counts of what rollouts' arms answer, kept in the worker until they are drained (B9, C4)."""

from collections.abc import Sequence

from tenantry.routing.observed import (
    SCORE_BINS,
    ArmCounts,
    Observed,
    PairCounts,
    bucket_of,
    encode_batch,
    value_bin,
)
from tenantry.serving.models import Outcome
from tenantry.serving.work import Work
from tenantry.telemetry import get_logger

MOST_ROLLOUTS = 256
"""Rollouts that one batch can hold; a worker that serves more in a second counts the first ones only."""
MOST_ROWS = 32
"""Rows of one request that are looked at, evenly spread over it."""
TOLERANCE = 0.05
"""Two predicted values agree where they differ by at most this share of the larger one."""

_HUGE = 1e100
_log = get_logger("serving.observations")


class Observations:
    """A recorder (``serving.hooks``) of one worker. Not safe between threads; the loop's thread calls it."""

    __slots__ = ("_missed", "_seen")

    def __init__(self) -> None:
        self._seen: dict[str, Observed] = {}
        self._missed = 0

    def finished(self, work: Work) -> None:
        """Count a request for its arm, if it is a rollout's."""
        decision = work.decision
        if decision is None or not decision.rollout:
            return
        if work.kind == "shadow" or not _counts(work):
            return
        seen = self._of(decision.rollout)
        if seen is None:
            return
        challenger = decision.arm == "challenger"
        # Where a fallback answered, it was because the arm's own version could not be opened.
        failed = work.status >= 400 or work.version != decision.target.version
        arm = seen.challenger if challenger else seen.champion
        _count(arm, work, work.finished - work.arrived, failed=failed)

    def shadowed(self, work: Work, copy: Work, rollout: str) -> None:
        """Count a request that was answered, for the champion, and its shadow, for the challenger.

        Both arms' times are those of the work alone: a shadow waits until nobody else wants the worker.
        """
        if not rollout or work.status >= 400 or not _counts(work) or not _counts(copy):
            return
        if copy.status == 503 and copy.code != "model_unavailable":
            return  # it gave way to others' requests
        seen = self._of(rollout)
        if seen is None:
            return
        _count(seen.champion, work, work.busy, failed=False)
        failed = copy.status >= 400
        _count(seen.challenger, copy, copy.busy, failed=failed)
        if not failed and len(work.outcomes) == len(copy.outcomes) > 0:
            _pair(seen.pairs, work.outcomes, copy.outcomes)

    def drain(self) -> bytes | None:
        """Everything counted since the last call, as one record of the kind ``routing.observed.KIND``; None where
        there is nothing.
        """
        if self._missed:
            _log.warning("rollouts not counted", requests=self._missed, most=MOST_ROLLOUTS)
            self._missed = 0
        if not self._seen:
            return None
        batch, self._seen = list(self._seen.values()), {}
        return encode_batch(batch)

    def _of(self, rollout: str) -> Observed | None:
        seen = self._seen.get(rollout)
        if seen is None:
            if len(self._seen) >= MOST_ROLLOUTS:
                self._missed += 1
                return None
            seen = self._seen[rollout] = Observed.of(rollout)
        return seen


def _counts(work: Work) -> bool:
    """Whether the reply says anything of the version: not where a limit refused it, or the caller went away.

    A request that waited too long for its version (503) says something: a version that is slow to open has failed it.
    """
    return work.status == 200 or not (work.status in (0, 429, 499) or work.abandoned)


def _count(arm: ArmCounts, work: Work, seconds: float, *, failed: bool) -> None:
    arm.requests += 1
    arm.rows += work.rows
    if failed:
        arm.errors += 1
        return
    bucket = bucket_of(seconds)
    latency = arm.latency
    latency[bucket] = latency.get(bucket, 0) + 1
    outcomes = work.outcomes
    rows = len(outcomes)
    if not rows:
        return
    step = 1 if rows <= MOST_ROWS else -(-rows // MOST_ROWS)
    looked = outcomes if step == 1 else outcomes[::step]
    mass = 1.0 / len(looked)
    arm.scored += len(looked)
    for outcome in looked:
        score = outcome.score
        place = _bin(outcome)
        if place is None:
            continue
        arm.total += score
        arm.squares += score * score
        arm.score_in(place, mass)


def _bin(outcome: Outcome) -> int | None:
    """The bin of a score; None for a value whose square could not be summed."""
    score = outcome.score
    if not -_HUGE < score < _HUGE:
        return None
    if outcome.probabilities is None:
        return value_bin(score)
    place = min(int(score * SCORE_BINS), SCORE_BINS - 1)
    return place if outcome.output is None else outcome.output * SCORE_BINS + place


def _pair(pairs: PairCounts, first: Sequence[Outcome], second: Sequence[Outcome]) -> None:
    rows = len(first)
    step = 1 if rows <= MOST_ROWS else -(-rows // MOST_ROWS)
    agreed = looked = 0
    total = 0.0
    for ours, theirs in zip(first[::step], second[::step], strict=True):
        difference = abs(ours.score - theirs.score)
        looked += 1
        if not difference < _HUGE:  # one of them is no number, or beyond all bounds: they disagree
            continue
        total += difference
        pairs.worst = max(pairs.worst, difference)
        if ours.label is not None:
            agreed += ours.label == theirs.label
        else:
            agreed += difference <= TOLERANCE * max(abs(ours.score), abs(theirs.score))
    pairs.pairs += 1
    pairs.agreed += agreed / looked
    pairs.difference += total / looked
