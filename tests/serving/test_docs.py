"""docs/serving-api.md says what the code does."""

import re
from pathlib import Path

import pytest

from tenantry.serving import ROUTES, Limits
from tenantry.serving.http import HEAD_SECONDS, MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from tenantry.serving.replies import STATUS, STATUS_BY_CODE

PAGE = Path(__file__).parents[2] / "docs" / "serving-api.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text()


def test_the_page_lists_every_route_and_no_other(page: str) -> None:
    told = set(re.findall(r"^\| `(GET|POST) (/\S+)` \|", page, re.MULTILINE))
    assert told == {(route.method, route.path) for route in ROUTES}


def test_the_page_lists_every_status(page: str) -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE)
    told = {int(status) for row in rows for status in row.split(",")}
    assert told == {*STATUS.values(), *STATUS_BY_CODE.values(), 500}


def test_the_page_tells_the_limits(page: str) -> None:
    limits = Limits()
    words = " ".join(page.split())
    for told in (
        f"{limits.body_bytes >> 20} MB of body",
        f"{limits.rows:,} rows",
        f"{limits.explained_rows:,} rows where reasons",
        f"{limits.reasons} reasons a row",
        f"{limits.body_seconds:g} seconds for the body",
        f"{MAX_TARGET_BYTES >> 10} KB and {MAX_HEADER_BYTES >> 10} KB, {MAX_HEADERS} headers, {HEAD_SECONDS:g} seconds",
    ):
        assert told in words
