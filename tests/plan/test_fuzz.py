"""Damaged and hostile files: an error or a score, never a crash. Each run is a process of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "src/tenantry/plan/native"


def run(module: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", f"tests.plan.{module}", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr[-4000:]}"
    return done.stdout


def fuzz(seed: int, rounds: int, kernel: Path | None = None, **environment: str) -> str:
    return run("fuzz", str(seed), str(rounds), *([str(kernel)] if kernel else []), **environment)


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The kernel with address and undefined-behaviour checks, and the library to load before it."""
    compiler = shutil.which("gcc")
    if not compiler:
        pytest.skip("no gcc here")
    library = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout
    if not Path(library.strip()).is_absolute():
        pytest.skip("gcc has no address sanitizer here")
    kernel = tmp_path_factory.mktemp("kernel") / "_kernel.abi3.so"
    flags = "-std=c11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -ffp-contract=off -Wno-psabi"
    sources = map(str, sorted(NATIVE.glob("*.c")))
    include = f"-I{sysconfig.get_path('include')}"
    command = [
        compiler,
        *flags.split(),
        "-D_GNU_SOURCE",
        "-fPIC",
        "-shared",
        include,
        *sources,
        "-lm",
        "-o",
        str(kernel),
    ]
    subprocess.run(command, check=True)
    return kernel, library.strip()


def test_a_sample_of_damaged_files_never_crashes() -> None:
    assert "opened and scored" in fuzz(seed=1, rounds=1500)


def test_the_twin_reads_a_sample_of_damaged_files_as_the_kernel_does() -> None:
    opened = int(run("differential", "1", "500").split()[0])
    assert opened > 100  # a good part was read by both, not refused


def test_a_sample_of_damaged_files_touches_no_foreign_memory(sanitized: tuple[Path, str]) -> None:
    kernel, library = sanitized
    fuzz(2, 600, kernel, LD_PRELOAD=library, ASAN_OPTIONS="detect_leaks=0")


LIVES = """
import sys
from tests.plan.fuzz import load_kernel, use
load_kernel(sys.argv[1])
import random, tempfile, pathlib
from tests.plan.specs import random_spec
from tenantry.errors import Corrupt, InvalidData
from tenantry.plan import Plan, compile_plan
path = pathlib.Path(tempfile.mkdtemp()) / "a.tnp"
for seed in range(20):
    data = compile_plan(random_spec(seed))
    path.write_bytes(data)
    with Plan.open(path) as mapped, Plan.from_bytes(data) as copied:
        use(mapped, random.Random(seed))
        use(copied, random.Random(seed))
        for wrong in ([1], {1}, "\\ud800"):
            try:
                mapped.score(dict.fromkeys(mapped.columns, wrong))
            except InvalidData:
                pass
    for damaged in (data[:200], data[:-1], b"", data[:24] + b"12345678" + data[32:]):
        try:
            Plan.from_bytes(damaged)
        except Corrupt:
            pass
"""


def test_nothing_that_the_kernel_takes_is_kept(sanitized: tuple[Path, str]) -> None:
    kernel, library = sanitized
    # Python itself leaves blocks behind at its end: only those that the kernel asked for count
    sound = {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=1", "PYTHONMALLOC": "malloc"}
    command = [sys.executable, "-c", LIVES, str(kernel)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **sound}, capture_output=True, text=True, check=False
    )
    assert "LeakSanitizer" in done.stderr, done.stderr[-4000:]
    leaks = [leak for leak in done.stderr.split("\n\n") if "leak of" in leak and "/native/" in leak]
    assert not leaks, leaks[0]


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10, 14))
def test_damaged_files_never_crash(seed: int) -> None:
    fuzz(seed, 50_000)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_damaged_files_touch_no_foreign_memory(sanitized: tuple[Path, str]) -> None:
    kernel, library = sanitized
    fuzz(20, 100_000, kernel, LD_PRELOAD=library, ASAN_OPTIONS="detect_leaks=0")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(30, 32))
def test_the_twin_reads_damaged_files_as_the_kernel_does(seed: int, soak_full: bool) -> None:  # noqa: FBT001
    run("differential", str(seed), "50000" if soak_full else "1000")
