"""docs/telemetry.md says what the code does."""

import re
from pathlib import Path

from tenantry.predictions.record import LoggedRequest
from tenantry.serving.metrics_top import PLACES
from tenantry.serving.request_log import LINES_PER_SECOND
from tenantry.serving.stats import MOST_MODELS
from tenantry.serving.stats_catalogue import FIGURES
from tenantry.serving.stats_cells import BOUNDS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "telemetry.md").read_text()
OWN = {
    "tenantry_requests_total", "tenantry_rows_total", "tenantry_request_seconds", "tenantry_model_requests_total",
    "tenantry_model_rows_total", "tenantry_model_request_seconds", "tenantry_workers", "tenantry_build",
}  # fmt: skip


def test_every_metric_is_listed_with_its_kind_and_label() -> None:
    rows = re.findall(r"^\| (`tenantry_.+?) \| (\w+) \|(.*?)\|", PAGE, re.MULTILINE)
    told = {
        name: (kind, label.strip()) for names, kind, label in rows for name in re.findall(r"`(\w+)`", names)
    }
    wanted = {
        f"tenantry_{name}{'_total' if figure.kind == 'counter' else ''}": (
            figure.kind,
            "`worker`" if figure.kind == "gauge" else f"`{figure.label}`" if figure.label else "",
        )
        for name, figure in FIGURES.items()
    }
    assert {name: row for name, row in told.items() if name not in OWN} == wanted
    assert told.keys() >= OWN


def test_the_figures_are_those_of_the_code() -> None:
    assert f"{len(BOUNDS)} bounds" in PAGE
    assert f"busiest {PLACES} versions" in PAGE
    assert f"{LINES_PER_SECOND} such lines a second" in PAGE
    assert f"{MOST_MODELS:,} versions" in PAGE


def test_every_column_of_the_log_is_told() -> None:
    page = (DOCS / "inference-log.md").read_text()
    table = page[page.index("| column |") : page.index("```sql")]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == list(LoggedRequest._fields)
