"""How much of each member: one weight in margin space, found on out-of-fold margins."""

from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.losses import row_losses
from tenantry.schema import Task

_STEPS = np.linspace(0.0, 1.0, 21)
_LINEAR_ALONE, _FOREST_ALONE = 1.0, 0.25
"""How many standard errors a member alone may lose against the best blend. The linear member is many times smaller than
the forest, so leaving the forest out is worth more than leaving out the linear one."""


@dataclass(frozen=True, slots=True)
class Blend:
    """``margins = forest * forest margins + linear * linear margins``; the weights sum to 1."""

    forest: float
    linear: float
    losses: dict[str, float]

    def __call__(self, forest: F64 | None, linear: F64 | None) -> F64:
        """Blend margins; a member without weight may be None."""
        parts = [w * m for w, m in ((self.forest, forest), (self.linear, linear)) if w and m is not None]
        return np.asarray(sum(parts[1:], parts[0]))


def find_blend(task: Task, y: np.ndarray, forest: F64 | None, linear: F64 | None) -> Blend:
    """The weight with the smallest loss; a member is left out where that hardly costs anything.

    It is judged by the standard error of the difference between two losses on the same rows, which is much smaller than
    that of either loss.
    """
    if linear is None or forest is None:
        only = forest if linear is None else linear
        name = "forest" if linear is None else "linear"
        if only is None:
            raise AssertionError("there is no member to blend")
        return Blend(
            float(linear is None), float(forest is None), {name: float(row_losses(task, y, only).mean())}
        )
    each = [row_losses(task, y, w * forest + (1 - w) * linear) for w in _STEPS]
    means = np.array([loss.mean() for loss in each])
    best = int(means.argmin())
    chosen = best
    for alone, tolerance in ((len(_STEPS) - 1, _FOREST_ALONE), (0, _LINEAR_ALONE)):
        gap = each[alone] - each[best]
        if gap.mean() <= tolerance * float(gap.std(ddof=1) / np.sqrt(len(gap))):
            chosen = alone
    weight = float(_STEPS[chosen])
    losses = {"forest": float(means[-1]), "linear": float(means[0]), "blend": float(means[best])}
    return Blend(weight, 1 - weight, losses)
