import numpy as np
import pyarrow as pa
import pytest

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.automl.encoders import CategoryEncoder, TextEncoder, build_space
from tenantry.automl.encoders.categories import SMOOTHING, Link
from tenantry.automl.typing import distinct_values, type_column
from tenantry.plan import Plan
from tenantry.plan.decompile import spec_of
from tenantry.tenancy import TenantId


def typed(values, name="x"):
    return type_column(name, distinct_values(pa.array(values)))


def test_a_target_rate_that_carries_no_signal_stays_near_nothing_out_of_fold():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in rng.integers(0, 300, 2000)]
    y = (rng.random(2000) < 0.5).astype(float)[:, None]
    encoder = CategoryEncoder.of(0, typed(words), 1)
    _, own = encoder.fit(np.arange(2000), y, Link(y.mean(axis=0), classes=True), 0)
    assert abs(np.corrcoef(own[:, 2], y[:, 0])[0, 1]) < 0.08


def test_table_rates_are_smoothed_log_odds():
    words = ["a"] * 90 + ["b"] * 10
    y = np.array([1.0] * 45 + [0.0] * 55)[:, None]
    encoder = CategoryEncoder.of(0, typed([*words, "c"]), 1)
    table, _ = encoder.fit(np.arange(100), y, Link(y.mean(axis=0), classes=True), 0)
    share = (45 + SMOOTHING * 0.45) / (90 + SMOOTHING)
    expected = np.log(share / (1 - share)) - np.log(0.45 / 0.55)
    a = table.row[encoder.words.index("a")]
    assert table.values[a, 2] == pytest.approx(expected, rel=1e-6)
    assert table.values[a, 1] == 90


def test_a_word_met_once_looks_in_training_as_an_unseen_word_will():
    words = ["a", "b"] * 50 + ["once"]
    y = (np.arange(101) % 3 == 0).astype(float)[:, None]
    encoder = CategoryEncoder.of(0, typed(words), 1)
    table, own = encoder.fit(np.arange(101), y, Link(y.mean(axis=0), classes=True), 0)
    assert np.array_equal(own[100], table.values[table.unseen_row])
    assert table.values[table.row[encoder.words.index("once")], 1] == 1  # its next row has one companion


def test_missing_is_a_word_of_its_own():
    words = [None, "a", "b", "c"] * 50
    y = np.array([1.0, 0.0, 0.0, 0.0] * 50)[:, None]
    encoder = CategoryEncoder.of(0, typed(words), 1)
    table, _ = encoder.fit(np.arange(200), y, Link(y.mean(axis=0), classes=True), 0)
    missing = table.values[table.missing_row]
    assert missing[0] == -1.0
    assert missing[1] == 50
    assert missing[2] > 1.0


def test_two_words_need_one_slot():
    encoder = CategoryEncoder.of(0, typed(["m", "f"] * 30), 1)
    assert [slot.part for slot in encoder.slots()] == ["code"]


def test_words_too_long_for_the_plan_count_as_unseen():
    long = "x" * 5000
    words = ["a", "b", "c", long] * 20
    y = np.zeros((80, 1))
    encoder = CategoryEncoder.of(0, typed(words), 1)
    table, _ = encoder.fit(np.arange(80), y, Link(y.mean(axis=0), classes=False), 0)
    assert table.row[encoder.words.index(long)] == table.unseen_row


def test_a_vocabulary_holds_frequent_tokens_and_pairs_but_not_the_rare():
    texts = [f"printer jam number{i} floor two" for i in range(60)] + ["screen is black"] * 20
    encoder = TextEncoder.of(0, typed(texts))
    assert "printer jam" in encoder.tokens
    assert "number7" not in encoder.tokens
    assert encoder.matrix.shape == (80, len(encoder.tokens))
    norms = np.sqrt(np.asarray(encoder.matrix.multiply(encoder.matrix).sum(axis=1))).ravel()
    assert np.allclose(norms, 1, atol=0.02)


def test_dates_bring_parts_and_differences():
    start = [f"2021-0{1 + i % 9}-1{i % 9}" for i in range(90)]
    end = [f"2022-0{1 + i % 9}-0{1 + i % 8}" for i in range(90)]
    space = build_space((typed(start, "start"), typed(end, "end")), 1, classes=False)
    names = [slot.name for slot in space.slots]
    assert "start minus end" in names
    assert {"month of start", "weekday of start", "day of end"} <= set(names)
    at = names.index("start minus end")
    slot, left, right = space.differences[0]
    assert slot == at
    assert np.array_equal(space.fixed[:, at], space.fixed[:, left] - space.fixed[:, right])


