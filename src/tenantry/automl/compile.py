"""From fitted encoders, members, blend and calibration to a :class:`~tenantry.plan.ir.PlanSpec`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tenantry.automl.arrays import F32, F64, I32, I64
from tenantry.automl.blend import LINEAR, Blend
from tenantry.automl.encoders import CategoryEncoder, CategoryTable, Encoded, FeatureSpace, TextEncoder
from tenantry.automl.members import Forest, LinearDesign, LinearFit
from tenantry.automl.members.trees import TreeArrays, read_trees
from tenantry.automl.typing import DATE_TYPES, TypedColumn, boolean_spellings
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    Derived,
    GeoColumn,
    Linear,
    NumberColumn,
    PlanColumn,
    PlanSpec,
    TextColumn,
    Tree,
)
from tenantry.schema import NUMERIC_TYPES, SemanticType, Task

_DATE_PARTS = ("month", "weekday", "day", "hour", "yearday")
_WORD_PARTS = ("code", "count", "target")


@dataclass(frozen=True, slots=True)
class LinearParts:
    """The linear member in the plan's numbers: weights of terms, of each category's table rows, of each text's tokens.

    All float32; ``intercept`` float64.
    """

    intercept: F64
    terms: F32
    words: tuple[F32, ...]
    tokens: tuple[F32, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Everything that is fitted on all rows. The forests have the blend's weights in their leaves already."""

    space: FeatureSpace
    encoded: Encoded
    design: LinearDesign
    forests: dict[str, Forest]
    linear: LinearParts | None
    blend: Blend
    calibration: Calibration

    def margins(self, rows: I64) -> F64:
        """Margins of these rows by the training pipeline itself: LightGBM's own prediction, and linear algebra."""
        dense = self.space.dense(self.encoded, rows)
        total = np.zeros((len(rows), self.outputs))
        if self.forests:
            matrix = self.space.forest_matrix(dense, rows)
            for forest in self.forests.values():
                total += forest.margins(matrix)
        if self.linear is not None:
            total += self.blend.weights[LINEAR] * self._linear(dense, rows)
        return total

    @property
    def outputs(self) -> int:
        """Margins a row."""
        forests = [forest.outputs for forest in self.forests.values()]
        return forests[0] if forests else len(self.linear.intercept) if self.linear else 1

    def _linear(self, dense: F32, rows: I64) -> F64:
        if self.linear is None:
            raise AssertionError("there is no linear member")
        total = self.linear.intercept + self.design.terms.values(dense) @ self.linear.terms.astype(np.float64)
        for encoder, table, weights in zip(
            self.space.categories, self.encoded.tables, self.linear.words, strict=True
        ):
            total = total + weights.astype(np.float64)[encoder.table_rows(table, rows)]
        for text, weights in zip(self.space.texts, self.linear.tokens, strict=True):
            total = total + text.matrix[rows].astype(np.float64) @ weights.astype(np.float64)
        return np.asarray(total)


def linear_parts(design: LinearDesign, encoded: Encoded, fit: LinearFit) -> LinearParts:
    """Cut the weights of a fit into what each column of the plan carries."""
    at = len(design.terms.slot)
    terms = (fit.weights[:at] * design.terms.gain[:, None]).astype(np.float32)
    words: list[F32] = []
    for block, table in zip(design.blocks, encoded.tables, strict=True):
        width = block.matrix.shape[1]
        per_word = np.asarray(block.matrix @ fit.weights[at : at + width])
        words.append(_by_row(per_word, block.encoder, table))
        at += width
    tokens: list[F32] = []
    for text in design.space.texts:
        tokens.append(fit.weights[at : at + len(text.tokens)].astype(np.float32))
        at += len(text.tokens)
    return LinearParts(fit.intercept, terms, tuple(words), tuple(tokens))


