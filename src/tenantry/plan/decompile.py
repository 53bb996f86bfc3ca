"""A plan file → its specification: :func:`~tenantry.plan.compile.compile_plan` backwards, for exports.

What scoring needs comes back exactly, words and terms in their order. Training covers come back relative to the root of
each tree (the file keeps shares only), and weights of a plan without a linear member as zeros.
"""

from typing import Any, Literal, cast

import msgspec
import numpy as np
import numpy.typing as npt

from tenantry.plan import layout
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    DateDigits,
    DateOrder,
    Derived,
    DerivedOp,
    GeoColumn,
    Linear,
    ListDelimiter,
    NumberColumn,
    NumberFormat,
    Pair,
    PlanColumn,
    PlanSpec,
    TextColumn,
    Tree,
)
from tenantry.plan.layout import NO_EDGE, NO_ROW, NONE, SCRIPTS, Kind, Section
from tenantry.plan.model import Plan

Array = npt.NDArray[Any]
DATE_PARTS = ("days", "month", "weekday", "day", "hour", "yearday", "week")
CalibrationKind = Literal["sigmoid", "isotonic", "softmax", "linear", "exp"]


def spec_of(data: bytes) -> PlanSpec:
    """The specification of a plan file. Errors: ``Corrupt`` (plan_corrupt), ``Unsupported`` (plan_version)."""
    Plan.from_bytes(data).close()  # every bound is checked there, so that nothing is checked here
    return _Reader(data).spec()


