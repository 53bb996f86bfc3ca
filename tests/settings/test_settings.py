"""Settings: defaults, overrides, and what bad values are told."""

from pathlib import Path

import pytest

from tenantry.errors import InvalidRequest
from tenantry.settings import ROWS, Settings, load_settings, render_markdown


def test_the_defaults_hold_with_an_empty_environment() -> None:
    found = load_settings({})
    assert found.home == Path.home() / ".tenantry"
    assert found.database_url == f"sqlite:///{Path.home() / '.tenantry' / 'tenantry.db'}"
    assert (found.data_port, found.control_port, found.tenant, found.key) == (8080, 8000, None, None)


def test_every_setting_has_one_row() -> None:
    assert [row.name for row in ROWS] == list(Settings.__struct_fields__)
    assert len({row.env for row in ROWS}) == len(ROWS)
    others = {"SAGEMAKER_BIND_TO_PORT"}  # the platform's own name
    assert all(row.env.startswith("TENANTRY_") or row.env in others for row in ROWS)
    assert all(row.help.endswith(".") for row in ROWS)


def test_the_environment_wins_over_defaults_and_overrides_over_the_environment(tmp_path: Path) -> None:
    environ = {"TENANTRY_HOME": str(tmp_path), "TENANTRY_PORT": "9000", "TENANTRY_TENANT": "acme"}
    found = load_settings(environ, overrides={"tenant": "globex", "data_port": None})
    assert (found.home, found.data_port, found.tenant) == (tmp_path, 9000, "globex")
    assert found.blobs == tmp_path / "blobs"


def test_an_empty_variable_counts_as_unset() -> None:
    assert load_settings({"TENANTRY_PORT": "", "TENANTRY_KEY": ""}) == load_settings({})


def test_a_relative_home_becomes_absolute_and_a_tilde_is_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({"TENANTRY_HOME": "here"}).home == tmp_path / "here"
    assert load_settings({"TENANTRY_HOME": "~/there"}).home == Path.home() / "there"


def test_a_database_can_be_named() -> None:
    url = "postgresql+psycopg://u:p@host/db"
    assert load_settings({"TENANTRY_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize(
    ("env", "value"),
    [
        ("TENANTRY_PORT", "http"),
        ("TENANTRY_PORT", "70000"),
        ("TENANTRY_PORT", "-1"),
        ("TENANTRY_WORKERS", "1.5"),
        ("TENANTRY_LOG_LEVEL", "loud"),
        ("TENANTRY_LEASE_SECONDS", "nan"),
        ("TENANTRY_LEASE_SECONDS", "0"),
        ("TENANTRY_POLL_SECONDS", "soon"),
    ],
)
def test_a_bad_value_is_named_with_what_is_wanted(env: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_settings({env: value})
    assert caught.value.code == "setting_invalid"
    assert env in caught.value.message
    assert repr(value) in caught.value.message


def test_all_bad_values_are_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_settings({"TENANTRY_PORT": "x", "TENANTRY_WORKERS": "y"})
    assert "TENANTRY_PORT" in caught.value.message
    assert "TENANTRY_WORKERS" in caught.value.message


def test_an_override_that_is_no_setting_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="colour"):
        load_settings({}, overrides={"colour": "red"})


def test_the_documentation_lists_every_setting() -> None:
    assert all(f"`{row.env}`" in render_markdown() for row in ROWS)


def test_nothing_else_reads_the_environment() -> None:
    source = Path(__file__).parents[2] / "src" / "tenantry"
    readers = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if any(word in path.read_text() for word in ("os.environ", "os.getenv", "getenv("))
    }
    assert readers <= {"settings/_settings.py", "settings/__init__.py"}
