"""What the compiler refuses, and what the file looks like."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.plan.specs import random_spec

from tenantry.errors import Unsupported
from tenantry.plan import Plan, compile_plan, layout, with_meta
from tenantry.plan.hashing import build_table, word_hash, xxh64
from tenantry.plan.ir import (
    Calibration,
    CategoryColumn,
    Derived,
    NumberColumn,
    NumberFormat,
    PlanSpec,
    TextColumn,
    Tree,
)
from tenantry.schema import Task

F = np.float32


def stump(slot: int = 0) -> Tree:
    return Tree(
        output=0,
        feature=np.array([slot], np.int32),
        threshold=np.zeros(1, F),
        default_left=np.zeros(1, bool),
        left=np.array([~0], np.int32),
        right=np.array([~1], np.int32),
        value=np.array([-1.0, 1.0], F),
        cover=np.array([4.0]),
        leaf_cover=np.array([2.0, 2.0]),
    )


def chain(n: int) -> Tree:
    return replace(
        stump(),
        feature=np.arange(n, dtype=np.int32),
        threshold=np.zeros(n, F),
        default_left=np.zeros(n, bool),
        left=np.array([*range(1, n), ~0], np.int32),
        right=np.array([~i for i in range(1, n + 1)], np.int32),
        value=np.ones(n + 1, F),
        cover=np.ones(n),
        leaf_cover=np.ones(n + 1),
    )


def category(words: tuple[str, ...], slot: int) -> CategoryColumn:
    return CategoryColumn(
        name="word",
        words=words,
        rows=np.arange(len(words), dtype=np.int32),
        missing_row=0,
        unseen_row=0,
        slots=(slot,),
        values=np.arange(max(len(words), 1), dtype=F)[:, None],
        weights=np.zeros((max(len(words), 1), 1), F),
        mean_weight=np.zeros(1, F),
    )


def base(width: int = 2, **changes: Any) -> PlanSpec:
    spec = PlanSpec(
        task=Task.BINARY,
        n_outputs=1,
        n_slots=width,
        columns=tuple(NumberColumn(name=f"x{i}", slot=i) for i in range(width)),
        trees=(stump(),),
        linear=None,
        base=np.zeros(1),
        forest_weight=1.0,
        linear_weight=0.0,
        calibration=Calibration(kind="sigmoid"),
        meta={},
    )
    return replace(spec, **changes)


number = NumberColumn
REFUSED: dict[str, tuple[Callable[[], PlanSpec], str]] = {
    "a slot of no column": (lambda: base(n_slots=3), "slot 2 is filled by no column"),
    "a slot filled twice": (
        lambda: base(columns=(number(name="a", slot=0), number(name="b", slot=0))),
        "'b' fills slot 0",
    ),
    "a slot out of range": (lambda: base(columns=(number(name="a", slot=7),)), "slot 7, but there are 2"),
    "views that stand apart": (
        lambda: base(3, columns=tuple(number(name=name, slot=i) for i, name in enumerate("aba"))),
        "read 'a' do not stand together",
    ),
    "too many slots": (lambda: base(n_slots=20_000), "20000 slots"),
    "too many nulls": (
        lambda: base(columns=(number(name="a", slot=0, format=NumberFormat(nulls=tuple(range(17)))),)),
        "more than 16",
    ),
    "a word twice": (lambda: base(n_slots=1, columns=(category(("a", "a"), 0),)), "lists a word twice"),
    "a long word": (lambda: base(n_slots=1, columns=(category(("a" * 5000,), 0),)), "a word of 5000 bytes"),
    "a row out of range": (
        lambda: base(n_slots=1, columns=(replace(category(("a",), 0), missing_row=9),)),
        "row 9 of a table of 1",
    ),
    "a wide path": (lambda: base(17, trees=(chain(17),)), "17 slots on one path"),
    "a deep tree": (
        lambda: base(1, trees=(replace(chain(128), feature=np.zeros(128, np.int32)),)),
        "128 splits",
    ),
    "a tree of nothing": (
        lambda: base(trees=(replace(chain(1), feature=np.zeros(0, np.int32)),)),
        "0 splits",
    ),
    "a tree that loops": (
        lambda: base(trees=(replace(chain(2), left=np.array([0, ~0], np.int32)),)),
        "needs one parent",
    ),
    "a child before its parent": (
        lambda: base(3, trees=(replace(chain(3), left=np.array([2, ~0, 1], np.int32)),)),
        "a child before its parent",
    ),
    "a slot that a tree lacks": (lambda: base(trees=(stump(5),)), "tree 0 reads a slot"),
    "an output that a tree lacks": (lambda: base(trees=(replace(stump(), output=1),)), "output 1 of 1"),
    "a leaf of infinity": (
        lambda: base(trees=(replace(stump(), value=np.array([np.inf, 0], F)),)),
        "not finite",
    ),
    "falling knots": (
        lambda: base(calibration=Calibration(kind="isotonic", x=np.array([1.0, 0.0]), y=np.zeros(2))),
        "must rise",
    ),
    "a calibration of another task": (lambda: base(calibration=Calibration(kind="softmax")), "does not fit"),
    "a slot derived from a derived one": (
        lambda: base(
            2,
            n_slots=4,
            derived=(Derived(slot=2, left=0, right=1), Derived(slot=3, left=2, right=0)),
        ),
        "derived slot 1 reads a slot",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_and_named(case: str) -> None:
    make, message = REFUSED[case]
    with pytest.raises(Unsupported, match=message) as caught:
        compile_plan(make())
    assert caught.value.code == "plan_limit"


def test_the_same_specification_gives_the_same_bytes() -> None:
    assert compile_plan(base()) == compile_plan(base())


def test_a_plan_without_trees_or_columns_scores() -> None:
    plan = Plan.from_bytes(compile_plan(base(n_slots=0, columns=(), trees=(), base=np.array([0.5]))))
    assert plan.score({"anything": 1})[0] == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert plan.explain({}) == ()


def test_the_file_is_laid_out_as_documented() -> None:
    data = compile_plan(base())
    header = np.frombuffer(data, layout.HEADER, 1)[0]
    assert (layout.HEADER.itemsize, layout.COLUMN.itemsize) == (400, 96)
    assert [
        layout.ITEMS[s].itemsize for s in (layout.Section.TREES, layout.Section.NODES, layout.Section.ENTRIES)
    ] == [16, 8, 12]
    assert header["size"] == len(data)
    assert header["checksum"] == xxh64(data[32:])
    starts = [int(span["offset"]) for span in header["section"]]
    assert all(start % 64 == 0 for start in starts)
    assert starts[layout.Section.RATIOS] % 4096 == 0
    assert starts[layout.Section.META] > starts[layout.Section.RATIOS]


def test_the_checksum_is_xxh64() -> None:
    """Test vectors of the specification's own sanity check, for lengths that take every branch."""
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"a") == 0xD24EC4F1A98C6E5B
    assert xxh64(b"abc") == 0x44BC2CF5AD770999
    assert xxh64(bytes(range(101))) == xxh64(bytearray(range(101)))


