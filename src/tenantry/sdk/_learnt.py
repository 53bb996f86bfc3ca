"""What a fitted predictor holds: the files of its model, the open plan, and the caller's own labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tenantry.bundle.insights import read_sample
from tenantry.bundle.manifest import PLAN, SIMILAR
from tenantry.bundle.tables import score_table
from tenantry.insights import Flips, Goal, Similar, WhatIf, find_flips, find_similar, what_if
from tenantry.plan import Plan
from tenantry.plan.reasons import Reason, reasons
from tenantry.schema import Task
from tenantry.sdk._target import Target


class Learnt:
    """A model by its files (``parts``); ``columns`` are those of the table that it was learnt from.

    ``classes``: the labels, sorted; None for a regression.
    """

    def __init__(self, parts: dict[str, bytes], target: Target, columns: tuple[str, ...]) -> None:
        self.parts = parts
        self.columns = columns
        self._opened: Plan | None = Plan.from_bytes(parts[PLAN])
        signature = self._opened.meta.signature
        self.task = signature.task
        self.target = target.learnt(signature)
        self.classes: npt.NDArray[Any] | None = None
        if signature.task is not Task.REGRESSION:
            labels = self.target.labels(signature.classes)
            self._order = np.argsort(labels, kind="stable")
            self.classes = labels[self._order]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}  # an open plan belongs to its process

    @property
    def _plan(self) -> Plan:
        if self._opened is None:
            self._opened = Plan.from_bytes(self.parts[PLAN])
        return self._opened

    def scores(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """(rows, outputs) as the plan gives them."""
        return score_table(self._plan, table)

    def probabilities(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(rows, classes), in the order of ``classes``."""
        if self.task is Task.BINARY:
            both = [1.0 - scores[:, 0], scores[:, 0]]
            scores = np.stack(both if self._positive() else both[::-1], axis=1)
        return np.ascontiguousarray(scores[:, self._order])

    def predicted(self, scores: npt.NDArray[np.float64], threshold: float | None) -> npt.NDArray[Any]:
        """Labels, or values. ``threshold``: None for the one chosen in training."""
        if self.task is Task.REGRESSION:
            return scores[:, 0].copy()
        signature = self._plan.meta.signature
        labels = self.target.labels(signature.classes)
        if self.task is Task.BINARY:
            positive = self._positive()
            least = signature.threshold if threshold is None else threshold
            return labels[np.where(scores[:, 0] >= least, positive, 1 - positive)]
        found: npt.NDArray[Any] = labels[scores.argmax(axis=1)]
        return found

    def _positive(self) -> int:
        """The place of the positive one of two classes."""
        signature = self._plan.meta.signature
        return signature.classes.index(signature.positive_class or signature.classes[-1])

    def explained(self, table: pa.Table, k: int) -> list[list[Reason]]:
        """Each row's ``k`` strongest reasons."""
        plan = self._plan
        records = table.select(list(plan.columns)).to_pylist()
        return [reasons(plan, record, k) for record in records]

    def what_if(self, table: pa.Table, changes: Mapping[str, Any]) -> list[WhatIf]:
        """Each row beside itself with the changes."""
        return [what_if(self._plan, record, changes) for record in self._records(table)]

    def flips(
        self, table: pa.Table, goal: Goal, columns: tuple[str, ...], fixed: tuple[str, ...]
    ) -> list[Flips]:
        """Each row's smallest changes that reach the goal."""
        return [
            find_flips(self._plan, record, goal, columns=columns, fixed=fixed)
            for record in self._records(table)
        ]

    def similar(self, table: pa.Table, k: int) -> list[Similar]:
        """Each row's nearest training rows."""
        sample = read_sample(self.parts.get(SIMILAR))
        return [find_similar(self._plan, sample, record, k) for record in self._records(table)]

    def _records(self, table: pa.Table) -> list[dict[str, Any]]:
        return list(table.select(list(self._plan.columns)).to_pylist())
