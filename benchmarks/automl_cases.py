"""What the AutoML benchmarks share: tables, splits, kept predictions, and figures with what they need to be paired.

A table is a file named in a ``manifest.json``: ``{name: {"file", "target", "task", "leaky_columns", "id_columns"}}``.
Everyone gets the same training rows and predicts the same test rows; what was predicted is kept as a file keyed by the
table's content, the learner, its version, budget and seed, so that a later run of one learner pairs with the others.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.model_selection import train_test_split

from tenantry.evaluation import metrics
from tenantry.evaluation.intervals import auroc_influence
from tenantry.schema import Task

SEEDS = (42, 43, 44, 45, 46)
TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Table:
    """One table: as Arrow text for us, as pandas types for the others; ``digest``: of its file; ``source``: where it
    comes from, and its licence."""

    name: str
    task: Task
    target: str
    leaky: list[str]
    ids: list[str]
    path: Path
    arrow: pa.Table
    frame: pd.DataFrame
    digest: str
    source: str

    @property
    def dropped(self) -> list[str]:
        return [c for c in (*self.leaky, *self.ids) if c in self.frame]

    def parts(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and test rows: 80/20, stratified by class."""
        strata = self.frame[self.target] if self.task is not Task.REGRESSION else None
        rows = np.arange(len(self.frame))
        train, test = train_test_split(rows, test_size=TEST_SHARE, random_state=seed, stratify=strata)
        return train, test


@dataclass(frozen=True, slots=True)
class Run:
    """Predictions of the rows ``test``: values, or probabilities with one column a class of ``classes``; ``facts``:
    CPU seconds and the like."""

    predicted: np.ndarray
    test: np.ndarray
    classes: list[str]
    facts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """AUROC or R², log loss or RMSE, and each test row's influence on either (the squares' sum is the variance)."""

    score: float
    loss: float
    score_influence: np.ndarray
    loss_influence: np.ndarray
    rows: np.ndarray

    @property
    def error(self) -> float:
        return float(np.sqrt((self.score_influence**2).sum()))


def load_tables(folder: Path, names: Sequence[str] | None = None) -> list[Table]:
    manifest = json.loads((folder / "manifest.json").read_text())
    return [_load(folder, n, e) for n, e in manifest.items() if not names or n in names]


def _load(folder: Path, name: str, entry: dict[str, Any]) -> Table:
    path, target, task = folder / entry["file"], entry["target"], Task(entry["task"])
    frame = pd.read_csv(path, low_memory=False)
    known = frame[target].notna().to_numpy()
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)[known]
    arrow = pa.table({c: pa.array([v or None for v in raw[c]], pa.string()) for c in raw.columns})
    frame = frame[known].reset_index(drop=True)
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            frame[column] = frame[column].astype(object).where(frame[column].notna(), np.nan)
    leaky, ids = entry.get("leaky_columns", []), entry.get("id_columns", [])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    source = ", ".join(entry[key] for key in ("source", "licence") if entry.get(key))
    return Table(name, task, target, leaky, ids, path, arrow, frame, digest, source)


class Kept:
    """Runs as files in a folder: one a table, learner, version, budget and seed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, table: Table, learner: str, version: str, budget: float, seed: int) -> Path:
        return self.folder / f"{table.name}-{table.digest}" / f"{learner}-{version}-{budget:g}s-{seed}.npz"

    def save(self, path: Path, run: Run) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {f"fact_{name}": value for name, value in run.facts.items()}
        half = path.with_suffix(".half.npz")
        np.savez(half, pred=run.predicted, test=run.test, classes=np.array(run.classes, dtype=str), **facts)  # type: ignore[arg-type]
        half.rename(path)

    def load(self, path: Path) -> Run | None:
        if not path.exists():
            return None
        with np.load(path) as file:
            facts = {n.removeprefix("fact_"): float(file[n]) for n in file.files if n.startswith("fact_")}
            return Run(file["pred"], file["test"], [str(c) for c in file["classes"]], facts)


def code_digest(folders: Iterable[Path]) -> str:
    """Of all sources under the folders: a run of ours is good for just this code."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".c", ".h"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def truth(table: Table, run: Run) -> np.ndarray:
    """The test rows' outcomes: values, or class numbers in the order of the run's classes."""
    given = table.frame[table.target].to_numpy()[run.test]
    if table.task is Task.REGRESSION:
        return np.asarray(given, dtype=float)
    place = {name: at for at, name in enumerate(run.classes)}
    return np.array([place[str(value)] for value in given])


def probabilities(run: Run) -> np.ndarray:
    """Never 0, so that one confident miss does not decide the mean; rows sum to 1."""
    p = np.clip(run.predicted, 1e-7, 1)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def judge(table: Table, run: Run) -> Figures:
    y = truth(table, run)
    if table.task is Task.REGRESSION:
        return _judge_values(y, run)
    p = probabilities(run)
    present = [k for k in range(p.shape[1]) if 0 < (y == k).sum() < len(y)]
    areas = [auroc_influence(y == k, p[:, k]) for k in (present[-1:] if p.shape[1] == 2 else present)]
    losses = metrics.row_log_loss(y, p)
    return Figures(
        float(np.mean([area for area, _ in areas])),
        float(losses.mean()),
        np.mean([influence for _, influence in areas], axis=0),
        (losses - losses.mean()) / len(y),
        run.test,
    )


def _judge_values(y: np.ndarray, run: Run) -> Figures:
    """R² = 1 − A/B with A and B means over the rows, RMSE = √A: the delta method gives the influences."""
    squares, spreads = (y - run.predicted) ** 2, (y - y.mean()) ** 2
    a, b = float(squares.mean()), float(spreads.mean())
    on_score = -((squares - a) / b - a * (spreads - b) / b**2) / len(y)
    on_loss = (squares - a) / (2 * np.sqrt(a)) / len(y)
    return Figures(1 - a / b, float(np.sqrt(a)), on_score, on_loss, run.test)


def paired(ours: Sequence[Figures], theirs: Sequence[Figures], which: str) -> tuple[float, float]:
    """Mean difference over the seeds (better is positive) and its standard error.

    A row that several seeds test counts as one: its influences are added before they are squared, so that five seeds on
    one table do not pass for five tables.
    """
    sign = 1.0 if which == "score" else -1.0
    gaps = [sign * (getattr(a, which) - getattr(b, which)) for a, b in zip(ours, theirs, strict=True)]
    rows = 1 + max(int(a.rows.max()) for a in ours)
    summed = np.zeros(rows)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.rows == b.rows).all(), "predictions of other rows cannot be paired"
        summed[a.rows] += getattr(a, f"{which}_influence") - getattr(b, f"{which}_influence")
    return float(np.mean(gaps)), float(np.sqrt((summed**2).sum()) / len(gaps))
