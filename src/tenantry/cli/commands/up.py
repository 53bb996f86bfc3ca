"""``tenantry up``: the server."""

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from tenantry.cli.session import Injected, Session, print_json
from tenantry.errors import Unavailable
from tenantry.settings import Settings

if TYPE_CHECKING:
    from tenantry.app.supervisor import Child


def register(app: App) -> None:
    """Add the command to the application."""
    app.command(up)


def up(
    *,
    session: Injected,
    host: str = "127.0.0.1",
    port: Annotated[
        int | None, Parameter(help="Port of the scoring API. [env: TENANTRY_PORT, else 8080]")
    ] = None,
    control_port: Annotated[
        int | None, Parameter(help="Port of the control API. [env: TENANTRY_CONTROL_PORT, else 8000]")
    ] = None,
    grpc_port: Annotated[
        int | None,
        Parameter(help="Port of the scoring API over gRPC; 0: a free one. [env: TENANTRY_GRPC_PORT, else no gRPC]"),
    ] = None,
    workers: Annotated[
        int | None, Parameter(help="Scoring processes; 0: one a core. [env: TENANTRY_WORKERS, else 0]")
    ] = None,
) -> int:
    """Run the server: scoring workers, the control API and training workers. Ctrl-C stops all of it.

    Parameters
    ----------
    host
        The address to listen on; 0.0.0.0 for every network.
    """
    # Imported here: this process stays small, since it lives as long as the server.
    from tenantry.app.supervisor import Supervisor  # noqa: PLC0415

    settings = session.settings
    number = (settings.workers if workers is None else workers) or os.cpu_count() or 1
    _prepare(session)
    listen = {
        "data": (host, settings.data_port if port is None else port),
        "control": (host, settings.control_port if control_port is None else control_port),
    }
    grpc = settings.grpc_port if grpc_port is None else grpc_port
    reserve = {} if grpc is None else {"grpc": (host, grpc)}
    children = _children(settings, number, grpc=grpc is not None)
    supervisor = Supervisor(settings.home, listen, children, reserve=reserve)
    return supervisor.run(lambda started: _announce(session, started.urls))


def _prepare(session: Session) -> None:
    """Make the home folder ready in a process of its own, so that this one loads no database code."""
    home = str(session.settings.home)
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "tenantry.app.web", "--home", home, "--prepare"],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Unavailable(
            "storage_unavailable", f"the home folder {home} cannot be made ready: {said[-1] if said else ''}"
        )


def _children(settings: Settings, workers: int, *, grpc: bool) -> "list[Child]":
    from tenantry.app.supervisor import Child, scoring_worker  # noqa: PLC0415

    home = str(settings.home)
    scoring = [
        scoring_worker(
            settings.home,
            number,
            settings.log_level,
            settings.log_format,
            workers=workers,
            more=("--grpc", "{at:grpc}") if grpc else (),
        )
        for number in range(workers)
    ]
    python = (sys.executable, "-m")
    web = ("tenantry.app.web", "--home", home, "--fd", "{fd:control}", "--data-fd", "{fd:data}")
    work = ("tenantry.app.work", "--home", home)
    training = [
        Child(f"work-{number}", (*python, *work))
        for number in range(settings.training_workers or os.cpu_count() or 1)
    ]
    return [*scoring, Child("web", (*python, *web)), *training]


def _announce(session: Session, urls: dict[str, str]) -> None:
    settings = session.settings
    facts = {**urls, "home": str(settings.home), "operator_key_file": str(settings.operator_key)}
    if session.json:
        print_json(facts)
        sys.stdout.flush()
        return
    session.note(f"scoring API   {urls['data']}")
    if "grpc" in urls:
        session.note(f"… over gRPC   {urls['grpc']}")
    session.note(f"control API   {urls['control']}/api/v1   (described at {urls['control']}/openapi.json)")
    session.note(f"operator key  {settings.operator_key}")
    session.note("Ctrl-C stops everything.")
