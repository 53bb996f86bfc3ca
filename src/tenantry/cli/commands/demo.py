"""``tenantry demo``: three tenants, three real tables, three models."""

from cyclopts import App

from tenantry.cli.session import Injected


def register(app: App) -> None:
    """Add the command to the application."""
    app.command(demo)


def demo(*, session: Injected, stay: bool | None = None) -> int:
    """Train, serve and explain models of three tenants on real tables, and show that they are kept apart.

    Works in a home folder of its own, which is removed at the end; with --home in that folder, which stays.

    Parameters
    ----------
    stay
        Keep the server up until Ctrl-C; by default where stdout is a terminal.
    """
    # Imported here: the demo is not needed by any other command.
    from tenantry.demo import run  # noqa: PLC0415

    return run(session.named_home, stay=stay)
