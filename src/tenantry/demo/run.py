"""``tenantry demo``: the conductor."""

import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from tenantry.demo import show
from tenantry.demo.cases import CASES, Case
from tenantry.demo.journey import Outcome, knock, travel
from tenantry.demo.server import Address, Server

WORKERS = 2


def run(home: Path | None = None, *, stay: bool | None = None, console: Console | None = None) -> int:
    """Run the demo; returns the exit status (0, or 1 where isolation failed).

    ``home``: where to keep everything; without it, a temporary folder that goes with the demo. ``stay``: keep
    the server up until Ctrl-C; without it, where standard output is a terminal. Raises ``Unavailable`` where the
    server does not start or refuses something.
    """
    console = show.plain_console() if console is None else console
    stay = console.is_terminal if stay is None else stay
    began = time.perf_counter()
    with ExitStack() as stack:
        folder = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tenantry-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        console.print(
            "[bold]tenantry demo[/bold]: three customers, three tables, three models of their own\n"
        )
        at = stack.enter_context(Server(folder, WORKERS))
        started = time.perf_counter() - began
        outcomes = _travel_all(at)
        closed = _show(console, outcomes, at)
        console.print(show.timings(outcomes, started, time.perf_counter() - began))
        console.print()
        console.print(show.addresses(at, outcomes, secrets=stay), soft_wrap=True)
        if stay:
            _wait(console)
    return 0 if closed else 1


def _travel_all(at: Address) -> list[Outcome]:
    """All tenants at once, with live progress on standard error."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[tenant]:<12}"),
        BarColumn(bar_width=28),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress, ThreadPoolExecutor(len(CASES)) as pool:
        tasks = {case: progress.add_task("waiting", total=1.0, tenant=case.tenant) for case in CASES}
        return list(pool.map(lambda case: _travel(case, at, progress, tasks[case]), CASES))


def _travel(case: Case, at: Address, progress: Progress, task: TaskID) -> Outcome:
    def report(stage: str, fraction: float) -> None:
        progress.update(task, description=stage, completed=fraction)

    outcome = travel(case, at, report)
    progress.update(task, description="served", completed=1.0)
    return outcome


def _show(console: Console, outcomes: list[Outcome], at: Address) -> bool:
    for outcome in outcomes:
        console.print(show.scorecard(outcome))
        console.print(show.predictions(outcome))
    asker, owner = outcomes[1], outcomes[0]
    status, body, same = knock(asker, owner, at)
    console.print(show.closed_door(asker, owner, status, body, same=same))
    return status == 404 and same


def _wait(console: Console) -> None:
    console.print("\n[bold]Up until Ctrl-C.[/bold]")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("stopping")
