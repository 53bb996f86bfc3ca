"""The demo on a terminal: scorecards, predictions with reasons, the closed door, timings and addresses."""

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tenantry.demo.journey import Outcome
from tenantry.demo.server import Address

TOP = 5
METRIC_NAMES = {"auroc": "AUROC", "r2": "R²", "macro_auroc": "macro AUROC"}


def scorecard(outcome: Outcome) -> Panel:
    """Quality against guessing, top predictors, columns left out and why."""
    card = outcome.scorecard
    used = sorted(
        (c for c in card["columns"] if c["role"] == "feature"), key=lambda column: -column.get("impact", 0.0)
    )
    left = [c for c in card["columns"] if c["role"] not in ("feature", "target") and c.get("reason")]
    parts: list[RenderableType] = [Text(card["verdict"]), _quality(card), _predictors(used)]
    if left:
        parts.append(_left_out(left))
    size = (
        f"{card['plan_bytes'] / 1000:,.0f} KB, {card['cpu_seconds']:.1f} CPU seconds, {card['rows']:,} rows"
    )
    return Panel(
        Group(*parts),
        title=f"[bold]{outcome.case.tenant}[/bold] · {outcome.case.about}",
        subtitle=f"{outcome.case.prediction} · {size}",
        title_align="left",
        subtitle_align="right",
    )


def _quality(card: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("measured on unseen rows", "value", "95 % interval", "guessing"):
        table.add_column(head, justify="left" if head == "measured on unseen rows" else "right")
    for metric in card["metrics"][:TOP]:
        name = METRIC_NAMES.get(metric["name"], metric["name"].replace("_", " "))
        interval = f"{metric['low']:.3f} – {metric['high']:.3f}"
        guessing = "–" if metric["guessing"] is None else f"{metric['guessing']:.3f}"
        table.add_row(name, f"[bold]{metric['value']:.3f}[/bold]", interval, guessing)
    return table


def _predictors(used: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f"top predictors of {len(used)}")
    table.add_column("type", style="dim")
    table.add_column("impact", justify="right")
    table.add_column("")
    most = max((column.get("impact", 0.0) for column in used), default=0.0) or 1.0
    for column in used[:TOP]:
        share = column.get("impact", 0.0)
        bar = "█" * max(1, round(24 * share / most))
        table.add_row(Text(column["name"]), column["type"], f"{share:.0%}", f"[cyan]{bar}[/cyan]")
    return table


def _left_out(left: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("left out", style="yellow")
    table.add_column("why")
    for column in left:
        table.add_row(Text(column["name"]), Text(column["reason"]))
    return table


def predictions(outcome: Outcome) -> Panel:
    """The scored records with their reasons, and from which chance on a record is called positive: seldom one half."""
    card = outcome.scorecard
    positive = card["positive_class"]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f"chance of {positive}", justify="right")
    table.add_column("label")
    table.add_column("because")
    for prediction in outcome.predictions:
        reasons = "\n".join(reason["text"] for reason in prediction["reasons"])
        table.add_row(
            f"[bold]{prediction['score']:.1%}[/bold]", Text(str(prediction["label"])), Text(reasons)
        )
    asked = f"POST /predict/{outcome.case.prediction}?explain=3"
    return Panel(
        table,
        title=f"[bold]{outcome.case.tenant}[/bold] · {asked}",
        subtitle=Text(f"called {positive} from {card['threshold']:.1%} on"),
        title_align="left",
        subtitle_align="right",
    )


def closed_door(asker: Outcome, owner: Outcome, status: int, body: str, *, same: bool) -> Panel:
    """What one tenant gets when it asks for another's model."""
    told = "byte for byte what a name that nobody has gets" if same else "NOT what a missing name gets"
    lines = Text.assemble(
        f"{asker.case.tenant} asks for {owner.case.tenant}'s model {owner.case.prediction!r}: ",
        (f"{status}", "bold green" if status == 404 and same else "bold red"),
        f" ({told})\n",
        (body, "dim"),
    )
    return Panel(lines, title="[bold]isolation[/bold]", title_align="left")


def timings(outcomes: list[Outcome], start: float, total: float) -> Table:
    """Seconds by stage and tenant."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("seconds")
    stages = list(outcomes[0].seconds)
    for stage in stages:
        table.add_column(stage, justify="right")
    for outcome in outcomes:
        cells = [f"{outcome.seconds[s]:.2f}" if s != "score" else f"{outcome.seconds[s]:.3f}" for s in stages]
        table.add_row(outcome.case.tenant, *cells)
    table.caption = f"server start {start:.1f} s · everything {total:.1f} s"
    table.caption_justify = "left"
    return table


def addresses(at: Address, outcomes: list[Outcome], *, secrets: bool) -> Group:
    """Where to go on; the keys only while the demo stays up (they die with its folder)."""
    lines: list[RenderableType] = [
        Text.assemble(
            "scoring  ", (at.data_url, "bold"), "  (Open Inference Protocol v2, POST /predict/{name})"
        ),
        Text.assemble("control  ", (at.control_url, "bold"), "  (OpenAPI at /openapi.json)"),
    ]
    if secrets:
        lines += [Text(f"key of {outcome.case.tenant}: {outcome.key}") for outcome in outcomes]
        first = outcomes[0]
        lines.append(
            Text(
                f"try: curl -s '{at.data_url}/predict/{first.case.prediction}?explain=2' "
                f'-H \'Authorization: Bearer {first.key}\' -d \'{{"tenure": 1, "Contract": "Month-to-month"}}\''
            )
        )
    return Group(*lines)


def plain_console() -> Console:
    """A console for standard output that never cuts a table where there is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=120)
