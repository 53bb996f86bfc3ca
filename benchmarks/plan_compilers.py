"""The plan kernel built by each C compiler that is here, and timed in a process of its own.

usage: python -m benchmarks.plan_compilers KERNEL PLAN RECORDS.json   (what ``compilers`` runs)
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BARS = {"gcc": 10.0, "clang": 5.0}
"""Most CPU µs from a decoded record to its score."""
MOST_REASONS = 50.0


def compilers(folder: Path, plan: Path, rows: list[dict[str, Any]]) -> str:
    """The table: a row, a row of a batch, attributions, by gcc and by clang."""
    records = folder / "records.json"
    records.write_text(json.dumps(rows))
    lines = [
        "| compiler | one row, µs | bar | a row of a batch of 1,000, µs | attributions, µs | bar |",
        "|---|---:|---|---:|---:|---|",
    ]
    for name, most in BARS.items():
        if not shutil.which(name):
            lines.append(f"| {name} | not here | | | | |")
            continue
        command = [
            sys.executable,
            "-m",
            "benchmarks.plan_compilers",
            str(_built(name, folder)),
            plan,
            records,
        ]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        row, batch, explained = json.loads(done.stdout)
        lines.append(
            f"| {_version(name)} | {row:.1f} | {_bar(row, most)} | {batch:.1f} | {explained:.0f} "
            f"| {_bar(explained, MOST_REASONS)} |"
        )
    return "\n".join(lines)


def _bar(value: float, most: float) -> str:
    return f"≤ {most:g}: {'met' if value <= most else 'MISSED'}"


def _built(compiler: str, folder: Path) -> Path:
    """The extension as setup.py builds it, but by this compiler and elsewhere."""
    target = folder / compiler
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", str(target)]
    command += ["--build-temp", str(folder / "objects")]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "CC": compiler})
    return next(target.rglob("_kernel*.so"))


def _version(compiler: str) -> str:
    done = subprocess.run([compiler, "-dumpversion"], check=True, stdout=subprocess.PIPE, text=True)
    return f"{compiler} {done.stdout.strip()}"


def main(kernel: str, path: str, records: str) -> None:
    spec = importlib.util.spec_from_file_location("tenantry.plan._kernel", kernel)
    if spec is None or spec.loader is None:
        raise SystemExit(f"no kernel at {kernel}")
    sys.modules["tenantry.plan._kernel"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["tenantry.plan._kernel"])
    from benchmarks.plan import micros
    from tenantry.plan import Plan

    plan, rows = Plan.open(path), json.loads(Path(records).read_text())
    batch = micros(plan.score_rows, [rows]) / len(rows)
    sys.stdout.write(json.dumps([micros(plan.score, rows), batch, micros(plan.explain, rows[:300])]))


if __name__ == "__main__":
    main(*sys.argv[1:])
