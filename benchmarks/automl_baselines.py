"""Learners without a budget: LightGBM as it comes, and any class of a script of the caller's."""

import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.automl_cases import Run, Table
from tenantry.schema import Task

MOST_WORDS = 1000
"""A column with more distinct words than this is no category to LightGBM, but a number."""


def features(table: Table, seed: int) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame, np.ndarray]:
    """Training columns, training outcomes, test columns, test rows."""
    train, test = table.parts(seed)
    x, y = table.frame.drop(columns=[*table.dropped, table.target]), table.frame[table.target]
    return x.iloc[train].reset_index(drop=True), y.iloc[train].reset_index(drop=True), x.iloc[test], test


def plain_lightgbm(table: Table, seed: int) -> Run:
    """Default parameters; words as categories."""
    import lightgbm as lgb

    train_x, train_y, test_x, test = features(table, seed)
    words = [c for c in train_x if train_x[c].dtype == object]
    maps = {c: {v: i for i, v in enumerate(pd.unique(train_x[c].dropna()))} for c in words}

    def encode(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        for c in words:
            frame[c] = frame[c].map(maps[c]).astype("Float64").astype(float)
        frame.columns = pd.Index([f"f{i}" for i in range(frame.shape[1])])
        return frame

    kind = lgb.LGBMRegressor if table.task is Task.REGRESSION else lgb.LGBMClassifier
    small = [f"f{list(train_x).index(c)}" for c in words if len(maps[c]) <= MOST_WORDS]
    start = time.process_time()
    model = kind(n_jobs=1, random_state=seed, verbose=-1, verbosity=-1)
    model.fit(encode(train_x), train_y, categorical_feature=small)
    facts = {"cpu": time.process_time() - start}
    if table.task is Task.REGRESSION:
        return Run(np.asarray(model.predict(encode(test_x))), test, [], facts)
    return Run(model.predict_proba(encode(test_x)), test, [str(c) for c in model.classes_], facts)


def file_baseline(script: Path, table: Table, seed: int) -> Run:
    """The script's first class with ``fit(X, y)`` and ``predict(X)``, made with the task's name."""
    train_x, train_y, test_x, test = features(table, seed)
    model = _kind(script)(table.task.value)
    start = time.process_time()
    model.fit(train_x, train_y)
    facts = {"cpu": time.process_time() - start}
    classes = [] if table.task is Task.REGRESSION else [str(c) for c in model.classes_]
    return Run(np.asarray(model.predict(test_x)), test, classes, facts)


def _kind(script: Path) -> Any:
    if script.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(script.stem, script)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[script.stem] = module
        spec.loader.exec_module(module)
    members = vars(sys.modules[script.stem]).values()
    own = [m for m in members if isinstance(m, type) and m.__module__ == script.stem]
    return next(m for m in own if hasattr(m, "fit") and hasattr(m, "predict"))
