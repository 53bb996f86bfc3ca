"""Raw columns as ONNX nodes: typed inputs → float32 slots, and what categories and words add to the linear
member."""

from dataclasses import dataclass, field

import numpy as np

from tenantry.plan._onnx_graph import INTERNAL, Graph
from tenantry.plan.ir import (
    CategoryColumn,
    DateColumn,
    NumberColumn,
    Pair,
    PlanColumn,
    PlanSpec,
    TextColumn,
)
from tenantry.plan.parse import FLT_MAX, MAX_TF, TF_WEIGHTS

OUTPUTS = ("label", "score", "probabilities")
BYTES_SUFFIX = ":bytes"
SENTINEL = " ~"
"""Appended to every tokenised text, so that no row is without a token; no known token holds ``~``."""
_PARTS = {
    "email_domain": "the domain of an e-mail address in lower case",
    "url_domain": "the host of an address in lower case, without user, port and a leading www.",
    "prefix": "the beginning of a word, white space around it stripped",
}
HALF_MICROSECONDS = 1e-9
"""Of an hour: more than the rounding of days in float64, less than a person can mean."""


@dataclass(slots=True)
class Encoded:
    """The pieces of the slot matrix in order, where each slot went, and additions to the linear member."""

    pieces: list[str] = field(default_factory=list)
    position: dict[int, int] = field(default_factory=dict)
    linear: list[str] = field(default_factory=list)
    rows: dict[int, str] = field(default_factory=dict)
    """By the number of a category's column: the rows of its table, int64 [N]."""

    def put(self, piece: str, slots: list[int]) -> None:
        """``piece`` ([N, len(slots)] float32) holds ``slots``, in this order."""
        for slot in slots:
            self.position[slot] = len(self.position)
        self.pieces.append(piece)