def _by_row(per_word: F64, encoder: CategoryEncoder, table: CategoryTable) -> F32:
    """From one entry a word (then missing, then unseen) to one a table row."""
    rows = np.zeros((len(table.values), per_word.shape[1]), dtype=np.float32)
    known = np.flatnonzero(table.row[:-1] < table.missing_row)
    rows[table.row[known]] = per_word[known]
    rows[table.missing_row] = per_word[len(encoder.words)]
    return rows


def build_spec(fitted: Fitted, task: Task, meta: Mapping[str, Any], seed: int) -> PlanSpec:
    """Lay out the plan. Slots that neither member uses are dropped, but every column stays an input."""
    outputs = fitted.outputs
    trees, base = _trees(fitted)
    place, count = _used_slots(fitted, trees)
    slots = _SlotMap(place)
    columns = tuple(
        view
        for at, column in enumerate(fitted.space.columns)
        for view in _columns(fitted, at, column, slots, outputs)
    )
    derived = tuple(
        Derived(slot=slots[s], left=slots[left], right=slots[right])
        for s, left, right in fitted.space.differences
        if place[s] >= 0
    )
    return PlanSpec(
        task=task,
        n_outputs=outputs,
        n_slots=count,
        columns=columns,
        derived=derived,
        trees=tuple(replace(tree, feature=place[tree.feature].astype(np.int32)) for tree in trees),
        linear=_linear(fitted, place) if fitted.linear else None,
        base=base,
        forest_weight=1.0,
        linear_weight=fitted.blend.weights.get(LINEAR, 0.0),
        calibration=fitted.calibration,
        meta=meta,
        seed=seed,
    )


class _SlotMap:
    """Old slot → new slot."""

    def __init__(self, place: I32) -> None:
        self._place = place

    def __getitem__(self, slot: int) -> int:
        return int(self._place[slot])


def _trees(fitted: Fitted) -> tuple[list[Tree], F64]:
    """The trees that split, and by output the sum of the priors and of the trees that do not."""
    base = np.zeros(fitted.outputs)
    trees: list[Tree] = []
    for forest in fitted.forests.values():
        base += forest.prior
        for number, found in enumerate(read_trees(forest.booster)):
            output = number % forest.outputs
            if len(found.feature) == 0:
                base[output] += float(found.value[0])
            else:
                trees.append(_tree(output, found))
    return trees, base


def _tree(output: int, found: TreeArrays) -> Tree:
    return Tree(
        output=output,
        feature=found.feature,
        threshold=found.threshold,
        default_left=found.default_left,
        left=found.left,
        right=found.right,
        value=found.value.astype(np.float32),
        cover=found.cover,
        leaf_cover=found.leaf_cover,
    )


def _used_slots(fitted: Fitted, trees: list[Tree]) -> tuple[I32, int]:
    """New slot numbers (-1: dropped). Numbers and days are kept, since their columns and differences need them."""
    space = fitted.space
    used = np.zeros(len(space.slots), dtype=bool)
    for tree in trees:
        used[tree.feature] = True
    if fitted.linear is not None:
        used[fitted.design.terms.slot] = True
    for i, slot in enumerate(space.slots):
        if slot.part in ("value", "days"):
            used[i] = True
    place = np.full(len(used), -1, dtype=np.int32)
    place[used] = np.arange(int(used.sum()), dtype=np.int32)
    return place, int(used.sum())


def _columns(fitted: Fitted, at: int, column: TypedColumn, slots: _SlotMap, outputs: int) -> list[PlanColumn]:
    """The views of one input, in the plan's words."""
    mine = {(s.part, s.output): i for i, s in enumerate(fitted.space.slots) if s.column == at}
    if column.type in NUMERIC_TYPES:
        return [NumberColumn(name=column.name, slot=slots[mine["value", 0]], format=column.format)]
    if column.type in DATE_TYPES:
        parts = {p: slots[mine[p, 0]] for p in _DATE_PARTS if (p, 0) in mine}
        return [
            DateColumn(
                name=column.name,
                order=column.order,
                digits=column.digits,
                nulls=column.null_days,
                days=slots[mine["days", 0]],
                **parts,
            )
        ]
    if column.type is SemanticType.GEOLOCATION:
        lat, lon = (slots[mine[part, 0]] for part in ("latitude", "longitude"))
        return [GeoColumn(name=column.name, lat=lat, lon=lon)]
    views: list[PlanColumn] = []
    for i, encoder in enumerate(fitted.space.categories):
        if encoder.at == at:
            weights = fitted.linear.words[i] if fitted.linear else None
            first = min(place for (part, _), place in mine.items() if part in _WORD_PARTS)
            views.append(_category(column, encoder, fitted.encoded, i, first, slots, weights, outputs))
    for i, text in enumerate(fitted.space.texts):
        if text.at == at:
            weights = fitted.linear.tokens[i] if fitted.linear else None
            views.append(_text(text, mine, slots, weights, outputs))
    return views


