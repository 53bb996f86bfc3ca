"""Tables and figures for people."""

import time
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tenantry.bundle import Metric


def table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table with its heads; text is shown as it is, never as markup."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    console.print(shown if shown.row_count else Text("none", style="dim"))


def pairs(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Names and values, one pair a line."""
    shown = Table(box=None, show_header=False, pad_edge=False)
    shown.add_column(style="dim")
    shown.add_column(overflow="fold")
    for name, value in rows:
        shown.add_row(Text(name), Text(value))
    console.print(shown)


def counted(number: int, noun: str) -> str:
    """How many there are of what.

    >>> counted(1, "model"), counted(1200, "target")
    ('1 model', '1,200 targets')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def when(seconds: float) -> str:
    """A time in UTC.

    >>> when(0)
    '1970-01-01 00:00:00Z'
    """
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))


def metrics(console: Console, measured: Iterable[Metric]) -> None:
    """Quality figures, each with its interval and what guessing gets."""
    rows = [
        (
            m.name,
            figure(m.value),
            f"{figure(m.low)} – {figure(m.high)}",
            "–" if m.guessing is None else figure(m.guessing),
        )
        for m in measured
    ]
    table(console, ("metric", "value", "95 % interval", "guessing"), rows)


def figure(value: float) -> str:
    """A number as people read it: three decimals for small ones, thousands marked for large ones.

    >>> figure(0.84567), figure(12345.6), figure(3.0), figure(0.00012)
    ('0.846', '12,346', '3', '0.00012')
    """
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 0.001:
        return f"{value:.3f}"
    return f"{value:.2g}"