class _Reader:
    """One checked file, with its sections found."""

    def __init__(self, data: bytes) -> None:
        self.header: Any
        self.header, self.sections = layout.open_sections(data)
        self.strings = self.sections[Section.STRINGS].tobytes()
        self.outputs = int(self.header["n_outputs"])

    def pool(self, section: Section, at: int, *shape: int) -> Array:
        """Numbers of a pool, as an array of their own."""
        size = int(np.prod(shape))
        found: Array = self.sections[section][int(at) : int(at) + size].reshape(shape).copy()
        return found

    def spec(self) -> PlanSpec:
        head = self.header
        return PlanSpec(
            task=layout.TASKS[int(head["task"])],
            n_outputs=self.outputs,
            n_slots=int(head["n_slots"]),
            columns=tuple(self.column(record) for record in self.sections[Section.COLUMNS]),
            trees=tuple(self.tree(record) for record in self.sections[Section.TREES]),
            linear=self.linear() if head["has_linear"] else None,
            base=self.pool(Section.DOUBLES, head["base"], self.outputs),
            forest_weight=float(head["forest_weight"]),
            linear_weight=float(head["linear_weight"]),
            calibration=self.calibration(),
            meta=msgspec.json.decode(self.sections[Section.META].tobytes()),
            pairs=tuple(self.pair(record) for record in self.sections[Section.PAIRS]),
            derived=tuple(self.derived(record) for record in self.sections[Section.DERIVED]),
            seed=int(head["seed"]),
        )

    # --- columns ---

    def column(self, record: Any) -> PlanColumn:
        name = self.text(record["name"], record["name_bytes"])
        slots = [-1 if slot == NONE else int(slot) for slot in record["slot"]]
        match Kind(int(record["kind"])):
            case Kind.NUMBER:
                return NumberColumn(name=name, slot=slots[0], format=self.number_format(record))
            case Kind.DATE:
                written = int(record["format"])
                slots += [int(record[field]) - 1 for field in layout.LATER_PARTS]
                parts = dict(zip(DATE_PARTS, slots, strict=True))
                return DateColumn(
                    name=name,
                    order=cast("DateOrder", layout.ORDERS[written & 3]),
                    digits=cast("DateDigits", layout.DIGITS[written >> 2]),
                    nulls=self.nulls(record),
                    **parts,
                )
            case Kind.CATEGORY:
                return self.category(name, record)
            case Kind.GEO:
                return GeoColumn(name=name, lat=slots[0], lon=slots[1])
        return self.words_of_text(name, record, slots)

    def nulls(self, record: Any) -> tuple[float, ...]:
        return tuple(self.pool(Section.DOUBLES, record["nulls"], int(record["n_nulls"])).tolist())

    def number_format(self, record: Any) -> NumberFormat:
        written, count = int(record["format"]), int(record["rows"])
        first = int(record["nulls"]) + int(record["n_nulls"])
        words, rows = self.words(record)
        factors = self.pool(Section.DOUBLES, first, count)[rows].tolist()
        return NumberFormat(
            decimal="," if written & 1 else ".",
            unit_tail=bool(written & 2),
            nulls=self.nulls(record),
            units=tuple(zip((word.decode() for word in words), factors, strict=True)),
            clock=bool(written & 4),
        )

    def category(self, name: str, record: Any) -> CategoryColumn:
        words, where = self.words(record)
        prefix_bytes, part = divmod(int(record["format"]), 256)
        return CategoryColumn(
            name=name,
            words=tuple(word.decode() for word in words),
            rows=where,
            missing_row=int(record["missing_row"]),
            unseen_row=int(record["unseen_row"]),
            **self.rows(record),
            part=layout.PARTS[part],
            prefix_bytes=prefix_bytes,
        )

    def pair(self, record: Any) -> Pair:
        words, where = self.words(record)
        return Pair(
            left=int(record["slot"][0]),
            right=int(record["slot"][1]),
            keys=np.frombuffer(b"".join(words), "<u2").reshape(-1, 2).astype(np.int32),
            rows=where,
            unseen_row=int(record["unseen_row"]),
            **self.rows(record),
        )

    def rows(self, record: Any) -> dict[str, Any]:
        """The slots of a table, and what each of its rows holds."""
        rows, wide = int(record["rows"]), int(record["n_slots"])
        weights, mean = self.weights(record)
        return {
            "slots": tuple(self.pool(Section.SHORTS, record["slots"], wide).tolist()),
            "values": self.pool(Section.FLOATS, record["values"], rows, wide),
            "weights": weights,
            "mean_weight": mean,
        }

    def words_of_text(self, name: str, record: Any, slots: list[int]) -> TextColumn:
        rows = int(record["rows"])
        words, where = self.words(record)
        weights, mean = self.weights(record)
        mode = int(record["format"])
        token_slots = self.pool(Section.SHORTS, record["token_slots"], rows).astype(np.int32)
        by_row = dict(zip(where.tolist(), words, strict=True))
        return TextColumn(
            name=name,
            tokens=tuple(by_row[row].decode() for row in range(rows)),
            idf=self.pool(Section.FLOATS, record["values"], rows),
            token_slots=np.where(token_slots == NO_ROW, -1, token_slots).astype(np.int32),
            weights=weights,
            mean_weight=mean,
            chars_slot=slots[0],
            words_slot=slots[1],
            delimiter=cast("ListDelimiter", "" if mode in (0, SCRIPTS) else chr(mode)),
            scripts=mode == SCRIPTS,
        )

    def words(self, record: Any) -> tuple[tuple[bytes, ...], npt.NDArray[np.int32]]:
        """The words of a hash table in the order in which they were written, and their rows."""
        first = int(record["entries"])
        entries = self.sections[Section.ENTRIES][first : first + int(record["n_entries"])]
        entries = np.sort(entries[entries["row"] != NO_ROW], order="string")
        words = tuple(self.raw(entry["string"], entry["bytes"]) for entry in entries)
        return words, entries["row"].astype(np.int32)

    def weights(self, record: Any) -> tuple[Array, Array]:
        rows = int(record["rows"])
        if not self.header["has_linear"]:
            return np.zeros((rows, self.outputs), np.float32), np.zeros(self.outputs, np.float32)
        weights = self.pool(Section.FLOATS, record["weights"], rows, self.outputs)
        return weights, self.pool(Section.FLOATS, record["mean"], self.outputs)

    def text(self, at: int, size: int) -> str:
        return self.raw(at, size).decode()

    def raw(self, at: int, size: int) -> bytes:
        return self.strings[int(at) : int(at) + int(size)]

    def derived(self, record: Any) -> Derived:
        slot, left, right, op = record.tolist()
        return Derived(slot=slot, left=left, right=right, op=cast("DerivedOp", layout.DERIVED_OPS[op]))

    # --- members and calibration ---

    def tree(self, record: Any) -> Tree:
        first, leaf, n = int(record["node"]), int(record["leaf"]), int(record["n_nodes"])
        nodes = self.sections[Section.NODES][first : first + n]
        children = nodes["child"].astype(np.int32)
        children = np.where(children >= layout.LEAF, ~(children - layout.LEAF), children).astype(np.int32)
        cover, leaf_cover = self.covers(first, children)
        return Tree(
            output=int(record["output"]),
            feature=(nodes["slot2"] // 2).astype(np.int32),
            threshold=nodes["threshold"].copy(),
            default_left=nodes["slot2"] % 2 == 1,
            left=children[:, 0].copy(),
            right=children[:, 1].copy(),
            value=self.sections[Section.LEAVES][leaf : leaf + n + 1].copy(),
            cover=cover,
            leaf_cover=leaf_cover,
        )

    def covers(self, first: int, children: Array) -> tuple[Array, Array]:
        """Training shares of nodes and leaves: the file keeps, per edge, the product over the edges of its slot."""
        n = len(children)
        ratios = self.sections[Section.RATIOS][2 * first : 2 * (first + n)].astype(np.float64)
        ancestors = self.sections[Section.ANCESTORS][first : first + n]
        cover, leaf_cover = np.ones(n), np.ones(n + 1)
        for node in range(n):
            above = 1.0 if ancestors[node] == NO_EDGE else ratios[ancestors[node]]
            for side, child in enumerate(children[node].tolist()):
                share = cover[node] * ratios[2 * node + side] / above
                if child >= 0:
                    cover[child] = share
                else:
                    leaf_cover[~child] = share
        return cover, leaf_cover

    def linear(self) -> Linear:
        terms = self.sections[Section.TERMS]
        return Linear(
            intercept=self.pool(Section.DOUBLES, self.header["intercept"], self.outputs),
            slot=terms["slot"].astype(np.int32),
            mean=terms["mean"].copy(),
            inv_scale=terms["inv_scale"].copy(),
            fill=terms["fill"].copy(),
            center=terms["center"].copy(),
            weight=self.pool(Section.FLOATS, self.header["term_weights"], len(terms), self.outputs),
        )

    def calibration(self) -> Calibration:
        head = self.header
        knots = self.pool(Section.DOUBLES, head["knots"], 2, int(head["n_knots"]))
        return Calibration(
            kind=cast("CalibrationKind", layout.CALIBRATIONS[int(head["calibration"])]),
            a=float(head["scale"]),
            b=self.pool(Section.DOUBLES, head["bias"], int(head["n_bias"])),
            x=knots[0],
            y=knots[1],
            low=float(head["low"]),
            high=float(head["high"]),
        )
