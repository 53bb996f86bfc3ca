"""What is observed goes into a rollout's record. Pure functions of records; the store gives them a transaction."""

from collections.abc import Sequence

import msgspec
import numpy as np

from tenantry.deployments.rollouts import Arms, ObservedReward, RewardCounts, Rollout
from tenantry.errors import InvalidRequest
from tenantry.evaluation.sequential import split
from tenantry.routing.observed import Observed


def observed(rollout: Rollout, seen: Observed) -> Rollout:
    """Workers' counts, taken in."""
    return _with(rollout, Arms(champion=seen.champion, challenger=seen.challenger, pairs=seen.pairs))


def rewarded(rollout: Rollout, rewards: Sequence[ObservedReward]) -> Rollout:
    """Rewards, taken in; those of other versions than the two are left out."""
    champion = [one.reward for one in rewards if one.version == rollout.champion]
    challenger = [one.reward for one in rewards if one.version == rollout.challenger]
    more = Arms(champion_rewards=_counted(champion), challenger_rewards=_counted(challenger))
    return _with(rollout, more)


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


def _counted(rewards: list[float]) -> RewardCounts:
    return RewardCounts(count=len(rewards), grid=split(np.array(rewards)).tolist() if rewards else [])
