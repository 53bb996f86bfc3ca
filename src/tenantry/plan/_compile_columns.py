"""The columns of a plan's specification → their records, word tables and pools of numbers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenantry.plan import layout
from tenantry.plan._checks import refuse
from tenantry.plan.hashing import build_table, table_key
from tenantry.plan.ir import (
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

Array = npt.NDArray[Any]


class Pools:
    """The pools of numbers, which every part of a plan adds to."""

    def __init__(self) -> None:
        self.parts: dict[Section, list[Array]] = {Section.FLOATS: [], Section.SHORTS: [], Section.DOUBLES: []}
        self.lengths = dict.fromkeys(self.parts, 0)

    def add(self, section: Section, values: Any) -> int:
        """Add numbers to a pool: their index there."""
        array = np.ascontiguousarray(values, layout.ITEMS[section]).reshape(-1)
        at = self.lengths[section]
        self.parts[section].append(array)
        self.lengths[section] += array.size
        return at

    def sections(self) -> dict[Section, Array]:
        return {
            section: np.concatenate([np.zeros(0, layout.ITEMS[section]), *parts])
            for section, parts in self.parts.items()
        }


def _all_words(spec: PlanSpec) -> Iterator[bytes]:
    for column in spec.columns:
        if isinstance(column, NumberColumn):
            yield from (unit.encode() for unit, _ in column.format.units)
        elif isinstance(column, CategoryColumn | TextColumn):
            for word in column.words if isinstance(column, CategoryColumn) else column.tokens:
                yield word.encode()
    for pair in spec.pairs:
        yield pair.keys.astype("<u2").tobytes()


class ColumnWriter:
    """Collects what the columns, pairs and derived slots put into a file; ``seed`` of its word tables."""

    def __init__(self, spec: PlanSpec, pools: Pools, seed: int) -> None:
        self.spec = spec
        self.pool = pools.add
        self.key = table_key(_all_words(spec), seed)
        self.strings = bytearray()
        self.entries: list[Array] = []
        self.n_entries = 0
        self.owners: list[tuple[int, int] | None] = [None] * max(spec.n_slots, 0)

    def sections(self) -> dict[Section, Array]:
        """Their sections; every slot must have got an owner."""
        columns = self.columns()
        derived = self.derived(list(self.owners))
        pairs = self.pairs()
        for slot, owner in enumerate(self.owners):
            if owner is None:
                refuse(f"slot {slot} is filled by no column")
        return {
            Section.COLUMNS: columns,
            Section.SLOTS: np.array(self.owners, layout.OWNER),
            Section.ENTRIES: np.concatenate([np.zeros(0, layout.ENTRY), *self.entries]),
            Section.STRINGS: np.frombuffer(bytes(self.strings), np.uint8),
            Section.DERIVED: derived,
            Section.PAIRS: pairs,
        }

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
        record["format"] = (
            ord(column.delimiter) if column.delimiter else layout.SCRIPTS if column.scripts else 0
        )
        if column.delimiter and column.scripts:
            refuse(f"{place} is a list, whose items are compared as they stand")
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
