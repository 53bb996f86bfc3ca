"""The linear member: standardised and clipped slots, splines of numbers, words, tokens; ridge or logistic regression.

Every term is one that the plan can give: ``clip((x - mean) * inv_scale, -8, 8)`` of a slot, or a weight that a word or
token carries. Three tricks make that enough:

- a *ramp* is a term so steep that it clips on either side of an interval between two quantiles; together the ramps of a
  number are a linear spline, constant outside the 5 % and 95 % quantiles;
- a *missing mark* is a term with a scale of 1e-30 and a fill of 1e30: 1 where the slot is missing, else 0;
- the words of a category carry, besides their own weight, the weights of their tokens, so that rare words learn from
  common ones that share a token.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from tenantry.automl.arrays import F32, F64, I32, I64
from tenantry.automl.encoders import CategoryEncoder, Encoded, FeatureSpace
from tenantry.automl.members.lightgbm import Objective
from tenantry.automl.members.solvers import logistic, passes_for, ridge
from tenantry.plan.kernel import tokens
from tenantry.schema import Task

CLIP = 8.0
_KNOTS = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
_MARK_FILL, _MARK_SCALE = np.float32(1e30), np.float32(1e-30)
_LARGEST = 1e37
"""Terms with larger figures than float32 can hold are left out: the slot hardly varies."""
_MOST_SPLINES = 200
"""With more numbers than this, splines would only make a wide matrix wider."""
_RULED_OUT = -6.0
"""A margin that stands for a probability of about 0.25 %."""
_MIN_WORD_ROWS = 5
_MAX_WORDS = 200


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms over slots; the weight of term j acts on ``gain[j] * clip(...)``."""

    slot: I32
    mean: F32
    inv_scale: F32
    fill: F32
    gain: F64

    def values(self, dense: F32) -> F64:
        """Rows × terms, in the plan's own arithmetic."""
        x = dense[:, self.slot].astype(np.float64)
        x = np.where(np.isnan(x), self.fill.astype(np.float64), x)
        z = (x - self.mean.astype(np.float64)) * self.inv_scale.astype(np.float64)
        return np.asarray(np.clip(z, -CLIP, CLIP))


@dataclass(frozen=True, slots=True)
class WordBlock:
    """What the words of one category bring: ``matrix`` is (words + missing + unseen) × features, sparse."""

    encoder: CategoryEncoder
    matrix: Any


@dataclass(frozen=True, slots=True)
class LinearDesign:
    """The columns of the linear member, in order: terms, then each category's words, then each text's tokens."""

    space: FeatureSpace
    terms: Terms
    blocks: tuple[WordBlock, ...]

    @property
    def width(self) -> int:
        """Columns in all."""
        words = sum(int(block.matrix.shape[1]) for block in self.blocks)
        return len(self.terms.slot) + words + sum(len(text.tokens) for text in self.space.texts)

    def matrix(self, dense: F32, encoded: Encoded, rows: I64, *, own: bool) -> Any:
        """Rows × width. ``own``: these are the rows that the tables were fitted on."""
        parts: list[Any] = [self.terms.values(dense) * self.terms.gain]
        for block, table in zip(self.blocks, encoded.tables, strict=True):
            codes = block.encoder.codes[rows]
            words = len(block.encoder.words)
            place = np.where(codes < 0, words, codes)
            if not own:
                place = np.where(block.encoder.table_rows(table, rows) == table.unseen_row, words + 1, place)
            parts.append(block.matrix[place])
        parts += [text.matrix[rows] for text in self.space.texts]
        if len(parts) == 1:
            return np.asarray(parts[0])
        return sparse.hstack([sparse.csr_matrix(parts[0]), *parts[1:]], format="csr")


@dataclass(frozen=True, slots=True)
class LinearFit:
    """Weights (width × outputs) and intercepts, rounded to what the plan stores."""

    weights: F64
    intercept: F64

    def margins(self, matrix: Any) -> F64:
        """Rows × outputs."""
        return np.asarray(matrix @ self.weights + self.intercept, dtype=np.float64)


def build_design(space: FeatureSpace) -> LinearDesign:
    """Lay out the linear member. Looks at the values of the slots, never at the target."""
    slots: list[int] = []
    rows: list[tuple[float, float, float, float]] = []
    splines = space.fixed.shape[1] <= _MOST_SPLINES
    for i, slot in enumerate(space.slots):
        if slot.part in ("value", "days", "difference", "chars", "words", "latitude", "longitude"):
            found = _fixed_terms(space.fixed[:, i], spline=slot.part != "chars" and splines)
            rows += found
            slots += [i] * len(found)
        elif slot.part == "target":
            slots.append(i)
            rows.append((0.0, 1.0, 0.0, 1.0))
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    terms = Terms(
        np.array(slots, dtype=np.int32),
        table[:, 0].astype(np.float32),
        table[:, 1].astype(np.float32),
        table[:, 2].astype(np.float32),
        table[:, 3],
    )
    viewed = {text.at for text in space.texts}
    blocks = [WordBlock(e, _word_matrix(e, shared=e.at not in viewed)) for e in space.categories]
    return LinearDesign(space, terms, tuple(blocks))


