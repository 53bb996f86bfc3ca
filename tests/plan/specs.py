"""Random plans and hostile records for the kernel's property tests."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tenantry.plan.compile import expected_margins
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    Derived,
    GeoColumn,
    Linear,
    NumberColumn,
    NumberFormat,
    Pair,
    PlanColumn,
    PlanSpec,
    TextColumn,
    Tree,
)
from tenantry.schema import Task

WORDS = (
    "Month-to-month",
    "Two year",
    "true",
    "false",
    "1",
    "-1.5",
    "0.1",
    "1e+16",
    "Ünïcode",
    "東京",
    "a b c",
    "?",
    "x" * 60,
    "example.org",
    "ex",
    "東",
)
ADDRESSES = (
    "Jo@Example.org",
    "Jo <jo@example.org>",
    "https://jo:x@www.EXAMPLE.org:80/a?b=c@d#e",
    "example.org",
    "//example.org.",
    "@",
    "http://[::1]:8080/",
    "no.where@x y",
)
TOKENS = (
    "good",
    "bad",
    "late",
    "naïve",
    "good bad",
    "価格",
    "r2",
    "bad good",
    "not",
    "not late",
    "12",
    "late good",
)
NUMBERS = (
    "1",
    "-2.5",
    "$1,234.50",
    "(3)",
    "1.234,5",
    "7 kg",
    "7 kg 300 g",
    "<5",
    "1:30 PM",
    "12%",
    "1e3",
    "1e999",
    "999",
    "1 234",
    "١",
    "nan",
    "inf",
    "--1",
)
LISTS = (
    "good|bad",
    "good; not late ;;bad",
    "good,good, 12",
    '["good", "not late"]',
    '["good", "a\\\\n"]',
    "[ ]",
    "|",
)
PLACES = (
    "52.5, 13.4",
    "(-33.9;151.2)",
    "[1 2]",
    "POINT(13.4 52.5)",
    "point ( -180 90 )",
    "91, 0",
    "1e1,-2E+1",
    "1,2,3",
)
DATES = (
    "45356.25",
    "1709619300",
    "March 2024",
    "2024-03-05",
    "3/4/2024",
    "05-Mar-24",
    "20240229",
    "2023-02-29",
    "2024-03-05T23:30:00+01:00",
    "Mar 5, 2024 3:15 PM",
)


def f32(rng: np.random.Generator, *shape: int) -> Any:
    return rng.normal(size=shape).astype(np.float32)


class Maker:
    """Draws one specification; slots are handed out as columns ask for them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.slots = 0
        self.task = Task(str(self.rng.choice([task.value for task in Task])))
        self.outputs = int(self.rng.integers(2, 5)) if self.task is Task.MULTICLASS else 1

    def slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def maybe(self) -> int:
        return self.slot() if self.rng.random() < 0.6 else -1

    def column(self, index: int) -> PlanColumn:
        kinds = [self.number, self.date, self.category, self.text, self.items, self.place]
        make = self.rng.choice(kinds)  # type: ignore[arg-type]
        column: PlanColumn = make(f"column {index} é")
        return column

    def columns(self) -> tuple[PlanColumn, ...]:
        """Inputs of one to three columns each."""
        count = int(self.rng.integers(1, 6))
        return tuple(
            self.column(i) for i in range(count) for _ in range(int(self.rng.choice([1, 1, 1, 2, 3])))
        )

    def number(self, name: str) -> NumberColumn:
        return NumberColumn(
            name=name,
            slot=self.slot(),
            format=NumberFormat(
                decimal="," if self.rng.random() < 0.3 else ".",
                unit_tail=bool(self.rng.random() < 0.4),
                nulls=(999.0, -1.0) if self.rng.random() < 0.3 else (),
                units=(("kg", 1.0), ("g", 0.001), ("", 7.0)) if self.rng.random() < 0.3 else (),
                clock=bool(self.rng.random() < 0.2),
            ),
        )

    def date(self, name: str) -> DateColumn:
        parts = {part: self.maybe() for part in ("days", "month", "weekday", "day", "hour")}
        parts |= {part: self.maybe() for part in ("yearday", "week")}
        order: Any = self.rng.choice(["ymd", "mdy", "dmy"])
        digits: Any = self.rng.choice(["", "day", "seconds", "excel"])
        nulls = (19787.0,) if self.rng.random() < 0.3 else ()
        return DateColumn(name=name, order=order, digits=digits, nulls=nulls, **parts)

    def category(self, name: str) -> CategoryColumn:
        words = tuple(word for word in WORDS if self.rng.random() < 0.6)
        rows = int(self.rng.integers(1, len(words) + 3))
        slots = tuple(self.slot() for _ in range(int(self.rng.integers(0, 3))))
        values = f32(self.rng, rows, len(slots))
        values[self.rng.random(values.shape) < 0.1] = np.nan
        return CategoryColumn(
            name=name,
            words=words,
            rows=self.rng.integers(0, rows, len(words)).astype(np.int32),
            missing_row=int(self.rng.integers(rows)),
            unseen_row=int(self.rng.integers(rows)),
            slots=slots,
            values=values,
            weights=f32(self.rng, rows, self.outputs),
            mean_weight=f32(self.rng, self.outputs),
            **self.part(),
        )

    def part(self) -> dict[str, Any]:
        part = str(self.rng.choice(["word", "word", "email_domain", "url_domain", "prefix"]))
        return {"part": part, "prefix_bytes": int(self.rng.integers(1, 5)) if part == "prefix" else 0}

    def pairs(self, columns: tuple[PlanColumn, ...]) -> tuple[Pair, ...]:
        tables = {i: len(c.values) for i, c in enumerate(columns) if isinstance(c, CategoryColumn)}
        count = int(self.rng.integers(0, 3)) if tables else 0
        return tuple(self.pair(tables) for _ in range(count))

    def pair(self, tables: dict[int, int]) -> Pair:
        left, right = (int(side) for side in self.rng.choice(list(tables), 2))
        every = [(i, j) for i in range(tables[left]) for j in range(tables[right])]
        keys = [key for key in every if self.rng.random() < 0.5]
        rows, width = int(self.rng.integers(1, 6)), int(self.rng.integers(0, 3))
        return Pair(
            left=left,
            right=right,
            keys=np.array(keys, np.int32).reshape(-1, 2),
            rows=self.rng.integers(0, rows, len(keys)).astype(np.int32),
            unseen_row=int(self.rng.integers(rows)),
            slots=tuple(self.slot() for _ in range(width)),
            values=f32(self.rng, rows, width),
            weights=f32(self.rng, rows, self.outputs),
            mean_weight=f32(self.rng, self.outputs),
        )

    def text(self, name: str) -> TextColumn:
        tokens = tuple(token for token in TOKENS if self.rng.random() < 0.7)
        return TextColumn(
            name=name,
            tokens=tokens,
            idf=(1 + self.rng.random(len(tokens))).astype(np.float32),
            token_slots=np.array([self.maybe() for _ in tokens], np.int32),
            weights=f32(self.rng, len(tokens), self.outputs),
            mean_weight=f32(self.rng, self.outputs),
            chars_slot=self.maybe(),
            words_slot=self.maybe(),
        )

    def items(self, name: str) -> TextColumn:
        tokens = tuple(token for token in (*TOKENS, "Good", "1") if self.rng.random() < 0.7)
        delimiter: Any = self.rng.choice(["|", ";", ","])
        return TextColumn(
            name=name,
            tokens=tokens,
            idf=np.ones(len(tokens), np.float32),
            token_slots=np.array([self.maybe() for _ in tokens], np.int32),
            weights=f32(self.rng, len(tokens), self.outputs),
            mean_weight=f32(self.rng, self.outputs),
            words_slot=self.maybe(),
            delimiter=delimiter,
        )

    def place(self, name: str) -> GeoColumn:
        return GeoColumn(name=name, lat=self.maybe(), lon=self.maybe())

    def tree(self, n: int) -> Tree:
        """A random shape of n splits, in breadth-first or depth-first order, with covers that add up."""
        left, right = np.zeros(n, np.int32), np.zeros(n, np.int32)
        cover, leaf_cover = np.zeros(n), np.zeros(n + 1)
        cover[0] = float(self.rng.integers(100, 5000))
        open_edges: list[tuple[int, Any]] = []
        for node in range(n):
            if node:
                parent, side = open_edges.pop(int(self.rng.integers(len(open_edges))))
                side[parent] = node
            open_edges += [(node, left), (node, right)]
        for leaf, (parent, side) in enumerate(open_edges):
            side[parent] = ~leaf
        for node in range(n):
            share = self.rng.random() if self.rng.random() < 0.9 else 0.0  # leaves that no row reached happen
            for child, part in ((int(left[node]), share), (int(right[node]), 1 - share)):
                (cover if child >= 0 else leaf_cover)[child if child >= 0 else ~child] = cover[node] * part
        return Tree(
            output=int(self.rng.integers(self.outputs)),
            feature=self.rng.integers(0, min(self.slots, 16), n).astype(np.int32),
            threshold=np.where(self.rng.random(n) < 0.1, np.float32(19000), f32(self.rng, n)),
            default_left=self.rng.random(n) < 0.5,
            left=left,
            right=right,
            value=f32(self.rng, n + 1),
            cover=cover,
            leaf_cover=leaf_cover,
        )

    def linear(self) -> Linear | None:
        if self.rng.random() < 0.3:
            return None
        m = int(self.rng.integers(0, self.slots + 1))
        return Linear(
            intercept=self.rng.normal(size=self.outputs),
            slot=self.rng.integers(0, max(self.slots, 1), m).astype(np.int32),
            mean=f32(self.rng, m),
            inv_scale=np.abs(f32(self.rng, m)),
            fill=f32(self.rng, m),
            center=f32(self.rng, m),
            weight=f32(self.rng, m, self.outputs),
        )

    def calibration(self) -> Calibration:
        b = self.rng.normal(size=self.outputs)
        a = float(self.rng.random() + 0.2)
        if self.task is Task.MULTICLASS:
            return Calibration(kind="softmax", a=a, b=b)
        if self.task is Task.REGRESSION:
            kind: Any = self.rng.choice(["linear", "exp"])
            return Calibration(kind=kind, a=a, b=b, low=-3.0, high=float(self.rng.choice([5.0, np.inf])))
        if self.rng.random() < 0.5:
            return Calibration(kind="sigmoid", a=a, b=b)
        x = np.unique(self.rng.normal(scale=3, size=int(self.rng.integers(1, 30))))
        return Calibration(kind="isotonic", x=x, y=np.sort(self.rng.random(x.size)))

    def spec(self) -> PlanSpec:
        columns = self.columns()
        own = self.slots
        pairs = self.pairs(columns)
        derived = tuple(
            Derived(
                slot=self.slot(),
                left=int(self.rng.integers(own)),
                right=int(self.rng.integers(own)),
                op="ratio" if self.rng.random() < 0.5 else "difference",
            )
            for _ in range(int(self.rng.integers(0, 3)))
            if own
        )
        sizes = [
            int(self.rng.integers(1, 128 if self.rng.random() < 0.1 else 12))
            for _ in range(int(self.rng.integers(0, 20)))
        ]
        linear = self.linear()
        return PlanSpec(
            task=self.task,
            n_outputs=self.outputs,
            n_slots=self.slots,
            columns=columns,
            pairs=pairs,
            derived=derived,
            trees=tuple(self.tree(n) for n in sizes if self.slots),
            linear=linear,
            base=self.rng.normal(size=self.outputs),
            forest_weight=float(self.rng.random()),
            linear_weight=float(self.rng.random()) if linear else 0.0,
            calibration=self.calibration(),
            meta={},
            seed=int(self.rng.integers(1 << 62)),
        )


