"""``tenantry scorecard NAME``: can this model be trusted?"""

from cyclopts import App

from tenantry.cli.scorecard import show
from tenantry.cli.session import Injected
from tenantry.registry import CHAMPION


def register(app: App) -> None:
    """Add the command to the application."""
    app.command(scorecard)


def scorecard(name: str, /, *, session: Injected, version: str = CHAMPION) -> None:
    """Show a model's quality against guessing, its columns, what was left out and why, and what was found.

    Parameters
    ----------
    name
        The prediction's name.
    version
        A version number, or an alias.
    """
    card = session.backend.scorecard(session.tenant, name, version)
    session.emit(card, lambda: show(session.out, card, version))
