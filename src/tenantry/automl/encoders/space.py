"""All columns together: which slots there are, and their values for training and for other rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from tenantry.automl.arrays import F32, F64, I64
from tenantry.automl.encoders.categories import CategoryEncoder, CategoryTable, Link
from tenantry.automl.encoders.fixed import fixed_slots
from tenantry.automl.encoders.slot import Slot
from tenantry.automl.encoders.text import TextEncoder
from tenantry.automl.typing import DATE_TYPES, TEXT_TYPES, TypedColumn
from tenantry.schema import NUMERIC_TYPES, SemanticType

__all__ = ["Encoded", "FeatureSpace", "Slot", "build_space"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One fit of the tables, on some training rows; ``own`` holds the category slots of those rows out of fold."""

    rows: I64
    tables: tuple[CategoryTable, ...]
    own: F32


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """Slots stand in this order: fixed ones, lengths of texts, categories', tokens'."""

    columns: tuple[TypedColumn, ...]
    fixed: F32
    differences: tuple[tuple[int, int, int], ...]
    categories: tuple[CategoryEncoder, ...]
    texts: tuple[TextEncoder, ...]
    slots: tuple[Slot, ...]
    outputs: int
    classes: bool

    @property
    def plain(self) -> tuple[float, ...]:
        """1 for each slot that says what stands in a row, 0 for those that say what its words meant in other rows."""
        return tuple(0.0 if slot.part in ("count", "target") else 1.0 for slot in self.slots)

    def fit(self, rows: I64, target: F64, seed: int) -> Encoded:
        """Fit the category tables on these rows; ``target`` is (all rows, outputs)."""
        link = Link(target[rows].mean(axis=0), self.classes)
        fitted = [encoder.fit(rows, target[rows], link, seed) for encoder in self.categories]
        own = [values for _, values in fitted]
        empty = np.zeros((len(rows), 0), dtype=np.float32)
        return Encoded(rows, tuple(table for table, _ in fitted), np.hstack([empty, *own]))

    def train_dense(self, encoded: Encoded) -> F32:
        """Dense slots of the rows that the tables were fitted on, out of fold."""
        return np.hstack((self.fixed[encoded.rows], encoded.own))

    def dense(self, encoded: Encoded, rows: I64) -> F32:
        """Dense slots of any rows, as the plan gives them."""
        parts = [e.apply(t, rows) for e, t in zip(self.categories, encoded.tables, strict=True)]
        return np.hstack([self.fixed[rows], *parts])

    def forest_matrix(self, dense: F32, rows: I64) -> Any:
        """What the forest learns from: the dense slots, and the frequent tokens where there is text."""
        if not self.texts:
            return dense
        tokens = [text.matrix[rows][:, : len(text.token_slots())] for text in self.texts]
        return sparse.hstack([sparse.csr_matrix(dense), *tokens], format="csr", dtype=np.float32)


def build_space(columns: tuple[TypedColumn, ...], outputs: int, *, classes: bool) -> FeatureSpace:
    """Lay out the slots of typed feature columns. ``outputs``: columns of the target matrix."""
    fixed = fixed_slots(list(columns))
    texts = [TextEncoder.of(i, c) for i, c in enumerate(columns) if c.type in TEXT_TYPES]
    texts += [TextEncoder.of_list(i, c) for i, c in enumerate(columns) if c.type is SemanticType.LIST]
    for text in texts:
        for slot, values in text.lengths():
            fixed.add(slot, values)
    others = NUMERIC_TYPES | DATE_TYPES | TEXT_TYPES | {SemanticType.GEOLOCATION, SemanticType.LIST}
    worded = [(i, c) for i, c in enumerate(columns) if c.type not in others]
    categories = [CategoryEncoder.of(i, c, outputs) for i, c in worded]
    named = [(i, c) for i, c in enumerate(columns) if c.type in TEXT_TYPES]
    categories += [part for i, c in named if (part := CategoryEncoder.part_of(i, c, outputs)) is not None]
    texts += [view for i, c in worded if (view := TextEncoder.view_of(i, c)) is not None]
    slots = list(fixed.slots)
    for category in categories:
        slots += category.slots()
    for text in texts:
        slots += text.token_slots()
    rows = columns[0].values.rows
    return FeatureSpace(
        columns,
        fixed.matrix(rows),
        tuple(fixed.differences),
        tuple(categories),
        tuple(texts),
        tuple(slots),
        outputs,
        classes,
    )
