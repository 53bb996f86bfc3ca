"""One trained model, 20 raw columns, 100 trees × 31 leaves: as a plan, and as the pickled pipeline that it came from.

Both start from the same decoded record (a dict, as from JSON). The pipeline is scikit-learn's with LightGBM, loaded
with all its libraries imported already; it leaves the calibration out, which the plan includes. LightGBM alone gets a
row that is encoded already. Times are CPU time of one core: the least of several medians over blocks of calls.
"""

import math
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, TargetEncoder

from tenantry.plan import Plan, compile_plan
from tenantry.plan.ir import Calibration, CategoryColumn, DateColumn, NumberColumn, PlanSpec, Tree
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.plan.reasons import reasons
from tenantry.schema import Column, SemanticType, Signature, Task

NUMBERS = [f"amount_{i}" for i in range(12)]
CARDINALITY = {"country": 60, "plan": 5, "channel": 12, "merchant": 500, "device": 30, "city": 200}
DATES = ["signup", "event"]
BARS = {"row": 20.0, "reasons": 80.0, "cold": 500.0}


def table(rows: int) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(7)
    numbers = np.round(rng.normal(0, 50, (rows, 12)) * rng.lognormal(0, 1, (rows, 12)), 2)
    numbers[rng.random(numbers.shape) < 0.05] = np.nan
    frame = pd.DataFrame(numbers, columns=NUMBERS)
    margin = np.nan_to_num(numbers[:, 0]) / 90 + np.sin(np.nan_to_num(numbers[:, 1]) / 40) - 1
    for name, many in CARDINALITY.items():
        codes = np.minimum(rng.zipf(1.4, rows) - 1, many - 1)
        frame[name] = [f"{name}-{code:04d}" for code in codes]
        margin += 0.6 * rng.normal(size=many)[codes]
    for name in DATES:
        days = rng.integers(15_000, 20_000, rows)
        frame[name] = (np.datetime64("1970-01-01") + days).astype(str)
        margin += 0.5 * ((days + 3) % 7 >= 5)
    return frame, (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)


def date_parts(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    moments = [pd.to_datetime(frame[name]) for name in frame.columns]
    parts = [[(m - pd.Timestamp(0)).dt.days, m.dt.month, m.dt.day_of_week] for m in moments]
    return np.column_stack([part for group in parts for part in group]).astype(np.float64)


def as_float32(matrix: Any) -> np.ndarray[Any, Any]:
    return np.asarray(matrix, np.float32)


def train(frame: pd.DataFrame, y: np.ndarray[Any, Any]) -> Pipeline:
    encode = ColumnTransformer(
        [
            ("numbers", "passthrough", NUMBERS),
            ("words", TargetEncoder(cv=KFold(5, shuffle=True, random_state=0)), list(CARDINALITY)),
            ("dates", FunctionTransformer(date_parts), DATES),
        ]
    )
    model = lgb.LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=1, verbose=-1, deterministic=True)
    pipeline = Pipeline([("encode", encode), ("float32", FunctionTransformer(as_float32)), ("model", model)])
    return pipeline.fit(frame, y)


def trees_of(booster: lgb.Booster) -> tuple[Tree, ...]:
    """LightGBM's trees; thresholds rounded down to float32 part float32 features alike."""
    trees = []
    for info in booster.dump_model()["tree_info"]:
        nodes: list[dict[str, Any]] = []
        leaves: list[dict[str, Any]] = []
        child: dict[int, list[int]] = {}
        _walk(info["tree_structure"], nodes, leaves, child)
        exact = np.array([node["threshold"] for node in nodes])
        with np.errstate(over="ignore"):
            threshold = exact.astype(np.float32)
        trees.append(
            Tree(
                output=0,
                feature=np.array([node["split_feature"] for node in nodes], np.int32),
                threshold=np.where(
                    threshold > exact, np.nextafter(threshold, np.float32(-np.inf)), threshold
                ),
                default_left=np.array([node["default_left"] for node in nodes]),
                left=np.array([child[i][0] for i in range(len(nodes))], np.int32),
                right=np.array([child[i][1] for i in range(len(nodes))], np.int32),
                value=np.array([leaf["leaf_value"] for leaf in leaves], np.float32),
                cover=np.array([node["internal_count"] for node in nodes], np.float64),
                leaf_cover=np.array([leaf["leaf_count"] for leaf in leaves], np.float64),
            )
        )
    return tuple(trees)


def _walk(node: dict[str, Any], nodes: list[Any], leaves: list[Any], child: dict[int, list[int]]) -> int:
    if "leaf_value" in node:
        leaves.append(node)
        return ~(len(leaves) - 1)
    at = len(nodes)
    nodes.append(node)
    child[at] = []
    for side in ("left_child", "right_child"):
        child[at].append(_walk(node[side], nodes, leaves, child))
    return at


