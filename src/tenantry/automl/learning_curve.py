"""What fewer rows would have given, and what twice as many may give.

The best forest is grown again on a quarter and on a half of a fold's training rows, and judged on the rows that the
fold holds out, as the one on all of them was. From there a power law, ``loss = a + b · rows^-c``, leads on: each
doubling gains ``r = 2^-c`` times what the last one gained (Hestness et al. 2017).
"""

from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.budget import Budget
from tenantry.automl.encoders import FeatureSpace
from tenantry.automl.folds import Fold, Learning
from tenantry.automl.losses import Judge
from tenantry.automl.members import Forest, ForestBins, fit_forest
from tenantry.automl.oof import FirstRun, Trial
from tenantry.automl.prose import figure
from tenantry.bundle.scorecard import LearningCurve
from tenantry.schema import Task

SHARES = (0.25, 0.5)
LEAST_ROWS = 200
BUDGET_SHARE = 0.1
MOST_FOLDS = 2
_RATIOS = (0.5, 0.9)
"""Within these a doubling's gain is a share of the one before: exponents of 0.15 to 1, as learning curves have."""
_WORTH = 0.02
"""Share of the model's gain on guessing from which twice the rows are worth collecting."""
_DRAWS = 400
_PARTS = 200
"""The bootstrap weighs so many random parts of the held-out rows, which has the same spread as weighing the rows."""
_SALT = 0xC0FFE


@dataclass(frozen=True, slots=True)
class _Losses:
    """Losses of held-out rows, one column a number of training rows, rising."""

    rows: tuple[int, ...]
    each: F64


def learning_curve(
    space: FeatureSpace,
    learning: Learning,
    judge: Judge,
    first: FirstRun,
    trial: Trial | None,
    budget: Budget,
) -> LearningCurve | None:
    """``trial``: the forest that is grown again. None where there is none, where there are too few rows, or where a
    tenth of the budget does not pay for it."""
    if trial is None or not trial.forests or budget.bound:
        return None
    seconds = sum(SHARES) * trial.seconds / len(trial.forests)
    affordable = min(BUDGET_SHARE * budget.limit, 0.5 * budget.left)
    many = min(MOST_FOLDS, len(trial.forests), int(affordable / max(seconds, 1e-9)))
    # By time, the last folds have the most rows before them.
    done = list(zip(first.folds, trial.forests, strict=False))[-many:] if many > 0 else []
    tried = [_fold(space, learning, judge, pair, trial, budget) for pair in done]
    found = [losses for losses in tried if losses is not None]
    if not found:
        return None
    each = np.vstack([losses.each for losses in found])
    rows = tuple(int(np.mean(sizes)) for sizes in zip(*(losses.rows for losses in found), strict=True))
    return _described(rows, each, _guessing(judge), len(learning.y), judge.task, learning.seed)


def _fold(
    space: FeatureSpace,
    learning: Learning,
    judge: Judge,
    pair: tuple[Fold, Forest],
    trial: Trial,
    budget: Budget,
) -> _Losses | None:
    fold, full = pair
    train = learning.split.train_rows(fold.number)
    if len(train) < LEAST_ROWS:
        return None
    order = np.random.default_rng((_SALT, learning.seed, fold.number)).permutation(train)
    held, rows, each = fold.rows, [], []
    for share in SHARES:
        part = np.sort(order[: int(share * len(train))])
        if (
            judge.task is not Task.REGRESSION
            and len(np.unique(learning.y[part])) < learning.objective.classes
        ):
            return None
        rows.append(len(part))
        each.append(_fewer(space, learning, judge, trial, (part, held), budget))
    each.append(judge(full.margins(fold.matrix, _best(full.losses)), held))
    return _Losses((*rows, len(train)), np.column_stack(each))


def _fewer(
    space: FeatureSpace,
    learning: Learning,
    judge: Judge,
    trial: Trial,
    parts: tuple[I64, I64],
    budget: Budget,
) -> F64:
    """The losses of the held-out rows after learning from a part of the others."""
    part, held = parts
    encoded = space.fit(part, learning.encoding_target, learning.seed)
    matrix = space.forest_matrix(space.dense(encoded, held), held)
    own = space.forest_matrix(space.train_dense(encoded), part)
    bins = ForestBins(own, learning.y[part], learning.objective, (matrix, learning.y[held]), space.plain)
    deadline = budget.deadline(BUDGET_SHARE * budget.limit)
    longest = max(forest.rounds for forest in trial.forests)
    forest = fit_forest(bins, trial.params, rounds=longest, seed=learning.seed, deadline=deadline)
    return judge(forest.margins(matrix, _best(forest.losses)), held)


def _best(losses: list[float]) -> int:
    return int(np.argmin(losses)) + 1


def _guessing(judge: Judge) -> float:
    """The loss of the best constant."""
    if judge.task is Task.REGRESSION:
        return 1.0
    share = np.bincount(judge.y) / len(judge.y)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def _described(
    rows: tuple[int, ...], each: F64, guessing: float, all_rows: int, task: Task, seed: int
) -> LearningCurve:
    steps = each[:, :-1] - each[:, 1:]
    rng = np.random.default_rng(seed)
    parts = np.array(
        [part.mean(axis=0) for part in np.array_split(rng.permutation(steps), min(_PARTS, len(steps)))]
    )
    weights = rng.standard_exponential((_DRAWS, len(parts)))
    drawn = (weights / weights.sum(axis=1, keepdims=True)) @ parts
    beyond = np.log2(all_rows / rows[-1])
    doubled = max(0.0, _next_gain(steps.mean(axis=0), beyond))
    # What the ratio may be is not known better than its bounds; half of the draws take any of them.
    free = rng.uniform(*_RATIOS, size=_DRAWS)
    gains = [_next_gain(draw, beyond, free[i] if i % 2 else None) for i, draw in enumerate(drawn)]
    low, high = (max(0.0, float(v)) for v in np.quantile(gains, (0.025, 0.975)))
    loss = each.mean(axis=0)
    gained = guessing - float(loss[-1])
    share = doubled / gained if gained > 0 else 0.0
    helps = low > 0 and share >= _WORTH
    name = "the unexplained share of the differences" if task is Task.REGRESSION else "log loss"
    expected = (
        f"twice the rows are expected to lower {name} by {figure(doubled)} (95 %: {figure(low)} to {figure(high)}), "
        + (
            f"which is {share:.0%} of what the model gains on guessing"
            if gained > 0
            else "and guessing is no worse"
        )
    )
    return LearningCurve(
        metric="squared_error" if task is Task.REGRESSION else "log_loss",
        rows=rows,
        loss=tuple(float(value) for value in loss),
        doubled=doubled,
        doubled_low=low,
        doubled_high=max(doubled, high),
        helps=helps,
        words=f"{'More rows would help' if helps else 'More rows are not sure to help'}: {expected}.",
    )


def _next_gain(steps: F64, beyond: float, ratio: float | None = None) -> float:
    """By how much the loss falls with twice the rows that are ``beyond`` doublings past the curve's end.

    Both steps together are surer than either; the ratio parts them anew.
    """
    if ratio is None:
        ratio = float(np.clip(steps[1] / steps[0], *_RATIOS)) if steps[0] > 0 else float(np.mean(_RATIOS))
    last = float(steps.sum()) * ratio / (1 + ratio)
    return last * float(ratio ** (1 + beyond))
