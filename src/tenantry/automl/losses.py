"""What members, blends and calibrations are judged by: log loss of margins, or squared error of a
standardised value."""

import numpy as np
from scipy.special import expit, log_expit, logsumexp, softmax

from tenantry.automl.arrays import F64
from tenantry.schema import Task


def row_losses(task: Task, y: np.ndarray, margins: F64) -> F64:
    """One loss a row; ``margins`` is rows × outputs."""
    if task is Task.REGRESSION:
        return np.asarray((margins[:, 0] - y) ** 2)
    if task is Task.BINARY:
        m = margins[:, 0]
        return np.asarray(-np.where(y == 1, log_expit(m), log_expit(-m)))
    return np.asarray(logsumexp(margins, axis=1) - margins[np.arange(len(y)), y])


def probabilities(task: Task, margins: F64) -> F64:
    """Class probabilities of uncalibrated margins, rows × classes."""
    if task is Task.BINARY:
        p = expit(margins[:, 0])
        return np.column_stack((1 - p, p))
    return np.asarray(softmax(margins, axis=1))
