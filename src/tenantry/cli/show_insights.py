"""Insights in a terminal."""

from rich.console import Console

from tenantry.api.insights import Changed
from tenantry.bundle import Insights
from tenantry.bundle.insights import Dependence
from tenantry.cli.show import figure, table
from tenantry.insights import Flips, Similar, WhatIf
from tenantry.insights.answers import told
from tenantry.schema import Task

BAR = 20
SHOWN_COLUMNS = 5


def show(console: Console, found: Insights) -> None:
    """Impact, where it fails, and the scores over the columns that matter most."""
    largest = max((share for _, share in found.impact), default=0.0) or 1.0
    console.print("Columns by impact", style="bold")
    rows = [(name, f"{share:.1%}", "█" * round(BAR * share / largest)) for name, share in found.impact]
    table(console, ("column", "impact", ""), rows)
    console.print("Where it fails", style="bold")
    for segment in found.segments:
        console.print(f"  {segment.text}", markup=False, soft_wrap=True)
    if not found.segments:
        tried = f"none of {found.segments_tried:,} subgroups is worse than the rest beyond chance"
        console.print(f"  {tried}", style="dim")
    for one in found.dependence[:SHOWN_COLUMNS]:
        _dependence(console, one, found)
    left = len(found.dependence) - SHOWN_COLUMNS
    if left > 0:
        console.print(f"… and {left} more columns; --json has them all", style="dim")


def _dependence(console: Console, one: Dependence, found: Insights) -> None:
    """A table of the first series: of two classes the positive one's, else the value's or the first class's."""
    series = one.series[0]
    name = f" ({series.name})" if series.name is not None and found.task is Task.MULTICLASS else ""
    console.print(f"{one.column}: {found.score}{name}", style="bold", markup=False)
    rows = [
        (part.label, f"{part.count:,}", _figure(score), _figure(outcome))
        for part, score, outcome in zip(one.bins, series.score, series.outcome, strict=True)
    ]
    table(console, ("value", "records", "score, all else equal", "what happened"), rows)


def show_changed(console: Console, found: Changed) -> None:
    """One answer, whichever was asked for."""
    if found.what_if is not None:
        _what_if(console, found.what_if)
    if found.flips is not None:
        _flips(console, found.flips)


def _what_if(console: Console, found: WhatIf) -> None:
    console.print(found.text, markup=False, soft_wrap=True)
    if found.after.label != found.before.label:
        console.print(
            f"the label changes from {found.before.label} to {found.after.label}",
            markup=False,
            soft_wrap=True,
        )
    rows = [(r.column, _figure(r.before), _figure(r.after), f"{r.moved:+.3g}") for r in found.reasons]
    if rows:
        table(console, ("contribution of", "before", "after", "moved"), rows)


def _flips(console: Console, found: Flips) -> None:
    now = f" ({found.before.label} now)" if found.before.label is not None else ""
    console.print(f"Goal: {found.goal}{now}", markup=False, soft_wrap=True)
    for flip in found.found:
        console.print(f"  {flip.text}", markup=False, soft_wrap=True)
    if found.reached:
        console.print("  it is there already", style="dim")
    elif not found.found:
        console.print(f"  no change of one or two columns reaches it ({found.tried:,} tried)", style="dim")
        if found.nearest is not None:
            console.print(f"  nearest: {found.nearest.text}", markup=False, soft_wrap=True)


def show_similar(console: Console, found: Similar) -> None:
    """The neighbours, each with its outcome and in what it differs."""
    console.print(found.text, markup=False, soft_wrap=True)
    keyed = any(one.key is not None for one in found.neighbours)
    rows = []
    for one in found.neighbours:
        differs = (
            ", ".join(f"{d.column} {told(d.value)}" for d in one.differs[:4]) or "in nothing that matters"
        )
        outcome = one.outcome if isinstance(one.outcome, str) else figure(one.outcome)
        cells = (f"{one.similarity:.0%}", outcome, _figure(one.score), differs)
        rows.append((str(one.key), *cells) if keyed else cells)
    heads = ("similar", "outcome", "score then", "differs")
    table(console, ("key", *heads) if keyed else heads, rows)
    console.print(f"looked for among {found.sample:,} of {found.rows:,} training records", style="dim")


def _figure(value: float | None) -> str:
    return "–" if value is None else figure(value)
