"""Many rows at once: the bits of one row at a time, whatever the rows come in and however many threads score them."""

from contextlib import suppress
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.plan.specs import random_spec, records_of

from tenantry.errors import InvalidData
from tenantry.plan import Plan, compile_plan

SOME = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def texts(values: list[str]) -> tuple[Any, bytes]:
    """Text as Arrow keeps it."""
    parts = [value.encode() for value in values]
    return np.cumsum([0, *map(len, parts)], dtype=np.int32), b"".join(parts)


@SOME
@given(st.integers(0, 1 << 30), st.data(), st.sampled_from((31, 32, 33, 47, 80)), st.integers(1, 4))
def test_rows_and_columns_of_any_number_score_as_one_by_one(
    seed: int, data: Any, n: int, threads: int
) -> None:
    spec = random_spec(seed)
    plan = Plan.from_bytes(compile_plan(spec))
    some = data.draw(st.lists(records_of(spec), min_size=1, max_size=5))
    records = [some[i * i % len(some)] for i in range(n)]
    single = [plan.score(record) for record in records]
    assert plan.score_rows(records) == single
    columns = [[record.get(name) for record in records] for name in plan.columns]
    assert plan.score_columns(columns, n, threads) == np.array(single).tobytes()


WORDS = st.one_of(
    st.sampled_from(("good bad", "Two year", "$1,234.50", "2024-03-05", "", " true ")), st.text(max_size=12)
)


@SOME
@given(st.integers(0, 1 << 30), st.lists(WORDS, min_size=1, max_size=7), st.integers(1, 4))
def test_text_in_buffers_scores_as_text_in_records(seed: int, words: list[str], threads: int) -> None:
    plan = Plan.from_bytes(compile_plan(random_spec(seed)))
    records = [{name: words[(i + k) % len(words)] for k, name in enumerate(plan.columns)} for i in range(40)]
    single = np.array([plan.score(record) for record in records])
    columns = [texts([record[name] for record in records]) for name in plan.columns]
    assert plan.score_columns(columns, 40, threads) == single.tobytes()


def test_trees_of_every_size_score_alike() -> None:
    for seed in range(
        40
    ):  # among them trees beyond 32 leaves, which are walked, and forests of several outputs
        plan = Plan.from_bytes(compile_plan(random_spec(seed)))
        chance = np.random.default_rng(seed)
        columns = [chance.normal(size=70) for _ in plan.columns]
        single = [
            plan.score({name: float(c[i]) for name, c in zip(plan.columns, columns, strict=True)})
            for i in range(70)
        ]
        assert plan.score_columns(columns, 70, 3) == np.array(single).tobytes()


def test_a_row_that_cannot_be_read_ends_the_batch() -> None:
    plan = Plan.from_bytes(compile_plan(random_spec(3)))
    good = dict.fromkeys(plan.columns, "1")
    with pytest.raises(InvalidData, match="holds"):
        plan.score_rows([*[good] * 60, {plan.columns[0]: [1]}, *[good] * 60])
    assert plan.score_rows([good] * 60) == [plan.score(good)] * 60


@pytest.mark.parametrize(
    "column",
    [
        (np.array([0, 2, 1], np.int32), b"ab"),  # they fall
        (np.array([0, 1, 3], np.int32), b"ab"),  # beyond the text
        (np.array([-1, 1, 2], np.int32), b"ab"),
        (np.array([0, 1, 2], np.int64), b"ab"),
        (np.array([], np.int32), b""),
        (np.array([0, 1, 2], np.int32),),
    ],
)
def test_offsets_that_lead_outside_the_text_are_refused(column: Any) -> None:
    plan = Plan.from_bytes(compile_plan(random_spec(3)))
    with pytest.raises(TypeError, match="neither None nor a list"):
        plan.score_columns([column, *[None] * (len(plan.columns) - 1)], 2)


def test_a_plan_that_is_closed_while_it_scores_stays_until_the_end() -> None:
    plan = Plan.from_bytes(compile_plan(random_spec(8)))
    columns = [np.linspace(-3, 3, 40_000) for _ in plan.columns]
    whole = plan.score_columns(columns, 40_000)
    begun, scores = Event(), []

    def score() -> None:
        begun.set()
        with suppress(ValueError):  # it was closed before the first row
            scores.append(plan.score_columns(columns, 40_000, 2))

    thread = Thread(target=score)
    thread.start()
    begun.wait()
    plan.close()
    thread.join()
    assert scores in ([whole], [])


def test_opening_larger_plans_between_chunks_spoils_no_text() -> None:
    plans = [Plan.from_bytes(compile_plan(random_spec(seed))) for seed in range(30)]
    records = [dict.fromkeys(plan.columns, "good late not") for plan in plans]
    wanted = [plan.score(record) for plan, record in zip(plans, records, strict=True)]
    wrong: list[int] = []

    def score(which: int) -> None:
        for _ in range(3):
            many = plans[which].score_rows([records[which]] * 3000)
            wrong.extend(i for i, scores in enumerate(many) if scores != wanted[which])

    threads = [Thread(target=score, args=(which,)) for which in range(0, 30, 5)]
    for thread in threads:
        thread.start()
    for seed in range(100, 130):
        Plan.from_bytes(compile_plan(random_spec(seed)))
    for thread in threads:
        thread.join()
    assert not wrong
