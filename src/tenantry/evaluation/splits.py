"""Which fold a row belongs to. Rows of one group (exact duplicates, say) share a fold, so that none is judged by a
model that has seen its twin."""

import numpy as np

from tenantry.evaluation.arrays import I64

_SALT = 0xF01D5
"""Keeps the folds apart from data that were themselves drawn with a small seed."""


def group_folds(groups: I64, folds: int, seed: int) -> I64:
    """A fold number (0 … folds-1) for each row; groups are dealt out at random, in equal numbers."""
    names, place = np.unique(groups, return_inverse=True)
    dealt = np.random.default_rng((_SALT, seed)).permutation(len(names)) % folds
    return np.asarray(dealt[place], dtype=np.int64)


def stratified_folds(y: I64, folds: int, seed: int, groups: I64 | None = None) -> I64:
    """A fold number for each row such that every fold has about the same mix of classes.

    A group counts as its first row's class. Classes with fewer groups than folds are missing from some folds.
    """
    rng = np.random.default_rng((_SALT, seed))
    if groups is None:
        first, place = np.arange(len(y)), np.arange(len(y))
    else:
        _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    fold_of_group = np.zeros(len(first), dtype=np.int64)
    start = 0
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y[first] == label))
        fold_of_group[members] = (np.arange(len(members)) + start) % folds
        start += len(
            members
        )  # the next class goes on where this one stopped, so that folds stay equally large
    return fold_of_group[place]
