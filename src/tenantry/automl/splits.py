"""How rows are parted to judge models: at random, by whom they are about, or by time.

A random split is honest where the records to come are drawn like the rows of the table. Where they are about others
than the rows (new patients, not new visits of the same), or later, it flatters; then rows of one group stay together,
or models are judged on what came after their training rows. The definition says which; what is not said is looked for,
with care (docs/decisions/automl-splits.md).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tenantry.apps import PredictionDefinition
from tenantry.automl.arrays import F64, I64
from tenantry.automl.checks.split_copies import check_split_copies
from tenantry.automl.entities import find_entities
from tenantry.automl.order import find_order, moments
from tenantry.automl.prepare import Prepared
from tenantry.automl.target import Target
from tenantry.automl.typing import TypedColumn
from tenantry.bundle.scorecard import Finding
from tenantry.errors import InvalidRequest
from tenantry.evaluation import group_folds, stratified_folds
from tenantry.schema import Task

FOLDS = 5
MANY_GROUPS = 2000
"""From here on groups dealt out at random are even enough, if none is large."""
STRATA = 5


@dataclass(frozen=True, slots=True)
class Split:
    """``folds``: one int64 a training row: the fold in which it is judged, or -1 for rows that only train (the earliest
    of a split by time). ``column``: the column that parts the rows, if one does. ``evidence``: why, in words."""

    kind: Literal["random", "group", "time"]
    folds: I64
    evidence: str
    column: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def count(self) -> int:
        """The number of folds."""
        return int(self.folds.max()) + 1

    def test_rows(self, fold: int) -> I64:
        """Positions of the rows that are judged in this fold, rising."""
        return np.flatnonzero(self.folds == fold).astype(np.int64)

    def train_rows(self, fold: int) -> I64:
        """Positions of the rows to learn from before judging this fold, rising: all others, or the earlier ones."""
        if self.kind == "time":
            return np.flatnonzero(self.folds < fold).astype(np.int64)
        return np.flatnonzero(self.folds != fold).astype(np.int64)


def choose_split(prepared: Prepared, definition: PredictionDefinition, seed: int) -> Split:
    """As the definition says; else by group or time where the rows leave little doubt, and at random otherwise.

    Copies of rows that end up on both sides are told. Errors: ``InvalidRequest("split_impossible")`` where the
    definition's column cannot part the rows.
    """
    split = _chosen(prepared, definition, seed)
    compared = (*prepared.features, prepared.target_column)
    copies = check_split_copies(compared, split.folds, by_time=split.kind == "time")
    return replace(split, findings=(*split.findings, *(item.finding for item in copies)))


def _chosen(prepared: Prepared, definition: PredictionDefinition, seed: int) -> Split:
    columns = {column.name: column for column in prepared.columns}
    if definition.group is not None:
        return _named(_by_group(prepared, columns[definition.group], seed), definition.group)
    if definition.time is not None:
        return _named(_by_time(prepared, columns[definition.time]), definition.time)
    told: list[Finding] = []
    if definition.split == "auto":
        found = _found(prepared, seed, told)
        if found is not None:
            return found
    return Split("random", _random(prepared.target, prepared.groups, seed), "at random", findings=tuple(told))


def _found(prepared: Prepared, seed: int, told: list[Finding]) -> Split | None:
    """A split that the rows ask for; what is only likely is ``told``."""
    for entity in find_entities(prepared):
        split = _by_group(prepared, entity.column, seed) if entity.sure else None
        if split is not None:
            return _explained(split, entity.finding)
        told.append(entity.finding)
    for order in find_order(prepared):
        split = _by_time(prepared, order.column) if order.sure else None
        if split is not None:
            return _explained(split, order.finding)
        told.append(order.finding)
    return None


def _explained(split: Split, finding: Finding) -> Split:
    return Split(split.kind, split.folds, finding.message, split.column, (finding,))


def _named(split: Split | None, column: str) -> Split:
    if split is None:
        raise InvalidRequest(
            "split_impossible",
            f"{column!r} cannot part the rows: too few different values, or an outcome that only one part has",
        )
    return split


def _random(target: Target, groups: I64, seed: int) -> I64:
    """Copies of a row share a fold; classes are spread evenly."""
    if target.task is Task.REGRESSION:
        return group_folds(groups, FOLDS, seed)
    y = np.asarray(target.y, dtype=np.int64)
    folds = stratified_folds(y, FOLDS, seed, groups)
    spread = min(len(np.unique(folds[y == k])) for k in range(len(target.classes)))
    return folds if spread > 1 else stratified_folds(y, FOLDS, seed)  # a class made of copies must be parted


def _by_group(prepared: Prepared, column: TypedColumn, seed: int) -> Split | None:
    """Rows with one value share a fold, and so do copies; a row without value is a group of its own."""
    codes = column.values.codes.astype(np.int64)
    groups = np.where(codes < 0, len(column.values.values) + prepared.groups, codes)
    _, groups = np.unique(groups, return_inverse=True)
    strata = _strata(prepared.target)
    sizes = np.bincount(groups)
    if len(sizes) < 2:
        return None
    if len(sizes) >= MANY_GROUPS and sizes.max() <= 0.02 * len(groups):
        folds = stratified_folds(strata, FOLDS, seed, groups.astype(np.int64))
    else:
        folds = _even(groups.astype(np.int64), strata, min(FOLDS, len(sizes)), seed)
    if not _every_class_both_sides(prepared.target, folds):
        return None
    return Split("group", folds, f"rows of one {column.name} stay together", column.name)


def _strata(target: Target) -> I64:
    """What every fold should have the same share of: classes, or fifths of the values."""
    if target.task is not Task.REGRESSION:
        return np.asarray(target.y, dtype=np.int64)
    edges = np.unique(np.quantile(target.y, np.linspace(0, 1, STRATA + 1)[1:-1]))
    return np.searchsorted(edges, target.y).astype(np.int64)


def _even(groups: I64, strata: I64, folds: int, seed: int) -> I64:
    """Each group, the largest first, to the fold that it leaves most even; groups of one size in random order."""
    counts = np.zeros((int(groups.max()) + 1, int(strata.max()) + 1))
    np.add.at(counts, (groups, strata), 1.0)
    shares: F64 = counts / np.maximum(counts.sum(axis=0), 1.0)
    shuffled = np.random.default_rng((0x5B117, seed)).permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    load = np.zeros((folds, shares.shape[1]))
    fold_of = np.zeros(len(counts), dtype=np.int64)
    for group in order:
        fold = int(((load + shares[group]) ** 2 - load**2).sum(axis=1).argmin())
        load[fold] += shares[group]
        fold_of[group] = fold
    return np.asarray(fold_of[groups], dtype=np.int64)


def _every_class_both_sides(target: Target, folds: I64) -> bool:
    if target.task is Task.REGRESSION:
        return len(np.unique(folds)) > 1
    return all(len(np.unique(folds[target.y == k])) > 1 for k in range(len(target.classes)))


def _by_time(prepared: Prepared, column: TypedColumn) -> Split | None:
    """Six blocks of rows in the order of time; the first only trains, and rows without a time train with it.

    Rows of one moment are in one block. The first block reaches on until it holds every class.
    """
    when = moments(column)
    if when is None:
        return None
    known = np.flatnonzero(~np.isnan(when))
    ranks = np.unique(when[known], return_inverse=True)[1]
    before = np.concatenate(([0], np.cumsum(np.bincount(ranks))))[:-1]
    blocks = (before * (FOLDS + 1) // max(1, len(known)))[ranks]
    if prepared.target.task is not Task.REGRESSION:
        blocks = np.maximum(blocks, _first_with_all(prepared.target, known, blocks))
    names, blocks = np.unique(blocks, return_inverse=True)
    if len(names) < 2:
        return None
    folds = np.full(len(when), -1, dtype=np.int64)
    folds[known] = blocks - 1
    return Split("time", folds, f"models are judged on rows of later {column.name}", column.name)


def _first_with_all(target: Target, known: I64, blocks: I64) -> int:
    """The block up to which every class has been seen."""
    y = np.asarray(target.y)[known]
    return max(int(blocks[y == k].min(initial=FOLDS)) for k in range(len(target.classes)))
