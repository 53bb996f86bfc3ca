"""The columns of a plan file, read by NumPy: raw records in, slots out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenantry.errors import Corrupt, InvalidData
from tenantry.plan import layout
from tenantry.plan.dates import DATE_PARTS
from tenantry.plan.hashing import word_hash, xxh64
from tenantry.plan.ir import F32, F64, I32, DateDigits, DateOrder, NumberFormat
from tenantry.plan.layout import NO_ROW, NONE, Kind, Section
from tenantry.plan.parse import category_word, date_parts, parse_number, text_row, words
from tenantry.plan.parts import geo_point, list_items, word_part

Array = npt.NDArray[Any]
Record = Mapping[str, Any]

_DIGITS: tuple[DateDigits, ...] = ("", "day", "month", "seconds", "millis", "micros", "excel")
_FLT_MAX = np.finfo(np.float32).max


class Encoded(NamedTuple):
    """Records on their way: ``x`` (n, slots) float32; ``linear`` (n, columns + pairs, K), what they add to the linear
    member; ``rows`` (n, columns), the table rows of categories."""

    x: F32
    linear: F64
    rows: I32


class TwinColumns:
    """An open plan file whose records become slots. Errors: as :class:`~tenantry.plan.twin.Twin`."""

    def __init__(self, data: bytes) -> None:
        if data[:8] != layout.MAGIC:
            raise Corrupt("plan_corrupt", "the plan cannot be read: it does not begin as a plan file does")
        if int.from_bytes(data[24:32], "little") != xxh64(data[layout.CHECKSUM_FROM :]):
            raise Corrupt("plan_corrupt", "the plan cannot be read: its checksum is wrong")
        self.head: Any
        self.head, self.sections = layout.open_sections(data)
        self.strings = self.sections[Section.STRINGS].tobytes()
        self.n_slots, self.n_outputs = int(self.head["n_slots"]), int(self.head["n_outputs"])
        columns = self.sections[Section.COLUMNS]
        names = [self._text(c["name"], c["name_bytes"]) for c in columns]
        self.columns = tuple(dict.fromkeys(names))
        """The raw inputs; ``input_of``: of each column the input that it reads."""
        self.input_of = [self.columns.index(name) for name in names]

    def _raw(self, at: int, n: int) -> bytes:
        return self.strings[int(at) : int(at) + int(n)]

    def _text(self, at: int, n: int) -> str:
        return self._raw(at, n).decode()

    def _pool(self, section: Section, at: int, *shape: int) -> Array:
        part: Array = self.sections[section][int(at) : int(at) + math.prod(shape)]
        return part.reshape(shape)

    def encode_rows(self, records: Sequence[Record]) -> F32:
        """The slots, (n, slots) float32."""
        return self._encoded(records).x

    def _encoded(self, records: Sequence[Record]) -> Encoded:
        n = len(records)
        encoded = Encoded(
            np.full((n, self.n_slots), np.nan, np.float32),
            np.zeros((n, len(self.input_of) + len(self.sections[Section.PAIRS]), self.n_outputs)),
            np.zeros((n, len(self.input_of)), np.int32),
        )
        for index, column in enumerate(self.sections[Section.COLUMNS]):
            name = self.columns[self.input_of[index]]
            values = [record.get(name) for record in records]
            try:
                self._column(column, index, values, encoded)
            except InvalidData as error:
                raise InvalidData(error.code, f"column {name!r}: {error.message}") from None
        for i, pair in enumerate(self.sections[Section.PAIRS]):
            keys = encoded.rows[:, pair["slot"][:2].astype(np.int64)].astype("<u2")
            rows = [self._find(pair, key.tobytes()) for key in keys]
            self._put_rows(pair, len(self.input_of) + i, rows, encoded)
        for d in self.sections[Section.DERIVED]:
            left, right = encoded.x[:, d["left"]], encoded.x[:, d["right"]]
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                value = left / np.where(right == 0, np.float32(np.nan), right) if d["op"] else left - right
            encoded.x[:, d["slot"]] = np.clip(value, -_FLT_MAX, _FLT_MAX)
        return encoded

    def _column(self, column: Any, index: int, values: list[Any], encoded: Encoded) -> None:
        match Kind(int(column["kind"])):
            case Kind.NUMBER:
                format_ = self._number_format(column)
                encoded.x[:, column["slot"][0]] = [parse_number(value, format_) for value in values]
            case Kind.DATE:
                order: DateOrder = ("ymd", "mdy", "dmy")[int(column["format"]) & 3]
                digits: DateDigits = _DIGITS[int(column["format"]) >> 2]
                missing = self._nulls(column)
                parts = np.array([date_parts(value, order, digits, missing) for value in values])
                parts = parts.reshape(-1, DATE_PARTS)
                later = [int(column[field]) - 1 for field in layout.LATER_PARTS]
                for i, slot in enumerate((*column["slot"].tolist(), *later)):
                    if slot not in (NONE, -1):
                        encoded.x[:, slot] = parts[:, i]
            case Kind.CATEGORY:
                self._category(column, index, values, encoded)
            case Kind.TEXT if column["format"] not in (0, layout.SCRIPTS):
                self._lists(column, index, values, encoded)
            case Kind.TEXT:
                self._texts(column, index, values, encoded)
            case Kind.GEO:
                points = np.array([geo_point(value) for value in values]).reshape(-1, 2)
                for i, slot in enumerate(column["slot"][:2]):
                    if slot != NONE:
                        encoded.x[:, slot] = points[:, i]

    def _nulls(self, column: Any) -> list[float]:
        nulls: list[float] = self._pool(Section.DOUBLES, column["nulls"], int(column["n_nulls"])).tolist()
        return nulls

    def _number_format(self, column: Any) -> NumberFormat:
        first, count = int(column["entries"]), int(column["n_entries"])
        known = int(column["rows"]) if count else 0
        factors = self._pool(Section.DOUBLES, column["nulls"] + column["n_nulls"], known)
        entries = [e for e in self.sections[Section.ENTRIES][first : first + count] if e["row"] != NO_ROW]
        found = [e for e in entries if self._find(column, self._raw(e["string"], e["bytes"])) == e["row"]]
        return NumberFormat(
            decimal="," if column["format"] & 1 else ".",
            unit_tail=bool(column["format"] & 2),
            nulls=tuple(self._nulls(column)),
            units=tuple((self._text(e["string"], e["bytes"]), float(factors[e["row"]])) for e in found),
            clock=bool(column["format"] & 4),
        )

    def _find(self, column: Any, raw: bytes) -> int:
        """The row of a word by the table's own probing, or ``NO_ROW``."""
        size = int(column["n_entries"])
        if len(raw) > column["max_bytes"] or not size:
            return NO_ROW
        key = word_hash(raw, int(self.head["key"])) & 0xFFFFFFFF
        for probe in range(int(column["max_probe"]) + 1):
            at = int(column["entries"]) + ((key * size >> 32) + probe) % size
            entry = self.sections[Section.ENTRIES][at]
            if entry["row"] == NO_ROW:
                break
            start = int(entry["string"])
            if entry["hash"] == key and self.strings[start : start + int(entry["bytes"])] == raw:
                return int(entry["row"])
        return NO_ROW

    def _category(self, column: Any, index: int, values: list[Any], encoded: Encoded) -> None:
        prefix_bytes, part = divmod(int(column["format"]), 256)
        rows = []
        for value in values:
            word = word_part(category_word(value), layout.PARTS[part], prefix_bytes)
            rows.append(int(column["missing_row"]) if word is None else self._find(column, word.encode()))
        encoded.rows[:, index] = self._put_rows(column, index, rows, encoded)

    def _put_rows(self, column: Any, index: int, found: list[int], encoded: Encoded) -> list[int]:
        """Write the rows of a table, after ``unseen_row`` has taken the place of those not found."""
        rows = [int(column["unseen_row"]) if row == NO_ROW else row for row in found]
        n_rows, wide = int(column["rows"]), int(column["n_slots"])
        slots = self._pool(Section.SHORTS, column["slots"], wide)
        encoded.x[:, slots] = self._pool(Section.FLOATS, column["values"], n_rows, wide)[rows]
        if self.head["has_linear"]:
            weights = self._pool(Section.FLOATS, column["weights"], n_rows, self.n_outputs)
            encoded.linear[:, index] = weights[rows]
        return rows

    def _texts(self, column: Any, index: int, values: list[Any], encoded: Encoded) -> None:
        known = int(column["rows"])
        idf = self._pool(Section.FLOATS, column["values"], known)
        token_slots = self._pool(Section.SHORTS, column["token_slots"], known)
        weights = None
        if self.head["has_linear"]:
            weights = self._pool(Section.FLOATS, column["weights"], known, self.n_outputs).astype(np.float64)
        encoded.x[:, self._pool(Section.SHORTS, column["slots"], int(column["n_slots"]))] = 0.0
        scripts = int(column["format"]) == layout.SCRIPTS
        index_of = _Vocabulary(lambda word: self._find(column, word.encode()))
        for i, value in enumerate(values):
            text = category_word(value)
            if text is None:
                continue
            for token, weight in text_row(text, index_of, idf, self.head["tf"], scripts=scripts).items():
                if token_slots[token] != NO_ROW:
                    encoded.x[i, token_slots[token]] = weight
                if weights is not None:
                    encoded.linear[i, index] += weight * weights[token]
            for slot, length in zip(
                column["slot"], (len(text.encode()), len(words(text, scripts=scripts))), strict=False
            ):
                if slot != NONE:
                    encoded.x[i, slot] = length

    def _lists(self, column: Any, index: int, values: list[Any], encoded: Encoded) -> None:
        known = int(column["rows"])
        item_slots = self._pool(Section.SHORTS, column["token_slots"], known)
        encoded.x[:, self._pool(Section.SHORTS, column["slots"], int(column["n_slots"]))] = 0.0
        for i, value in enumerate(values):
            items = list_items(value, chr(int(column["format"])))
            found = dict.fromkeys(self._find(column, item.encode()) for item in items or ())
            for row in found:
                if row == NO_ROW:
                    continue
                if item_slots[row] != NO_ROW:
                    encoded.x[i, item_slots[row]] = 1.0
                if self.head["has_linear"]:
                    weights = self._pool(Section.FLOATS, column["weights"], known, self.n_outputs)
                    encoded.linear[i, index] += weights[row].astype(np.float64)
            if items is not None and column["slot"][1] != NONE:
                encoded.x[i, column["slot"][1]] = len(items)


class _Vocabulary(dict[str, int]):
    """Token → row, found in the plan's table on first use; unknown ones stay absent."""

    def __init__(self, find: Any) -> None:
        super().__init__()
        self._find = find

    def get(self, token: str, default: Any = None) -> Any:
        row = self._find(token)
        return default if row == NO_ROW else row
