"""One fitted predictor of each kind, trained once."""

import pytest
from tests.sdk.tables import houses, plants, telco

from tenantry import Predictor


@pytest.fixture(scope="session")
def churn() -> Predictor:
    return Predictor(target="Churn", budget_cpu_seconds=5).fit(telco())


@pytest.fixture(scope="session")
def price() -> Predictor:
    return Predictor(target="price", budget_cpu_seconds=3).fit(houses())


@pytest.fixture(scope="session")
def kinds() -> Predictor:
    return Predictor(target="kind", task="classification", budget_cpu_seconds=3).fit(plants())
