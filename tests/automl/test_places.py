"""Places in one column: found, learnt from, and scored."""

import numpy as np
import pyarrow as pa
import pytest

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.automl.encoders import build_space
from tenantry.automl.reference import reference_bins
from tenantry.automl.typing import distinct_values, type_column, type_table
from tenantry.errors import InvalidData
from tenantry.plan import Plan
from tenantry.plan.decompile import spec_of
from tenantry.plan.ir import GeoColumn
from tenantry.plan.reasons import reasons
from tenantry.schema import SemanticType
from tenantry.tenancy import TenantId


def shops(rows: int = 600) -> pa.Table:
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(47, 55, rows), rng.uniform(6, 15, rows)
    rent = np.where((lat > 52) & (lon > 11), 30.0, 10.0) + rng.normal(size=rows)
    place = [
        f"{a:.4f}, {b:.4f}" if i % 11 else "unknown" for i, (a, b) in enumerate(zip(lat, lon, strict=True))
    ]
    return pa.table({"place": place, "floor": rng.integers(1, 9, rows), "rent": rent})


@pytest.fixture(scope="module")
def model():
    return train(
        TenantId("acme"), shops(), PredictionDefinition(name="r", target="rent"), budget_cpu_seconds=3
    )


def test_a_model_learns_from_places_and_scores_each_way_to_write_one(model):
    assert model.receipt.plan_pipeline < 1e-6
    plan = Plan(model.plan)
    place = next(c for c in spec_of(model.plan).columns if c.name == "place")
    assert isinstance(place, GeoColumn)
    assert min(place.lat, place.lon) >= 0
    ways = ("53.5, 13.5", "(53.5; 13.5)", "POINT (13.5 53.5)", [53.5, 13.5])
    dear = [plan.score({"place": way, "floor": 3})[0] for way in ways]
    assert dear == [dear[0]] * len(ways)
    assert dear[0] > 22
    assert plan.score({"place": [48.5, 8.5], "floor": 3})[0] < 16
    gaps = {plan.score({"place": way, "floor": 3})[0] for way in (None, "unknown", "953.5, 13.5", [53.5])}
    assert len(gaps) == 1
    told = reasons(plan, {"place": [53.5, 13.5], "floor": 3}, 1)[0]
    assert told.text.startswith("place is 53.5, 13.5: raises")


def test_the_scorecard_says_what_a_place_is(model):
    (column,) = [c for c in model.scorecard.columns if c.name == "place"]
    assert column.type is SemanticType.GEOLOCATION
    assert "latitude and longitude" in column.evidence
    assert column.missing == pytest.approx(55 / 600, abs=1e-6)


def test_training_reads_places_as_the_plan_does():
    column = type_column("place", distinct_values(pa.array(["52.5, 13.4", None, "POINT (2 48)", "x"] * 30)))
    assert column.type is not SemanticType.GEOLOCATION  # a third is none
    (column,) = type_table(shops(), ["place"])
    space = build_space((column,), 1, classes=False)
    assert [slot.name for slot in space.slots] == ["latitude of place", "longitude of place"]
    assert np.array_equal(space.fixed, column.points().astype(np.float32), equal_nan=True)
    assert np.array_equal(np.isnan(space.fixed[:, 0]), column.missing_rows())
    bins = reference_bins((column,), np.zeros(600))["features"]["place"]
    assert sum(bins["counts"]) == 600 - bins["missing"]


def test_a_declared_place_is_read_or_refused():
    (column,) = type_table(
        pa.table({"x": ["12 5", "11 4", "10 3"] * 9}), ["x"], {"x": SemanticType.GEOLOCATION}
    )
    assert column.points()[0].tolist() == [12.0, 5.0]
    with pytest.raises(InvalidData, match="9 of its 27 values do not fit, such as 'Rome'"):
        type_table(pa.table({"x": ["12 5", "11 4", "Rome"] * 9}), ["x"], {"x": SemanticType.GEOLOCATION})


def test_a_place_cannot_be_predicted():
    with pytest.raises(InvalidData, match="geolocation, which cannot be predicted"):
        train(TenantId("acme"), shops(), PredictionDefinition(name="r", target="place"), budget_cpu_seconds=1)
