"""``tenantry up``: the server."""

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from tenantry.cli.session import Injected, Session, print_json
from tenantry.errors import Unavailable
from tenantry.settings import Settings

if TYPE_CHECKING:
    from tenantry.app.children import Child

MAX_PORT = 65_535


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
        int | Literal["off"] | None,
        Parameter(
            help="Port of the scoring API over gRPC, 0: a free one; off: none. "
            "[env: TENANTRY_GRPC_PORT, else the scoring API's port + 1, unless somebody has it]"
        ),
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
    data = settings.data_port if port is None else port
    control = settings.control_port if control_port is None else control_port
    grpc = _grpc_port(settings.grpc_port if grpc_port is None else grpc_port, host, data, control)
    supervisor = Supervisor(
        settings.home,
        {"data": (host, data), "control": (host, control)},
        _children(settings, number, grpc=isinstance(grpc, int)),
        reserve={"grpc": (host, grpc)} if isinstance(grpc, int) else {},
        secure=("data",) if settings.tls_certificate is not None else (),
    )
    return supervisor.run(lambda started: _announce(session, started.urls, grpc))


def _grpc_port(wanted: int | Literal["off"] | None, host: str, data: int, control: int) -> int | str:
    """The port for gRPC, or why there is none. Where none was asked for, a port that is taken is no error."""
    from tenantry.app.sockets import probe  # noqa: PLC0415

    if wanted is not None:
        return wanted
    port = data and data + 1  # a free one, where the scoring API's is
    if port > MAX_PORT or (port and port == control):
        return f"off: there is no port {port} for it"
    try:
        if port:
            probe(host, port)
    except Unavailable:
        return f"off: somebody has port {port} (choose one by --grpc-port)"
    return port


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
    from tenantry.app.children import Child, scoring_worker  # noqa: PLC0415

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


def _announce(session: Session, urls: dict[str, str], grpc: int | str) -> None:
    settings = session.settings
    facts = {**urls, "home": str(settings.home), "operator_key_file": str(settings.operator_key)}
    if session.json:
        print_json(facts)
        sys.stdout.flush()
        return
    session.note(f"scoring API   {urls['data']}")
    session.note(f"… over gRPC   {urls.get('grpc', grpc)}")
    session.note(f"control API   {urls['control']}/api/v1   (described at {urls['control']}/openapi.json)")
    session.note(f"operator key  {settings.operator_key}")
    session.note("Ctrl-C stops everything.")
