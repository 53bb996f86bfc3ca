"""Small tables whose answer is known."""

from importlib.resources import files

import numpy as np
import pandas as pd


def telco(rows: int = 900) -> pd.DataFrame:
    table = files("tenantry.demo") / "data" / "telco_churn.csv"
    return pd.read_csv(str(table), dtype=str, keep_default_na=False).head(rows)


def houses(rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.uniform(40, 200, rows)
    place = rng.choice(["city", "village"], rows)
    price = size * 3000 + np.where(place == "city", 150_000, 0) + rng.normal(0, 20_000, rows)
    return pd.DataFrame({"size": [f"{s:.1f} m2" for s in size], "place": place, "price": price.round(2)})


def plants(rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 3, rows)
    return pd.DataFrame(
        {
            "height": kind * 10 + rng.normal(0, 3, rows),
            "colour": np.array(["red", "green", "blue"])[(kind + (rng.random(rows) < 0.2)) % 3],
            "kind": kind + 7,
        }
    )
