"""Models in a core-hour on small tables, and what the small budget costs in quality against the full one.

Each table is cut to 1,500 training rows (a smaller one is taken whole) with five seeds; the rest of it, 4,000 rows at
most, is the test. Both budgets learn from the same rows and are tested on the same. CPU seconds are of the whole
training: typing, checks, search, compiling, proof and scorecard.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.automl import TENANT, shipped
from benchmarks.automl_cases import SEEDS, Figures, Run, Table, judge, load_tables, paired
from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.plan import Plan
from tenantry.schema import Task

ROWS = 1500
TEST_ROWS = 4000
BAR = 1500


def cut(table: Table, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows; a table of fewer than 1,500 training rows is split 80/20 as elsewhere."""
    train_rows, test_rows = table.parts(seed)
    if len(train_rows) <= ROWS:
        return train_rows, test_rows
    mixed = np.random.default_rng(seed).permutation(train_rows)
    return mixed[:ROWS], np.concatenate((test_rows, mixed[ROWS:]))[:TEST_ROWS]


def once(table: Table, seed: int, budget: float) -> tuple[Figures, float]:
    rows, held = cut(table, seed)
    data = table.arrow.drop_columns(table.dropped)
    definition = PredictionDefinition(name=table.name, target=table.target, task=table.task)
    start = time.process_time()
    model = train(TENANT, data.take(rows), definition, budget_cpu_seconds=budget, seed=seed)
    seconds = time.process_time() - start
    plan = Plan.from_bytes(model.plan)
    scored = np.array(plan.score_rows(data.take(held).drop_columns([table.target]).to_pylist()))
    plan.close()
    if table.task is Task.BINARY:
        scored = np.column_stack((1 - scored[:, 0], scored[:, 0]))
    predicted = scored[:, 0] if table.task is Task.REGRESSION else scored
    classes = list(model.signature.classes)
    known = table.frame[table.target].to_numpy()[held]
    if classes:
        # A class that 1,500 rows do not have cannot be predicted; both budgets are spared it.
        keep = np.array([str(value) in classes for value in known])
        held, predicted = held[keep], predicted[keep]
    return judge(table, Run(predicted, held, classes, {})), seconds


def line(table: Table, small: float, full: float, seeds: list[int]) -> tuple[str, float, float, bool]:
    """A table's row, its CPU seconds at either budget, and whether the small one loses at most a standard error."""
    quick, slow = ([once(table, seed, budget) for seed in seeds] for budget in (small, full))
    cells, lossless = [], True
    for which in ("score", "loss"):
        gap, error = paired([f for f, _ in quick], [f for f, _ in slow], which)
        ratio = gap / error if error > 0 else 0.0
        lossless &= ratio >= -1
        cells += [f"{np.mean([getattr(f, which) for f, _ in quick]):.5g}", f"{gap:+.3g} ({ratio:+.1f} s.e.)"]
    seconds = [float(np.mean([s for _, s in runs])) for runs in (quick, slow)]
    rows = len(cut(table, seeds[0])[0])
    cells = [
        table.name,
        str(rows),
        *cells,
        f"{seconds[0]:.2f}",
        f"{seconds[1]:.2f}",
        f"{3600 / seconds[0]:,.0f}",
    ]
    return "| " + " | ".join(cells) + " |", seconds[0], seconds[1], lossless


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with manifest.json")
    parser.add_argument("--cache", type=Path, default=Path("build/automl"))
    parser.add_argument("--small", type=float, default=2.0, help="CPU seconds of the fleet's trainings")
    parser.add_argument("--full", type=float, default=10.0, help="CPU seconds of the full ones")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--tables", nargs="*", help="just these tables")
    given = parser.parse_args()
    print(
        f"Budget {given.small:g} CPU s against {given.full:g}; better is +.\n\n"
        "| table | rows | AUROC or R² | − full budget | log loss or RMSE | − full budget | CPU s | full "
        "| models a core-hour |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    spent, met = [], []
    for table in load_tables(given.data or shipped(given.cache), given.tables):
        text, seconds, _, lossless = line(table, given.small, given.full, given.seeds)
        print(text, flush=True)
        spent.append(seconds)
        met.append(lossless)
    rate = 3600 / float(np.mean(spent))
    verdict = "met" if rate >= BAR else "missed"
    print(f"\n{rate:,.0f} models a core-hour over the tables (bar ≥ {BAR:,}: {verdict}); ", end="")
    print(f"at no loss beyond one standard error on {sum(met)} of {len(met)} tables.")


if __name__ == "__main__":
    main()
