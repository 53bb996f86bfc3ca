"""The kernel builds without Python's headers, and with another compiler, and then scores the same bits."""

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.plan.specs import random_spec

from tenantry.plan import Plan, compile_plan

NATIVE = Path(__file__).parents[2] / "src/tenantry/plan/native"
FLAGS = "-std=c11 -O2 -Wall -Wextra -Werror -ffp-contract=off -fvisibility=hidden -Wno-psabi -D_GNU_SOURCE"
SCRIPT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("tenantry.plan._kernel", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["tenantry.plan._kernel"] = module
spec.loader.exec_module(module)
from tenantry.plan import Plan
from tenantry.plan.kernel import category_word, parse_dates, parse_numbers, text_matrix, tokens
from tenantry.plan.ir import NumberFormat
from tenantry.errors import InvalidData
import numpy as np
plan = Plan.open(sys.argv[2])
assert type(plan).__mro__[1] is module.Kernel
record = dict.fromkeys(plan.columns, "Two year")
others = (np.float32(1), np.bool_(True), np.datetime64("2024-01-02"))
for value in (1, 2.5, True, None, b"x", 10**400, "good bad", *others):
    record = {**record, plan.columns[0]: value}
    print(plan.score(record), plan.explain(record), plan.encode(record).hex())
for wrong in ([1], {1}, "\\ud800"):
    try:
        plan.score(dict.fromkeys(plan.columns, wrong))
    except InvalidData as error:
        print(error)
print(parse_numbers(["$1", None, 3], NumberFormat()), parse_dates(["2024-01-02"], "ymd"), category_word(1e16))
print(text_matrix(["good bad"], ("good", "bad"), np.ones(2, np.float32)), tokens("Good bad"), plan.value_slots)
print(plan.calibration, [plan.unseen(i, "zzz") for i in range(len(plan.columns))])
"""


@pytest.fixture(scope="module")
def compiler() -> str:
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not found:
        pytest.skip("no C compiler here")
    return found


def build(compiler: str, target: Path, *more: str) -> Path:
    sources = map(str, sorted(NATIVE.glob("*.c")))
    subprocess.run(
        [compiler, *FLAGS.split(), "-fPIC", "-shared", *more, *sources, "-lm", "-o", str(target)], check=True
    )
    return target


def say(kernel: Path, plan: Path) -> str:
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(kernel), str(plan)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_python_headers_it_does_the_same(compiler: str, tmp_path: Path) -> None:
    (tmp_path / "plan.tnp").write_bytes(compile_plan(random_spec(4)))
    installed = importlib.util.find_spec("tenantry.plan._kernel")
    assert installed is not None
    assert installed.origin is not None
    without = build(compiler, tmp_path / "without.so", "-DTENANTRY_OWN_ABI3")
    assert say(without, tmp_path / "plan.tnp") == say(Path(installed.origin), tmp_path / "plan.tnp")


def test_it_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    build(compiler, tmp_path / "plain.so", f"-I{sysconfig.get_path('include')}")


def test_other_settings_of_the_compiler_do_not_change_a_bit(compiler: str, tmp_path: Path) -> None:
    (tmp_path / "plan.tnp").write_bytes(compile_plan(random_spec(8)))
    include = f"-I{sysconfig.get_path('include')}"
    plain = build(compiler, tmp_path / "o0.so", include, "-O0")
    fast = build(compiler, tmp_path / "o3.so", include, "-O3", "-DPLAN_LANES=4")
    assert say(plain, tmp_path / "plan.tnp") == say(fast, tmp_path / "plan.tnp")


def test_the_installed_kernel_opens_plans() -> None:
    assert Plan.from_bytes(compile_plan(random_spec(1))).n_outputs >= 1


@pytest.mark.parametrize(
    ("path", "cc", "wanted"), [("", "", ["ziglang>=0.13"]), ("", "my-cc", []), ("tool", "", [])]
)
def test_the_build_brings_a_compiler_only_where_there_is_none(
    path: str, cc: str, wanted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("setuptools")
    tool = tmp_path / "tool" / "gcc"
    tool.parent.mkdir()
    tool.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / path) if path else str(tmp_path))
    monkeypatch.setenv("CC", cc)
    spec = importlib.util.spec_from_file_location(
        "build_backend", NATIVE.parents[3] / "tools/build_backend.py"
    )
    assert spec is not None
    assert spec.loader is not None
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    assert backend._compiler() == wanted
