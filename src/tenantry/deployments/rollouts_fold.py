"""What is observed goes into a rollout's record. Pure functions of records; the store gives them a transaction."""

from collections.abc import Sequence

import msgspec
import numpy as np

from tenantry.deployments.rollouts import Arms, ObservedReward, RewardCounts, Rollout
from tenantry.errors import InvalidRequest
from tenantry.evaluation.sequential import split
from tenantry.routing.observed import Observed

CHUNK = 10
"""Rewards that are kept together, at the least; where many come at once, or wait for the other version's, more."""
CHUNKS = 64
"""Chunks that wait, at the most."""


def observed(rollout: Rollout, seen: Observed) -> Rollout:
    """Workers' counts, taken in."""
    return _with(rollout, Arms(champion=seen.champion, challenger=seen.challenger, pairs=seen.pairs))


def rewarded(rollout: Rollout, rewards: Sequence[ObservedReward]) -> Rollout:
    """Rewards, taken in; those of other versions than the two are left out."""
    found = _with(rollout, Arms())
    progress = found.progress
    for queue, version in (
        (progress.champion_queue, rollout.champion),
        (progress.challenger_queue, rollout.challenger),
    ):
        _queue(queue, [one.reward for one in rewards if one.version == version])
    return found


def check_rewards(rollout: Rollout, rewards: Sequence[ObservedReward]) -> None:
    """Refuse rewards of versions that are not in the rollout. Raises ``InvalidRequest("rollout_invalid")``."""
    known = (rollout.champion, rollout.challenger)
    other = next((one.version for one in rewards if one.version not in known), None)
    if other is not None:
        raise InvalidRequest(
            "rollout_invalid",
            f"version {other} is not in this rollout, which compares {known[1]} with {known[0]}",
            hint="Send the rewards of answers that the two versions gave; x-tenantry-version names it.",
        )


def _with(rollout: Rollout, more: Arms) -> Rollout:
    # Through JSON: a deep copy, so that the record that was given stays as it is.
    progress = msgspec.json.decode(msgspec.json.encode(rollout.progress), type=type(rollout.progress))
    progress.waiting.add(more)
    return msgspec.structs.replace(rollout, progress=progress)


def _queue(queue: list[RewardCounts], rewards: list[float]) -> None:
    """Put rewards into a queue in chunks, so that a day's rewards sent at once still give more than one look."""
    size = max(CHUNK, -(-len(rewards) // CHUNKS))
    for start in range(0, len(rewards), size):
        part = rewards[start : start + size]
        queue.append(RewardCounts(count=len(part), grid=split(np.array(part)).tolist()))
    while len(queue) > CHUNKS:
        for chunk, after in zip(queue[::2], queue[1::2], strict=False):
            chunk.add(after)
        del queue[1::2]
