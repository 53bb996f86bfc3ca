"""One rival's training and predictions of one table, in the rival's own environment: ``automl_peer.py JOB.json``.

Its clock counts CPU seconds of this process, so that its time limit is one of work done, whatever else the machine
does. Both rivals train in this process when they may use one core. What is measured includes children.
"""

import time

_WALL, _CPU = time.time(), time.process_time()
time.time = lambda: _WALL + (time.process_time() - _CPU)  # before any rival is imported

import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import pickle  # noqa: E402
import sys  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

AUTOGLUON_METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"}
BULK_ROWS = 5_000
FLAML_METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def table(job: dict[str, Any]) -> pd.DataFrame:
    """As the harness reads it: rows with a known outcome, words as objects."""
    frame = pd.read_csv(job["file"], low_memory=False)
    frame = frame[frame[job["target"]].notna()].reset_index(drop=True).drop(columns=job["dropped"])
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            frame[column] = frame[column].astype(object).where(frame[column].notna(), np.nan)
    return frame


def autogluon(job: dict[str, Any], train: pd.DataFrame) -> Any:
    from autogluon.tabular import TabularPredictor

    metric = AUTOGLUON_METRICS[job["task"]]
    model = TabularPredictor(job["target"], eval_metric=metric, path=f"{job['work']}/model", verbosity=0)
    return model.fit(train, presets="medium_quality", time_limit=job["budget"], num_cpus=1, num_gpus=0)


def flaml(job: dict[str, Any], train: pd.DataFrame) -> Any:
    from flaml import AutoML

    model = AutoML()
    model.fit(
        train.drop(columns=job["target"]),
        train[job["target"]],
        task="regression" if job["task"] == "regression" else "classification",
        time_budget=job["budget"],
        metric=FLAML_METRICS[job["task"]],
        n_jobs=1,
        seed=job["seed"],
        verbose=0,
    )
    return model


LEARNERS = {"autogluon": (autogluon, "autogluon.tabular"), "flaml": (flaml, "flaml")}


def predicted(job: dict[str, Any], model: Any, columns: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    if job["task"] == "regression":
        return np.asarray(model.predict(columns), dtype=float), []
    found = model.predict_proba(columns)
    classes = found.columns if isinstance(found, pd.DataFrame) else model.classes_
    return np.asarray(found, dtype=float), [str(c) for c in classes]


def rows_a_second(job: dict[str, Any], model: Any, columns: pd.DataFrame) -> float:
    """Of many rows in one call; models are kept in memory. CPU time, best of three."""
    if job["rival"] == "autogluon":
        model.persist()
    many = pd.concat([columns] * -(-BULK_ROWS // len(columns)), ignore_index=True)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        predicted(job, model, many)
        seconds.append(time.process_time() - start)
    return len(many) / min(seconds)


def megabytes(job: dict[str, Any], model: Any) -> float:
    """What would be deployed."""
    if job["rival"] == "flaml":
        return len(pickle.dumps(model)) / 1e6
    place = Path(job["work"]) / "deployed"
    model.clone_for_deployment(str(place))
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    warnings.filterwarnings("ignore")
    job = json.loads(Path(sys.argv[1]).read_text())
    frame = table(job)
    rows = np.load(job["rows"])
    train = frame.iloc[rows["train"]].reset_index(drop=True)
    test = frame.iloc[rows["test"]].drop(columns=job["target"]).reset_index(drop=True)
    learner, package = LEARNERS[job["rival"]]
    importlib.import_module(package)  # not part of a training
    wall, cpu = time.monotonic(), sum(os.times()[:4])
    model = learner(job, train)
    spent = {"cpu": sum(os.times()[:4]) - cpu, "wall": time.monotonic() - wall}
    values, classes = predicted(job, model, test)
    facts = {**spent, "mb": megabytes(job, model), "rows_s": rows_a_second(job, model, test)}
    np.savez(job["out"], pred=values, classes=np.array(classes, dtype=str), **facts)
    print(f"{spent['cpu']:.1f} CPU s")


if __name__ == "__main__":
    main()
