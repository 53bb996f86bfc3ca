"""One run of a command: its settings, its output, and the backend that does the work."""

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console

from tenantry.settings import Settings
from tenantry.tenancy import TenantId, tenant_id

if TYPE_CHECKING:
    # Arrow comes with it; help and wrong usage do without.
    from tenantry.cli.backend import Backend

WIDE = 240
"""Columns of output that goes to a file or a pipe: nobody wants tables cut there."""


class UsageError(Exception):
    """The command was not called as it must be; exit status 2."""


def wrong_option(error: Exception) -> str:
    """What a check of values says, by the option's name.

    >>> wrong_option(ValueError("Expected `int` <= 4 - at `$.priority`"))
    '--priority: Expected `int` <= 4'
    """
    text, _, path = str(error).partition(" - at ")
    option = path.strip("`$.").replace("_", "-")
    return f"--{option}: {text}" if option else text


class Session:
    """What the global options say, as the commands use it. Nothing is opened before it is needed."""

    def __init__(self, settings: Settings, *, json: bool, home_named: bool = False) -> None:
        self.settings = settings
        self.json = json
        self._home_named = home_named
        self.err = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
        self.out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)

    @property
    def named_home(self) -> Path | None:
        """The home folder where ``--home`` was given on the command line."""
        return self.settings.home if self._home_named else None

    @cached_property
    def tenant(self) -> TenantId:
        """The tenant that the command is about: the one that was named, else the one that the given key
        belongs to. Raises :class:`UsageError` where there is neither."""
        if self.settings.tenant is not None:
            return tenant_id(self.settings.tenant)
        own = self.backend.own_tenant() if self.settings.key is not None else None
        if own is None:
            raise UsageError("which tenant? Give --tenant NAME (or set TENANTRY_TENANT)")
        return own

    @property
    def tenant_if_any(self) -> TenantId | None:
        """The tenant, or ``None`` for the operators' own things."""
        return None if self.settings.tenant is None else tenant_id(self.settings.tenant)

    @cached_property
    def backend(self) -> "Backend":
        """Where the work is done: the server that was named or runs on the home folder, or this process."""
        # Imported here: `tenantry --help` and wrong usage must not pay for databases and table readers.
        from tenantry.cli.connect import connect  # noqa: PLC0415

        return connect(self.settings)

    def close(self) -> None:
        """Let go of what was opened."""
        if "backend" in self.__dict__:
            self.backend.close()

    def emit(self, value: Any, shown: Callable[[], object]) -> None:
        """The command's answer on stdout: as JSON where that was asked for, else as people like it."""
        if self.json:
            print_json(value)
        else:
            shown()

    def note(self, text: str) -> None:
        """Something worth knowing, on stderr."""
        self.err.print(text, markup=False)


def print_json(value: Any) -> None:
    """A value as indented JSON on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


Injected = Annotated[Session, Parameter(parse=False)]
"""A command's ``session``: filled in by the launcher, never by words."""