def test_a_table_never_needs_a_long_probe_even_for_colliding_words() -> None:
    words = [f"word {i}".encode() for i in range(3000)]
    same = [word for word in words if word_hash(word, 7) >> 24 & 0xFF == 0]
    for some in (words, same):
        strings = bytearray()
        entries, longest = build_table(some, range(len(some)), 7, strings)
        assert longest <= layout.MAX_PROBE
        assert len(entries) < 4 * len(some) + 64


def test_words_that_collide_under_every_size_are_refused_in_time() -> None:
    with pytest.raises(Unsupported, match="too many collisions"):
        build_table([b"same"] * 40, range(40), 7, bytearray())


def test_thousands_of_words_are_all_found() -> None:
    words = tuple(f"wörd {i}" for i in range(5000))
    plan = Plan.from_bytes(compile_plan(base(n_slots=1, columns=(category(words, 0),))))
    for i in range(0, 5000, 97):
        assert np.frombuffer(plan.encode({"word": f" {words[i]} "}), F)[0] == i
    assert np.frombuffer(plan.encode({"word": "wörd 5000"}), F)[0] == 0


def test_more_tokens_than_a_table_holds_are_refused() -> None:
    tokens = tuple(f"t{i}" for i in range(65_535))
    text = TextColumn(
        name="t",
        tokens=tokens,
        idf=np.ones(len(tokens), F),
        token_slots=np.full(len(tokens), -1, np.int32),
        weights=np.zeros((len(tokens), 1), F),
        mean_weight=np.zeros(1, F),
    )
    with pytest.raises(Unsupported, match="65535 rows or tokens"):
        compile_plan(base(n_slots=0, columns=(text,), trees=()))


def test_other_metadata_give_the_plan_that_would_be_compiled_with_them() -> None:
    for seed in range(20):
        plan = random_spec(seed)
        told = {"told": "later", "more": [1, 2, 3] * 50}
        assert with_meta(compile_plan(plan), told) == compile_plan(replace(plan, meta=told))