def random_spec(seed: int) -> PlanSpec:
    return Maker(seed).spec()


def records_of(spec: PlanSpec) -> st.SearchStrategy[dict[str, Any]]:
    """Records with every kind of value in every kind of column, absent columns and unknown fields."""
    sentence = st.lists(st.sampled_from((*TOKENS, "Good", "NOT", "it's", "—", "b")), max_size=30).map(
        " ".join
    )
    value = st.one_of(
        st.sampled_from((*WORDS, *NUMBERS, *DATES, *ADDRESSES, *LISTS, *PLACES)),
        st.sampled_from((*WORDS, *NUMBERS, *DATES)).map(lambda s: f" \t{s}\n"),
        sentence,
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=-(10**400), max_value=10**400),
        st.floats(allow_nan=True, allow_infinity=True),
        st.text(st.characters(codec="utf-8"), max_size=40),
        st.binary(max_size=0),
        st.sampled_from((np.float32(1.5), np.int64(7), np.bool_(True), np.float64("nan"), b"2024-03-05")),
    )
    known = {name: _with_lists(spec, name, value) for name in spec.inputs}
    return st.fixed_dictionaries({}, optional={**known, "unknown": value})


def _with_lists(spec: PlanSpec, name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists too, where every column of an input takes them."""
    views = [column for column in spec.columns if column.name == name]
    if not all(isinstance(c, GeoColumn) or (isinstance(c, TextColumn) and c.delimiter) for c in views):
        return value
    item = st.one_of(st.none(), st.sampled_from((*TOKENS, " good ", "", 1, 12.0, True, -90.5, b"bad")))
    return st.one_of(value, st.lists(item, max_size=4), st.tuples(st.floats(-95, 95), st.floats(-185, 185)))


__all__ = ["Maker", "expected_margins", "f32", "random_spec", "records_of"]
