"""Where a model fails: subgroups of one or two conditions on raw columns, found in one half of the out-of-fold
predictions and held against the other, so that what is told is no luck of the search.

A few of the most suspicious go to the second half, and only what stands there under the procedure of Benjamini and
Hochberg (1995) is told, with the figures of that half.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from tenantry.automl.arrays import F64, I64
from tenantry.automl.insights.bins import bin_column
from tenantry.automl.insights.conditions import Candidate, candidates_of
from tenantry.automl.insights.told import Figures, Kind, segment_of
from tenantry.automl.typing import TypedColumn
from tenantry.bundle.insights import Segment
from tenantry.schema import Task

COLUMNS = 15
BINS = 5
MOST_ROWS = 10_000
FEWEST_ROWS = 30
"""Rows of a segment in each half."""
SHORTLIST = 24
MOST = 4
"""Segments that are told of each sort: where its scores are off, and where it misses by more."""
FALSE_DISCOVERIES = 0.05
SUSPICIOUS = 2.5
"""Standard errors in the first half from which on a segment is worth the second half's power."""
WORSE = 1.2
"""A segment's mean miss is at least this many times that of the rest; less is no failure that anyone acts on."""
OFF = {Task.BINARY: 0.03, Task.MULTICLASS: 0.05, Task.REGRESSION: 0.1}
"""Least distance of mean score and mean outcome: in probability, or in standard deviations of the target."""
SAME_ROWS = 0.6
"""Of two segments that share so much of the smaller one's rows, the weaker is dropped."""
BETTER = 1.3
"""Two conditions have to be this many times as far off as each alone."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows with an honest score: ``miss`` (how far score and outcome are apart), ``promised`` (how far they would be if
    the probabilities were true; 0 for values), ``over`` (score less outcome), and ``score`` itself; all one a row."""

    miss: F64
    promised: F64
    over: F64
    score: F64
    scale: float


class _Suspect(NamedTuple):
    kind: Kind
    candidate: Candidate
    strength: float


def scored_of(task: Task, y: np.ndarray, predicted: F64) -> Scored:
    """Of two classes: the positive one's probability; of several: that the likeliest class is right; or the value."""
    if task is Task.REGRESSION:
        actual, score = np.asarray(y, dtype=np.float64), predicted
        nothing = np.zeros(len(actual))
        return Scored(np.abs(score - actual), nothing, score - actual, score, float(actual.std()) or 1.0)
    chosen = np.asarray(y, dtype=np.int64)
    miss = 1.0 - predicted[np.arange(len(chosen)), chosen]
    promised = 1.0 - (predicted**2).sum(axis=1)
    if task is Task.BINARY:
        score = predicted[:, 1]
        return Scored(miss, promised, score - chosen, score, 1.0)
    score = predicted.max(axis=1)
    return Scored(miss, promised, score - (predicted.argmax(axis=1) == chosen), score, 1.0)


def failing_segments(
    features: tuple[TypedColumn, ...],
    impact: dict[str, float],
    scored: Scored,
    task: Task,
    rows: int,
    seed: int,
) -> tuple[tuple[Segment, ...], int]:
    """What stands (scores that are off, then misses, each the farthest first), and among how many it was looked for.

    ``features`` hold the rows of ``scored``, in the same order; ``rows``: how many there are in all, for shares.
    """
    ranked = sorted(features, key=lambda c: -impact.get(c.name, 0.0))[:COLUMNS]
    order = np.random.default_rng(seed).permutation(len(scored.miss))[:MOST_ROWS]
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    binned = [(c, b) for c in ranked if (b := bin_column(c, BINS)) is not None]
    candidates = candidates_of(binned, halves, FEWEST_ROWS)
    if not candidates:
        return (), 0
    suspects, tried = _suspects(candidates, scored, halves[0], task)
    told = _standing(suspects, scored, halves[1], task, rows)
    off = [segment for segment in told if segment.kind != "error"][:MOST]
    return (*off, *[segment for segment in told if segment.kind == "error"][:MOST]), tried


def _suspects(
    candidates: list[Candidate], scored: Scored, half: I64, task: Task
) -> tuple[list[_Suspect], int]:
    """The most suspicious of the first half, each of rows of its own, and how many were looked at."""
    marks = np.stack([c.marks[half] for c in candidates]).astype(np.float32)
    everything: list[_Suspect] = []
    tried = 0
    for signal in ("error", "over"):
        values = (scored.miss if signal == "error" else scored.over)[half]
        table = _Table(marks, values, candidates)
        for kind, excess, z, ok in table.readings(signal, OFF[task] * scored.scale):
            tried += int(ok.sum()) if kind != "too_low" else 0
            everything += table.picked(kind, excess, z, ok)
    everything.sort(key=lambda s: -s.strength)
    return _apart(everything, half), tried


