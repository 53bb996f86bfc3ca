"""Writes plan files of the present format version, with what they score, into the folder of that version.

usage: python -m tests.plan.versions.make

Run once for a version, when it is released; after that its folder is never written again (a file made by a later writer
would prove nothing about what readers meet).
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tenantry.plan import Plan, compile_plan, expected_margins, layout
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    DateColumn,
    DateOrder,
    Derived,
    GeoColumn,
    Linear,
    NumberColumn,
    NumberFormat,
    Pair,
    PlanSpec,
    TextColumn,
    Tree,
)
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.schema import Column, SemanticType, Signature, Task

HERE = Path(__file__).parent
CALIBRATIONS = {
    "sigmoid": Calibration(kind="sigmoid", a=0.9, b=np.array([-0.2])),
    "isotonic": Calibration(kind="isotonic", x=np.array([-2.0, -0.5, 0.1, 1.5]), y=np.array([0.02, 0.3, 0.3, 0.9])),
    "softmax": Calibration(kind="softmax", a=0.8, b=np.array([0.1, 0.0, -0.3])),
    "linear": Calibration(kind="linear", a=100.0, b=np.array([250.0]), low=-50.0, high=900.0),
    "exp": Calibration(kind="exp", a=0.5, b=np.array([3.0]), low=0.0),
}  # fmt: skip
TASKS = {"softmax": Task.MULTICLASS, "linear": Task.REGRESSION, "exp": Task.REGRESSION}
ORDERS: dict[str, DateOrder] = {"isotonic": "mdy", "exp": "dmy"}
TYPES = {
    "price": SemanticType.NUMBER,
    "weight": SemanticType.NUMBER,
    "signed": SemanticType.DATETIME,
    "contract": SemanticType.CATEGORY,
    "email": SemanticType.EMAIL,
    "site": SemanticType.URL,
    "post code": SemanticType.POSTAL_CODE,
    "note": SemanticType.TEXT,
    "tags": SemanticType.TEXT,
    "place": SemanticType.TEXT,
}
RECORDS: list[dict[str, Any]] = [
    {},
    {"price": "$1,234.50", "weight": "7,5 kg", "signed": "2024-03-05T23:30:00+01:00", "contract": "Two year",
     "note": "Good, not late"},
    {"price": -1.25, "weight": "999", "signed": "5 March 2021", "contract": " monthly ",
     "note": "bad bad bad good bad"},
    {"price": "(3)", "weight": 1e300, "signed": "03/04/2020", "contract": "naïve", "note": "価格 good"},
    {"price": True, "weight": "1.234,5", "signed": "nothing", "contract": True, "note": "nothing known here"},
    {"price": 10**400, "weight": "-12", "signed": 20240229, "contract": 1.0, "note": "x" * 70},
    {"price": "no number", "weight": None, "signed": "1950-01-01", "contract": "never seen", "note": "late good " * 20},
    {"price": 0.1, "weight": "(4,5)", "signed": "Mar 5, 2024 3:15 PM", "contract": "", "note": "  "},
]  # fmt: skip


MORE: list[dict[str, Any]] = [
    {"email": "Jo@Example.org", "site": "https://www.example.com/a", "post code": "SW1A 1AA", "tags": "red; 1",
     "place": "52.5, 13.4"},
    {"email": "none", "site": "example.org", "post code": "東京", "tags": ["dark blue", 1], "place": [-33.9, 151.2]},
    {"email": "<jo@example.com>", "site": "//x.org", "post code": 12345, "tags": '["red", "x;y"]',
     "place": "POINT(13 52)"},
    {"email": "", "tags": ";", "place": "91, 0"},
]  # fmt: skip
"""What version 2 brought, over the records of version 1 in turn."""
RECORDS = [{**record, **MORE[i % len(MORE)]} if i else record for i, record in enumerate(RECORDS)]


class Maker:
    """One plan with every kind of column."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.rng = np.random.default_rng(sorted(CALIBRATIONS).index(kind))
        self.task = TASKS.get(kind, Task.BINARY)
        self.outputs = 3 if self.task is Task.MULTICLASS else 1
        self.slots = 0

    def slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def figures(self, *shape: int) -> Any:
        return self.rng.normal(size=shape).astype(np.float32)

    def numbers(self) -> tuple[NumberColumn, NumberColumn]:
        comma = NumberFormat(decimal=",", unit_tail=True, nulls=(999.0, -1.0))
        return (
            NumberColumn(name="price", slot=self.slot()),
            NumberColumn(name="weight", slot=self.slot(), format=comma),
        )

    def date(self) -> DateColumn:
        parts = {part: self.slot() for part in ("days", "month", "weekday", "day", "hour", "yearday", "week")}
        return DateColumn(name="signed", order=ORDERS.get(self.kind, "ymd"), **parts)

    def category(self, name: str, words: tuple[str, ...], **part: Any) -> CategoryColumn:
        return CategoryColumn(
            name=name,
            words=words,
            rows=np.array([0, 1, 2, 1, 3], np.int32)[: len(words)],
            missing_row=4,
            unseen_row=5,
            slots=(self.slot(), self.slot()),
            values=self.figures(6, 2),
            weights=self.figures(6, self.outputs),
            mean_weight=self.figures(self.outputs),
            **part,
        )

    def categories(self) -> tuple[CategoryColumn, ...]:
        """Whole words, a view of a number, domains and a prefix."""
        return (
            self.category("contract", ("Two year", "monthly", "naïve", "true", "1")),
            self.category("email", ("example.org", "example.com"), part="email_domain"),
            self.category("site", ("example.org", "example.com"), part="url_domain"),
            self.category("post code", ("SW", "東"), part="prefix", prefix_bytes=3),
        )

    def pair(self) -> Pair:
        return Pair(
            left=4,
            right=5,
            keys=np.array([[0, 0], [1, 1], [4, 4], [5, 0]], np.int32),
            rows=np.array([0, 1, 2, 1], np.int32),
            unseen_row=3,
            slots=(self.slot(),),
            values=self.figures(4, 1),
            weights=self.figures(4, self.outputs),
            mean_weight=self.figures(self.outputs),
        )

    def items(self) -> TextColumn:
        tokens = ("red", "dark blue", "1")
        return TextColumn(
            name="tags",
            tokens=tokens,
            idf=np.ones(len(tokens), np.float32),
            token_slots=np.array([self.slot(), -1, self.slot()], np.int32),
            weights=self.figures(len(tokens), self.outputs),
            mean_weight=self.figures(self.outputs),
            words_slot=self.slot(),
            delimiter=";",
        )

    def text(self) -> TextColumn:
        tokens = ("good", "bad", "late", "not late", "価格", "late good", "bad bad")
        slots = [self.slot(), self.slot(), -1, self.slot(), -1, -1, self.slot()]
        return TextColumn(
            name="note",
            tokens=tokens,
            idf=np.abs(self.figures(len(tokens))) + np.float32(1),
            token_slots=np.array(slots, np.int32),
            weights=self.figures(len(tokens), self.outputs),
            mean_weight=self.figures(self.outputs),
            chars_slot=self.slot(),
            words_slot=self.slot(),
        )

    def tree(self, output: int, nodes: int) -> Tree:
        """A random shape; the wide ones take the eight quadrature points, the others four."""
        left, right = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32)
        cover, leaf_cover = np.full(nodes, 1000.0), np.zeros(nodes + 1)
        edges: list[tuple[Any, int]] = []
        for node in range(nodes):
            if node:
                side, parent = edges.pop(-1 if nodes > 10 else int(self.rng.integers(len(edges))))
                side[parent] = node
            edges += [(left, node), (right, node)]
        for leaf, (side, parent) in enumerate(edges):
            side[parent] = ~leaf
        for node in range(nodes):
            share = float(self.rng.random())
            for child, part in ((int(left[node]), share), (int(right[node]), 1 - share)):
                (cover if child >= 0 else leaf_cover)[child if child >= 0 else ~child] = cover[node] * part
        feature = (
            self.rng.permutation(self.slots)[:nodes]
            if nodes <= self.slots
            else self.rng.integers(0, self.slots, nodes)
        )
        threshold = self.figures(nodes)
        threshold[feature == 2] = 18_000 + 1000 * threshold[feature == 2]
        return Tree(
            output=output,
            feature=feature.astype(np.int32),
            threshold=threshold,
            default_left=self.rng.random(nodes) < 0.5,
            left=left,
            right=right,
            value=self.figures(nodes + 1),
            cover=cover,
            leaf_cover=leaf_cover,
        )

    def linear(self) -> Linear | None:
        if self.kind == "isotonic":  # one plan has no linear member
            return None
        slots = np.arange(0, self.slots, 2, dtype=np.int32)
        scale = np.where(slots == 2, 1e-3, 1.0).astype(np.float32)
        return Linear(
            intercept=self.rng.normal(size=self.outputs),
            slot=slots,
            mean=np.where(slots == 2, np.float32(18_000), self.figures(slots.size)).astype(np.float32),
            inv_scale=scale,
            fill=self.figures(slots.size),
            center=self.figures(slots.size),
            weight=self.figures(slots.size, self.outputs),
        )

    def spec(self) -> PlanSpec:
        price, weight = self.numbers()
        code = self.category("price", ("-1.25", "true", "0.1"))
        place = GeoColumn(name="place", lat=self.slot(), lon=self.slot())
        columns = (price, code, weight, self.date(), *self.categories(), self.text(), self.items(), place)
        pairs = (self.pair(),)
        derived = (
            Derived(slot=self.slot(), left=0, right=1),
            Derived(slot=self.slot(), left=1, right=0, op="ratio"),
        )
        trees = tuple(self.tree(i % self.outputs, nodes) for i, nodes in enumerate((1, 4, 7, 3, 12, 9)))
        linear = self.linear()
        spec = PlanSpec(
            task=self.task,
            n_outputs=self.outputs,
            n_slots=self.slots,
            columns=columns,
            pairs=pairs,
            derived=derived,
            trees=trees,
            linear=linear,
            base=self.rng.normal(size=self.outputs),
            forest_weight=0.6,
            linear_weight=0.4 if linear else 0.0,
            calibration=CALIBRATIONS[self.kind],
            meta={},
            seed=7,
        )
        return described(spec, self.kind)