def input_names(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The graph input of each raw column: its name, unless that is empty, begins with ``/``, or is an
    output's name (then ``column_<i>``, with underscores until it is new)."""
    taken = {*OUTPUTS, *columns, *(name + BYTES_SUFFIX for name in columns)}
    names: list[str] = []
    for i, name in enumerate(columns):
        chosen = name
        if not name or name.startswith(INTERNAL) or name in OUTPUTS or name in names:
            chosen = f"column_{i}"
            while chosen in taken:
                chosen += "_"
        elif any(name == other + BYTES_SUFFIX for other in columns):
            chosen = name + "_"
            while chosen in taken:
                chosen += "_"
        taken.add(chosen)
        taken.add(chosen + BYTES_SUFFIX)
        names.append(chosen)
    return tuple(names)


def kind_of(column: PlanColumn) -> str:
    """``number``, ``date``, ``category`` or ``text``: how the input is to be filled."""
    kinds = {NumberColumn: "number", DateColumn: "date", CategoryColumn: "category", TextColumn: "text"}
    return kinds[type(column)]


def encode(graph: Graph, spec: PlanSpec) -> tuple[str, Encoded]:
    """Declare the inputs and write the encoder; gives the slot matrix [N, slots] float32 and where all
    went."""
    encoded = Encoded()
    names = input_names(tuple(column.name for column in spec.columns))
    numbers: list[str] = []
    number_slots: list[int] = []
    for at, (name, column) in enumerate(zip(names, spec.columns, strict=True)):
        match column:
            case NumberColumn():
                numbers.append(_number(graph, column, name))
                number_slots.append(column.slot)
            case DateColumn():
                _date(graph, encoded, column, name)
            case CategoryColumn():
                encoded.rows[at] = _category(graph, encoded, column, name)
            case TextColumn():
                _text(graph, encoded, column, name)
    for pair in spec.pairs:
        _pair(graph, encoded, spec, pair)
    if numbers:
        limited = graph.add("Clip", graph.concat(numbers), graph.doubles(-FLT_MAX), graph.doubles(FLT_MAX))
        encoded.put(graph.cast(limited, np.float32), number_slots)
    if (
        not encoded.pieces
    ):  # a linear member of words alone: keep a slot matrix, so that one shape serves all plans
        column_of_zeros = graph.add("Expand", graph.constant([[0]], np.float32), rows_by(graph, names[0], 1))
        encoded.put(column_of_zeros, [])
    matrix = graph.concat(encoded.pieces)
    return _derived(graph, encoded, spec, matrix), encoded


def rows_by(graph: Graph, an_input: str, width: int) -> str:
    """The shape [N, width] as a tensor."""
    return graph.add("Concat", graph.add("Shape", an_input), graph.ints([width]), axis=0)


def _number(graph: Graph, column: NumberColumn, name: str) -> str:
    value = graph.column(graph.input(name, text=False, about="a number; NaN = missing"))
    if column.format.nulls:
        hits = graph.cast(graph.add("Equal", value, graph.doubles([list(column.format.nulls)])), np.int64)
        null = graph.add("Greater", graph.total(hits), graph.ints([[0]]))
        value = graph.add("Where", null, graph.doubles([[np.nan]]), value)
    return value


def _date(graph: Graph, encoded: Encoded, column: DateColumn, name: str) -> None:
    about = "a date: days since 1970-01-01T00:00Z, the time of day as a fraction; NaN = missing"
    raw = graph.column(graph.input(name, text=False, about=about))
    missing = graph.add("IsNaN", raw)
    known = graph.add("Where", missing, graph.doubles([[0.0]]), raw)
    known = graph.add("Clip", known, graph.doubles(-1e8), graph.doubles(1e8))  # int64 arithmetic follows
    whole = graph.add("Floor", known)
    days = graph.cast(whole, np.int64)
    parts: list[tuple[int, str]] = [(column.days, graph.cast(raw, np.float32))]
    if column.month >= 0 or column.day >= 0 or column.yearday >= 0:
        month, day, yearday = _civil(graph, days)
        parts += [(column.month, month), (column.day, day), (column.yearday, yearday)]
    if column.weekday >= 0 or column.week >= 0:  # 1970-01-01 was a Thursday, and Monday is 0
        weekday = graph.add("Mod", graph.add("Add", days, graph.ints([[3]])), graph.ints([[7]]))
        thursday = graph.add("Add", graph.add("Sub", days, weekday), graph.ints([[3]]))
        parts += [(column.weekday, weekday), (column.week, _week(graph, thursday))]
    if column.hour >= 0:
        hours = graph.add("Mul", graph.add("Sub", known, whole), graph.doubles([[24.0]]))
        hour = graph.add("Floor", graph.add("Add", hours, graph.doubles([[HALF_MICROSECONDS]])))
        parts.append((column.hour, graph.add("Clip", hour, graph.doubles(0), graph.doubles(23))))
    nan = graph.constant([[np.nan]], np.float32)
    for slot, value in parts:
        if slot >= 0:
            encoded.put(graph.add("Where", missing, nan, graph.cast(value, np.float32)), [slot])


def _week(graph: Graph, thursday: str) -> str:
    """The ISO week of a Thursday: the sevenths of its year that have passed."""
    _, _, yearday = _civil(graph, thursday)
    return graph.add("Div", graph.add("Add", yearday, graph.ints([[6]])), graph.ints([[7]]))


def _civil(graph: Graph, days: str) -> tuple[str, str, str]:
    """Month (1–12), day of the month and day of the year of int64 days since 1970-01-01, by Hinnant's
    civil_from_days."""

    def op(kind: str, left: str, right: int | str) -> str:
        return graph.add(kind, left, graph.ints([[right]]) if isinstance(right, int) else right)

    doe = op("Mod", op("Add", days, 719468), 146097)  # day of the 400-year era; Mod takes the divisor's sign
    leaps = op("Add", op("Sub", op("Div", doe, 36524), op("Div", doe, 1460)), doe)
    yoe = op("Div", op("Sub", leaps, op("Div", doe, 146096)), 365)
    leap_days = op("Sub", op("Div", yoe, 4), op("Div", yoe, 100))
    doy = op("Sub", doe, op("Add", op("Mul", yoe, 365), leap_days))  # from 1 March
    shifted = op("Div", op("Add", op("Mul", doy, 5), 2), 153)
    first = op("Div", op("Add", op("Mul", shifted, 153), 2), 5)
    day = op("Add", op("Sub", doy, first), 1)
    month = op("Add", op("Mod", op("Add", shifted, 2), 12), 1)
    # 1 March is day 60, or 61 of a leap year; January and February, days 306 and on from March, begin the next year
    leap = op("Sub", _leap_days(graph, op("Add", yoe, 400)), _leap_days(graph, op("Add", yoe, 399)))
    late = op("Mul", op("Div", doy, 306), op("Add", leap, 365))
    return month, day, op("Sub", op("Add", op("Add", doy, leap), 60), late)


def _leap_days(graph: Graph, year: str) -> str:
    """How many years up to one were leap years."""
    fours, hundreds, fourhundreds = (graph.add("Div", year, graph.ints([[years]])) for years in (4, 100, 400))
    return graph.add("Add", graph.add("Sub", fours, hundreds), fourhundreds)


def _category(graph: Graph, encoded: Encoded, column: CategoryColumn, name: str) -> str:
    part = "a word without white space around it" if column.part == "word" else _PARTS[column.part]
    words = graph.input(name, text=True, about=f"{part}; empty = missing")
    keys = {"": column.missing_row} | {w: int(r) for w, r in zip(column.words, column.rows, strict=True) if w}
    row = graph.add(
        "LabelEncoder",
        words,
        domain="ai.onnx.ml",
        keys_strings=list(keys),
        values_int64s=list(keys.values()),
        default_int64=column.unseen_row,
    )
    _put_rows(graph, encoded, column, row)
    return row


def _pair(graph: Graph, encoded: Encoded, spec: PlanSpec, pair: Pair) -> None:
    """Both rows as one number, looked up."""
    right = spec.columns[pair.right]
    assert isinstance(right, CategoryColumn)  # noqa: S101 (the compiler made sure)
    wide = len(right.values)
    both = graph.add("Mul", encoded.rows[pair.left], graph.ints([wide]))
    both = graph.add("Add", both, encoded.rows[pair.right])
    row = graph.add(
        "LabelEncoder",
        both,
        domain="ai.onnx.ml",
        keys_int64s=[int(a) * wide + int(b) for a, b in pair.keys] or [-1],
        values_int64s=pair.rows.tolist() or [-1],
        default_int64=pair.unseen_row,
    )
    _put_rows(graph, encoded, pair, row)


def _put_rows(graph: Graph, encoded: Encoded, column: CategoryColumn | Pair, row: str) -> None:
    if column.slots:
        table = graph.constant(column.values, np.float32)
        encoded.put(graph.add("Gather", table, row, axis=0), list(column.slots))
    if np.any(column.weights):
        encoded.linear.append(graph.add("Gather", graph.doubles(column.weights), row, axis=0))


def _text(graph: Graph, encoded: Encoded, column: TextColumn, name: str) -> None:
    about = "the tokens of a text joined by one space; empty = missing, one space = no token"
    text = graph.input(name, text=True, about=about)
    words = graph.add("StringConcat", text, graph.strings([SENTINEL]))
    tokens = graph.add("StringSplit", words, outputs=2, delimiter=" ")
    if column.tokens:
        _tokens(graph, encoded, column, tokens)
    nan = graph.constant([[np.nan]], np.float32)
    if column.words_slot >= 0:
        full = graph.add("Not", graph.add("Equal", tokens, graph.strings([""])))
        count = graph.add("Sub", graph.total(graph.cast(full, np.float32)), graph.constant([[1]], np.float32))
        missing = graph.column(graph.add("Equal", text, graph.strings([""])))
        encoded.put(graph.add("Where", missing, nan, count), [column.words_slot])
    if column.chars_slot >= 0:
        about = "the length of the text in UTF-8 bytes; NaN = missing"
        length = graph.column(graph.input(name + BYTES_SUFFIX, text=False, about=about))
        encoded.put(graph.cast(length, np.float32), [column.chars_slot])


def _tokens(graph: Graph, encoded: Encoded, column: TextColumn, tokens: str) -> None:
    """TF-IDF over the known tokens and pairs, as :class:`~tenantry.plan.ir.TextColumn` says."""
    single = [i for i, token in enumerate(column.tokens) if " " not in token]
    pairs = [i for i, token in enumerate(column.tokens) if " " in token]
    pool = [column.tokens[i] for i in single] + [word for i in pairs for word in column.tokens[i].split(" ")]
    counts = graph.add(
        "TfIdfVectorizer",
        tokens,
        mode="TF",
        min_gram_length=1 if single else 2,
        max_gram_length=2 if pairs else 1,
        max_skip_count=0,
        ngram_counts=[0, len(single)] if pairs else [0],
        ngram_indexes=single + pairs,
        pool_strings=pool,
    )
    capped = graph.add("Clip", counts, graph.constant(0, np.float32), graph.constant(MAX_TF, np.float32))
    raw = graph.add("Gather", graph.doubles(TF_WEIGHTS), graph.cast(capped, np.int64), axis=0)
    raw = graph.add("Mul", raw, graph.doubles(column.idf[None, :]))
    norm = graph.add("Sqrt", graph.total(graph.add("Mul", raw, raw)))
    none = graph.add("Equal", norm, graph.doubles([[0.0]]))
    norm = graph.add("Where", none, graph.doubles([[1.0]]), norm)
    scaled = graph.add("Mul", graph.add("Div", raw, norm), graph.doubles([[256.0]]))
    steps = graph.add("Floor", graph.add("Add", scaled, graph.doubles([[0.5]])))
    value = graph.add("Div", steps, graph.doubles([[256.0]]))
    used = np.flatnonzero(column.token_slots >= 0)
    if used.size:
        piece = graph.add("Gather", value, graph.ints(used), axis=1)
        encoded.put(graph.cast(piece, np.float32), [int(s) for s in column.token_slots[used]])
    if np.any(column.weights):
        encoded.linear.append(graph.add("MatMul", value, graph.doubles(column.weights)))


def _derived(graph: Graph, encoded: Encoded, spec: PlanSpec, matrix: str) -> str:
    """Append the derived slots."""
    for op in ("difference", "ratio"):
        some = [d for d in spec.derived if d.op == op]
        if not some:
            continue
        left, right = (
            graph.add(
                "Gather", matrix, graph.ints([encoded.position[getattr(d, side)] for d in some]), axis=1
            )
            for side in ("left", "right")
        )
        value = graph.add("Sub", left, right) if op == "difference" else _ratio(graph, left, right)
        encoded.put(value, [d.slot for d in some])
    return graph.concat(encoded.pieces) if spec.derived else matrix


def _ratio(graph: Graph, left: str, right: str) -> str:
    zero = graph.constant([[0]], np.float32)
    quotient = graph.add("Div", left, right)
    limit = graph.constant(FLT_MAX, np.float32)
    limited = graph.add("Clip", quotient, graph.constant(-FLT_MAX, np.float32), limit)
    nan = graph.constant([[np.nan]], np.float32)
    none = graph.add("Or", graph.add("Equal", right, zero), graph.add("IsNaN", quotient))
    return graph.add("Where", none, nan, limited)
