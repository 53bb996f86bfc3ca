"""Penalised linear fits whose cost is known beforehand, so that they can be kept within a budget."""

import warnings
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import LinearOperator, lsqr
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tenantry.automl.arrays import F64

MOST_PASSES, FEWEST_PASSES = 150, 8
_SECONDS_PER_CELL = 4e-9
"""CPU seconds of one pass over the matrix and back, for one stored number and one output."""
_CLOSED_FORM = 4e9
"""Most multiplications for the closed form of ridge regression; beyond, least squares by iteration."""


_STEPS = (FEWEST_PASSES, 16, 32, 64, MOST_PASSES)


def passes_for(matrix: Any, outputs: int, seconds: float) -> int:
    """How many passes over the matrix ``seconds`` of CPU time pay for, between 8 and 150.

    In coarse steps, so that a few milliseconds more or less seldom give another model.
    """
    cost = _stored(matrix) * outputs * _SECONDS_PER_CELL
    paid = seconds / max(cost, 1e-9)
    return max((step for step in _STEPS if step <= paid), default=FEWEST_PASSES)


def logistic(
    matrix: Any,
    y: np.ndarray,
    strength: float,
    passes: int,
    start: tuple[F64, F64] | None,
    weights: F64 | None = None,
) -> tuple[F64, F64]:
    """Weights (width × outputs) and intercepts of an L2-penalised logistic or softmax regression by L-BFGS.

    An early end at the limit of passes is meant: it is one more kind of regularisation.
    """
    model = LogisticRegression(C=strength, max_iter=passes, tol=1e-3, warm_start=start is not None)
    if start is not None:
        model.coef_, model.intercept_ = start[0].T.copy(), start[1].copy()
        model.classes_ = np.unique(y)
        model.n_iter_ = np.zeros(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(matrix, y, weights)
    return np.asarray(model.coef_.T, dtype=np.float64), np.asarray(model.intercept_, dtype=np.float64)


def ridge(matrix: Any, y: np.ndarray, strength: float, passes: int) -> tuple[F64, F64]:
    """Weights (width × 1) and the free intercept of a ridge regression: in closed form where that is cheap, over the
    columns or over the rows, whichever are fewer; else by LSQR (Paige and Saunders 1982)."""
    rows, width = matrix.shape
    mean = np.asarray(matrix.mean(axis=0)).ravel()
    filled = _stored(matrix) / max(1, rows)
    if rows * filled**2 + width**3 / 3 <= _CLOSED_FORM:
        weights = _by_columns(matrix, y, strength, mean)
    elif rows * rows * filled + rows**3 / 3 <= _CLOSED_FORM:
        weights = _by_rows(matrix, y, strength, mean)
    else:
        weights = _by_iteration(matrix, y, strength, mean, passes)
    return weights[:, None], np.array([y.mean() - mean @ weights])


def _by_columns(matrix: Any, y: np.ndarray, strength: float, mean: F64) -> F64:
    """(X'X - n·m·m' + I/strength) w = X'y - n·m·ȳ."""
    rows, width = matrix.shape
    gram = _dense(matrix.T @ matrix) - rows * np.outer(mean, mean)
    gram[np.diag_indices(width)] += 1 / strength
    right = np.asarray(matrix.T @ y).ravel() - rows * mean * y.mean()
    return np.asarray(linalg.solve(gram, right, assume_a="pos", overwrite_a=True))


def _by_rows(matrix: Any, y: np.ndarray, strength: float, mean: F64) -> F64:
    """w = Z'(ZZ' + I/strength)⁻¹ (y - ȳ), with Z the centred matrix, which is never made."""
    rows = matrix.shape[0]
    shift = np.asarray(matrix @ mean).ravel()
    gram = _dense(matrix @ matrix.T) - shift[:, None] - shift[None, :] + mean @ mean
    gram[np.diag_indices(rows)] += 1 / strength
    dual = linalg.solve(gram, y - y.mean(), assume_a="pos", overwrite_a=True)
    return np.asarray(np.asarray(matrix.T @ dual).ravel() - mean * dual.sum())


def _by_iteration(matrix: Any, y: np.ndarray, strength: float, mean: F64, passes: int) -> F64:
    centred = LinearOperator(
        matrix.shape,
        matvec=lambda w: np.asarray(matrix @ w).ravel() - mean @ w.ravel(),
        rmatvec=lambda u: np.asarray(matrix.T @ u).ravel() - mean * u.sum(),
        dtype=np.float64,
    )
    damp = float(np.sqrt(1 / strength))
    return np.asarray(lsqr(centred, y - y.mean(), damp=damp, iter_lim=passes)[0])


def _stored(matrix: Any) -> float:
    """Numbers that a pass over the matrix touches."""
    return float(matrix.nnz if sparse.issparse(matrix) else matrix.size)


def _dense(matrix: Any) -> F64:
    return np.asarray(matrix.toarray() if sparse.issparse(matrix) else matrix, dtype=np.float64)
