"""How much of each member: weights in margin space, found greedily on out-of-fold margins (Caruana et al. 2004)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64

LINEAR = "linear"
MOST_MEMBERS = 3
_STEPS = np.linspace(0.05, 0.95, 19)
_LINEAR_ALONE, WORTH_IT = 1.0, 0.25
"""In standard errors: how much the linear member alone may lose against the best blend (it is many times smaller than a
forest), and how much a further member must bring."""


@dataclass(frozen=True, slots=True)
class Blend:
    """``weights``: of the members that count, by name; they sum to 1. ``losses``: each member's alone, and the
    blend's."""

    weights: dict[str, float]
    losses: dict[str, float]

    def __call__(self, margins: Mapping[str, F64]) -> F64:
        """Blend margins (rows × outputs each); members without weight may be missing."""
        parts = [weight * margins[name] for name, weight in self.weights.items()]
        return np.asarray(sum(parts[1:], parts[0]))


def find_blend(losses_of: Callable[[F64], F64], members: Mapping[str, F64]) -> Blend:
    """Start with the best member and add others while that pays; ``losses_of`` gives one loss a row.

    Everything is judged by the standard error of the difference between two losses on the same rows, which is much
    smaller than that of either loss.
    """
    alone = {name: losses_of(margins) for name, margins in members.items()}
    figures = {name: float(losses.mean()) for name, losses in alone.items()}
    best = min(figures, key=lambda name: figures[name])
    weights, losses = {best: 1.0}, alone[best]
    while len(weights) < min(MOST_MEMBERS, len(members)):
        found = _addition(losses_of, members, weights)
        if not worth_it(losses - found[1]):
            break
        weights, losses = found
    if LINEAR in weights and len(weights) > 1 and not worth_it(alone[LINEAR] - losses, _LINEAR_ALONE):
        weights = {LINEAR: 1.0}
    return Blend(weights, {**figures, "blend": float(losses.mean())})


def _addition(
    losses_of: Callable[[F64], F64], members: Mapping[str, F64], weights: dict[str, float]
) -> tuple[dict[str, float], F64]:
    """The best member to add and the best share of it, with the losses that this gives."""
    now = Blend(weights, {})(members)
    best: tuple[float, dict[str, float], F64] | None = None
    for name, margins in members.items():
        if name in weights:
            continue
        for share in _STEPS:
            losses = losses_of((1 - share) * now + share * margins)
            mean = float(losses.mean())
            if best is None or mean < best[0]:
                mixed = {other: float((1 - share) * weight) for other, weight in weights.items()}
                best = (mean, {**mixed, name: float(share)}, losses)
    if best is None:
        raise AssertionError("there is no member to add")
    return best[1], best[2]


def worth_it(gain: F64, errors: float = WORTH_IT) -> bool:
    """Whether a gain in loss, one figure a row, is more than so many of its standard errors."""
    if len(gain) < 2:
        return False
    return float(gain.mean()) > errors * float(gain.std(ddof=1) / np.sqrt(len(gain)))
