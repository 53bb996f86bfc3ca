"""AutoGluon and FLAML on the same rows: each in an environment of its own, one core, its clock counting CPU seconds.

``python -m benchmarks.automl_rivals --setup --rivals FOLDER`` makes the environments; with ``--data`` it runs what the
cache lacks, a table and seed at a time, the short budgets first. A rival's time limit is of CPU seconds: in its process
``time.time`` counts those (see ``peers/automl_peer.py``), so that other work on the machine takes nothing from it. The
environments' packages are pinned; a run is kept under its rival's version.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.automl_cases import SEEDS, Kept, Run, Table, load_tables

PEER = Path(__file__).with_name("peers") / "automl_peer.py"
NO_ANSWER = 900
"""Wall seconds after which a rival's run is given up."""


@dataclass(frozen=True, slots=True)
class Rival:
    """``budgets``: its time limits, in CPU seconds."""

    name: str
    version: str
    packages: tuple[str, ...]
    budgets: tuple[int, ...]


RIVALS = (
    Rival(
        "autogluon",
        "1.6.3",
        ("autogluon.tabular==1.6.3", "lightgbm==4.7.0", "catboost==1.2.10", "xgboost-cpu==3.2.0"),
        (10, 60),
    ),
    Rival("flaml", "2.7.0", ("flaml[automl]==2.7.0", "lightgbm==4.7.0"), (10,)),
)


def setup(folder: Path) -> None:
    """One virtual environment a rival; what does not install is named and left out."""
    uv = [sys.executable, "-m", "uv"]
    for rival in RIVALS:
        place = folder / rival.name
        if (place / ".ready").exists():
            print(f"{rival.name}: there already")
            continue
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        steps = (
            [*uv, "venv", "--quiet", "--clear", "--python", python, str(place)],
            [*uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *rival.packages],
        )
        done = all(subprocess.run(step, check=False).returncode == 0 for step in steps)
        if done:
            (place / ".ready").touch()
        print(
            f"{rival.name}: {'installed' if done else 'does not install here'} ({', '.join(rival.packages)})"
        )


def fill(folder: Path, tables: Sequence[Table], kept: Kept, seeds: Sequence[int]) -> None:
    """Run every rival that is set up, on what the cache lacks."""
    jobs = [(rival, budget) for rival in RIVALS for budget in rival.budgets]
    for rival, budget in sorted(jobs, key=lambda job: job[1]):
        if not (folder / rival.name / ".ready").exists():
            print(f"{rival.name} is not set up in {folder}", file=sys.stderr)
            continue
        for seed in seeds:
            for table in tables:
                path = kept.path(table, rival.name, rival.version, budget, seed)
                if not path.exists() and (run := once(folder, rival, budget, table, seed)) is not None:
                    kept.save(path, run)


def once(folder: Path, rival: Rival, budget: int, table: Table, seed: int) -> Run | None:
    """One run in a process of its own; ``None`` where it fails, with its last words on standard error."""
    train, test = table.parts(seed)
    with tempfile.TemporaryDirectory() as place:
        job, out = Path(place) / "job.json", Path(place) / "out.npz"
        np.savez(Path(place) / "rows.npz", train=train, test=test)
        job.write_text(
            json.dumps(
                {
                    "rival": rival.name,
                    "file": str(table.path.resolve()),
                    "target": table.target,
                    "task": table.task.value,
                    "dropped": table.dropped,
                    "rows": str(Path(place) / "rows.npz"),
                    "budget": budget,
                    "seed": seed,
                    "work": place,
                    "out": str(out),
                }
            )
        )
        python = str(folder / rival.name / "bin" / "python")
        told = f"{rival.name} {budget} s: {table.name} seed {seed}"
        try:
            done = subprocess.run(
                [python, str(PEER), str(job)],
                capture_output=True,
                text=True,
                check=False,
                timeout=NO_ANSWER,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        except subprocess.TimeoutExpired:
            print(f"{told}: no end after {NO_ANSWER} s", file=sys.stderr)
            return None
        if done.returncode:
            print(f"{told}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
        print(f"{told}: {done.stdout.strip()}", file=sys.stderr)
        with np.load(out) as file:
            facts = {name: float(file[name]) for name in ("cpu", "wall", "mb", "rows_s")}
            return Run(file["pred"], test, [str(c) for c in file["classes"]], facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rivals", type=Path, required=True, help="where their environments are")
    parser.add_argument("--setup", action="store_true", help="make the environments")
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="folders with a manifest.json")
    parser.add_argument("--cache", type=Path, help="where predictions are kept")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--tables", nargs="*", help="just these tables")
    given = parser.parse_args()
    if given.setup:
        given.rivals.mkdir(parents=True, exist_ok=True)
        setup(given.rivals)
    if given.data:
        from benchmarks.automl import CACHE

        tables = [t for folder in given.data for t in load_tables(folder, given.tables)]
        fill(given.rivals, tables, Kept(given.cache or CACHE), given.seeds)


if __name__ == "__main__":
    main()
