"""A scorecard in a terminal: the verdict first, then what a person needs in order to trust it or not."""

from typing import Any

from rich.console import Console
from rich.text import Text

from tenantry.bundle import ColumnReport, Finding, Scorecard
from tenantry.cli.fairness import show_fairness
from tenantry.cli.show import figure, metrics, table
from tenantry.schema import Role

BAR = 20
SMALLEST_SHARE = 0.005
"""Below this a column's impact reads as 0 %: no predictor to name."""


def show(console: Console, card: Scorecard, version: str) -> None:
    """All of it: quality, columns, findings."""
    _head(console, card, f"{card.prediction} {_version(version)}")
    metrics(console, card.metrics)
    if card.positive_class is not None and card.threshold is not None:
        console.print(
            f"A record is called {card.positive_class} from a probability of {figure(card.threshold)} on.",
            markup=False,
            soft_wrap=True,
        )
    for report in (card.calibration, card.value_interval, card.learning_curve):
        if report is not None:
            console.print(report.words, markup=False, soft_wrap=True)
    used = sorted((c for c in card.columns if c.role is Role.FEATURE), key=lambda c: -c.impact)
    if used:
        console.print("Columns by impact", style="bold")
        largest = max(used[0].impact, 1e-12)
        rows = [
            (c.name, c.type.value, f"{c.impact:.1%}", "█" * round(BAR * c.impact / largest)) for c in used
        ]
        table(console, ("column", "type", "impact", ""), rows)
    others = [c for c in card.columns if c.role is not Role.FEATURE]
    if others:
        console.print("Not features", style="bold")
        table(
            console,
            ("column", "type", "role", "why"),
            [(c.name, c.type.value, c.role.value, _why(c)) for c in others],
        )
    show_fairness(console, card)
    _findings(console, "Findings", card.findings)
    _findings(console, "What it still lacks", card.gaps)
    console.print(
        f"{card.rows:,} rows, {card.cpu_seconds:.1f} CPU s of {card.budget_cpu_seconds:g}, "
        f"plan {card.plan_bytes / 1024:,.0f} KB, seed {card.seed}",
        style="dim",
    )


def show_summary(console: Console, card: Scorecard, version: str, result: dict[str, Any]) -> None:
    """What a training came to, in a few lines."""
    promoted = "promoted to champion" if result.get("promoted") else "kept as challenger"
    _head(console, card, f"{card.prediction} {_version(version)}, {promoted}")
    reason = (result.get("gate") or {}).get("reason")
    if reason and not result.get("promoted"):
        console.print(f"Not promoted: {reason}", markup=False, soft_wrap=True)
    metrics(console, card.metrics)
    used = sorted((c for c in card.columns if c.role is Role.FEATURE), key=lambda c: -c.impact)[:5]
    used = [column for column in used if column.impact >= SMALLEST_SHARE]
    if used:
        named = ", ".join(f"{c.name} ({c.impact:.0%})" for c in used)
        console.print(f"Top predictors: {named}", markup=False, soft_wrap=True)
    left_out = [c for c in card.columns if c.role is Role.EXCLUDED]
    for column in left_out[:8]:
        console.print(f"Left out: {column.name}: {_why(column)}", markup=False, soft_wrap=True)
    if len(left_out) > 8:
        console.print(
            f"… and {len(left_out) - 8} more; see 'tenantry scorecard {card.prediction}'", style="dim"
        )


def _version(version: str) -> str:
    return f"version {version}" if version.isdigit() else version


def _head(console: Console, card: Scorecard, title: str) -> None:
    console.print(Text.assemble((title, "bold"), f": {card.target} ({card.task.value})"), soft_wrap=True)
    console.print(Text(card.verdict, style="green" if _beats_guessing(card) else "yellow"), soft_wrap=True)


def _beats_guessing(card: Scorecard) -> bool:
    """Whether the first metric's interval leaves guessing behind."""
    first = card.metrics[0]
    if first.guessing is None:
        return False
    return first.low > first.guessing if first.higher_is_better else first.high < first.guessing


def _why(column: ColumnReport) -> str:
    return column.reason or column.evidence or ""


def _findings(console: Console, title: str, findings: tuple[Finding, ...]) -> None:
    if not findings:
        return
    console.print(title, style="bold")
    for finding in findings:
        style = {"error": "red", "warning": "yellow"}.get(finding.severity, "dim")
        console.print(Text.assemble((f"  {finding.code} ", style), finding.message), soft_wrap=True)
        if finding.action:
            console.print(f"    → {finding.action}", markup=False, soft_wrap=True)
