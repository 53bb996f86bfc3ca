"""The model that the plan benchmarks measure: scikit-learn's pipeline with LightGBM, and the plan made of it."""

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

from tenantry.plan import compile_plan
from tenantry.plan.ir import Calibration, CategoryColumn, DateColumn, NumberColumn, PlanSpec, Tree
from tenantry.plan.meta import ColumnMeta, PlanMeta
from tenantry.schema import Column, SemanticType, Signature, Task

NUMBERS = [f"amount_{i}" for i in range(12)]
CARDINALITY = {"country": 60, "plan": 5, "channel": 12, "merchant": 500, "device": 30, "city": 200}
DATES = ["signup", "event"]


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
