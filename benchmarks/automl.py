"""Quality, leakage, size and speed of training on any folder of tables with a ``manifest.json``.

The manifest maps a name to ``{"file", "target", "task", "leaky_columns", "id_columns"}``. Every table is split 80/20
with seed 42 (stratified by class). Two runs: with leaky and id columns dropped, for quality beside a plain LightGBM and
a rival (``--rival file.py``: its first class with ``fit(X, y)`` and ``predict(X)``, made with the task); and
with everything left in, for what the checks leave out. Without ``--data`` the tables that the package ships.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.model_selection import train_test_split

from tenantry.apps import PredictionDefinition
from tenantry.automl import TrainedModel, train
from tenantry.evaluation import auroc_estimate, bootstrap_estimate, metrics
from tenantry.plan import Plan
from tenantry.schema import Task
from tenantry.tenancy import tenant_id

SHIPPED = Path(__file__).parent.parent / "src" / "tenantry" / "demo" / "data"
SHIPPED_MANIFEST: dict[str, dict[str, Any]] = {
    "telco_churn": {"target": "Churn", "id_columns": ["customerID"]},
    "bank_marketing": {"target": "y", "leaky_columns": ["duration"]},
    "adult_income": {"target": "class"},
}
TENANT = tenant_id("bench")
SEED = 42


@dataclass(frozen=True, slots=True)
class Table:
    """One table: as Arrow text for us, as pandas types for the others; ``parts``: training and test rows."""

    name: str
    task: Task
    target: str
    leaky: list[str]
    ids: list[str]
    arrow: pa.Table
    frame: pd.DataFrame
    parts: tuple[np.ndarray, np.ndarray]


@dataclass(slots=True)
class Result:
    """AUROC or R² with its standard error, log loss or RMSE, and CPU seconds of training."""

    score: float
    error: float
    loss: float
    seconds: float
    extra: dict[str, float] = field(default_factory=dict)


def load(folder: Path, name: str, entry: dict[str, Any]) -> Table:
    target, task = entry["target"], Task(entry["task"])
    frame = pd.read_csv(folder / entry["file"], low_memory=False)
    known = frame[target].notna().to_numpy()
    raw = pd.read_csv(folder / entry["file"], dtype=str, keep_default_na=False)[known]
    arrow = pa.table({c: pa.array([v or None for v in raw[c]], pa.string()) for c in raw.columns})
    frame = frame[known].reset_index(drop=True)
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            frame[column] = frame[column].astype(object).where(frame[column].notna(), np.nan)
    strata = frame[target] if task is not Task.REGRESSION else None
    parts = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=SEED, stratify=strata)
    leaky, ids = entry.get("leaky_columns", []), entry.get("id_columns", [])
    return Table(name, task, target, leaky, ids, arrow, frame, (parts[0], parts[1]))


def judge(table: Table, predicted: np.ndarray, classes: list[str] | None, seconds: float) -> Result:
    """``predicted``: values, or probabilities with one column a class of ``classes``."""
    truth = table.frame[table.target].to_numpy()[table.parts[1]]
    if table.task is Task.REGRESSION:
        y = truth.astype(float)
        r2 = metrics.r2(y, predicted)
        spread = bootstrap_estimate(r2, lambda w: metrics.r2(y, predicted, w), len(y), SEED)
        return Result(r2, spread.error, metrics.rmse(y, predicted), seconds)
    assert classes is not None
    y = np.array([classes.index(str(v)) for v in truth])
    p = np.clip(predicted, 1e-7, 1)
    p = p / p.sum(axis=1, keepdims=True)
    found = auroc_estimate(y, p[:, 1] if len(classes) == 2 else p)
    return Result(found.value, found.error, float(metrics.row_log_loss(y, p).mean()), seconds)


def ours(table: Table, budget: float) -> tuple[Result, TrainedModel]:
    dropped = [c for c in (*table.leaky, *table.ids) if c in table.arrow.column_names]
    data = table.arrow.drop_columns(dropped)
    definition = PredictionDefinition(name=table.name, target=table.target, task=table.task)
    start = time.process_time()
    model = train(TENANT, data.take(table.parts[0]), definition, budget_cpu_seconds=budget, seed=SEED)
    seconds = time.process_time() - start
    records = data.take(table.parts[1]).drop_columns([table.target]).to_pylist()
    plan = Plan.from_bytes(model.plan)
    scored = np.array(plan.score_rows(records))
    rows = []
    for record in records[:200]:
        begin = time.perf_counter()
        plan.score(record)
        rows.append((time.perf_counter() - begin) * 1e6)
    plan.close()
    if table.task is Task.BINARY:
        scored = np.column_stack((1 - scored[:, 0], scored[:, 0]))
    predicted = scored[:, 0] if table.task is Task.REGRESSION else scored
    result = judge(table, predicted, list(model.signature.classes), seconds)
    inner = model.scorecard.metrics[0]
    result.extra = {
        "kb": len(model.plan) / 1024,
        "row": statistics.median(rows),
        "inner": inner.value,
        "overrun": max(0.0, seconds / budget - 1),
    }
    return result, model


def plain_lightgbm(table: Table) -> Result:
    import lightgbm as lgb

    train_x, train_y, test_x = features(table)
    words = [c for c in train_x if train_x[c].dtype == object]
    maps = {c: {v: i for i, v in enumerate(pd.unique(train_x[c].dropna()))} for c in words}

    def encode(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        for c in words:
            frame[c] = frame[c].map(maps[c]).astype("Float64").astype(float)
        frame.columns = pd.Index([f"f{i}" for i in range(frame.shape[1])])
        return frame

    kind = lgb.LGBMRegressor if table.task is Task.REGRESSION else lgb.LGBMClassifier
    small = [f"f{list(train_x).index(c)}" for c in words if len(maps[c]) <= 1000]
    start = time.process_time()
    model = kind(n_jobs=1, random_state=SEED, verbose=-1, verbosity=-1)
    model.fit(encode(train_x), train_y, categorical_feature=small)
    seconds = time.process_time() - start
    if table.task is Task.REGRESSION:
        return judge(table, model.predict(encode(test_x)), None, seconds)
    return judge(table, model.predict_proba(encode(test_x)), [str(c) for c in model.classes_], seconds)


def rival(table: Table, make: Callable[[str], Any]) -> Result:
    train_x, train_y, test_x = features(table)
    model = make(table.task.value)
    start = time.process_time()
    model.fit(train_x, train_y)
    seconds = time.process_time() - start
    classes = None if table.task is Task.REGRESSION else [str(c) for c in model.classes_]
    return judge(table, np.asarray(model.predict(test_x)), classes, seconds)


def features(table: Table) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame]:
    gone = [c for c in (*table.leaky, *table.ids, table.target) if c in table.frame]
    x, y = table.frame.drop(columns=gone), table.frame[table.target]
    first, second = table.parts
    return x.iloc[first].reset_index(drop=True), y.iloc[first].reset_index(drop=True), x.iloc[second]


def rival_maker(path: Path) -> Callable[[str], Any]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    kinds = [k for k in vars(module).values() if isinstance(k, type) and k.__module__ == path.stem]
    return next(k for k in kinds if hasattr(k, "fit") and hasattr(k, "predict"))


def leaks(table: Table, budget: float) -> str:
    """One line of the leakage table: everything left in."""
    definition = PredictionDefinition(name=table.name, target=table.target, task=table.task)
    model = train(TENANT, table.arrow, definition, budget_cpu_seconds=budget, seed=SEED)
    out = {c.name for c in model.scorecard.columns if c.role == "excluded"}
    flagged = {f.columns[0] for f in model.scorecard.findings if f.code == "leakage"}
    wrong = sorted(flagged - set(table.leaky))
    caught = sorted(flagged & set(table.leaky))
    missed = sorted(set(table.leaky) - flagged)
    ids = f"{len(out & set(table.ids))}/{len(table.ids)}"
    return f"| {table.name} | {shown(caught)} | {shown(missed)} | {shown(wrong)} | {ids} |"


def shown(names: list[str]) -> str:
    return ", ".join(names) or "–"


def line(table: Table, mine: Result, plain: Result, other: Result | None) -> str:
    measure = "R²" if table.task is Task.REGRESSION else "AUROC"
    against = "–"
    score = loss = "–"
    if other is not None:
        against = f"{(mine.score - other.score) / max(1e-9, mine.error):+.2f} s.e."
        score, loss = f"{other.score:.4f}", f"{other.loss:.4g}"
    cells = [
        table.name,
        f"{measure} {mine.score:.4f} ± {mine.error:.4f}",
        f"{mine.extra['inner']:.4f}",
        f"{plain.score:.4f}",
        score,
        against,
        f"{mine.loss:.4g}",
        f"{plain.loss:.4g}",
        loss,
        f"{mine.seconds:.1f}",
        f"{mine.extra['kb']:.0f}",
        f"{mine.extra['row']:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with manifest.json")
    parser.add_argument("--rival", type=Path, help="a Python file with a class that has fit and predict")
    parser.add_argument("--budget", type=float, default=20.0, help="CPU seconds for each training")
    parser.add_argument("--tables", nargs="*", help="just these tables")
    parser.add_argument("--no-leaks", action="store_true", help="skip the run with everything left in")
    given = parser.parse_args()
    folder = given.data or SHIPPED
    if given.data:
        manifest = json.loads((folder / "manifest.json").read_text())
    else:
        manifest = {n: {"file": f"{n}.csv", "task": "binary", **e} for n, e in SHIPPED_MANIFEST.items()}
    make = rival_maker(given.rival) if given.rival else None
    tables = [load(folder, n, e) for n, e in manifest.items() if not given.tables or n in given.tables]
    print(
        "| table | ours (test) | ours (own estimate) | LightGBM | rival | ours − rival | loss | LightGBM | rival "
        "| CPU s | plan KB | row µs |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    sizes: list[float] = []
    for table in tables:
        mine, model = ours(table, given.budget)
        sizes.append(len(model.plan) / 1024)
        other = rival(table, make) if make else None
        print(line(table, mine, plain_lightgbm(table), other), flush=True)
    print(f"\nMedian plan {statistics.median(sizes):.0f} KB, largest {max(sizes):.0f} KB.")
    if given.no_leaks:
        return
    print(
        "\nWith everything left in (leaky as the manifest says):\n\n"
        "| table | caught and left out | not caught | flagged wrongly | ids left out |\n|---|---|---|---|---|"
    )
    for table in tables:
        print(leaks(table, given.budget), flush=True)


if __name__ == "__main__":
    main()