def plan_of(pipeline: Pipeline, frame: pd.DataFrame, y: np.ndarray[Any, Any]) -> bytes:
    """The same encoders and trees as a plan, with an isotonic calibration."""
    encoder = pipeline.named_steps["encode"].named_transformers_["words"]
    booster = pipeline.named_steps["model"].booster_
    words = [
        CategoryColumn(
            name=name,
            words=tuple(known),
            rows=np.arange(len(known), dtype=np.int32),
            missing_row=len(known),
            unseen_row=len(known),
            slots=(12 + i,),
            values=np.array([*encoder.encodings_[i], encoder.target_mean_], np.float32)[:, None],
            weights=np.zeros((len(known) + 1, 1), np.float32),
            mean_weight=np.zeros(1, np.float32),
        )
        for i, (name, known) in enumerate(zip(CARDINALITY, encoder.categories_, strict=True))
    ]
    margins = booster.predict(pipeline[:-1].transform(frame), raw_score=True)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(margins, y)
    kinds = {
        **dict.fromkeys(NUMBERS, SemanticType.NUMBER),
        **dict.fromkeys(CARDINALITY, SemanticType.CATEGORY),
    }
    inputs = tuple(Column(name=n, type=kinds.get(n, SemanticType.DATE)) for n in frame.columns)
    meta = PlanMeta(
        signature=Signature(task=Task.BINARY, inputs=inputs, classes=("no", "yes"), positive_class="yes"),
        columns=tuple(ColumnMeta(column=c, quantiles=_quantiles(frame[c.name], c.type)) for c in inputs),
        target="yes",
        expected=(float(np.mean(margins)),),
    )
    dates = [
        DateColumn(name=n, order="ymd", days=18 + 3 * i, month=19 + 3 * i, weekday=20 + 3 * i)
        for i, n in enumerate(DATES)
    ]
    return compile_plan(
        PlanSpec(
            task=Task.BINARY,
            n_outputs=1,
            n_slots=24,
            columns=(*(NumberColumn(name=name, slot=i) for i, name in enumerate(NUMBERS)), *words, *dates),
            trees=trees_of(booster),
            linear=None,
            base=np.zeros(1),
            forest_weight=1.0,
            linear_weight=0.0,
            calibration=Calibration(kind="isotonic", x=isotonic.X_thresholds_, y=isotonic.y_thresholds_),
            meta=msgspec.to_builtins(meta),
        )
    )


def _quantiles(values: Any, kind: SemanticType) -> tuple[float, ...]:
    if kind is not SemanticType.NUMBER:
        return ()
    return tuple(float(q) for q in np.nanquantile(values, np.linspace(0, 1, 21)))


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


def measure(folder: Path) -> list[tuple[str, float, float, str, float | None]]:
    frame, y = table(12_000)
    pipeline = train(frame[:9000], y[:9000])
    data = plan_of(pipeline, frame[:9000], y[:9000])
    (folder / "model.tnp").write_bytes(data)
    (folder / "model.pickle").write_bytes(pickle.dumps(pipeline))
    test = frame[9000:10_000]
    rows = [
        {k: (None if isinstance(v, float) and math.isnan(v) else v) for k, v in row.items()}
        for row in test.to_dict("records")
    ]
    plan = Plan.open(folder / "model.tnp")
    booster, matrix = pipeline.named_steps["model"].booster_, pipeline[:-1].transform(test)
    margins = np.array([plan.margins(row)[0] for row in rows])
    difference = float(np.abs(margins - booster.predict(matrix, raw_score=True)).max())
    assert difference < 1e-6, f"plan and pipeline differ by {difference:g}"

    def first_score(path: Path) -> None:
        with Plan.open(path) as opened:
            opened.score(rows[0])

    def first_predict(path: Path) -> None:
        loaded = pickle.loads(path.read_bytes())  # noqa: S301 (written above)
        loaded.predict_proba(pd.DataFrame([rows[0]], columns=frame.columns))

    def predict(row: dict[str, Any]) -> Any:
        return pipeline.predict_proba(pd.DataFrame([row], columns=frame.columns))

    def alone(i: int) -> Any:
        return booster.predict(matrix[i : i + 1], num_threads=1)

    def contributions(i: int) -> Any:
        return booster.predict(matrix[i : i + 1], pred_contrib=True, num_threads=1)

    score = micros(plan.score, rows)
    cold, pickled = folder / "model.tnp", folder / "model.pickle"
    return [
        (
            "one row, record → score, µs",
            micros(plan.score, rows),
            micros(predict, rows[:20], 3, 3),
            "pipeline",
            BARS["row"],
        ),
        (
            "one row, record → score, µs",
            score,
            micros(alone, range(100), 3, 3),
            "LightGBM alone",
            BARS["row"],
        ),
        (
            "one row in a batch of 1,000, µs",
            micros(plan.score_rows, [rows]) / 1000,
            micros(lambda some: pipeline.predict_proba(pd.DataFrame(some)), [rows], 3, 3) / 1000,
            "pipeline",
            None,
        ),
        (
            "attributions of a record, µs",
            micros(plan.explain, rows[:300]),
            micros(contributions, range(30), 3, 3),
            "LightGBM's, of an encoded row",
            BARS["reasons"],
        ),
        (
            "five reasons in words, µs",
            micros(lambda row: reasons(plan, row, 5), rows[:300]),
            float("nan"),
            "",
            BARS["reasons"],
        ),
        (
            "file → first score, µs",
            micros(first_score, [cold] * 100),
            micros(first_predict, [pickled] * 5, 3, 3),
            "pickle",
            BARS["cold"],
        ),
        ("file, KB", len(data) / 1000, pickled.stat().st_size / 1000, "pickle", None),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder))
    print("| | plan | rival | which rival | times the plan | bar |\n|---|---:|---:|---|---:|---|")
    for name, ours, theirs, what, bar in results:
        ratio = "" if math.isnan(theirs) else f"{theirs / ours:,.1f}×"
        rival = "" if math.isnan(theirs) else f"{theirs:,.1f}"
        kept = "" if bar is None else f"≤ {bar:g}: {'met' if ours <= bar else 'MISSED'}"
        print(f"| {name} | {ours:,.1f} | {rival} | {what} | {ratio} | {kept} |")


if __name__ == "__main__":
    main()
