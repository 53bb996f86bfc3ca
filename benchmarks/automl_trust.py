"""Whether a scorecard's figures hold: intervals, gains, calibration, intervals of values, and the refusal of noise.

A large table stands for the world: a model is trained on a few hundred or thousand of its rows, drawn at random, and
the rows left over (at most 5,000) say what is true of it. Over tables, sizes and draws this counts how often the truth
lies in the 95 % interval (the truth's own standard error is added in quadrature), by how many standard errors estimates
miss it, whether probabilities keep the calibration bar, how many values lie in their 90 % interval, and how often a
target that was shuffled is called learnable.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.automl_cases import Table, load_tables
from tenantry.apps import PredictionDefinition
from tenantry.automl import TrainedModel, train
from tenantry.bundle import Metric
from tenantry.errors import InvalidData
from tenantry.evaluation import classification_metrics, conformal, measure_calibration, regression_metrics
from tenantry.evaluation.report import Measured
from tenantry.plan import Plan
from tenantry.schema import Task
from tenantry.tenancy import tenant_id

TENANT = tenant_id("bench")
WORLD = 5000
BUDGET = 4.0


@dataclass(slots=True)
class Tally:
    """What was counted; ``gaps``: (estimate - truth) in standard errors, by metric."""

    held: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    gaps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    calibrated: list[bool] = field(default_factory=list)
    said_calibrated: list[bool] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    noise: list[bool] = field(default_factory=list)
    proven: list[bool] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of tables with a manifest.json")
    parser.add_argument("--tables", nargs="*", help="just these tables")
    parser.add_argument("--rows", nargs="*", type=int, default=[300, 1000, 3000], help="rows to train on")
    parser.add_argument("--draws", type=int, default=5, help="trainings a table and size")
    given = parser.parse_args()
    tables = load_tables(given.data, given.tables)
    by_size: dict[int, Tally] = {}
    start = time.process_time()
    for rows in given.rows:
        tally = by_size.setdefault(rows, Tally())
        for table in tables:
            if len(table.frame) >= 2 * rows:
                for draw in range(given.draws):
                    _one(table, rows, draw, tally)
        print(_lines(rows, tally), flush=True)
    print(f"\n{time.process_time() - start:.0f} CPU seconds.")


def _one(table: Table, rows: int, draw: int, tally: Tally) -> None:
    order = np.random.default_rng((draw, rows)).permutation(len(table.frame))
    own, world = order[:rows], order[rows : rows + WORLD]
    data = table.arrow.drop_columns(table.dropped)
    model = _train(table, data.take(own), draw)
    if model is None:
        return
    card = model.scorecard
    tally.proven.append(card.proven)
    _hold(card.metrics, _world(table, model, data.take(world), tally), tally)
    shuffled = data.take(own)
    at = shuffled.column_names.index(table.target)
    mixed = shuffled[table.target].take(pa.array(np.random.default_rng(draw).permutation(rows)))
    noise = _train(table, shuffled.set_column(at, table.target, mixed), draw)
    if noise is not None:
        tally.noise.append(noise.scorecard.proven)


def _train(table: Table, data: pa.Table, draw: int) -> TrainedModel | None:
    definition = PredictionDefinition(name=table.name, target=table.target, task=table.task, split="random")
    try:
        return train(TENANT, data, definition, budget_cpu_seconds=BUDGET, seed=draw)
    except InvalidData as error:  # a draw may lack a class
        print(f"{table.name}: {error}", flush=True)
        return None


def _world(table: Table, model: TrainedModel, data: pa.Table, tally: Tally) -> tuple[Measured, ...]:
    """The figures of rows that had no part in anything."""
    classes = list(model.signature.classes)
    truth = data[table.target].to_pylist()
    known = [i for i, value in enumerate(truth) if not classes or value in classes]
    with Plan.from_bytes(model.plan) as plan:
        scored = np.array(plan.score_rows(data.drop_columns([table.target]).take(known).to_pylist()))
    if table.task is Task.REGRESSION:
        y = np.array([float(truth[i]) for i in known])
        interval = model.scorecard.value_interval
        assert interval is not None
        bands = conformal.Bands(*(np.array(part) for part in (interval.edges, interval.low, interval.high)))
        low, high = bands.interval(scored[:, 0])
        tally.values.append(float(((low <= y) & (y <= high)).mean()))
        return regression_metrics(y, scored[:, 0])
    outcomes = np.array([classes.index(truth[i]) for i in known])
    p = np.hstack((1 - scored, scored)) if table.task is Task.BINARY else scored
    found = measure_calibration(outcomes, p)
    tally.calibrated.append(found.error <= max(0.03, found.chance))
    report = model.scorecard.calibration
    tally.said_calibrated.append(report is not None and report.calibrated)
    return classification_metrics(outcomes, p, model.signature.threshold or 0.5)


def _hold(ours: tuple[Metric, ...], world: tuple[Measured, ...], tally: Tally) -> None:
    truths = {measured.name: measured.estimate for measured in world}
    for metric in ours:
        truth = truths[metric.name]
        middle, sure = truth.value, 1.96 * truth.error
        below, above = metric.value - metric.low, metric.high - metric.value
        reach = np.hypot(above if middle > metric.value else below, sure)
        tally.held[metric.name].append(bool(abs(middle - metric.value) <= reach))
        tally.gaps[metric.name].append(float((metric.value - middle) / max(1e-12, reach / 1.96)))


def _lines(rows: int, tally: Tally) -> str:
    lines = [
        f"\n{rows} training rows, {len(tally.proven)} trainings\n",
        "| figure | truth in the 95 % interval | mean of (estimate − truth), s.e. | spread, s.e. |",
        "|---|---|---|---|",
    ]
    for name, held in tally.held.items():
        gaps = np.array(tally.gaps[name])
        lines.append(
            f"| {name} | {np.mean(held):.0%} of {len(held)} | {gaps.mean():+.2f} | {gaps.std():.2f} |"
        )
    lines.append("")
    for words, counted in (
        ("called better than guessing", tally.proven),
        ("noise called better than guessing", tally.noise),
        (
            "calibrated on the rows left over (ECE ≤ 0.03, or what chance leaves a perfect model)",
            tally.calibrated,
        ),
        ("called calibrated", tally.said_calibrated),
    ):
        if counted:
            lines.append(f"- {words}: {sum(counted)} of {len(counted)}")
    if tally.values:
        lines.append(
            f"- values in their 90 % interval: {np.mean(tally.values):.1%} (worst {min(tally.values):.1%})"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
