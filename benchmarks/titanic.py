"""Titanic by three-fold cross-validation, five times: area under precision and recall, as in TransmogrifAI's README.

The area is the trapezoid's (as Spark's); the positive class is the survivors. ``--data`` is a folder whose manifest has
``titanic``; that table is not shipped.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.automl import TENANT
from benchmarks.automl_cases import Table, load_tables
from tenantry.apps import PredictionDefinition
from tenantry.automl import train
from tenantry.plan import Plan

README = {"area under precision–recall, trapezoid": 0.8105}
BAR = 0.85


def fold(table: Table, rows: np.ndarray, held: np.ndarray, budget: float, seed: int) -> list[float]:
    data = table.arrow.drop_columns(table.dropped)
    definition = PredictionDefinition(name=table.name, target=table.target, task=table.task)
    model = train(TENANT, data.take(rows), definition, budget_cpu_seconds=budget, seed=seed)
    plan = Plan.from_bytes(model.plan)
    scored = np.array(plan.score_rows(data.take(held).drop_columns([table.target]).to_pylist()))[:, 0]
    plan.close()
    y = table.frame[table.target].to_numpy()[held].astype(int)
    precision, recall, _ = precision_recall_curve(y, scored)
    return [auc(recall, precision), average_precision_score(y, scored), roc_auc_score(y, scored)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with manifest.json")
    parser.add_argument("--budget", type=float, default=10.0, help="CPU seconds for each training")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    tables = load_tables(given.data, ["titanic"]) if given.data else []
    if not tables:
        print("No table `titanic` given.")
        return
    table, found = tables[0], []
    for repeat in range(given.repeats):
        splits = StratifiedKFold(3, shuffle=True, random_state=repeat)
        for rows, held in splits.split(table.frame, table.frame[table.target]):
            found.append(fold(table, rows, held, given.budget, repeat))
    mean = np.mean(found, axis=0)
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    print(f"{len(found)} folds, mean ± standard error over the folds:\n")
    print("| | ours | TransmogrifAI's README | bar |\n|---|---:|---:|---|")
    names = [*README, "average precision", "AUROC"]
    for at, name in enumerate(names):
        bar = f"≥ {BAR}: {'met' if mean[at] >= BAR else 'missed'}" if at == 0 else ""
        print(f"| {name} | {mean[at]:.4f} ± {error[at]:.4f} | {README.get(name, '')} | {bar} |")


if __name__ == "__main__":
    main()
