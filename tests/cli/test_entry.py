"""What every command does alike: exit status, streams, errors, help."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["train"],
        ["train", "x.csv"],
        ["key", "create"],
        ["key", "create", "--role", "king", "--tenant", "acme"],
        ["key", "create", "--role", "operator", "--tenant", "acme"],
        ["key", "create", "--role", "viewer", "--tenant", "acme", "--expires", "soon"],
        ["schedule", "set", "churn", "--tenant", "acme"],
        ["schedule", "set", "churn", "--tenant", "acme", "--every", "night"],
        ["schedule", "set", "churn", "--tenant", "acme", "--every", "1d", "--at", "25:00"],
        ["schedule", "set", "churn", "--tenant", "acme", "--every", "7h", "--at", "02:00"],
        ["schedule", "set", "churn", "--tenant", "acme", "--every", "0m", "--at", "02:00"],
        ["model", "list"],
        ["model", "list", "--tenant"],
        ["predict", "churn", "x.csv", "--tenant", "acme", "--explain", "99"],
        ["predict", "churn", "x.csv", "--tenant", "acme", "--out", "x.xlsx"],
        ["predict", "churn", "x.csv", "--tenant", "acme", "--out", "no/such/folder/x.csv"],
        ["job", "list", "--tenant", "acme", "--state", "asleep"],
        ["model", "export", "churn", "--tenant", "acme", "--format", "pickle"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2_and_says_where_help_is(tenantry: Run, tmp_path: Path, words: list[str]) -> None:
    done = tenantry("--home", tmp_path, *words)
    assert done.status == 2
    assert done.out == ""
    assert "usage:" in done.err
    assert "--help'" in done.err
    assert "Traceback" not in done.err
    as_json = tenantry("--home", tmp_path, "--json", *words)
    assert as_json.status == 2
    assert as_json.error["code"] == "usage"


def test_a_failure_exits_1_with_one_line_a_code_and_a_hint(tenantry: Run, tmp_path: Path) -> None:
    words = ("--home", tmp_path, "--tenant", "acme", "scorecard", "churn")
    done = tenantry(*words)
    assert done.status == 1
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert "[not_found]" in done.err
    assert "hint: " in done.err
    assert tenantry(*words, "--json").error["code"] == "not_found"


def test_a_bad_setting_is_an_error_not_a_crash(tenantry: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANTRY_WORKERS", "many")
    done = tenantry("tenant", "list", "--json")
    assert done.status == 1
    assert done.error["code"] == "setting_invalid"


def test_a_home_that_cannot_be_made_is_an_error(tenantry: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = tenantry("--home", tmp_path / "file" / "home", "tenant", "list", "--json")
    assert done.status == 1
    assert done.error["code"] == "storage_unavailable"


def test_global_options_may_stand_anywhere(tenantry: Run, tmp_path: Path) -> None:
    assert tenantry("tenant", "create", "acme", "--home", tmp_path).status == 0
    assert tenantry("--json", "tenant", "--home", tmp_path, "list").json[0]["id"] == "acme"


def test_settings_come_from_the_environment_and_options_win(
    tenantry: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENANTRY_HOME", str(tmp_path / "one"))
    monkeypatch.setenv("TENANTRY_TENANT", "acme")
    assert tenantry("tenant", "create", "acme").status == 0
    assert tenantry("model", "list", "--json").json == []
    assert tenantry("tenant", "list", "--json", "--home", tmp_path / "two").json == []
    assert tenantry("model", "list", "--tenant", "other").out.strip() == "none"


def test_a_defect_is_one_line_and_with_debug_a_traceback(
    tenantry: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("tenantry.cli.connect.connect", broken)
    done = tenantry("--home", tmp_path, "tenant", "list")
    assert done.status == 1
    assert "ZeroDivisionError: oh [internal]" in done.err
    with pytest.raises(ZeroDivisionError):
        tenantry("--home", tmp_path, "tenant", "list", "--debug")


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    command = f"{sys.executable} -m tenantry.cli --home {tmp_path} tenant list --json | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_help_and_wrong_usage_load_no_table_or_database_code() -> None:
    code = (
        "import sys; from tenantry.cli.entry import run; run(['train', '--help']); run(['train']);"
        "print([name for name in ('numpy', 'pyarrow', 'sqlalchemy', 'duckdb', 'lightgbm') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_command_that_a_server_answers_loads_no_database_or_learning_code(tmp_path: Path) -> None:
    words = ["--server", "http://127.0.0.1:9", "--key", "tnk_x", "--home", str(tmp_path), "tenant", "list"]
    code = (
        f"import sys; from tenantry.cli.entry import run; run({words!r}); assert 'httpx' in sys.modules;"
        "print([name for name in ('sqlalchemy', 'duckdb', 'lightgbm', 'sklearn', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[server_unreachable]" in done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_help(tenantry: Run) -> None:
    for words in (
        [], ["up"], ["demo"], ["train"], ["apply"], ["predict"], ["scorecard"],
        ["tenant", "create"], ["tenant", "list"], ["key", "create"], ["key", "list"], ["key", "revoke"],
        ["model", "list"], ["model", "show"], ["model", "verify"], ["model", "promote"], ["model", "rollback"],
        ["model", "export"], ["job", "list"], ["job", "show"], ["job", "cancel"],
        ["schedule", "set"], ["schedule", "list"], ["schedule", "remove"],
    ):  # fmt: skip
        done = tenantry(*words, "--help")
        assert done.status == 0
        assert "Usage: tenantry" in done.out
        assert "--home" in done.out
        assert "----" not in done.out  # a docstring's sections became options, and were not printed as prose


def test_the_version_is_the_packages(tenantry: Run) -> None:
    from tenantry import __version__

    assert tenantry("--version").out.strip() == __version__