def _days(first, count, step=1):
    return [str(np.datetime64(first) + step * i) for i in range(count)]


@pytest.mark.parametrize(
    ("values", "there"),
    [
        (_days("2019-02-03", 900), True),
        (_days("2019-02-03", 120, 7), True),
        (_days("2019-02-03", 300), False),
        ([f"{2000 + i // 12}-{1 + i % 12:02d}-01" for i in range(100)], False),
    ],
)
def test_a_day_of_the_year_is_there_where_it_says_more_than_days_and_months(values, there):
    space = build_space((typed(values, "sold"),), 1, classes=False)
    assert ("day of the year of sold" in [slot.name for slot in space.slots]) is there


def test_a_plan_reads_the_day_of_the_year_as_training_did():
    rng = np.random.default_rng(0)
    days = np.datetime64("2018-01-01") + rng.integers(0, 1800, 1200)
    of_year = (days - days.astype("datetime64[Y]")).astype(int) + 1
    sale = (of_year > 310) & (of_year < 345)  # from November into December
    table = pa.table(
        {"day": [str(d) for d in days], "sold": np.where(sale, 9.0, 1.0) + rng.normal(size=1200)}
    )
    model = train(
        TenantId("acme"), table, PredictionDefinition(name="w", target="sold"), budget_cpu_seconds=3
    )
    assert model.receipt.plan_pipeline < 1e-6
    plan = Plan(model.plan)
    (column,) = spec_of(model.plan).columns
    assert column.yearday >= 0
    for day, low, high in (("2023-11-20", 7, 11), ("2024-12-05", 7, 11), ("2024-09-15", 0, 5), (None, 0, 11)):
        assert low < plan.score({"day": day})[0] < high


def test_all_slots_are_float32():
    columns = (typed(["1", "2", None] * 30, "n"), typed(["a", "b", "c"] * 30, "c"))
    space = build_space(columns, 1, classes=True)
    y = (np.arange(90) % 2).astype(float)[:, None]
    encoded = space.fit(np.arange(60), y, 0)
    assert space.train_dense(encoded).dtype == np.float32
    assert space.dense(encoded, np.arange(60, 90)).dtype == np.float32
    assert space.train_dense(encoded).shape == (60, len(space.slots))


def test_words_are_coded_in_the_order_that_people_read():
    words = ["10+ years", "2 years", "< 1 year", "9 years", "never", "1 year"]
    encoder = CategoryEncoder.of(0, typed(words * 10), 1)
    ordered = [encoder.words[i] for i in np.argsort(encoder.rank)]
    assert ordered == ["< 1 year", "1 year", "2 years", "9 years", "10+ years", "never"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"u{i}@{'ab'[i % 2]}.org" for i in range(40)], ("a.org", "b.org")),
        ([f"https://www.{'AB'[i % 2]}.org/{i}" for i in range(40)], ("a.org", "b.org")),
        ([f"+1 ({415 + i % 2}) 555-{i:04d}" for i in range(40)], None),
        ([f"+{44 + i % 2} 20 7946 {i:04d}" for i in range(40)], ("+44", "+45")),
        ([f"u{i}@host{i}.org" for i in range(40)], None),
    ],
)
def test_addresses_and_numbers_that_never_repeat_are_known_by_a_part_that_does(values, words):
    part = CategoryEncoder.part_of(0, typed(values), 1)
    assert (part and part.words) == words


def test_a_plan_looks_up_domains_as_training_did():
    rng = np.random.default_rng(0)
    hosts = rng.choice(["good.org", "bad.com", "x.net"], 400)
    won = rng.random(400) < np.where(hosts == "good.org", 0.9, 0.2)
    table = pa.table(
        {
            "email": [f"user{i}@{host}" if i % 9 else "n/a" for i, host in enumerate(hosts)],
            "site": [f"https://{host}/{i}" if i % 7 else "n/a" for i, host in enumerate(hosts[::-1])],
            "won": np.where(won, "yes", "no"),
        }
    )
    model = train(TenantId("acme"), table, PredictionDefinition(name="w", target="won"), budget_cpu_seconds=3)
    assert model.receipt.plan_pipeline < 1e-6
    with Plan.from_bytes(model.plan) as plan:
        new = [{"email": "someone@GOOD.org"}, {"email": "someone@bad.com"}]
        good, bad = plan.score_rows(new)
    assert good[0] > bad[0] + 0.3
