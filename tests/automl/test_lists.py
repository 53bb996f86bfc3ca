"""Lists in one value: found, learnt from, and scored."""

import numpy as np
import pyarrow as pa
import pytest

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.automl.encoders import TextEncoder, build_space
from tenantry.automl.typing import distinct_values, type_column, type_table
from tenantry.plan import Plan
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import TextColumn
from tenantry.schema import SemanticType
from tenantry.tenancy import TenantId

ITEMS = ["wifi", "pool", "gym", "bar", "parking", "sea view"]


def flats(rows: int = 600) -> tuple[list[list[str]], np.ndarray]:
    rng = np.random.default_rng(0)
    lists = [[ITEMS[i] for i in rng.permutation(6)[: rng.integers(0, 5)]] for _ in range(rows)]
    price = np.array([50.0 + 30 * ("pool" in x) + 20 * ("sea view" in x) for x in lists])
    return lists, price + rng.normal(size=rows)


def trained(values, price):
    table = pa.table({"amenities": values, "floor": np.arange(len(price)) % 7, "price": price})
    definition = PredictionDefinition(name="p", target="price")
    return train(TenantId("acme"), table, definition, budget_cpu_seconds=3)


@pytest.fixture(scope="module")
def model():
    lists, price = flats()
    return trained(["; ".join(items) or None for items in lists], price)


def test_a_model_learns_from_items_in_any_order_and_as_text_or_as_a_list(model):
    assert model.receipt.plan_pipeline < 1e-6
    plan = Plan(model.plan)
    column = next(c for c in spec_of(model.plan).columns if c.name == "amenities")
    assert isinstance(column, TextColumn)
    assert column.delimiter == ";"
    assert set(column.tokens) == set(ITEMS)
    ways = ("pool; sea view", "sea view;pool", ["pool", "sea view"], '["sea view", "pool"]')
    scores = [plan.score({"amenities": way, "floor": 3})[0] for way in ways]
    assert scores == [scores[0]] * len(ways)
    assert scores[0] == pytest.approx(100, abs=5)
    assert plan.score({"amenities": ["gym", "wifi"], "floor": 3})[0] == pytest.approx(50, abs=5)


def test_an_unseen_item_counts_and_says_nothing_more(model):
    plan = Plan(model.plan)
    unseen = plan.score({"amenities": ["pool", "helipad"], "floor": 3})[0]
    assert unseen == pytest.approx(80, abs=6)
    assert plan.score({"amenities": None, "floor": 3})[0] == pytest.approx(50, abs=6)


def test_lists_of_a_column_of_lists_are_learnt_alike():
    lists, price = flats()
    model = trained(pa.array(lists), price)
    assert model.receipt.plan_pipeline < 1e-6
    plan = Plan(model.plan)
    assert plan.score({"amenities": ["sea view", "pool"], "floor": 3})[0] == pytest.approx(100, abs=5)
    (column,) = [c for c in model.scorecard.columns if c.name == "amenities"]
    assert column.type is SemanticType.LIST
    assert "JSON arrays" in column.evidence


def test_items_and_their_number_are_what_a_list_brings():
    values = ["a;b;a", "b", None, "c;b", ";", "b;a"] * 10
    column = type_column("tags", distinct_values(pa.array(values)))
    encoder = TextEncoder.of_list(0, column)
    assert encoder.tokens == ("b", "a", "c")
    assert encoder.matrix[:6].toarray().tolist() == [
        [1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0], [1, 1, 0],
    ]  # fmt: skip
    assert np.array_equal(encoder.words[:6], np.array([3, 1, np.nan, 2, 0, 2], np.float32), equal_nan=True)
    space = build_space((column,), 1, classes=False)
    assert [slot.name for slot in space.slots] == [
        "number of tags",
        "“b” in tags",
        "“a” in tags",
        "“c” in tags",
    ]


@pytest.mark.parametrize(
    ("values", "delimiter"), [(["a|b", "c"], "|"), (["x", "y"], ","), (["a;b", "a,b;c"], ";")]
)
def test_a_declared_list_is_parted_by_what_most_rows_hold(values, delimiter):
    (column,) = type_table(pa.table({"x": values * 20}), ["x"], {"x": SemanticType.LIST})
    assert column.type is SemanticType.LIST
    assert column.delimiter == delimiter
