"""The fairness report of a scorecard in a terminal."""

from rich.console import Console

from tenantry.bundle import Scorecard
from tenantry.bundle.fairness import GroupFigure, GroupReport
from tenantry.cli.show import figure, table


def show_fairness(console: Console, card: Scorecard) -> None:
    """A table of groups for each protected column, and what it comes to in words."""
    for report in card.fairness:
        used = "a feature" if report.feature else "not a feature"
        console.print(f"Fairness by {report.column} ({used})", style="bold", markup=False)
        head, rows = _table(report.groups, card.positive_class)
        table(console, head, rows)
        for words in report.words:
            console.print(f"  {words}", markup=False, soft_wrap=True)


def _table(
    groups: tuple[GroupReport, ...], positive: str | None
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    if all(group.selected is None for group in groups):
        head: tuple[str, ...] = ("group", "rows", "mean prediction", "mean outcome", "error", "bias")
        return head, [
            (
                _name(g),
                f"{g.rows:,}",
                figure(g.score.value),
                figure(g.observed.value),
                _shown(g.error),
                _shown(g.calibration),
            )
            for g in groups
        ]
    head = (
        "group",
        "rows",
        f"is {positive}",
        f"called {positive}",
        "of those who are",
        "of those who are not",
        "bias",
    )
    return head, [
        (
            _name(g),
            f"{g.rows:,}",
            _percent(g.observed),
            _percent(g.selected),
            _percent(g.true_positive_rate),
            _percent(g.false_positive_rate),
            f"{g.calibration.value:+.3f}",
        )
        for g in groups
    ]


def _name(group: GroupReport) -> str:
    return f"{group.group} (few rows)" if group.small else group.group


def _shown(found: GroupFigure | None) -> str:
    return "" if found is None else f"{figure(found.value)} ({figure(found.low)} to {figure(found.high)})"


def _percent(found: GroupFigure | None) -> str:
    if found is None or not found.rows:
        return "–"
    return f"{found.value:.0%} ({found.low:.0%}–{found.high:.0%})"
