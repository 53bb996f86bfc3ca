"""Small made tables with known answers."""

import numpy as np
import pyarrow as pa

from tenantry.apps import PredictionDefinition
from tenantry.automl import TrainedModel, train
from tenantry.tenancy import tenant_id

TENANT = tenant_id("acme")
PLANS = ("basic", "plus", "gold")


def customers(rows=600, seed=0, missing=0.05):
    """Binary ``left``: driven by plan, months and price; as text, the way a CSV comes."""
    rng = np.random.default_rng(seed)
    plan = rng.integers(0, 3, rows)
    months = rng.integers(1, 72, rows)
    price = rng.normal(50, 15, rows).round(2)
    day = rng.integers(0, 1500, rows)
    margin = 1.2 * (plan == 0) - 0.05 * months + 0.03 * price - 0.5
    left = rng.random(rows) < 1 / (1 + np.exp(-margin))
    dates = np.datetime64("2019-01-01") + day.astype("timedelta64[D]")
    gone = rng.random((rows, 4)) < missing
    table = {
        "customer_id": [f"C{100000 + i}" for i in range(rows)],
        "plan": [None if g else PLANS[k] for k, g in zip(plan, gone[:, 0], strict=True)],
        "months": [None if g else str(m) for m, g in zip(months, gone[:, 1], strict=True)],
        "price": [None if g else f"${p:,.2f}" for p, g in zip(price, gone[:, 2], strict=True)],
        "since": [None if g else str(d) for d, g in zip(dates, gone[:, 3], strict=True)],
        "left": ["yes" if y else "no" for y in left],
    }
    return pa.table(table)


def tickets(rows=500, seed=0):
    """Multiclass ``team`` told by words in ``body``; one class is rare."""
    rng = np.random.default_rng(seed)
    words = {
        "billing": ["invoice", "refund", "charge"],
        "network": ["router", "signal", "latency"],
        "access": ["password", "login", "badge"],
    }
    filler = ["please", "help", "today", "again", "the", "with", "my", "since", "monday", "urgent"]
    teams = [["billing", "network", "access"][k] for k in rng.integers(0, 3, rows)]
    teams[:4] = ["other"] * 4
    body = [
        " ".join([*rng.choice(filler, 6), *rng.choice(words.get(t, filler), 1 + (rng.random() < 0.7))])
        + f" case {i}"
        for i, t in enumerate(teams)
    ]
    urgency = [str(u) for u in rng.integers(1, 5, rows)]
    return pa.table({"body": body, "urgency": urgency, "team": teams})


def houses(rows=500, seed=0):
    """Regression ``price`` with a long tail, from typed Arrow columns."""
    rng = np.random.default_rng(seed)
    area = rng.normal(120, 40, rows).clip(20)
    rooms = rng.integers(1, 8, rows)
    town = rng.integers(0, 12, rows)
    value = np.exp(0.012 * area + 0.05 * rooms + 0.15 * (town % 4) + rng.normal(0, 0.1, rows)) * 50_000
    return pa.table(
        {
            "area": pa.array(area),
            "rooms": pa.array(rooms, pa.int16()),
            "town": pa.array([f"Town {t}" for t in town]).dictionary_encode(),
            "sold": pa.array([bool(b) for b in rng.random(rows) < 0.5]),
            "price": pa.array(value),
        }
    )


def learn(table, target, budget=20.0, seed=0, progress=None, **fields) -> TrainedModel:
    definition = PredictionDefinition(name="probe", target=target, **fields)
    return train(TENANT, table, definition, budget_cpu_seconds=budget, seed=seed, progress=progress)


def columns(model):
    return {column.name: column for column in model.scorecard.columns}


def codes(model):
    return {finding.code for finding in model.scorecard.findings}