def _text(
    text: TextEncoder, mine: dict[tuple[str, int], int], slots: _SlotMap, weights: F32 | None, outputs: int
) -> TextColumn:
    places = [slots[mine["token", i]] if ("token", i) in mine else -1 for i in range(len(text.tokens))]
    carried = weights if weights is not None else np.zeros((len(text.tokens), outputs), dtype=np.float32)
    mean = np.asarray(text.matrix.mean(axis=0)).ravel() @ carried.astype(np.float64)
    return TextColumn(
        name=text.name,
        tokens=text.tokens,
        idf=text.idf,
        token_slots=np.array(places, dtype=np.int32),
        weights=carried,
        mean_weight=mean.astype(np.float32),
        chars_slot=slots[mine["chars", 0]] if ("chars", 0) in mine else -1,
        words_slot=slots[mine["words", 0]] if ("words", 0) in mine else -1,
        delimiter=text.delimiter,
        scripts=text.scripts,
    )


def _category(
    column: TypedColumn,
    encoder: CategoryEncoder,
    encoded: Encoded,
    number: int,
    first: int,
    slots: _SlotMap,
    weights: F32 | None,
    outputs: int,
) -> CategoryColumn:
    table = encoded.tables[number]
    carried = weights if weights is not None else np.zeros((len(table.values), outputs), dtype=np.float32)
    known = [i for i in range(len(encoder.words)) if table.row[i] < table.missing_row]
    kept = [i for i in range(table.values.shape[1]) if slots[first + i] >= 0]
    mean = carried.astype(np.float64)[encoder.table_rows(table, encoded.rows)].mean(axis=0)
    whole = encoder.part == "word"
    nulls = tuple(word for word in column.null_words if word not in encoder.words) if whole else ()
    rows = [int(table.row[i]) for i in known] + [table.missing_row] * len(nulls)
    words = tuple(encoder.words[i] for i in known) + nulls
    if column.type is SemanticType.BOOLEAN:
        row_of = dict(zip(words, rows, strict=True))
        others = {s: w for s, w in boolean_spellings(words).items() if w in row_of}
        words += tuple(others)
        rows += [row_of[word] for word in others.values()]
    return CategoryColumn(
        name=column.name,
        words=words,
        rows=np.array(rows, dtype=np.int32),
        missing_row=table.missing_row,
        unseen_row=table.unseen_row,
        slots=tuple(slots[first + i] for i in kept),
        values=np.ascontiguousarray(table.values[:, kept]),
        weights=carried,
        mean_weight=mean.astype(np.float32),
        part=encoder.part,
        prefix_bytes=encoder.prefix_bytes,
    )


def _linear(fitted: Fitted, place: npt.NDArray[np.int32]) -> Linear:
    if fitted.linear is None:
        raise AssertionError("there is no linear member")
    terms = fitted.design.terms
    dense = fitted.space.dense(fitted.encoded, fitted.encoded.rows)
    return Linear(
        intercept=fitted.linear.intercept,
        slot=place[terms.slot].astype(np.int32),
        mean=terms.mean,
        inv_scale=terms.inv_scale,
        fill=terms.fill,
        center=terms.values(dense).mean(axis=0).astype(np.float32),
        weight=fitted.linear.terms,
    )
