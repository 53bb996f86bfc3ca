"""The kernel's NumPy twin: the same plan bytes, read and scored a second time by different code.

It is what the format means. The C kernel must give the same slots bit for bit, and scores and attributions within 1e-6;
the property tests and the parity gate of every trained model hold it to that. All methods take many records at once
(mappings of column names to raw values, as :class:`~tenantry.plan.model.Plan` takes them).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tenantry.plan import layout
from tenantry.plan._twin_columns import Array, Encoded, Record, TwinColumns
from tenantry.plan._twin_forest import leaves_of, read_tree, tree_shap
from tenantry.plan.ir import F32, F64
from tenantry.plan.layout import Kind, Section


class Twin(TwinColumns):
    """A plan read by NumPy. Errors: ``Corrupt`` (plan_corrupt) for bytes that fail their checksum."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.trees = [read_tree(tree, self.sections) for tree in self.sections[Section.TREES]]

    def margins_rows(self, records: Sequence[Record]) -> F64:
        """Margins before calibration, (n, K)."""
        return self._margins(self._encoded(records))

    def _margins(self, encoded: Encoded) -> F64:
        n, k = len(encoded.x), self.n_outputs
        forest = np.zeros((n, k))
        for tree in self.trees:
            forest[:, tree.output] += tree.value[leaves_of(tree, encoded.x)]
        margins = self._pool(Section.DOUBLES, self.head["base"], k) + self.head["forest_weight"] * forest
        if self.head["has_linear"]:
            linear = np.tile(self._pool(Section.DOUBLES, self.head["intercept"], k), (n, 1))
            for index in range(encoded.linear.shape[1]):
                linear += encoded.linear[:, index]
            for term, weight in self._terms():
                linear += self._term_values(term, encoded.x)[:, None] * weight
            margins = margins + self.head["linear_weight"] * linear
        return np.asarray(margins, np.float64)

    def _terms(self) -> Iterator[tuple[Any, Array]]:
        terms = self.sections[Section.TERMS]
        weights = self._pool(Section.FLOATS, self.head["term_weights"], len(terms), self.n_outputs)
        return zip(terms, weights.astype(np.float64), strict=True)

    @staticmethod
    def _term_values(term: Any, x: F32) -> F64:
        z = x[:, term["slot"]].astype(np.float64)
        z = np.where(np.isnan(z), float(term["fill"]), z)
        return np.clip((z - float(term["mean"])) * float(term["inv_scale"]), -8.0, 8.0)

    def score_rows(self, records: Sequence[Record]) -> F64:
        """Calibrated scores, (n, K): what ``Plan.score_rows`` gives."""
        margins = self.margins_rows(records)
        head = self.head
        kind = layout.CALIBRATIONS[int(head["calibration"])]
        bias = self._pool(Section.DOUBLES, head["bias"], int(head["n_bias"]))
        with np.errstate(over="ignore"):
            if kind == "isotonic":
                x, y = self._pool(Section.DOUBLES, head["knots"], 2, int(head["n_knots"]))
                known = np.where(np.isnan(margins), -np.inf, margins)
                return np.asarray(np.interp(known, x, y), np.float64)
            scaled = head["scale"] * margins + bias
            if kind == "sigmoid":
                return np.asarray(1.0 / (1.0 + np.exp(-scaled)))
            if kind == "softmax":
                powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
                return np.asarray(powers / powers.sum(axis=1, keepdims=True))
            value = np.exp(scaled) if kind == "exp" else scaled
            limited = np.where(value > head["high"], head["high"], value)
            return np.asarray(np.where(value < head["low"], head["low"], limited), np.float64)

    # --- explain ---

    def explain_rows(self, records: Sequence[Record], output: int = 0) -> F64:
        """Shapley values in margin space, (n, inputs)."""
        encoded = self._encoded(records)
        slots = np.zeros((len(records), self.n_slots))
        for tree in self.trees:
            if tree.output == output:
                slots += self.head["forest_weight"] * tree_shap(tree, encoded.x)
        values = np.zeros((len(records), len(self.columns)))
        if self.head["has_linear"]:
            for term, weight in self._terms():
                moved = self._term_values(term, encoded.x) - float(term["center"])
                slots[:, term["slot"]] += self.head["linear_weight"] * weight[output] * moved
            for index, column in enumerate(self.sections[Section.COLUMNS]):
                if column["kind"] in (Kind.CATEGORY, Kind.TEXT):
                    values[:, self.input_of[index]] += self._moved(column, index, encoded, output)
            for index, pair in enumerate(self.sections[Section.PAIRS], len(self.input_of)):
                for at in pair["slot"][:2]:
                    values[:, self.input_of[at]] += 0.5 * self._moved(pair, index, encoded, output)
        for slot, owner in enumerate(self.sections[Section.SLOTS]):
            values[:, owner["first"]] += 0.5 * slots[:, slot]
            values[:, owner["second"]] += 0.5 * slots[:, slot]
        return values

    def _moved(self, column: Any, index: int, encoded: Encoded, output: int) -> F64:
        """What a column or pair added to the linear member, less its training mean."""
        mean = float(self.sections[Section.FLOATS][int(column["mean"]) + output])
        return np.asarray(self.head["linear_weight"] * (encoded.linear[:, index, output] - mean))
