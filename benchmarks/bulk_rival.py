"""Trains a rival on a table and times its predictions of whole tables; runs in the rival's own environment.

usage: python bulk_rival.py flaml|autogluon TRAIN.parquet TEST.parquet SECONDS   (the target column is called y)

Prints the best CPU µs a row, and which model the rival chose.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pandas as pd


def flaml(train: pd.DataFrame, seconds: int) -> tuple[Callable[[pd.DataFrame], Any], str]:
    from flaml import AutoML

    model = AutoML()
    model.fit(
        train.drop(columns="y"),
        train["y"],
        task="classification",
        time_budget=seconds,
        verbose=0,
        n_jobs=1,
        seed=1,
    )
    return model.predict_proba, str(model.best_estimator)


def autogluon(train: pd.DataFrame, seconds: int) -> tuple[Callable[[pd.DataFrame], Any], str]:
    from autogluon.tabular import TabularPredictor

    folder = tempfile.mkdtemp()
    model = TabularPredictor(label="y", path=folder, verbosity=0)
    model.fit(train, presets="medium_quality", time_limit=seconds, num_cpus=1)
    model.persist()
    return model.predict_proba, str(model.model_best)


def main(rival: str, train: str, test: str, seconds: int) -> None:
    fit = {"flaml": flaml, "autogluon": autogluon}[rival]
    predict, chosen = fit(pd.read_parquet(train), seconds)
    frame = pd.read_parquet(test)
    best = float("inf")
    for _ in range(15):
        start = time.process_time_ns()
        predict(frame)
        best = min(best, (time.process_time_ns() - start) / 1000 / len(frame))
    sys.stdout.write(json.dumps({"micros": best, "model": chosen}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
