"""Hostile plans and records against the kernel alone, under the sanitizers: mutated blindly (any gcc), and guided
by coverage (clang). ``tests/plan/test_fuzz.py`` does the same through Python."""

import shutil
from pathlib import Path

import pytest
from tests.plan import targets

MUTATIONS = {"sample": 20_000, "full": 1_000_000}
GUIDED_SECONDS = {"sample": 20, "full": 3600}
HOURS = pytest.mark.timeout(3 * 3600)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    folder = tmp_path_factory.mktemp("fuzz") / "seeds"
    return folder, {target: list(map(str, files)) for target, files in targets.write_seeds(folder).items()}


def drive(
    target: str,
    compiler: str,
    sanitize: str,
    rounds: int,
    folder: Path,
    seeds: tuple[Path, dict[str, list[str]]],
) -> str:
    program = targets.build(target, folder, compiler, sanitize=sanitize)
    done = targets.run(program, [f"-rounds={rounds}", *seeds[1][target]], seeds[0], 3 * 3600)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stderr[-6000:]}"
    return done.stdout


def clang(request: pytest.FixtureRequest) -> str:
    found = shutil.which("clang")
    if not found and request.config.getoption("--soak") == "full":
        pytest.fail("the whole soak needs clang (apt-get install clang libclang-rt-dev)")
    if not found:
        pytest.skip(
            "NO CLANG HERE: nothing was fuzzed by coverage, nor checked for memory that was never written"
        )
    return found


@HOURS
@pytest.mark.soak
@pytest.mark.parametrize("target", targets.TARGETS)
def test_mutations_touch_no_foreign_memory(
    target: str, tmp_path: Path, seeds: tuple[Path, dict[str, list[str]]], request: pytest.FixtureRequest
) -> None:
    rounds = MUTATIONS[request.config.getoption("--soak")]
    compiler = shutil.which("gcc") or clang(request)
    said = drive(target, compiler, targets.SANITIZE, rounds, tmp_path, seeds)
    assert f"{rounds} mutations" in said
    assert int(said.split(", ")[-1].split()[0]) > rounds  # a good part of it was scored, not refused


@HOURS
@pytest.mark.soak
@pytest.mark.parametrize("target", targets.TARGETS)
def test_nothing_is_read_that_was_never_written(
    target: str, tmp_path: Path, seeds: tuple[Path, dict[str, list[str]]], request: pytest.FixtureRequest
) -> None:
    drive(
        target, clang(request), "memory", MUTATIONS[request.config.getoption("--soak")] // 10, tmp_path, seeds
    )


@HOURS
@pytest.mark.soak
@pytest.mark.parametrize("target", targets.TARGETS)
def test_coverage_leads_to_no_failure(target: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    seconds = GUIDED_SECONDS[request.config.getoption("--soak")]
    assert "Done" in targets.guided(target, seconds, tmp_path, clang(request))
