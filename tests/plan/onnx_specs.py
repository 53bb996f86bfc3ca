"""Random whole plans, small enough to compare by the hundred."""

from typing import Any

import msgspec
import numpy as np

from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    Derived,
    DerivedOp,
    Linear,
    NumberColumn,
    NumberFormat,
    Pair,
    PlanColumn,
    PlanSpec,
    TextColumn,
    Tree,
    WordPart,
)
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.schema import Column, SemanticType, Signature, Task

WORDS = ["Month-to-month", "Two year", "yes", "no", "Ünïcode", "東京", "a b c", "0", "-1.5", "?", "N/A"]
TOKENS = ["good", "bad", "late", "naïve", "ok", "価格", "r2", "not"]


def f32(rng: np.random.Generator, *shape: int) -> Any:
    return rng.normal(size=shape).astype(np.float32)


class Maker:
    """Draws one spec; slots are handed out as columns ask for them."""

    def __init__(self, seed: int, task: Task) -> None:
        self.rng = np.random.default_rng(seed)
        self.task = task
        self.outputs = int(self.rng.integers(3, 6)) if task is Task.MULTICLASS else 1
        self.slots = 0
        self.kinds: dict[int, str] = {}

    def slot(self, kind: str) -> int:
        self.kinds[self.slots] = kind
        self.slots += 1
        return self.slots - 1

    def maybe(self, kind: str) -> int:
        return self.slot(kind) if self.rng.random() < 0.7 else -1

    def number(self, name: str) -> NumberColumn:
        nulls = (999.0, -1.0) if self.rng.random() < 0.3 else ()
        return NumberColumn(name=name, slot=self.slot("number"), format=NumberFormat(nulls=nulls))

    def date(self, name: str) -> DateColumn:
        return DateColumn(
            name=name,
            order=str(self.rng.choice(["ymd", "mdy", "dmy"])),  # type: ignore[arg-type]
            days=self.slot("days"),
            month=self.maybe("month"),
            weekday=self.maybe("weekday"),
            day=self.maybe("day"),
            hour=self.maybe("hour"),
            yearday=self.maybe("yearday"),
            week=self.maybe("week"),
        )

    def category(self, name: str) -> CategoryColumn:
        words = tuple(self.rng.permutation(WORDS)[: self.rng.integers(1, len(WORDS))].tolist())
        rows = int(self.rng.integers(2, 6))
        width = int(self.rng.integers(0, 3))
        parts: tuple[WordPart, ...] = ("word", "word", "email_domain", "url_domain", "prefix")
        part = parts[int(self.rng.integers(len(parts)))]
        return CategoryColumn(
            name=name,
            words=words,
            rows=self.rng.integers(0, rows, len(words)).astype(np.int32),
            missing_row=int(self.rng.integers(0, rows)),
            unseen_row=int(self.rng.integers(0, rows)),
            slots=tuple(self.slot("value") for _ in range(width)),
            values=f32(self.rng, rows, width),
            weights=f32(self.rng, rows, self.outputs) * np.float32(self.rng.random() < 0.7),
            mean_weight=f32(self.rng, self.outputs),
            part=part,
            prefix_bytes=int(self.rng.integers(1, 4)) if part == "prefix" else 0,
        )

    def pair(self, columns: list[PlanColumn]) -> Pair | None:
        tables = {i: len(c.values) for i, c in enumerate(columns) if isinstance(c, CategoryColumn)}
        if not tables:
            return None
        left, right = self.rng.choice(list(tables), 2).tolist()
        keys = [(i, j) for i in range(tables[left]) for j in range(tables[right]) if self.rng.random() < 0.5]
        rows, width = int(self.rng.integers(1, 6)), int(self.rng.integers(0, 3))
        return Pair(
            left=left,
            right=right,
            keys=np.array(keys, np.int32).reshape(-1, 2),
            rows=self.rng.integers(0, rows, len(keys)).astype(np.int32),
            unseen_row=int(self.rng.integers(rows)),
            slots=tuple(self.slot("value") for _ in range(width)),
            values=f32(self.rng, rows, width),
            weights=f32(self.rng, rows, self.outputs),
            mean_weight=f32(self.rng, self.outputs),
        )

    def text(self, name: str) -> TextColumn:
        single = self.rng.permutation(TOKENS)[: self.rng.integers(0, len(TOKENS))].tolist()
        pairs = sorted(
            {" ".join(self.rng.choice(TOKENS, 2).tolist()) for _ in range(self.rng.integers(0, 5))}
        )
        tokens = tuple(self.rng.permutation(np.array([*single, *pairs], dtype=object)).tolist())
        return TextColumn(
            name=name,
            tokens=tokens,
            idf=(np.abs(f32(self.rng, len(tokens))) + np.float32(0.5)),
            token_slots=np.array([self.maybe("value") for _ in tokens], dtype=np.int32),
            weights=f32(self.rng, len(tokens), self.outputs),
            mean_weight=f32(self.rng, self.outputs),
            chars_slot=self.maybe("count"),
            words_slot=self.maybe("count"),
        )

    def threshold(self, slot: int) -> float:
        draw = self.rng.normal()
        match self.kinds[slot]:
            case "days":
                return 15_000 + 4_000 * draw
            case "month" | "weekday" | "day" | "hour" | "count" | "week":
                return float(self.rng.integers(0, 25)) + 0.5 * float(self.rng.integers(0, 2))
            case "yearday":
                return float(self.rng.integers(1, 366)) + 0.5
            case "value":
                return round(abs(draw) * 256) / 256
        return float(round(draw * 10) if self.rng.random() < 0.5 else draw)

    def tree(self, output: int) -> Tree:
        nodes = int(self.rng.integers(1, 12))
        left, right = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32)
        holes: list[tuple[Any, int]] = []
        for node in range(nodes):
            if node:
                side, parent = holes.pop(int(self.rng.integers(len(holes))))
                side[parent] = node
            holes += [(left, node), (right, node)]
        for leaf, (side, parent) in enumerate(holes):
            side[parent] = ~leaf
        feature = self.rng.integers(0, self.slots, nodes).astype(np.int32)
        leaf_cover = np.ones(nodes + 1)
        cover = np.zeros(nodes)
        for node in reversed(range(nodes)):
            for child in (int(left[node]), int(right[node])):
                cover[node] += leaf_cover[~child] if child < 0 else cover[child]
        return Tree(
            output=output,
            feature=feature,
            threshold=np.array([self.threshold(int(slot)) for slot in feature], dtype=np.float32),
            default_left=self.rng.random(nodes) < 0.5,
            left=left,
            right=right,
            value=f32(self.rng, nodes + 1),
            cover=cover,
            leaf_cover=leaf_cover,
        )

    def linear(self) -> Linear:
        slots = np.flatnonzero(self.rng.random(self.slots) < 0.6).astype(np.int32)
        scale = [4000.0 if self.kinds[int(slot)] == "days" else 1.0 for slot in slots]
        return Linear(
            intercept=self.rng.normal(size=self.outputs),
            slot=slots,
            mean=f32(self.rng, slots.size),
            inv_scale=(1.0 / np.array(scale)).astype(np.float32),
            fill=f32(self.rng, slots.size),
            center=f32(self.rng, slots.size),
            weight=f32(self.rng, slots.size, self.outputs),
        )

    def calibration(self) -> Calibration:
        b = self.rng.normal(size=self.outputs)
        if self.task is Task.MULTICLASS:
            return Calibration(kind="softmax", a=float(self.rng.uniform(0.5, 2)), b=b)
        if self.task is Task.REGRESSION:
            if self.rng.random() < 0.5:
                return Calibration(kind="exp", a=0.3, b=b, low=0.0, high=1e6)
            return Calibration(kind="linear", a=100.0, b=b, low=-np.inf, high=250.0)
        if self.rng.random() < 0.5:
            return Calibration(kind="sigmoid", a=float(self.rng.uniform(0.2, 2)), b=b)
        knots = int(self.rng.integers(2, 20))
        x = np.cumsum(self.rng.uniform(0.1, 1.0, knots)) - knots / 3
        return Calibration(kind="isotonic", x=x, y=np.sort(self.rng.random(knots)))


