"""Which forests to try: the portfolio in its order, for as long as the budget lasts."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tenantry.automl.arrays import F64
from tenantry.automl.blend import worth_it
from tenantry.automl.budget import Budget
from tenantry.automl.deep import search_deep
from tenantry.automl.encoders import FeatureSpace
from tenantry.automl.folds import Learning, small_fold
from tenantry.automl.last_fit import last_fit_seconds
from tenantry.automl.losses import Judge
from tenantry.automl.members import ForestParams, LinearDesign, fit_forest
from tenantry.automl.oof import FirstRun, OutOfFoldRun, Trial, folds_to_run
from tenantry.automl.portfolio import candidates
from tenantry.automl.problem import Problem
from tenantry.automl.race import Race, WorkClock

MAX_LEAVES = 16_000
"""Of one forest with one output: about 350 KB of plan."""
MAX_LEAVES_ALL = 40_000
HEAT_ROWS = 2_000
"""Up to so many rows a heat would cost as much as the whole: every candidate just runs."""
HALVING_ROWS = 20_000
_SMALL_ROWS, _LEAST_ROWS = 5_000, 1_500
_HURRY = 2.5
"""Heats are run with larger steps: the order of the candidates hardly changes, and they take less than half as long."""
_HEAT_PATIENCE = 15
_FINALISTS = 2
"""How many candidates try the logarithm."""
_BETTER_SCALE = 1.0
"""In standard errors: how much better one must do on it. Errors are judged in the values' own unit."""
_SMALL_SHARE = 0.15
"""Of the budget, for one round of heats on a part of the rows."""
_SEARCH_SHARE, _DEEP_SHARE = 0.65, 0.75
"""Of the budget, the boosting after which no further candidate is begun."""


class Search:
    """Runs the first members over all folds, then the portfolio. ``finish``: CPU seconds to keep for the end; ``deep``:
    go on with proposals until the budget ends."""

    def __init__(
        self,
        space: FeatureSpace,
        design: LinearDesign,
        learning: Learning,
        judge: Judge,
        budget: Budget,
        finish: float,
        *,
        deep: bool = False,
    ) -> None:
        self.space = space
        self.design = design
        self.learning = learning
        self.judge = judge
        self.budget = budget
        self.finish = finish
        self.order = candidates(len(learning.y))
        self.heat_rows = max(_LEAST_ROWS, _SMALL_ROWS // learning.objective.outputs)
        self.deep = deep
        self.clock = WorkClock((_DEEP_SHARE if deep else _SEARCH_SHARE) * budget.limit)

    def order_on(self, problems: list[Problem]) -> Problem:
        """Put the candidates in order by a heat, and say on which of the scales they do best; the search goes on with
        that. One problem and few rows need no heat."""
        if len(problems) == 1 and len(self.learning.y) <= HEAT_ROWS:
            return problems[0]
        plain, *others = problems
        losses = self._entered(plain, self.order)[0]
        self.order, chosen = self._ranked(losses), plain
        best = dict(list(self.order.items())[:_FINALISTS])
        for problem in others:
            tried, learning = self._entered(problem, best)
            if worth_it(losses[next(iter(best))] - tried[self._first(tried)], _BETTER_SCALE):
                chosen, self.learning, self.judge = problem, learning, problem.judge
        if len(self.learning.y) > HALVING_ROWS:
            self._halve()
        return chosen

    def run(self, report: Callable[[float, str], None]) -> tuple[FirstRun, list[Trial]]:
        """The folds with the first members, and every trial that was completed."""
        name, params = next(iter(self.order.items()))
        run = OutOfFoldRun(
            self.space,
            self.design,
            self.learning,
            Trial(name, params),
            self._most_rounds(params),
            self.budget,
        )
        first = run.run(lambda share, detail: report(0.7 * share, detail))
        trials = [first.forest] if first.forest is not None else []
        if first.forest is not None and len(first.folds) == len(folds_to_run(self.learning)):
            trials += self._others(first, first.forest, report)
        return first, trials

    def _others(self, first: FirstRun, entered: Trial, report: Callable[[float, str], None]) -> list[Trial]:
        self.budget.hold(self.finish + last_fit_seconds(first, [entered, entered]))
        race = Race(first.folds, self.judge, self.learning.seed, self.budget, self.clock)
        race.enter(entered)
        found: list[Trial] = []
        others = [(name, params) for name, params in self.order.items() if name != entered.name]
        for number, (name, params) in enumerate(others):
            if self.clock.over or self.budget.left <= 0:
                break
            trial = race.run(name, params, self._most_rounds(params))
            if trial is not None:
                found.append(trial)
            report(0.7 + 0.2 * (number + 1) / len(others), f"forest of {name}")
        if self.deep:
            found += search_deep(race, self._most_rounds, lambda detail: report(0.9, detail))
        return found

    def _halve(self) -> None:
        """Successive halving (Jamieson and Talwalkar 2016): after the first heat the better half of the candidates on
        twice as many rows, and so on."""
        rows, entered = 2 * self.heat_rows, len(self.order) // 2
        while entered > 1 and rows < len(self.learning.y):
            better = dict(list(self.order.items())[:entered])
            self.order = self._ranked(self._heat(self.learning, self.judge, better, rows))
            rows, entered = 2 * rows, entered // 2

    def _entered(self, problem: Problem, entered: dict[str, ForestParams]) -> tuple[dict[str, F64], Learning]:
        """A first heat, on one scale of the target."""
        learning = replace(self.learning, y=problem.y, encoding_target=problem.encoding_target)
        return self._heat(learning, problem.judge, entered, self.heat_rows), learning

    @staticmethod
    def _first(losses: dict[str, F64]) -> str:
        return min(losses, key=lambda name: float(losses[name].mean()))

    def _ranked(self, losses: dict[str, F64]) -> dict[str, ForestParams]:
        """The candidates by loss; then those that were not in the heat, as they stood."""
        ranked = sorted(losses, key=lambda name: float(losses[name].mean()))
        ranked += [name for name in self.order if name not in losses]
        return {name: self.order[name] for name in ranked}

    def _heat(
        self, learning: Learning, judge: Judge, entered: dict[str, ForestParams], rows: int
    ) -> dict[str, F64]:
        """Each candidate's losses on a part of the rows; those for which the time was too short are missing."""
        fold = small_fold(self.space, learning, rows)
        deadline = self.budget.deadline(_SMALL_SHARE * self.budget.limit)
        losses: dict[str, F64] = {}
        for name, params in entered.items():
            faster = replace(params, learning_rate=_HURRY * params.learning_rate)
            rounds = self._most_rounds(params)
            forest = fit_forest(
                fold.bins,
                faster,
                rounds=rounds,
                seed=learning.seed,
                deadline=deadline,
                patience=_HEAT_PATIENCE,
            )
            self.clock.add(forest, fold.cells, params)
            margins = forest.margins(fold.matrix, int(np.argmin(forest.losses)) + 1)
            losses[name] = judge(margins, fold.rows)
            if deadline.passed:
                break
        return losses

    def _most_rounds(self, params: ForestParams) -> int:
        outputs = self.learning.objective.outputs
        return max(1, min(MAX_LEAVES // params.num_leaves, MAX_LEAVES_ALL // (params.num_leaves * outputs)))
