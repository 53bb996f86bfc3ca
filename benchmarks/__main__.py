"""Run the benchmarks one after the other, each in a process of its own, and keep their tables."""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
SECTIONS = {
    "plan": "The plan kernel beside the pickled pipeline",
    "automl": "Quality, calibration and size beside AutoGluon and FLAML",
    "leaks": "What is left out when leaky columns stay in",
    "titanic": "Titanic, three-fold",
    "fleet": "Models in a core-hour",
    "routing": "Routing decisions, and changes among 10,000 tenants",
    "serving": "One scoring worker beside a bare echo server",
    "memory": "Ten thousand models in two scoring workers",
    "zipf": "A thousand tenants' models under Zipf's law, beside the echo and the rivals",
    "rivals": "The rivals: start, memory, first requests",
    "cold": "Models that are not in memory",
    "overload": "More than one worker can do",
    "neighbour": "A loud tenant among fifty",
    "workers": "Two workers against one",
    "steady": "A million requests through one worker",
}
FOLDERS = {
    "data": "a folder of tables with a manifest.json, for `automl`, `leaks`, `titanic` and `fleet`",
    "held-out": "the same, of tables unseen in tuning, for `automl` (see benchmarks/tables.py)",
    "script": "a script with a class that has fit and predict, for `automl` (see benchmarks/automl_baselines.py)",
    "rivals": "the rivals' environments, for `plan`, `automl`, `zipf` and `rivals` (see benchmarks/rivals.py)",
    "cache": "where `automl` keeps predictions, so that a rerun of ours pairs with the rivals'",
}
TAKES = {
    "plan": ("rivals",),
    "automl": ("data", "held-out", "rivals", "cache", "script"),
    "leaks": ("data",),
    "titanic": ("data",),
    "fleet": ("data",),
    "zipf": ("rivals",),
    "rivals": ("rivals",),
}
NOISE = "[LightGBM]"
"""LightGBM writes warnings about a rival's data to standard output."""
HEAD = """# Benchmarks

Each table is made by the command above it, ours and its rival or limit in one run. The machine is shared and
noisy: trust ratios more than times. A bar that was missed is called missed.

Of the 14 columns that the eight tables' manifest calls leaky, 6 are left out and 4 are asked about; why not the others
is said column by column in [what the data can show of a leak](decisions/automl-leakage.md).

"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    for name, what in FOLDERS.items():
        parser.add_argument(f"--{name}", type=Path, help=what)
    parser.add_argument("--only", nargs="*", choices=sorted(SECTIONS), help="run just these")
    parser.add_argument("--write", action="store_true", help="keep the tables in docs/benchmarks.md")
    given = parser.parse_args()
    sections = [name for name in SECTIONS if (HERE / f"{name}.py").exists()]
    kept = _kept()
    failed = []
    for name in given.only or sections:
        command, shown = _command(name, given)
        print(f"# {SECTIONS[name]}", flush=True)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        table = "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith(NOISE))
        print(table, flush=True)
        if done.returncode:
            failed.append(name)
            continue
        where = f"{os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
        kept[name] = f"## {SECTIONS[name]}\n\n`{shown}` ({where})\n\n{table.strip()}\n"
    if given.write:
        PAGE.write_text(HEAD + "\n".join(_marked(name, kept[name]) for name in SECTIONS if name in kept))
    for name in failed:
        print(f"benchmarks.{name} failed", file=sys.stderr)
    return 1 if failed else 0


def _command(name: str, given: argparse.Namespace) -> tuple[list[str], str]:
    """What runs a section, and how the page says to run it: folders are the reader's own."""
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    made = ["make bench"]
    extra = ""
    in_make = ("data", "held-out", "rivals")
    for option in TAKES.get(name, ()):
        value = getattr(given, option.replace("-", "_"))
        if value is None:
            continue
        command += [f"--{option}", str(value)]
        if option in in_make:
            made.append(f"{option.upper().replace('-', '_')}=<folder>")
        else:
            extra += f" --{option} {value.name}"
    return command, f"{' '.join(made)} ARGS='--only {name}{extra}'"


def _marked(name: str, text: str) -> str:
    return f"<!-- {name} -->\n{text}<!-- end {name} -->\n"


def _kept() -> dict[str, str]:
    """The sections of the page as it stands, so that a run of one keeps the others."""
    page = PAGE.read_text() if PAGE.exists() else ""
    found = {}
    for name in SECTIONS:
        start, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
        if start in page:
            found[name] = page.split(start, 1)[1].split(end, 1)[0]
    return found


if __name__ == "__main__":
    sys.exit(main())
