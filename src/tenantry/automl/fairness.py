"""How a model treats the groups of protected columns, on its out-of-fold predictions.

Says what is, not what is fair: equal shares, equal error rates and equal calibration cannot all hold where the groups'
outcomes differ (Kleinberg, Mullainathan, Raghavan 2016), so all of them are shown and none is forced.
"""

from itertools import pairwise

import msgspec
import numpy as np

from tenantry.apps import PredictionDefinition
from tenantry.automl.arrays import F64, I64, Bools
from tenantry.automl.checks import judge_alone
from tenantry.automl.learn import Learned
from tenantry.automl.prepare import Prepared
from tenantry.automl.target import Target
from tenantry.automl.typing import DATE_TYPES, TEXT_TYPES, TypedColumn
from tenantry.bundle.fairness import GroupFigure, GroupReport, ProtectedReport, Proxy
from tenantry.bundle.scorecard import Finding, Scorecard
from tenantry.evaluation import Estimate, difference_estimate, share_estimate
from tenantry.schema import NUMERIC_TYPES, Task

MOST_GROUPS = 10
BINS = 4
SMALL_ROWS = 30
SMALL_SIDE = 10
"""Rows of an outcome that a group needs before its error rates are compared."""
FOUR_FIFTHS = 0.8
PROXY = 0.65
MOST_PROXIES = 5


def with_fairness(
    card: Scorecard, prepared: Prepared, learned: Learned, definition: PredictionDefinition
) -> Scorecard:
    """The card with a report for each protected column, and a finding where the four-fifths rule is broken."""
    by_name = {column.name: column for column in prepared.columns}
    reports = tuple(
        protected_report(by_name[name], prepared, learned, card.threshold) for name in definition.protected
    )
    findings = tuple(found for report in reports for found in _findings(report, card))
    return msgspec.structs.replace(card, fairness=reports, findings=(*card.findings, *findings))


def protected_report(
    column: TypedColumn, prepared: Prepared, learned: Learned, threshold: float | None
) -> ProtectedReport:
    """One protected column. ``threshold`` of two classes only."""
    codes, names = groups_of(column)
    judged = codes[learned.rows]
    groups = tuple(
        _group(name, np.flatnonzero(judged == code), learned, threshold) for code, name in enumerate(names)
    )
    groups = tuple(group for group in groups if group.rows)
    ratio = _ratio(groups)
    spread = _spread(groups)
    proxies = _proxies(codes, names, prepared, column.name)
    return ProtectedReport(
        column=column.name,
        feature=any(feature.name == column.name for feature in prepared.features),
        groups=groups,
        ratio=ratio,
        spread=spread,
        proxies=proxies,
        words=_words(column.name, groups, ratio, proxies),
    )


def groups_of(column: TypedColumn) -> tuple[I64, tuple[str, ...]]:
    """A group number a row, and the groups' names: the ten most frequent words and the others; quarters of numbers and
    dates of many values; rows without a value."""
    if column.type in NUMERIC_TYPES or column.type in DATE_TYPES:
        x = column.numbers() if column.type in NUMERIC_TYPES else column.dates()[:, 0]
        if len(np.unique(x[~np.isnan(x)])) > MOST_GROUPS:
            return _quarters(x, dated=column.type in DATE_TYPES)
    codes, words = column.words()
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    top = [int(i) for i in np.argsort(-counts, kind="stable")[:MOST_GROUPS]]
    place = np.full(len(words) + 1, len(top), dtype=np.int64)
    place[top] = np.arange(len(top))
    place[-1] = len(top) + 1
    return place[codes], (*(words[i] for i in top), "all others", "no value")


def _quarters(x: F64, *, dated: bool) -> tuple[I64, tuple[str, ...]]:
    edges = np.unique(np.quantile(x[~np.isnan(x)], np.linspace(0, 1, BINS + 1)[1:-1]))
    shown = [str(np.datetime64(int(e), "D")) if dated else f"{e:.6g}" for e in edges]
    names = [f"up to {shown[0]}"]
    names += [f"{low} to {high}" for low, high in pairwise(shown)]
    names += [f"above {shown[-1]}", "no value"]
    place = np.searchsorted(edges, x)
    return np.where(np.isnan(x), len(names) - 1, place).astype(np.int64), tuple(names)


