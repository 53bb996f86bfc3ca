"""Log lines."""

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from tenantry.telemetry import bound, configure, get_logger


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    yield io.StringIO()
    structlog.reset_defaults()


def test_a_line_is_one_json_object_with_time_level_and_values(out: io.StringIO) -> None:
    configure("info", "json", stream=out)
    get_logger("worker").info("trained", tenant="acme", rows=3)
    line = json.loads(out.getvalue())
    assert (line["event"], line["level"], line["tenant"], line["rows"]) == ("trained", "info", "acme", 3)
    assert line["logger_name"] == "worker"
    assert line["timestamp"].endswith("Z")


def test_lines_below_the_level_are_left_out(out: io.StringIO) -> None:
    configure("warning", "json", stream=out)
    get_logger("worker").info("quiet")
    get_logger("worker").warning("loud")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]


def test_bound_values_are_on_every_line_inside_and_none_outside(out: io.StringIO) -> None:
    configure("info", "json", stream=out)
    with bound(tenant="acme", job="job-1"):
        get_logger("worker").info("inside")
    get_logger("worker").info("outside")
    inside, outside = (json.loads(line) for line in out.getvalue().splitlines())
    assert (inside["tenant"], inside["job"]) == ("acme", "job-1")
    assert "tenant" not in outside


def test_values_under_telling_names_never_reach_a_log(out: io.StringIO) -> None:
    configure("debug", "json", stream=out)
    get_logger("worker").info(
        "asked", Authorization="Bearer tnk_x", key_secret="tnk_y", api_key="tnk_z", key_id="key-1"
    )
    assert "tnk_" not in out.getvalue()
    assert json.loads(out.getvalue())["key_id"] == "key-1"


def test_an_exception_is_data_in_json_and_readable_as_text(out: io.StringIO) -> None:
    for style in ("json", "text"):
        configure("info", style, stream=out)
        try:
            raise ValueError("broken")
        except ValueError:
            get_logger("worker").exception("failed")
    first, *rest = out.getvalue().splitlines()
    assert json.loads(first)["exception"][0]["exc_value"] == "broken"
    assert "ValueError: broken" in "\n".join(rest)


def test_auto_means_json_where_there_is_no_terminal(out: io.StringIO) -> None:
    configure(stream=out)
    get_logger("worker").info("started")
    assert json.loads(out.getvalue())["event"] == "started"


def test_a_logger_made_before_the_set_up_follows_it(out: io.StringIO) -> None:
    log = get_logger("worker")
    configure("info", "json", stream=out)
    log.info("late")
    assert json.loads(out.getvalue())["event"] == "late"


def test_lines_go_to_standard_error_as_it_is_when_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", before)
    configure("info", "json")
    before.close()
    monkeypatch.setattr(sys, "stderr", after)
    get_logger("x").info("still here")
    assert "still here" in after.getvalue()
