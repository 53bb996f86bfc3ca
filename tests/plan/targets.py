"""The kernel's fuzz targets (``native/``): their builds, what they start from, and a run of them.

usage: python -m tests.plan.targets SECONDS FOLDER   (FOLDER keeps the corpus, and what was found)
"""

import os
import random
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "src/tenantry/plan/native"
HARNESS = ROOT / "tests/plan/native"
CORPUS = ROOT / "tests/plan/corpus"
TARGETS = ("plan", "values")
PYTHONIC = ("python.c", "batch.c", "columns.c", "values.c")
"""Sources of the kernel that need Python."""
FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Werror -ffp-contract=off -Wno-psabi -D_GNU_SOURCE"
SANITIZE = "address,undefined"
ITEM = "\x1f"
"""What parts the items of a list (``HARNESS_ITEM``)."""
LONGEST = {"plan": 1 << 16, "values": 1 << 12}
SEEDS = 64


def build(
    target: str, folder: Path, compiler: str, *, sanitize: str = SANITIZE, guided: bool = False
) -> Path:
    """One target: driven by libFuzzer where ``guided`` (clang), else by ``drive.c``."""
    sources = [path for path in sorted(KERNEL.glob("*.c")) if path.name not in PYTHONIC]
    sources += [
        HARNESS / "harness.c",
        HARNESS / f"fuzz_{target}.c",
        *([] if guided else [HARNESS / "drive.c"]),
    ]
    program = folder / f"{target}-{'guided-' if guided else ''}{sanitize.replace(',', '-')}"
    checks = [f"-fsanitize={'fuzzer,' if guided else ''}{sanitize}", "-fno-sanitize-recover=all"]
    include = [f"-I{KERNEL}", f"-I{HARNESS}"]
    command = [compiler, *FLAGS.split(), *checks, *include, *map(str, sources), "-lm", "-o", str(program)]
    subprocess.run(command, check=True)
    return program


def write_seeds(folder: Path, plans: int = SEEDS) -> dict[str, list[Path]]:
    """What the targets start from: plans of random specifications, records for them, and what was once found."""
    from tests.plan.specs import random_spec

    from tenantry.plan import compile_plan

    chance = random.Random(7)
    found: dict[str, list[Path]] = {target: sorted((CORPUS / target).glob("*")) for target in TARGETS}
    for target in TARGETS:
        (folder / target).mkdir(parents=True)
    for seed in range(plans):
        spec = random_spec(seed)
        found["plan"].append(folder / "plan" / f"{seed:03d}.tnp")
        found["plan"][-1].write_bytes(compile_plan(spec))
        found["values"].append(folder / "values" / f"{seed:03d}")
        found["values"][-1].write_bytes(bytes([seed]) + b"".join(_cell(chance) for _ in spec.columns))
    return found


def _cell(chance: random.Random) -> bytes:
    """A value as ``fuzz_values.c`` reads it."""
    from tests.plan.specs import DATES, LISTS, NUMBERS, PLACES, TOKENS, WORDS

    kind = chance.randrange(6)
    if kind == 0:
        return b"\0"
    if kind == 1:
        return b"\1" + struct.pack("<d", chance.choice((1.5, -1e308, float("nan"), float("inf"), 999.0)))
    if kind == 2:
        items = chance.choices((*TOKENS, "52.5", "-33.9", "", " good "), k=chance.choice((0, 1, 2, 2, 40)))
        text = ITEM.join(items).encode()
        return b"\3" + struct.pack("<H", len(text)) + text
    texts = (*WORDS, *NUMBERS, *DATES, *LISTS, *PLACES, "late good " * 50, "", "Good NOT late, good")
    text = chance.choice(texts).encode()
    return b"\2" + struct.pack("<H", len(text)) + text


def run(program: Path, arguments: list[str], seeds: Path, timeout: float) -> subprocess.CompletedProcess[str]:
    """The program, with the leak check on, and the plans of ``seeds`` where it asks for some."""
    environment = {**os.environ, "PLANS": str(seeds / "plan"), "ASAN_OPTIONS": "detect_leaks=1"}
    return subprocess.run(
        [str(program), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def guided(target: str, seconds: int, folder: Path, clang: str) -> str:
    """libFuzzer for so long; what it says at the end. A finding stands in ``folder`` and ends the run."""
    seeds = folder / f"seeds-{target}"
    if not seeds.exists():
        write_seeds(seeds)
    program = build(target, folder, clang, guided=True)
    corpus = folder / f"corpus-{target}"
    corpus.mkdir(exist_ok=True)
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST[target]}",
        "-timeout=20",
        "-rss_limit_mb=1024",
    ]
    options += ["-print_final_stats=1", f"-artifact_prefix={folder}/found-{target}-"]
    arguments = [*options, str(corpus), str(seeds / target), str(CORPUS / target)]
    done = run(program, arguments, seeds, seconds + 600)
    if done.returncode:
        raise RuntimeError(f"{target}: exit {done.returncode}\n{done.stderr[-6000:]}")
    return "\n".join(line for line in done.stderr.splitlines() if line.startswith(("Done", "stat::")))


def main(seconds: int, folder: Path) -> None:
    clang = shutil.which("clang")
    if not clang:
        raise SystemExit("coverage-guided fuzzing needs clang (apt-get install clang libclang-rt-dev)")
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(TARGETS)) as pool:
        for target, said in zip(
            TARGETS, pool.map(lambda target: guided(target, seconds, folder, clang), TARGETS), strict=True
        ):
            sys.stdout.write(f"{target}\n{said}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).resolve())
