"""What training leaves out by itself when leaky and id columns stay in, beside what the tables' manifest calls leaky.

Without ``--data`` the tables that the package ships.
"""

import argparse
from pathlib import Path

from benchmarks.automl import CACHE, TENANT, shipped
from benchmarks.automl_cases import SEEDS, Table, load_tables
from tenantry.apps import PredictionDefinition
from tenantry.automl import train


def line(table: Table, budget: float) -> str:
    """One table: everything left in."""
    definition = PredictionDefinition(name=table.name, target=table.target, task=table.task)
    model = train(TENANT, table.arrow, definition, budget_cpu_seconds=budget, seed=SEEDS[0])
    out = {c.name for c in model.scorecard.columns if c.role == "excluded"}
    flagged = {f.columns[0] for f in model.scorecard.findings if f.code == "leakage"}
    caught = _shown(flagged & set(table.leaky))
    missed = _shown(set(table.leaky) - flagged)
    wrong = _shown(flagged - set(table.leaky))
    ids = f"{len(out & set(table.ids))}/{len(table.ids)}"
    return f"| {table.name} | {caught} | {missed} | {wrong} | {ids} |"


def _shown(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="folders with a manifest.json")
    parser.add_argument("--budget", type=float, default=10.0, help="CPU seconds for each training")
    given = parser.parse_args()
    print(
        "| table | caught and left out | not caught | flagged wrongly | ids left out |\n|---|---|---|---|---|"
    )
    for folder in given.data or [shipped(CACHE)]:
        for table in load_tables(folder):
            print(line(table, given.budget), flush=True)


if __name__ == "__main__":
    main()
