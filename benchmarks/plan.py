"""One trained model, 20 raw columns, 100 trees × 31 leaves: as a plan, and as the pickled pipeline that it came from;
then the kernel by both compilers, and whole tables beside FLAML and AutoGluon (``--rivals``).

Both start from the same decoded record (a dict, as from JSON). The pipeline is scikit-learn's with LightGBM, loaded
with all its libraries imported already; it leaves the calibration out, which the plan includes. LightGBM alone gets a
row that is encoded already. Times are CPU time of one core: the least of several medians over blocks of calls.
"""

import argparse
import math
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from benchmarks.plan_bulk import bulk
from benchmarks.plan_compilers import compilers
from benchmarks.plan_model import CARDINALITY, DATES, NUMBERS, plan_of, table, train
from tenantry.plan import Plan
from tenantry.plan.reasons import reasons

TRAINED = 9000
BULK_ROWS = 10_000
SAME = 1e-6
"""How far margins and attributions may be from LightGBM's."""


class Line(NamedTuple):
    """``most``: the bar on ours; ``times``: how many times ours the rival must take."""

    name: str
    ours: float
    theirs: float = math.nan
    rival: str = ""
    most: float | None = None
    times: float | None = None

    def text(self) -> str:
        known = not math.isnan(self.theirs)
        ratio = f"{self.theirs / self.ours:,.1f}×" if known else ""
        bars = []
        if self.most is not None:
            bars.append(f"≤ {self.most:g}: {'met' if self.ours <= self.most else 'MISSED'}")
        if self.times is not None:
            kept = self.theirs >= self.times * self.ours
            bars.append(f"≥ {self.times:g}×: {'met' if kept else 'MISSED'}")
        theirs = f"{self.theirs:,.1f}" if known else ""
        return f"| {self.name} | {self.ours:,.1f} | {theirs} | {self.rival} | {ratio} | {', '.join(bars)} |"


def micros(call: Callable[[Any], Any], inputs: Sequence[Any], blocks: int = 7, repeats: int = 5) -> float:
    """CPU µs a call: the least of ``repeats`` medians over ``blocks`` blocks of all inputs."""
    medians = []
    for _ in range(repeats):
        times = []
        for _ in range(blocks):
            start = time.process_time_ns()
            for item in inputs:
                call(item)
            times.append((time.process_time_ns() - start) / 1000 / len(inputs))
        medians.append(statistics.median(times))
    return min(medians)


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {k: (None if isinstance(v, float) and math.isnan(v) else v) for k, v in row.items()}
        for row in frame.to_dict("records")
    ]


def by_column(contributions: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """LightGBM's contributions of features → of raw columns: a date is three features."""
    plain = len(NUMBERS) + len(CARDINALITY)
    dates = [contributions[:, plain + 3 * i : plain + 3 * i + 3].sum(axis=1) for i in range(len(DATES))]
    return np.column_stack([contributions[:, :plain], *dates])


def check_equal(plan: Plan, booster: Any, matrix: Any, rows: list[dict[str, Any]]) -> tuple[float, float]:
    """The largest differences of margins and of attributions, which must not be above ``SAME``."""
    margins = np.array([plan.margins(row)[0] for row in rows])
    margin = float(np.abs(margins - booster.predict(matrix, raw_score=True)).max())
    theirs = by_column(booster.predict(matrix, pred_contrib=True))
    attribution = float(np.abs(np.array([plan.explain(row) for row in rows]) - theirs).max())
    assert max(margin, attribution) <= SAME, f"plan and pipeline differ by {margin:g} and {attribution:g}"
    return margin, attribution


def rows_of(plan: Plan, pipeline: Pipeline, matrix: Any, rows: list[dict[str, Any]]) -> list[Line]:
    """A record and a batch of records, and what a record's score is made of."""
    names = list(plan.columns)
    booster = pipeline.named_steps["model"].booster_

    def predict(row: dict[str, Any]) -> Any:
        return pipeline.predict_proba(pd.DataFrame([row], columns=names))

    def alone(i: int) -> Any:
        return booster.predict(matrix[i : i + 1], num_threads=1)

    def contributions(i: int) -> Any:
        return booster.predict(matrix[i : i + 1], pred_contrib=True, num_threads=1)

    def whole(some: list[dict[str, Any]]) -> Any:
        return pipeline.predict_proba(pd.DataFrame(some))

    one = "one row, record → score, µs"
    score = micros(plan.score, rows)
    batch = micros(plan.score_rows, [rows]) / len(rows)
    explained = micros(plan.explain, rows[:300])
    told = micros(lambda row: reasons(plan, row, 5), rows[:300])
    return [
        Line(one, score, micros(predict, rows[:20], 3, 3), "pipeline", 10),
        Line(one, score, micros(alone, range(100), 3, 3), "LightGBM alone", 10),
        Line("one row in a batch of 1,000, µs", batch, micros(whole, [rows], 3, 3) / len(rows), "pipeline"),
        Line(
            "attributions of a record, µs",
            explained,
            micros(contributions, range(100), 3, 3),
            "LightGBM's `pred_contrib`, of an encoded row",
            50,
            15,
        ),
        Line("five reasons in words, µs", told, most=80),
    ]


def files_of(cold: Path, pickled: Path, row: dict[str, Any]) -> list[Line]:
    """A file that nobody has read yet, to its first score; and its size."""

    def first_score(path: Path) -> None:
        with Plan.open(path) as opened:
            opened.score(row)

    def first_predict(path: Path) -> None:
        loaded = pickle.loads(path.read_bytes())  # noqa: S301 (written by this process)
        loaded.predict_proba(pd.DataFrame([row]))

    ours, theirs = micros(first_score, [cold] * 100), micros(first_predict, [pickled] * 5, 3, 3)
    ours_kb, theirs_kb = (path.stat().st_size / 1000 for path in (cold, pickled))
    return [
        Line("file → first score, µs", ours, theirs, "pickle", 500),
        Line("file, KB", ours_kb, theirs_kb, "pickle", 200),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rivals", type=Path, help="where the rivals' environments are")
    given = parser.parse_args()
    frame, y = table(TRAINED + 1000 + BULK_ROWS)
    pipeline = train(frame[:TRAINED], y[:TRAINED])
    test, many = frame[TRAINED : TRAINED + 1000], frame[TRAINED + 1000 :]
    rows, matrix = records_of(test), pipeline[:-1].transform(test)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cold, pickled = folder / "model.tnp", folder / "model.pickle"
        cold.write_bytes(plan_of(pipeline, frame[:TRAINED], y[:TRAINED]))
        pickled.write_bytes(pickle.dumps(pipeline))
        plan = Plan.open(cold)
        margin, attribution = check_equal(plan, pipeline.named_steps["model"].booster_, matrix, rows)
        print("| | plan | rival | which rival | times the plan | bar |\n|---|---:|---:|---|---:|---|")
        for line in [*rows_of(plan, pipeline, matrix, rows), *files_of(cold, pickled, rows[0])]:
            print(line.text())
        print(
            f"\nOver 1,000 rows the largest difference from LightGBM is {margin:.1g} in the margin and "
            f"{attribution:.1g} in an attribution (bar ≤ {SAME:g}: met)."
        )
        print(f"\n**The kernel by both compilers**, -O2\n\n{compilers(folder, cold, rows)}")
        train_on = frame[:TRAINED].assign(y=y[:TRAINED])
        print(
            f"\n**Whole tables of {BULK_ROWS:,} rows**\n\n{bulk(plan, train_on, many, folder, given.rivals)}"
        )


if __name__ == "__main__":
    main()