def described(spec: PlanSpec, kind: str) -> PlanSpec:
    """The plan with its description."""
    inputs = tuple(Column(name=name, type=TYPES[name]) for name in spec.inputs)
    classes = {Task.BINARY: ("no", "yes"), Task.MULTICLASS: ("a", "b", "c"), Task.REGRESSION: ()}[spec.task]
    meta = PlanMeta(
        signature=Signature(
            task=spec.task,
            inputs=inputs,
            classes=classes,
            positive_class="yes" if spec.task is Task.BINARY else None,
            threshold=0.5,
        ),
        columns=tuple(ColumnMeta(column=column) for column in inputs),
        target=f"{kind} target",
        expected=expected_margins(spec),
    )
    return replace(spec, meta=msgspec.json.decode(msgspec.json.encode(meta)))


def expectations(plan: Plan) -> dict[str, Any]:
    """What a plan says of :data:`RECORDS`."""
    return {
        "margins": [plan.margins(record) for record in RECORDS],
        "scores": [plan.score(record) for record in RECORDS],
        "attributions": [
            [[round(v, 9) for v in plan.explain(record, output)] for output in range(plan.n_outputs)]
            for record in RECORDS
        ],
    }


def main() -> None:
    folder = HERE / str(layout.VERSION)
    folder.mkdir()
    expected: dict[str, Any] = {"records": RECORDS, "plans": {}}
    for kind in CALIBRATIONS:
        data = compile_plan(Maker(kind).spec())
        (folder / f"{kind}.tnp").write_bytes(data)
        expected["plans"][kind] = expectations(Plan.from_bytes(data))
    (folder / "expected.json").write_text(
        json.dumps(expected, ensure_ascii=False, separators=(",", ":")) + "\n"
    )


if __name__ == "__main__":
    main()
