"""``tenantry apply -f FILE``: a prediction definition as a file."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tenantry.apps import load_definition
from tenantry.cli.session import Injected


def register(app: App) -> None:
    """Add the command to the application."""
    app.command(apply)


def apply(*, session: Injected, file: Annotated[Path, Parameter(name=("--file", "-f"))]) -> None:
    """Create or replace a prediction definition from a YAML or JSON file.

    Where no server runs, a missing tenant is made. Train it with 'tenantry train FILE --name NAME'.

    Parameters
    ----------
    file
        The definition: name and target; also segment, examples, key, columns in and out, types, metric, costs,
        class_weights, monotone, protected, group, time, split, effort, budget, seed (docs/data.md).
    """
    definition = load_definition(file)
    tenant = session.tenant
    if session.backend.ensure_tenant(tenant):
        session.note(f"tenant {tenant} created")
    kept = session.backend.apply(tenant, definition)
    session.emit(
        kept, lambda: session.out.print(f"prediction {kept.name} applied: {kept.target}", markup=False)
    )