def draw_spec(seed: int, task: Task) -> PlanSpec:
    """A whole plan with one to seven columns of every kind."""
    maker = Maker(seed, task)
    kinds = {"number": maker.number, "date": maker.date, "category": maker.category, "text": maker.text}
    names = ["plan", "score", "when", "what: note", "label", "価格", "a/b"]
    columns: list[PlanColumn] = []
    for name in names[: int(maker.rng.integers(1, 8))]:
        for _ in range(int(maker.rng.choice([1, 1, 1, 2]))):
            kind = str(maker.rng.choice(list(kinds)))
            columns.append(kinds[kind](name))
    raw = maker.slots
    pairs = [pair for pair in (maker.pair(columns) for _ in range(2)) if pair is not None]
    derived = []
    for _ in range(int(maker.rng.integers(0, 3)) if raw >= 2 else 0):
        left, right = maker.rng.choice(raw, 2, replace=False).tolist()
        ops: tuple[DerivedOp, ...] = ("difference", "ratio")
        op = ops[int(maker.rng.integers(2))]
        derived.append(Derived(slot=maker.slot("number"), left=left, right=right, op=op))
    trees = tuple(maker.tree(i % maker.outputs) for i in range(int(maker.rng.integers(0, 9))) if maker.slots)
    signature = Signature(
        task=task,
        inputs=tuple(
            Column(name=name, type=SemanticType.CATEGORY) for name in dict.fromkeys(c.name for c in columns)
        ),
        classes=() if task is Task.REGRESSION else tuple(f"class {i}" for i in range(max(2, maker.outputs))),
        positive_class=f"class {seed % 2}" if task is Task.BINARY else None,
        threshold=0.4,
    )
    meta = PlanMeta(
        signature=signature,
        columns=tuple(ColumnMeta(column=column) for column in signature.inputs),
        target="y",
        expected=(0.0,) * maker.outputs,
    )
    return PlanSpec(
        task=task,
        n_outputs=maker.outputs,
        n_slots=maker.slots,
        columns=tuple(columns),
        pairs=tuple(pairs),
        derived=tuple(derived),
        trees=trees,
        linear=maker.linear() if maker.rng.random() < 0.7 else None,
        base=maker.rng.normal(size=maker.outputs),
        forest_weight=0.6,
        linear_weight=0.4,
        calibration=maker.calibration(),
        meta=msgspec.json.decode(msgspec.json.encode(meta)),
        seed=seed,
    )