class _Table:
    """Means of all single candidates and of all pairs at once, by matrix products over the rows."""

    def __init__(self, marks: np.ndarray, values: F64, candidates: list[Candidate]) -> None:
        self._candidates = candidates
        column = np.array([c.column for c in candidates])
        weighted = marks * values.astype(np.float32)
        self.n = (marks @ marks.T).astype(np.float64)
        self.total = (weighted @ marks.T).astype(np.float64)
        self.square = (weighted @ weighted.T).astype(np.float64)
        alone = np.eye(len(candidates), dtype=bool)
        self.possible = (self.n >= FEWEST_ROWS) & (alone | (np.triu(column[:, None] != column[None])))
        self._values = values

    def readings(self, signal: str, least: float) -> list[tuple[Kind, F64, F64, np.ndarray]]:
        """For each kind of failure: how far off each pair is, in how many standard errors, and which count."""
        values, n = self._values, np.maximum(self.n, 1.0)
        mean = self.total / n
        spread = np.maximum(self.square / n - mean**2, 1e-12) / n
        if signal == "over":
            z = mean / np.sqrt(spread)
            ok = self.possible
            return [
                ("too_high", np.where(mean >= least, mean, 0.0), z, ok),
                ("too_low", np.where(mean <= -least, -mean, 0.0), -z, ok),
            ]
        others = np.maximum(len(values) - self.n, 1.0)
        rest = (values.sum() - self.total) / others
        rest_spread = np.maximum((values**2).sum() - self.square, 0.0) / others - rest**2
        z = (mean - rest) / np.sqrt(spread + np.maximum(rest_spread, 0.0) / others)
        ok = self.possible & (len(values) - self.n >= FEWEST_ROWS)
        return [("error", np.where(mean >= WORSE * rest, mean - rest, 0.0), z, ok)]

    def picked(self, kind: Kind, excess: F64, z: F64, ok: np.ndarray) -> list[_Suspect]:
        """The suspicious ones; two conditions only where they are farther off than each alone."""
        single = np.diag(excess)
        limit = BETTER * np.maximum(single[:, None], single[None])
        np.fill_diagonal(limit, 0.0)
        rows, others = np.nonzero(ok & (z >= SUSPICIOUS) & (excess > limit))
        order = np.argsort(-z[rows, others], kind="stable")[: 20 * SHORTLIST]
        found = []
        for i, j in zip(rows[order].tolist(), others[order].tolist(), strict=True):
            first, second = self._candidates[i], self._candidates[j]
            candidate = first if i == j else first.joined(second)
            found.append(_Suspect(kind, candidate, float(z[i, j])))
        return found


def _apart(suspects: list[_Suspect], half: I64) -> list[_Suspect]:
    """The strongest ones, without those that are nearly the same rows as a stronger one."""
    kept: list[_Suspect] = []
    for suspect in suspects:
        marks = suspect.candidate.marks[half]
        same = (
            (marks & theirs).sum() > SAME_ROWS * min(marks.sum(), theirs.sum())
            for theirs in (other.candidate.marks[half] for other in kept if _alike(other, suspect))
        )
        if not any(same):
            kept.append(suspect)
        if len(kept) == SHORTLIST:
            break
    return kept


def _alike(a: _Suspect, b: _Suspect) -> bool:
    return (a.kind == "error") == (b.kind == "error")


def _standing(
    suspects: list[_Suspect], scored: Scored, half: I64, task: Task, rows: int
) -> tuple[Segment, ...]:
    """Those that stand in the second half, with its figures."""
    read = [_read(suspect, scored, half) for suspect in suspects]
    p_values = np.array([p for _, _, p in read])
    told: list[tuple[float, Segment]] = []
    for suspect, (value, rest, p) in zip(suspects, read, strict=True):
        if not p <= _limit(p_values):  # nor where it is unknown, for want of rows
            continue
        off = abs(value - rest) / scored.scale
        if (value < WORSE * rest) if suspect.kind == "error" else (off < OFF[task]):
            continue
        promised = float(scored.promised[half][suspect.candidate.marks[half]].mean())
        figures = Figures(value, rest, promised, float(p))
        told.append((off, segment_of(suspect.kind, suspect.candidate, figures, rows, task)))
    return tuple(segment for _, segment in sorted(told, key=lambda pair: -pair[0]))


def _read(suspect: _Suspect, scored: Scored, half: I64) -> tuple[float, float, float]:
    """(in the segment, what it is held against, one-sided p) of the second half."""
    inside = suspect.candidate.marks[half]
    if suspect.kind == "error":
        a, b = scored.miss[half][inside], scored.miss[half][~inside]
        z = (a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b) + 1e-12)
        return float(a.mean()), float(b.mean()), float(norm.sf(z))
    over, score = scored.over[half][inside], scored.score[half][inside]
    z = over.mean() / np.sqrt(over.var(ddof=1) / len(over) + 1e-12)
    p = norm.sf(z if suspect.kind == "too_high" else -z)
    return float(score.mean()), float((score - over).mean()), float(p)


def _limit(p_values: F64) -> float:
    """The largest p that the procedure of Benjamini and Hochberg lets stand; -1 for none."""
    ordered = np.sort(p_values)
    passed = np.flatnonzero(ordered <= FALSE_DISCOVERIES * np.arange(1, len(ordered) + 1) / len(ordered))
    return float(ordered[passed[-1]]) if len(passed) else -1.0
