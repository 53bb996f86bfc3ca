"""Trains a rival on a table and times its predictions of whole tables; runs in the rival's own environment.

usage: python bulk_rival.py flaml|autogluon TRAIN.csv TEST.csv SECONDS   (the target column is called y)

Prints a line of JSON once it is trained (its version, and which model it chose), and then for each line that it reads
one with the CPU and the wall µs a row of one prediction of the whole test table.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

Predict = Callable[[pd.DataFrame], Any]


def flaml(train: pd.DataFrame, seconds: int) -> tuple[Predict, str, str]:
    import flaml
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
    return model.predict_proba, flaml.__version__, str(model.best_estimator)


def autogluon(train: pd.DataFrame, seconds: int) -> tuple[Predict, str, str]:
    from autogluon.tabular import TabularPredictor, __version__

    folder = tempfile.mkdtemp()
    model = TabularPredictor(label="y", path=folder, verbosity=0)
    model.fit(train, presets="medium_quality", time_limit=seconds, num_cpus=1)
    model.persist()
    return model.predict_proba, __version__, str(model.model_best)


def main(rival: str, train: str, test: str, seconds: int) -> None:
    fit = {"flaml": flaml, "autogluon": autogluon}[rival]
    predict, version, chosen = fit(pd.read_csv(train), seconds)
    frame = pd.read_csv(test)
    say(version=version, model=chosen)
    for _ in sys.stdin:
        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        predict(frame)
        say(
            cpu=(time.process_time_ns() - cpu) / 1000 / len(frame),
            wall=(time.perf_counter_ns() - wall) / 1000 / len(frame),
        )


def say(**facts: Any) -> None:
    """On the standard output that was there at first: a rival's own lines go elsewhere."""
    OUT.write(json.dumps(facts) + "\n")
    OUT.flush()


if __name__ == "__main__":
    OUT, sys.stdout = sys.stdout, sys.stderr
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
