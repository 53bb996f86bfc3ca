"""The folds: encoders fitted on each fold's training rows, the forests' bins, and the rows that are held out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from tenantry.automl.arrays import F64, I64
from tenantry.automl.encoders import FeatureSpace
from tenantry.automl.members import ForestBins, LinearDesign, Objective
from tenantry.automl.splits import Split

_SMALL_SALT = 0x5A11


@dataclass(frozen=True, slots=True)
class Learning:
    """What the members learn: ``y`` as margins want it, and the matrix that target encodings are made from."""

    objective: Objective
    y: np.ndarray
    encoding_target: F64
    split: Split
    seed: int


@dataclass(frozen=True, slots=True)
class LinearMatrices:
    """The linear member's matrices of a fold: to learn from and to be judged by, with their targets."""

    own: Any
    other: Any
    y: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold, made ready: ``number`` in the split; ``rows`` are held out, ``matrix`` holds their slots as forests
    see them; ``cells``: numbers stored in the matrix that forests learn from."""

    number: int
    rows: I64
    bins: ForestBins
    matrix: Any
    cells: int


def make_fold(
    space: FeatureSpace, design: LinearDesign, learning: Learning, fold: int
) -> tuple[Fold, LinearMatrices]:
    """Encode one fold. The linear matrices are handed out once and not kept: on wordy tables they are large."""
    train, held = learning.split.train_rows(fold), learning.split.test_rows(fold)
    y = (learning.y[train], learning.y[held])
    encoded = space.fit(train, learning.encoding_target, learning.seed + fold)
    own, other = space.train_dense(encoded), space.dense(encoded, held)
    linear = LinearMatrices(
        design.matrix(own, encoded, train, own=True), design.matrix(other, encoded, held, own=False), y
    )
    matrix = space.forest_matrix(other, held)
    learnt = space.forest_matrix(own, train)
    bins = ForestBins(learnt, y[0], learning.objective, (matrix, y[1]), space.plain)
    return Fold(fold, held, bins, matrix, _cells(learnt)), linear


def small_fold(space: FeatureSpace, learning: Learning, rows: int) -> Fold:
    """The last fold with at most ``rows`` rows to learn from, and half as many to be judged by."""
    rng = np.random.default_rng((_SMALL_SALT, learning.seed))
    last = learning.split.count - 1  # by time, the fold with the most rows before it
    train, held = learning.split.train_rows(last), learning.split.test_rows(last)
    train = np.sort(rng.permutation(train)[:rows])
    held = np.sort(rng.permutation(held)[: rows // 2])
    encoded = space.fit(train, learning.encoding_target, learning.seed)
    matrix = space.forest_matrix(space.dense(encoded, held), held)
    own = space.forest_matrix(space.train_dense(encoded), train)
    bins = ForestBins(own, learning.y[train], learning.objective, (matrix, learning.y[held]), space.plain)
    return Fold(last, held, bins, matrix, _cells(own))


def _cells(matrix: Any) -> int:
    return int(matrix.nnz if sparse.issparse(matrix) else matrix.size)
