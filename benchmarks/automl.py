"""Quality of training beside AutoGluon, FLAML and a plain LightGBM: five seeds, the same rows, equal CPU seconds.

``--data`` are folders with tables that were known while the learner was made, ``--held-out`` folders with tables that
were not (``python -m benchmarks.tables`` makes one). Leaky and id columns are dropped. Ours is run where the code is
new; the rivals' predictions come out of ``--cache`` (``python -m benchmarks.automl_rivals`` fills it, and ``--rivals``
does it from here). Without ``--data`` the tables that the package ships.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks import automl_report
from benchmarks.automl_baselines import file_baseline, plain_lightgbm
from benchmarks.automl_cases import SEEDS, Kept, Run, Table, code_digest, load_tables
from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.plan import Plan
from tenantry.schema import NUMERIC_TYPES, Task
from tenantry.tenancy import tenant_id

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "src" / "tenantry" / "demo" / "data"
SHIPPED_MANIFEST = {
    "telco_churn": {"target": "Churn", "id_columns": ["customerID"]},
    "bank_marketing": {"target": "y", "leaky_columns": ["duration"]},
    "adult_income": {"target": "class"},
}
CACHE = ROOT / "build" / "automl"
TENANT = tenant_id("bench")
SCORES = ("auroc", "macro_auroc", "r2")
TIMED_ROWS = 200
BULK_ROWS = 5_000


def shipped(cache: Path) -> Path:
    """The package's own tables, as a folder with a manifest."""
    folder = cache / "shipped"
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {
        name: {"file": str(SHIPPED / f"{name}.csv"), "task": "binary", **entry}
        for name, entry in SHIPPED_MANIFEST.items()
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def version() -> str:
    return code_digest([ROOT / "src" / "tenantry"])


def ours(table: Table, budget: float, seed: int) -> Run:
    """Train on the seed's training rows and score its test rows through the compiled plan."""
    train_rows, test_rows = table.parts(seed)
    data = table.arrow.drop_columns(table.dropped)
    definition = PredictionDefinition(name=table.name, target=table.target, task=table.task)
    start = time.process_time()
    model = train(TENANT, data.take(train_rows), definition, budget_cpu_seconds=budget, seed=seed)
    seconds = time.process_time() - start
    records = data.take(test_rows).drop_columns([table.target]).to_pylist()
    plan = Plan.from_bytes(model.plan)
    scored = np.array(plan.score_rows(records))
    facts = {
        "cpu": seconds,
        "kb": len(model.plan) / 1024,
        "row_us": _row_microseconds(plan, records[:TIMED_ROWS]),
        "rows_s": _rows_a_second(plan, table, test_rows, scored),
        "inner": next(m.value for m in model.scorecard.metrics if m.name in SCORES),
    }
    plan.close()
    if table.task is Task.BINARY:
        scored = np.column_stack((1 - scored[:, 0], scored[:, 0]))
    predicted = scored[:, 0] if table.task is Task.REGRESSION else scored
    return Run(predicted, test_rows, list(model.signature.classes), facts)


def _row_microseconds(plan: Plan, records: list[dict[str, object]]) -> float:
    times = []
    for record in records:
        begin = time.perf_counter()
        plan.score(record)
        times.append((time.perf_counter() - begin) * 1e6)
    return statistics.median(times)


def _rows_a_second(plan: Plan, table: Table, rows: np.ndarray, scored: np.ndarray) -> float:
    """Of columns in memory, as the rivals get them: numbers as float64, the rest as words. CPU time, best of three."""
    many = np.tile(rows, -(-BULK_ROWS // len(rows)))
    numeric = {c.name for c in plan.head.signature.inputs if c.type in NUMERIC_TYPES}
    columns: list[object] = []
    for name in plan.columns:
        if name in numeric and table.frame[name].dtype.kind in "if":
            columns.append(table.frame[name].to_numpy(dtype=np.float64)[many])
        else:
            columns.append(table.arrow[name].take(many).to_pylist())
    seconds = []
    for _ in range(3):
        start = time.process_time()
        answer = plan.score_columns(columns, len(many))
        seconds.append(time.process_time() - start)
    same = np.frombuffer(answer).reshape(len(many), -1)[: len(rows)]
    assert np.allclose(same, scored, rtol=1e-6), "columns are scored as records are"
    return len(many) / min(seconds)


def run_ours(tables: list[Table], kept: Kept, budget: float, seeds: list[int]) -> None:
    """Fill the cache with ours, seed by seed, so that an early look sees all tables."""
    for seed in seeds:
        for table in tables:
            path = kept.path(table, "ours", version(), budget, seed)
            if path.exists():
                continue
            run = ours(table, budget, seed)
            kept.save(path, run)
            print(f"ours: {table.name} seed {seed}: {run.facts['cpu']:.1f} CPU s", file=sys.stderr)


def run_baselines(tables: list[Table], kept: Kept, script: Path | None, seeds: list[int]) -> None:
    """A plain LightGBM, and a script of the caller's (see :func:`file_baseline`); both take no budget."""
    for table in tables:
        for seed in seeds:
            path = kept.path(table, "lightgbm", "plain", 0, seed)
            if not path.exists():
                kept.save(path, plain_lightgbm(table, seed))
            path = kept.path(table, "script", "file", 0, seed)
            if script is not None and not path.exists():
                kept.save(path, file_baseline(script, table, seed))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="folders with a manifest.json")
    parser.add_argument("--held-out", type=Path, nargs="*", default=[], help="the same, unseen in tuning")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where predictions are kept")
    parser.add_argument("--rivals", type=Path, help="the rivals' environments: run what the cache lacks")
    parser.add_argument("--script", type=Path, help="a Python file with a class that has fit and predict")
    parser.add_argument("--budget", type=float, default=10.0, help="CPU seconds for each training of ours")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--tables", nargs="*", help="just these tables")
    parser.add_argument("--only-kept", action="store_true", help="run nothing: report what the cache has")
    return parser.parse_args()


def run_all(tables: list[Table], kept: Kept, given: argparse.Namespace) -> None:
    if given.rivals:
        from benchmarks.automl_rivals import fill

        fill(given.rivals, tables, kept, given.seeds)
    run_baselines(tables, kept, given.script, given.seeds)
    run_ours(tables, kept, given.budget, given.seeds)


def main() -> None:
    given = arguments()
    kept = Kept(given.cache)
    folders = given.data or ([] if given.held_out else [shipped(given.cache)])
    known = [t for folder in folders for t in load_tables(folder, given.tables)]
    unseen = [t for folder in given.held_out for t in load_tables(folder, given.tables)]
    if not given.only_kept:
        run_all(known + unseen, kept, given)
    groups = {"Known while the learner was made": known, "Held out": unseen}
    print(automl_report.report(groups, kept, given.budget, given.seeds, version()))


if __name__ == "__main__":
    main()
