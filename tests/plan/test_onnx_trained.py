"""The export of models that training made, on raw records."""

import csv
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest

from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.plan import Plan
from tenantry.plan.onnx_export import export_onnx, verify_onnx
from tenantry.schema import Task
from tenantry.tenancy import tenant_id


def churn() -> tuple[pa.Table, str]:
    path = files("tenantry.demo") / "data" / "telco_churn.csv"
    return pa.Table.from_pylist(list(csv.DictReader(path.read_text().splitlines()))[:1500]), "Churn"


def tickets(rows: int = 600) -> tuple[pa.Table, str]:
    """Texts, dates with times and their difference, money; three classes."""
    rng = np.random.default_rng(5)
    kind = rng.integers(0, 3, rows)
    stock = [["refund", "card"], ["login", "password"], ["parcel", "late"]]
    opened = np.datetime64("2023-01-01T00:00:00") + rng.integers(0, 500 * 86_400, rows).astype("m8[s]")
    closed = opened + ((kind * 40 + rng.integers(1, 60, rows)) * 3600).astype("m8[s]")

    def text(k: int) -> str:
        words = [*rng.choice(stock[k], 2), *rng.choice(["Please", "help!", "now", "naïve", "my"], 4)]
        return " ".join(rng.permutation(words))

    table = {
        "text": [None if rng.random() < 0.05 else text(k) for k in kind],
        "opened": [str(t).replace("T", " ") for t in opened],
        "closed": [str(t).replace("T", " ") for t in closed],
        "amount": [f"${v:,.2f}" for v in rng.lognormal(7, 1, rows) * (1 + kind)],
        "kind": [["money", "access", "post"][k] for k in kind],
    }
    return pa.table(table), "kind"


def cars(rows: int = 500) -> tuple[pa.Table, str]:
    """A skewed, positive target, learnt as its logarithm."""
    rng = np.random.default_rng(6)
    brand = rng.choice(["ant", "bee", "cat"], rows)
    age = rng.integers(0, 15, rows)
    price = np.exp(10 + 0.8 * (brand == "cat") - 0.15 * age + rng.normal(0, 0.2, rows))
    return pa.table({"brand": brand, "age": age.astype(str), "price": [f"{p:.0f}" for p in price]}), "price"


@pytest.mark.parametrize(
    ("make", "task"), [(churn, Task.BINARY), (tickets, Task.MULTICLASS), (cars, Task.REGRESSION)]
)
def test_a_trained_model_scores_the_same_in_onnxruntime(make, task):
    table, target = make()
    definition = PredictionDefinition(name="p", target=target)
    model = train(tenant_id("t"), table, definition, budget_cpu_seconds=4)
    assert model.signature.task is task
    records = table.to_pylist()
    with Plan.from_bytes(model.plan) as plan:
        assert verify_onnx(plan, export_onnx(plan), records) < 1e-9
