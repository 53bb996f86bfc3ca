"""How scores go with one column, all else as it is: partial dependence and its spread, beside what happened.

Friedman (2001) for the mean, Goldstein et al. (2015) for the single records' curves that the spread is of. A sample of
records is scored by the plan itself, once a bin with the bin's value in all of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenantry.automl.arrays import F64, I64
from tenantry.automl.insights.bins import Binned, bin_column
from tenantry.automl.typing import TypedColumn
from tenantry.bundle.insights import Dependence, Series
from tenantry.plan import Plan
from tenantry.schema import SemanticType, Task

COLUMNS = 10
BINS = 10
MOST_RECORDS = 500
FEWEST_RECORDS = 50
SECONDS_PER_SCORE = 12e-6
"""CPU seconds to score one record through the plan's columns, as measured on tables of 10 to 36 columns."""
BUDGET_SHARE = 0.03
MOST_CLASSES = 8
TAIL = 0.1
_CALENDAR = (SemanticType.DATE, SemanticType.DATETIME)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """``names``: of the outputs (None: a value); ``actual``: rows × outputs, what happened as 0 and 1 or as values;
    ``predicted``: the same shape, out-of-fold scores, NaN where a row has none; ``places``: each one's output in the
    plan."""

    names: tuple[str | None, ...]
    actual: F64
    predicted: F64
    places: tuple[int, ...]


def outcomes_of(task: Task, classes: tuple[str, ...], y: np.ndarray, scored: I64, predicted: F64) -> Outcomes:
    """Outcomes and out-of-fold scores of all training rows, output by output; of many classes the most frequent.

    ``y``: class numbers or values of all rows; ``predicted``: scores of the rows ``scored`` (rows × classes, or rows).
    """
    if task is Task.REGRESSION:
        names: tuple[str | None, ...] = (None,)
        picked = [0]
        actual, shown = np.asarray(y, dtype=np.float64)[:, None], predicted[:, None]
    elif task is Task.BINARY:
        names, picked = (classes[1],), [1]
        actual, shown = np.eye(2)[np.asarray(y, dtype=np.int64)], predicted
    else:
        counts = np.bincount(np.asarray(y, dtype=np.int64), minlength=len(classes))
        picked = sorted(np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist())
        names = tuple(classes[i] for i in picked)
        actual, shown = np.eye(len(classes))[np.asarray(y, dtype=np.int64)], predicted
    spread = np.full((len(y), len(picked)), np.nan)
    spread[scored] = shown[:, picked]
    places = tuple(picked) if task is Task.MULTICLASS else (0,)
    return Outcomes(names, actual[:, picked], spread, places)


def sample_size(budget_cpu_seconds: float, columns: int) -> int:
    """How many records to score in each bin: within a share of the budget, and the same for the same budget."""
    scores = BUDGET_SHARE * budget_cpu_seconds / SECONDS_PER_SCORE
    return int(np.clip(scores / max(1, columns * (BINS + 1)), FEWEST_RECORDS, MOST_RECORDS))


def dependence(
    plan: Plan,
    features: tuple[TypedColumn, ...],
    impact: dict[str, float],
    outcomes: Outcomes,
    *,
    records: int,
    seed: int,
) -> tuple[Dependence, ...]:
    """The columns that matter most, the first ten that have parts at all."""
    rows = len(outcomes.actual)
    sampled = np.sort(np.random.default_rng(seed).permutation(rows)[:records]).astype(np.int64)
    by_name = {column.name: column for column in features}
    raw = [_raw(by_name[name], sampled) for name in plan.columns]
    ranked = sorted((c for c in features if impact.get(c.name, 0.0) > 0), key=lambda c: -impact[c.name])
    found: list[Dependence] = []
    for column in ranked:
        binned = bin_column(column, BINS) if len(found) < COLUMNS else None
        if binned is None or len(binned.bins) < 2:
            continue
        scores = _curves(plan, raw, plan.columns.index(column.name), binned, len(sampled))
        series = tuple(
            _series(name, scores[:, :, place], binned, outcomes.actual[:, i], outcomes.predicted[:, i])
            for i, (name, place) in enumerate(zip(outcomes.names, outcomes.places, strict=True))
        )
        found.append(
            Dependence(
                column=column.name,
                type=column.type,
                impact=round(impact[column.name], 6),
                unit="days since 1970-01-01" if column.type in _CALENDAR else column.type.value,
                records=len(sampled),
                bins=binned.bins,
                series=series,
            )
        )
    return tuple(found)


def _raw(column: TypedColumn, rows: I64) -> list[Any]:
    return [None if code < 0 else column.values.values[code] for code in column.values.codes[rows]]


def _curves(plan: Plan, raw: list[list[Any]], place: int, binned: Binned, records: int) -> F64:
    """Bins × records × outputs; NaN for a bin that no value stands for."""
    scores = np.full((len(binned.bins), records, plan.n_outputs), np.nan)
    for b, part in enumerate(binned.bins):
        if part.kind == "other":
            continue
        columns = [*raw[:place], [part.value] * records, *raw[place + 1 :]]
        flat = np.frombuffer(plan.score_columns(columns, records), dtype=np.float64)
        scores[b] = flat.reshape(records, plan.n_outputs)
    return scores


def _series(name: str | None, scores: F64, binned: Binned, actual: F64, predicted: F64) -> Series:
    """``scores``: bins × records of one output."""
    scored = ~np.isnan(scores).any(axis=1)
    own = scores - scores[scored].mean(axis=0)  # each record's curve around its own mean
    bins = range(len(binned.bins))
    curve = [(scores[b].mean(), *np.quantile(scores[b], (TAIL, 1 - TAIL)), own[b].std()) for b in bins]
    means = [_figure(curve[b][0]) for b in bins]
    known = ~np.isnan(predicted)
    return Series(
        name=name,
        score=tuple(means),
        low=tuple(_figure(curve[b][1]) for b in bins),
        high=tuple(_figure(curve[b][2]) for b in bins),
        spread=tuple(_figure(curve[b][3]) for b in bins),
        outcome=_means(actual, binned.codes, len(binned.bins)),
        predicted=_means(predicted[known], binned.codes[known], len(binned.bins)),
    )


def _means(values: F64, codes: I64, count: int) -> tuple[float | None, ...]:
    totals, counts = np.bincount(codes, values, count), np.bincount(codes, minlength=count)
    return tuple(_figure(t / n) if n else None for t, n in zip(totals, counts, strict=True))


def _figure(value: float) -> float | None:
    """Five digits that count; None for what there is not."""
    return float(f"{value:.5g}") if np.isfinite(value) else None