def _fixed_terms(x: F32, *, spline: bool) -> list[tuple[float, float, float, float]]:
    """(mean, inverse scale, fill, gain) of the terms of one slot."""
    known = x[~np.isnan(x)].astype(np.float64)
    if len(known) == 0 or known.min() == known.max():
        return []
    middle, spread = float(np.median(known)), float(known.std())
    if not np.isfinite(spread) or spread < 1 / _LARGEST:
        return []
    found = [(float(known.mean()), 1 / spread, middle, 1.0)]
    if len(known) < len(x) - 4:
        found.append((0.0, float(_MARK_SCALE), float(_MARK_FILL), 1.0))
    knots = np.unique(np.quantile(known, _KNOTS))
    if spline and len(np.unique(known)) > 5 and len(knots) > 2:
        for low, high in pairwise(knots.tolist()):
            found.append(((low + high) / 2, 2 * CLIP / (high - low), middle, 1 / CLIP))
    return [term for term in found if all(abs(figure) < _LARGEST for figure in term)]


def _word_matrix(encoder: CategoryEncoder, *, shared: bool) -> Any:
    """One column a frequent word (and for missing), and, if ``shared``, one a token that several words share."""
    words = len(encoder.words)
    counts = np.bincount(np.where(encoder.codes < 0, words, encoder.codes), minlength=words + 1)
    often = np.flatnonzero(counts >= _MIN_WORD_ROWS)
    often = often[np.argsort(-counts[often], kind="stable")[:_MAX_WORDS]]
    rows, columns = [int(i) for i in often], list(range(len(often)))
    width = len(often)
    parts = [set(tokens(word)) for word in encoder.words] if shared and words > 20 else []
    counted = Counter(t for found in parts for t in found)
    often_shared = sorted(t for t, n in counted.items() if 2 <= n <= words // 2)
    place = {t: width + i for i, t in enumerate(often_shared)}
    for i, found in enumerate(parts):
        if counts[i] < 2:
            continue  # the plan will not know this word
        kept = [place[t] for t in found if t in place]
        rows += [i] * len(kept)
        columns += kept
    values = np.ones(len(rows))
    return sparse.csr_matrix((values, (rows, columns)), shape=(words + 2, width + len(place)))


def fit_linear(
    matrix: Any,
    y: np.ndarray,
    objective: Objective,
    strength: float,
    *,
    seconds: float = float("inf"),
    start: LinearFit | None = None,
) -> LinearFit:
    """Ridge (regression) or logistic regression with an L2 penalty; ``strength`` is the inverse of the penalty.

    ``seconds``: about the CPU time that it may take; ``start``: a fit from which the iterations begin, usually that of
    a smaller strength.
    """
    passes = passes_for(matrix, objective.outputs, seconds)
    if objective.task is Task.REGRESSION:
        return LinearFit(*ridge(matrix, y, strength, passes))
    present = np.unique(y)
    if len(present) == objective.classes:
        begin = None if start is None else (start.weights, start.intercept)
        return LinearFit(*logistic(matrix, y, strength, passes, begin, objective.row_weights(y)))
    return _without_absent(matrix, y, objective, strength, passes, present)


def _without_absent(
    matrix: Any, y: np.ndarray, objective: Objective, strength: float, passes: int, present: np.ndarray
) -> LinearFit:
    """A fold of a tiny table may lack a class: it gets no weights, and an intercept that all but rules it out."""
    weights = np.zeros((matrix.shape[1], objective.outputs))
    if objective.task is Task.BINARY:
        return LinearFit(weights, np.array([_RULED_OUT * (1.0 if present[0] == 0 else -1.0)]))
    intercept = np.full(objective.outputs, _RULED_OUT)
    if len(present) == 1:
        intercept[present] = 0.0
        return LinearFit(weights, intercept)
    found, offset = logistic(
        matrix, np.searchsorted(present, y), strength, passes, None, objective.row_weights(y)
    )
    if len(present) == 2:  # one row of weights for both classes
        found, offset = np.hstack((-found / 2, found / 2)), np.array([-offset[0] / 2, offset[0] / 2])
    weights[:, present], intercept[present] = found, offset
    return LinearFit(weights, intercept)
