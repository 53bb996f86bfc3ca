"""``tenantry``: global options, commands, and what an error looks like."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import App, CycloptsError, Group, Parameter
from rich.console import Console

from tenantry import __version__
from tenantry.cli.commands import register
from tenantry.cli.session import Session, UsageError
from tenantry.errors import Internal, TenantryError
from tenantry.settings import load_settings
from tenantry.telemetry import configure

app = App(
    name="tenantry",
    version=__version__,
    help="A machine-learning model for every tenant: train, score, explain, serve.",
    help_format="markdown",
    help_epilogue="Exit status: 0 done, 1 failed, 2 wrong usage. Data go to stdout, progress and errors to stderr.",
)
app.meta.group_parameters = Group("Global options", sort_key=99)
register(app)


@app.meta.default
def launch(
    *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    home: Annotated[str | None, Parameter(help="Home folder. [env: TENANTRY_HOME, else ~/.tenantry]")] = None,
    tenant: Annotated[str | None, Parameter(help="The tenant to act for. [env: TENANTRY_TENANT]")] = None,
    server: Annotated[
        str | None,
        Parameter(
            help="URL of a control API. Without it: the server that runs on the home folder, else no server at all."
            " [env: TENANTRY_SERVER]"
        ),
    ] = None,
    key: Annotated[
        str | None,
        Parameter(help="Key for the server. [env: TENANTRY_KEY, else the home folder's operator key]"),
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Answer in JSON.")] = False,
    debug: Annotated[bool, Parameter(negative="", help="Show tracebacks and debug logs.")] = False,
) -> int:
    """Run one command with the global options."""
    command, bound, injected = app.parse_args(words, exit_on_error=False, print_error=False)
    if "session" not in injected:
        command(*bound.args, **bound.kwargs)
        return 0
    # A server's log is for its keepers; a command's is for people, who get progress and errors in words.
    level = "debug" if debug else None if _command_words(list(words)) == ["up"] else "warning"
    named = {"home": home, "tenant": tenant, "server": server, "key": key, "log_level": level}
    settings = load_settings(overrides=named)
    configure(settings.log_level, settings.log_format)
    session = Session(settings, json=json, home_named=home is not None)
    try:
        result = command(*bound.args, **bound.kwargs, session=session)
    finally:
        session.close()
    return result if isinstance(result, int) else 0


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """Run one command; returns the exit status."""
    options = _options(words)
    as_json, debug = "--json" in options, "--debug" in options
    try:
        status: Any = app.meta(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except (CycloptsError, UsageError) as error:
        return _wrong_usage(error, words, as_json=as_json)
    except TenantryError as error:
        if debug:
            raise
        return _failed(error, as_json=as_json)
    except BrokenPipeError:
        # The reader of our output has what it wanted. Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if debug:
            raise
        fault = f"{type(error).__name__}: {error}"
        return _failed(Internal("internal", fault), as_json=as_json)
    return status if isinstance(status, int) else 0


def _options(words: list[str]) -> list[str]:
    return words[: words.index("--")] if "--" in words else words


def _failed(error: TenantryError, *, as_json: bool) -> int:
    if as_json:
        sys.stderr.write(msgspec.json.encode(error.as_dict()).decode() + "\n")
        return 1
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"error: {error.message} [{error.code}]", style="bold red", markup=False)
    if error.hint:
        console.print(f"hint: {error.hint}", markup=False)
    return 1


def _wrong_usage(error: Exception, words: list[str], *, as_json: bool) -> int:
    if as_json:
        shown = {"error": str(error), "code": "usage", "hint": "See --help."}
        sys.stderr.write(msgspec.json.encode(shown).decode() + "\n")
        return 2
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"usage: {error}", style="bold red", markup=False)
    command = " ".join(["tenantry", *_command_words(words)])
    console.print(f"hint: see '{command} --help'.", markup=False)
    return 2


def _command_words(words: list[str]) -> list[str]:
    """The words that name a command, wherever options stand between them."""
    found: list[str] = []
    at: Any = app
    for word in words:
        if not word.startswith("-") and word in at:
            at = at[word]
            found.append(word)
    return found