def _group(name: str, rows: I64, learned: Learned, threshold: float | None) -> GroupReport:
    small = len(rows) < SMALL_ROWS
    if learned.task is Task.BINARY:
        y, p = np.asarray(learned.y)[rows] == 1, learned.predicted[rows, 1]
        chosen = p >= (0.5 if threshold is None else threshold)
        return GroupReport(
            group=name,
            rows=len(rows),
            small=small or min(int(y.sum()), int((~y).sum())) < SMALL_SIDE,
            score=_mean(p),
            observed=_share(y),
            calibration=_mean(p - y),
            selected=_share(chosen),
            true_positive_rate=_share(chosen[y]),
            false_positive_rate=_share(chosen[~y]),
        )
    if learned.task is Task.MULTICLASS:
        best = learned.predicted[rows].argmax(axis=1) if len(rows) else np.zeros(0, dtype=np.int64)
        right = best == np.asarray(learned.y)[rows]
        sure = learned.predicted[rows].max(axis=1) if len(rows) else np.zeros(0)
        parts = _mean(sure), _share(right), _mean(sure - right), _share(~right)
    else:
        value, actual = learned.predicted[rows], np.asarray(learned.y, dtype=np.float64)[rows]
        parts = _mean(value), _mean(actual), _mean(value - actual), _mean(np.abs(value - actual))
    return GroupReport(
        group=name,
        rows=len(rows),
        small=small,
        score=parts[0],
        observed=parts[1],
        calibration=parts[2],
        error=parts[3],
    )


def _share(hits: Bools) -> GroupFigure:
    if not len(hits):
        return GroupFigure(value=0.0, low=0.0, high=1.0, rows=0)
    return _figure(share_estimate(hits.astype(np.float64)), len(hits))


def _mean(values: F64) -> GroupFigure:
    if len(values) < 2:
        value = float(values[0]) if len(values) else 0.0
        return GroupFigure(value=value, low=value, high=value, rows=len(values))
    return _figure(difference_estimate(np.asarray(values, dtype=np.float64)), len(values))


def _figure(found: Estimate, rows: int) -> GroupFigure:
    return GroupFigure(value=found.value, low=found.low, high=found.high, rows=rows)


def _ratio(groups: tuple[GroupReport, ...]) -> float | None:
    shares = [g.selected.value for g in groups if g.selected is not None and g.rows >= SMALL_ROWS]
    return min(shares) / max(shares) if len(shares) > 1 and max(shares) > 0 else None


def _spread(groups: tuple[GroupReport, ...]) -> dict[str, float]:
    """Largest gap between groups that are not small, of each figure that all of them have."""
    large = [group for group in groups if not group.small]
    gaps: dict[str, float] = {}
    for name in ("true_positive_rate", "false_positive_rate", "calibration", "error"):
        figures = [getattr(group, name) for group in large]
        values = [figure.value for figure in figures if figure is not None]
        if len(values) > 1:
            gaps[name] = max(values) - min(values)
    return gaps


def _proxies(codes: I64, names: tuple[str, ...], prepared: Prepared, protected: str) -> tuple[Proxy, ...]:
    """Features, best first, that alone tell the groups of 30 rows and more; free texts are not looked at."""
    counts = np.bincount(codes, minlength=len(names))
    kept = np.flatnonzero(counts >= SMALL_ROWS)
    if len(kept) < 2:
        return ()
    rows = np.flatnonzero(np.isin(codes, kept)).astype(np.int64)
    task = Task.BINARY if len(kept) == 2 else Task.MULTICLASS
    group = np.searchsorted(kept, codes[rows]).astype(np.int64)
    target = Target(task, rows, group, tuple(names[i] for i in kept))
    found: list[Proxy] = []
    for feature in prepared.features:
        if feature.name == protected or feature.type in TEXT_TYPES:
            continue
        score = judge_alone(feature.take(rows), target, prepared.groups[rows]).score
        if score >= PROXY:
            found.append(Proxy(column=feature.name, auroc=round(score, 4)))
    return tuple(sorted(found, key=lambda proxy: -proxy.auroc)[:MOST_PROXIES])


def _words(
    name: str, groups: tuple[GroupReport, ...], ratio: float | None, proxies: tuple[Proxy, ...]
) -> tuple[str, ...]:
    said: list[str] = []
    if ratio is not None:
        known = [(g.selected.value, g.group) for g in groups if g.selected and g.rows >= SMALL_ROWS]
        least, most = min(known), max(known)
        said.append(
            f"{least[1]} is called positive {least[0]:.0%} of the time, {most[1]} {most[0]:.0%}: {ratio:.2f} as often"
            + ("; the four-fifths rule asks for 0.80" if ratio < FOUR_FIFTHS else "")
        )
    few = [group.group for group in groups if group.small]
    if few:
        said.append(f"too few rows to compare: {', '.join(few)}")
    if proxies:
        listed = ", ".join(f"{proxy.column} ({proxy.auroc:.2f})" for proxy in proxies)
        said.append(f"{name} can be told, by AUROC, from {listed}")
    return tuple(said)


def _findings(report: ProtectedReport, card: Scorecard) -> list[Finding]:
    if report.ratio is None or report.ratio >= FOUR_FIFTHS:
        return []
    return [
        Finding(
            code="four_fifths",
            severity="warning",
            columns=(report.column,),
            message=f"{report.column} and being called {card.positive_class}: {report.words[0]}",
            action=(
                "Look at the fairness report: whether outcomes differ by group, or errors do, and which features tell "
                "the group. Decide with someone who knows the law and the use."
            ),
            evidence={"ratio": round(report.ratio, 4), "proxies": [proxy.column for proxy in report.proxies]},
        )
    ]
