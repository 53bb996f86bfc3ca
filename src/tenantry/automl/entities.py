"""Whether rows are about fewer things than there are rows: visits of one patient, months of one shop."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tenantry.automl.arrays import I64
from tenantry.automl.prepare import Prepared
from tenantry.automl.target import Target
from tenantry.automl.typing import TypedColumn
from tenantry.automl.typing.identifiers import name_hint
from tenantry.bundle.scorecard import Finding
from tenantry.schema import SemanticType, Task

ENOUGH_ROWS = 300
ENOUGH_GROUPS = 50
OUTCOME_BELONGS = 0.4
"""How much less the other columns must show where the outcome belongs to the name too."""
COVERED = 0.8
"""Share of the rows that another row shares its name with."""
PRESENT = 0.98
CODES = 0.9
SAME = 0.95
"""Share of the names all of whose rows agree, from which a column is said to belong to the name."""
BY_CHANCE = 0.6
"""The same share when the rows are shuffled; more, and the agreement says nothing."""
BELONGING = 1.4
"""Columns that must belong to the name, each counted as the share of its agreement that chance does not explain."""
ENOUGH_LESS = 0.8
"""The most agreement in the outcome that rows of unlike names may show."""
ALIKE = 0.98
"""Share of a value's variance that lies between names, from which the value is the name's."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A column that names what rows are about. ``sure``: its rows share their outcome too, so that a model judged at
    random would be asked about what it has seen."""

    column: TypedColumn
    sure: bool
    finding: Finding


def find_entities(prepared: Prepared) -> list[Entity]:
    """The columns that name entities, at most one: the surest, then the one with the most names."""
    rows = len(prepared.target.rows)
    if rows < ENOUGH_ROWS:
        return []
    found: list[tuple[bool, int, Entity]] = []
    for column, groups in _candidates(prepared.columns, rows):
        shuffled = np.random.default_rng(0).permutation(groups)
        belonging = dict(_belonging(prepared.columns, column, groups, shuffled))
        sure = _one_outcome(prepared.target, groups, shuffled)
        if sum(belonging.values()) < BELONGING - (sure * OUTCOME_BELONGS):
            continue
        entity = _entity(column, list(belonging), groups, prepared.target_column.name, sure=sure)
        found.append((not sure, -int(groups.max()), entity))
    return [min(found, key=lambda item: item[:2])[2]] if found else []


def _candidates(columns: tuple[TypedColumn, ...], rows: int) -> Iterator[tuple[TypedColumn, I64]]:
    """Columns of codes or whole numbers with many values, nearly each of which stands in several rows."""
    for column in columns:
        counts = column.values.counts
        if column.values.present < PRESENT * rows or len(counts) < ENOUGH_GROUPS:
            continue
        if counts[counts > 1].sum() < COVERED * rows or counts.max() > 0.1 * rows:
            continue
        codes = column.values.codes.astype(np.int64)
        if _names_things(column, codes):
            yield column, np.where(codes < 0, len(counts) + np.arange(rows), codes)


def _names_things(column: TypedColumn, codes: I64) -> bool:
    """Codes with digits; whole numbers whose rows stand together in the table, or whose name says identifier."""
    if column.type is SemanticType.IDENTIFIER:
        return True
    if column.type is SemanticType.CATEGORY:
        texts = column.values.texts
        coded = [any(sign.isdigit() for sign in text) and " " not in text for text in texts]
        return sum(coded) >= CODES * len(texts)
    if column.type is not SemanticType.NUMBER:
        return False
    numbers = column.numbers()
    if (numbers != np.floor(numbers))[codes >= 0].any():
        return False
    runs = 1 + int((np.diff(codes) != 0).sum())
    return runs <= 1.2 * len(column.values.values) or name_hint(column.name)


def _belonging(
    columns: tuple[TypedColumn, ...], entity: TypedColumn, groups: I64, shuffled: I64
) -> Iterator[tuple[str, float]]:
    """The other columns that hold one value for each name and would not by chance, and how little chance explains."""
    for column in columns:
        if column is entity or column.type in (SemanticType.CONSTANT, SemanticType.EMPTY):
            continue
        codes = column.values.codes.astype(np.int64)
        if 2 * len(column.values.values) > int(groups.max()) or column.values.present < 0.5 * len(codes):
            continue  # nearly a name itself, or hardly there
        chance = _agreeing(codes, shuffled)
        if chance <= BY_CHANCE and _agreeing(codes, groups) >= SAME:
            yield column.name, 1 - chance


def _agreeing(codes: I64, groups: I64) -> float:
    """Share of the groups of two rows and more all of whose rows hold the same code."""
    size = int(groups.max()) + 1
    counts = np.bincount(groups, minlength=size)
    low = np.full(size, np.iinfo(np.int64).max)
    high = np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(low, groups, codes)
    np.maximum.at(high, groups, codes)
    several = counts > 1
    return float((low[several] == high[several]).mean()) if several.any() else 0.0


def _one_outcome(target: Target, groups: I64, shuffled: I64) -> bool:
    """Whether the outcome is the name's rather than the row's."""
    if target.task is not Task.REGRESSION:
        codes = np.asarray(target.y, dtype=np.int64)
        return _agreeing(codes, groups) >= SAME and _agreeing(codes, shuffled) <= ENOUGH_LESS
    y = np.asarray(target.y, dtype=np.float64)
    counts = np.maximum(np.bincount(groups), 1)
    means = np.bincount(groups, y) / counts
    several = counts[groups] > 1
    inside = float(((y - means[groups])[several] ** 2).sum())
    # Each group's mean takes a row of freedom: without the correction, pairs of strangers look half alike.
    freedom = several.sum() / max(1, several.sum() - (counts > 1).sum())
    return bool(inside * freedom <= (1 - ALIKE) * float(((y - y.mean())[several] ** 2).sum()))


def _entity(column: TypedColumn, belonging: list[str], groups: I64, outcome: str, *, sure: bool) -> Entity:
    names = len(np.unique(groups))
    shared = ", ".join(belonging[:3])
    if sure:
        message = f"{len(groups)} rows are about {names} {column.name}, and {outcome} is the same for each"
        action = (
            f"Rows of one {column.name} stay together when models are judged. Where new records will be of the same "
            f"{column.name}, say split: random."
        )
    else:
        message = f"{len(groups)} rows are about {names} {column.name}: {shared} belong to it, not to the row"
        action = (
            f"Nothing was done. If new records will be of others than these {column.name}, name it as group: figures "
            "from rows of the same are then too good."
        )
    finding = Finding(
        code="split_by_group" if sure else "repeated_entity",
        severity="info",
        columns=(column.name,),
        message=message,
        action=action,
        evidence={"names": names, "rows": len(groups), "belonging": belonging[:10]},
    )
    return Entity(column, sure, finding)
