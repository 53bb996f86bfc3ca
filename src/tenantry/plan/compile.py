"""A plan's specification → the bytes of a plan file.

Everything that the format demands is checked here with a message for people, so that the loader's own checks
(:mod:`native/open.c`) only ever fail on damaged or hostile files.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tenantry.plan import layout
from tenantry.plan._checks import check_linear, check_shape, check_tree, refuse
from tenantry.plan._shap import leaf_shares, path_ratios
from tenantry.plan.hashing import build_table, table_key, xxh64
from tenantry.plan.ir import (
    MAX_PATH_FEATURES,
    Calibration,
    CategoryColumn,
    DateColumn,
    GeoColumn,
    NumberColumn,
    Pair,
    PlanColumn,
    PlanSpec,
    TextColumn,
)
from tenantry.plan.layout import NO_ROW, NONE, Kind, Section
from tenantry.plan.parse import TF_WEIGHTS

Array = npt.NDArray[Any]
_SEED_MASK = (1 << 64) - 1


def compile_plan(spec: PlanSpec) -> bytes:
    """The plan file. Errors: ``Unsupported`` (plan_limit) naming what is over a limit or does not fit, and where."""
    return _Writer(spec).write()


def expected_margins(spec: PlanSpec) -> tuple[float, ...]:
    """The mean margin of each output over the training records: where the attributions of a record start from."""
    forest = np.zeros(spec.n_outputs)
    for tree in spec.trees:
        forest[tree.output] += float(np.dot(tree.value.astype(np.float64), leaf_shares(tree)))
    expected = spec.base + spec.forest_weight * forest
    if spec.linear is not None:
        linear = spec.linear.intercept.astype(np.float64) + spec.linear.center.astype(
            np.float64
        ) @ spec.linear.weight.astype(np.float64)
        for column in (*spec.columns, *spec.pairs):
            if isinstance(column, CategoryColumn | TextColumn | Pair):
                linear = linear + column.mean_weight
        expected = expected + spec.linear_weight * linear
    return tuple(float(margin) for margin in expected)


def _all_words(spec: PlanSpec) -> Iterator[bytes]:
    for column in spec.columns:
        if isinstance(column, NumberColumn):
            yield from (unit.encode() for unit, _ in column.format.units)
        elif isinstance(column, CategoryColumn | TextColumn):
            for word in column.words if isinstance(column, CategoryColumn) else column.tokens:
                yield word.encode()
    for pair in spec.pairs:
        yield pair.keys.astype("<u2").tobytes()


class _Writer:
    """Collects the sections of one file."""

    def __init__(self, spec: PlanSpec) -> None:
        self.spec = spec
        self.key = table_key(_all_words(spec), spec.seed & _SEED_MASK)
        self.strings = bytearray()
        self.entries: list[Array] = []
        self.n_entries = 0
        self.pools: dict[Section, list[Array]] = {Section.FLOATS: [], Section.SHORTS: [], Section.DOUBLES: []}
        self.lengths = dict.fromkeys(self.pools, 0)
        self.owners: list[tuple[int, int] | None] = [None] * max(spec.n_slots, 0)

    def pool(self, section: Section, values: Any) -> int:
        """Add numbers to a pool: their index there."""
        array = np.ascontiguousarray(values, layout.ITEMS[section]).reshape(-1)
        at = self.lengths[section]
        self.pools[section].append(array)
        self.lengths[section] += array.size
        return at

    def write(self) -> bytes:
        spec = self.spec
        check_shape(spec)
        header = np.zeros((), layout.HEADER)
        header["magic"] = layout.MAGIC
        header["byte_order"], header["version"] = layout.BYTE_ORDER, layout.VERSION
        header["seed"], header["key"] = spec.seed & _SEED_MASK, self.key
        header["task"] = layout.TASKS.index(spec.task)
        header["n_outputs"], header["n_slots"] = spec.n_outputs, spec.n_slots
        header["forest_weight"], header["linear_weight"] = spec.forest_weight, spec.linear_weight
        header["tf"] = TF_WEIGHTS
        header["base"] = self.pool(Section.DOUBLES, spec.base)
        columns = self.columns()
        derived = self.derived(list(self.owners))
        pairs = self.pairs()
        for slot, owner in enumerate(self.owners):
            if owner is None:
                refuse(f"slot {slot} is filled by no column")
        terms = self.linear(header)
        self.calibration(header, spec.calibration)
        trees, nodes, leaves, ratios, ancestors = self.forest()
        sections: dict[Section, Array] = {
            Section.COLUMNS: columns,
            Section.SLOTS: np.array(self.owners, layout.OWNER),
            Section.TREES: trees,
            Section.NODES: nodes,
            Section.LEAVES: leaves,
            Section.ENTRIES: np.concatenate([np.zeros(0, layout.ENTRY), *self.entries]),
            Section.STRINGS: np.frombuffer(bytes(self.strings), np.uint8),
            Section.DERIVED: derived,
            Section.TERMS: terms,
            Section.RATIOS: ratios,
            Section.ANCESTORS: ancestors,
            Section.PAIRS: pairs,
            Section.META: np.frombuffer(msgspec.json.encode(dict(spec.meta)), np.uint8),
        }
        for section, parts in self.pools.items():
            sections[section] = np.concatenate([np.zeros(0, layout.ITEMS[section]), *parts])
        return _assemble(header, sections)

    # --- columns ---

    def own(self, slot: int, owner: tuple[int, int], name: str) -> int:
        if not 0 <= slot < self.spec.n_slots:
            refuse(f"{name} fills slot {slot}, but there are {self.spec.n_slots}")
        if self.owners[slot] is not None:
            refuse(f"{name} fills slot {slot}, which another column fills")
        self.owners[slot] = owner
        return slot

    def columns(self) -> Array:
        """The columns' records; views of one input share the bytes of its name."""
        records = np.zeros(len(self.spec.columns), layout.COLUMN)
        before = -1
        for i, (column, number) in enumerate(zip(self.spec.columns, self.spec.input_of, strict=True)):
            if number == before:
                name = (records[i - 1]["name"], records[i - 1]["name_bytes"])
            else:
                name = self.string(column.name.encode())
            records[i] = self.column(number, column)
            records[i]["name"], records[i]["name_bytes"] = name
            before = number
        return records

    def string(self, raw: bytes) -> tuple[int, int]:
        at = len(self.strings)
        self.strings.extend(raw)
        return at, len(raw)

    def column(self, index: int, column: PlanColumn) -> Array:
        record = np.zeros((), layout.COLUMN)
        record["slot"] = NONE
        place = f"column {column.name!r}"
        match column:
            case NumberColumn():
                self.number(record, index, column, place)
            case DateColumn():
                record["kind"] = Kind.DATE
                record["format"] = layout.ORDERS.index(column.order) + 4 * layout.DIGITS.index(column.digits)
                self.nulls(record, column.nulls, place)
                parts = (column.days, column.month, column.weekday, column.day, column.hour)
                for i, slot in enumerate(parts):
                    if slot >= 0:
                        record["slot"][i] = self.own(slot, (index, index), place)
                for field, slot in zip(layout.LATER_PARTS, (column.yearday, column.week), strict=True):
                    if slot >= 0:
                        record[field] = 1 + self.own(slot, (index, index), place)
            case CategoryColumn():
                self.category(record, index, column, place)
            case TextColumn():
                self.text(record, index, column, place)
            case GeoColumn():
                record["kind"] = Kind.GEO
                for i, slot in enumerate((column.lat, column.lon)):
                    if slot >= 0:
                        record["slot"][i] = self.own(slot, (index, index), place)
        return record

    def number(self, record: Array, index: int, column: NumberColumn, place: str) -> None:
        record["kind"] = Kind.NUMBER
        record["slot"][0] = self.own(column.slot, (index, index), place)
        form = column.format
        record["format"] = (form.decimal == ",") + 2 * form.unit_tail + 4 * form.clock
        self.nulls(record, form.nulls, place)
        self.pool(Section.DOUBLES, [factor for _, factor in form.units])  # right behind the nulls
        units = [unit for unit, _ in form.units]
        if len(units) > layout.MAX_UNITS or any(len(u.encode()) > layout.MAX_UNIT_BYTES for u in units):
            refuse(f"{place} has too many units, or one that is too long")
        if units:
            self.table(record, [unit.encode() for unit in units], range(len(units)), len(units), place)

    def nulls(self, record: Array, nulls: Sequence[float], place: str) -> None:
        if len(nulls) > layout.MAX_NULLS:
            refuse(f"{place} has more than {layout.MAX_NULLS} numbers that mean missing")
        record["nulls"], record["n_nulls"] = self.pool(Section.DOUBLES, nulls), len(nulls)

    def category(self, record: Array, index: int, column: CategoryColumn, place: str) -> None:
        rows, wide = len(column.values), len(column.slots)
        record["kind"] = Kind.CATEGORY
        if (column.part == "prefix") != (0 < column.prefix_bytes < 256):
            refuse(f"{place} reads a {column.part} of {column.prefix_bytes} bytes")
        record["format"] = layout.PARTS.index(column.part) + 256 * column.prefix_bytes
        words = [word.encode() for word in column.words]
        self.table(record, words, [int(row) for row in column.rows], rows, place)
        if not 0 <= column.missing_row < rows:
            refuse(f"{place} points to row {column.missing_row} of a table of {rows}")
        self.rows(record, column, (index, index), rows, wide, place)
        record["missing_row"], record["unseen_row"] = column.missing_row, column.unseen_row

    def rows(
        self,
        record: Array,
        column: CategoryColumn | Pair,
        owner: tuple[int, int],
        rows: int,
        wide: int,
        place: str,
    ) -> None:
        """What each row of a table puts into slots and adds to the linear member."""
        if column.values.shape != (rows, wide):
            refuse(f"{place} has values of shape {column.values.shape} for {wide} slots")
        for row in (*column.rows, column.unseen_row):
            if not 0 <= row < rows:
                refuse(f"{place} points to row {row} of a table of {rows}")
        for slot in column.slots:
            self.own(int(slot), owner, place)
        record["slots"], record["n_slots"] = self.pool(Section.SHORTS, column.slots), wide
        record["values"] = self.pool(Section.FLOATS, column.values)
        self.weights(record, column, rows, place)

    def text(self, record: Array, index: int, column: TextColumn, place: str) -> None:
        rows = len(column.tokens)
        record["kind"] = Kind.TEXT
        self.table(record, [token.encode() for token in column.tokens], range(rows), rows, place)
        if column.idf.shape != (rows,) or column.token_slots.shape != (rows,):
            refuse(f"{place} has {rows} tokens, but other numbers of idf values or slots")
        record["format"] = ord(column.delimiter) if column.delimiter else 0
        if column.delimiter and (column.chars_slot >= 0 or (column.idf != 1).any()):
            refuse(f"{place} is a list, which has no length in bytes and weighs all items alike")
        for i, slot in enumerate((column.chars_slot, column.words_slot)):
            if slot >= 0:
                record["slot"][i] = self.own(slot, (index, index), place)
        filled = [self.own(int(slot), (index, index), place) for slot in column.token_slots if slot >= 0]
        record["slots"], record["n_slots"] = self.pool(Section.SHORTS, filled), len(filled)
        slots = np.where(column.token_slots < 0, NO_ROW, column.token_slots)
        record["token_slots"] = self.pool(Section.SHORTS, slots)
        record["values"] = self.pool(Section.FLOATS, column.idf)
        self.weights(record, column, rows, place)

    def table(
        self, record: Array, words: Sequence[bytes], rows: Sequence[int], most: int, place: str
    ) -> None:
        if most >= NO_ROW:
            refuse(f"{place} has {most} rows or tokens (at most {NO_ROW - 1})")
        if len(set(words)) != len(words):
            refuse(f"{place} lists a word twice")
        if len(rows) != len(words):
            refuse(f"{place} has {len(words)} words, but {len(rows)} rows")
        longest = max((len(word) for word in words), default=0)
        if longest > layout.MAX_WORD_BYTES:
            refuse(f"{place} has a word of {longest} bytes (at most {layout.MAX_WORD_BYTES})")
        entries, record["max_probe"] = build_table(words, rows, self.key, self.strings)
        record["entries"], record["n_entries"] = self.n_entries, len(entries)
        record["max_bytes"], record["rows"] = longest, most
        self.entries.append(entries)
        self.n_entries += len(entries)

    def weights(
        self, record: Array, column: CategoryColumn | TextColumn | Pair, rows: int, place: str
    ) -> None:
        if self.spec.linear is None:
            return
        if column.weights.shape != (rows, self.spec.n_outputs) or column.mean_weight.shape != (
            self.spec.n_outputs,
        ):
            refuse(f"{place} has weights of shape {column.weights.shape} for {rows} rows")
        record["weights"] = self.pool(Section.FLOATS, column.weights)
        record["mean"] = self.pool(Section.FLOATS, column.mean_weight)

    def pairs(self) -> Array:
        """The pairs' records: those of categories whose words are the four bytes of two rows."""
        records = np.zeros(len(self.spec.pairs), layout.COLUMN)
        for i, pair in enumerate(self.spec.pairs):
            record, place = records[i], f"pair {i}"
            rows, wide = len(pair.values), len(pair.slots)
            record["kind"], record["slot"] = Kind.CATEGORY, NONE
            inputs = []
            for side, at in enumerate((pair.left, pair.right)):
                column = self.spec.columns[at] if 0 <= at < len(self.spec.columns) else None
                if not isinstance(column, CategoryColumn):
                    refuse(f"{place} reads column {at}, which is no category")
                keys = pair.keys[:, side]
                if keys.size and not (keys.min() >= 0 and keys.max() < len(column.values)):
                    refuse(f"{place} has keys beyond the table of column {column.name!r}")
                record["slot"][side], record["slot"][2 + side] = at, self.spec.input_of[at]
                inputs.append(self.spec.input_of[at])
            words = [key.tobytes() for key in pair.keys.astype("<u2")]
            self.table(record, words, [int(row) for row in pair.rows], rows, place)
            self.rows(record, pair, (inputs[0], inputs[1]), rows, wide, place)
            record["missing_row"] = record["unseen_row"] = pair.unseen_row
        return records

    def derived(self, owners: list[tuple[int, int] | None]) -> Array:
        """The records of the derived slots; ``owners`` are the slots that columns fill."""
        out = np.zeros(len(self.spec.derived), layout.DERIVED)
        for i, derived in enumerate(self.spec.derived):
            place = f"derived slot {i}"
            sides = [owners[s] if 0 <= s < len(owners) else None for s in (derived.left, derived.right)]
            if sides[0] is None or sides[1] is None:
                refuse(f"{place} reads a slot that no column fills")
            slot = self.own(derived.slot, (sides[0][0], sides[1][0]), place)
            out[i] = (slot, derived.left, derived.right, layout.DERIVED_OPS.index(derived.op))
        return out

    # --- members and calibration ---

    def linear(self, header: Array) -> Array:
        linear = self.spec.linear
        if linear is None:
            return np.zeros(0, layout.TERM)
        check_linear(linear, self.spec)
        header["has_linear"] = 1
        header["intercept"] = self.pool(Section.DOUBLES, linear.intercept)
        header["term_weights"] = self.pool(Section.FLOATS, linear.weight)
        terms = np.zeros(len(linear.slot), layout.TERM)
        for field in ("slot", "mean", "inv_scale", "fill", "center"):
            terms[field] = getattr(linear, field)
        return terms

    def calibration(self, header: Array, calibration: Calibration) -> None:
        header["calibration"] = layout.CALIBRATIONS.index(calibration.kind)
        header["scale"], header["low"], header["high"] = calibration.a, calibration.low, calibration.high
        header["bias"], header["n_bias"] = self.pool(Section.DOUBLES, calibration.b), calibration.b.size
        knots = (
            np.concatenate([calibration.x, calibration.y]) if calibration.kind == "isotonic" else np.zeros(0)
        )
        header["knots"], header["n_knots"] = self.pool(Section.DOUBLES, knots), knots.size // 2

    def forest(self) -> tuple[Array, Array, Array, Array, Array]:
        trees = np.zeros(len(self.spec.trees), layout.TREE)
        nodes, leaves, ratios, ancestors = [], [], [], []
        node = leaf = 0
        for i, tree in enumerate(self.spec.trees):
            check_tree(tree, self.spec, f"tree {i}")
            n = len(tree.feature)
            ratio, ancestor, widest = path_ratios(tree)
            if widest > MAX_PATH_FEATURES:
                refuse(f"tree {i} has {widest} slots on one path (at most {MAX_PATH_FEATURES})")
            trees[i] = (node, leaf, n, tree.output, 4 if widest <= 8 else 8, 0)
            block = np.zeros(n, layout.NODE)
            block["threshold"] = tree.threshold
            block["slot2"] = 2 * tree.feature + tree.default_left
            children = np.stack([tree.left, tree.right], axis=1)
            block["child"] = np.where(children < 0, layout.LEAF + ~children, children)
            nodes.append(block)
            leaves.append(tree.value)
            ratios.append(ratio)
            ancestors.append(ancestor)
            node, leaf = node + n, leaf + n + 1
        nodes.append(np.zeros(layout.SPARE_NODES, layout.NODE))
        return (
            trees,
            np.concatenate(nodes),
            np.concatenate([np.zeros(0, np.float32), *leaves]).astype("<f4"),
            np.concatenate([np.zeros(0, np.float32), *ratios]).astype("<f4"),
            np.concatenate([np.zeros(0, np.uint8), *ancestors]).astype("u1"),
        )


def _assemble(header: Array, sections: dict[Section, Array]) -> bytes:
    body = bytearray(layout.HEADER.itemsize)
    for section in sorted(sections, key=lambda s: (s >= Section.RATIOS, s)):
        # what only explanations need begins on a page of its own, so that scoring never touches it
        align = layout.PAGE if section == Section.RATIOS else 64
        body.extend(bytes(-len(body) % align))
        array = np.ascontiguousarray(sections[section], layout.ITEMS[section])
        header["section"][section] = (len(body), len(array))
        body.extend(array.tobytes())
    body.extend(bytes(-len(body) % 8))
    if len(body) >= 1 << 31:
        refuse(f"the plan would take {len(body)} bytes (at most 2 GiB)")
    header["size"] = len(body)
    body[: layout.HEADER.itemsize] = header.tobytes()
    header["checksum"] = xxh64(bytes(body[layout.CHECKSUM_FROM :]))
    body[: layout.HEADER.itemsize] = header.tobytes()
    return bytes(body)
