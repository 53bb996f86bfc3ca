"""``tenantry model insights|what-if|similar``: what a model rests on, what would change an answer, who is alike."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter

from tenantry.cli.commands.models import group
from tenantry.cli.session import Injected, UsageError
from tenantry.errors import InvalidRequest, NotFound
from tenantry.registry import CHAMPION

if TYPE_CHECKING:
    from tenantry.cli.insights import Question


def register(_app: App) -> None:
    """The commands belong to the group of ``commands.models``, which adds itself."""


@group.command
def insights(name: str, /, *, session: Injected, version: str = CHAMPION) -> None:
    """Show what a model rests on, how its scores go with each column, and where it fails.

    Parameters
    ----------
    name
        The model's name.
    version
        A version number, or an alias.
    """
    from tenantry.cli.show_insights import show  # noqa: PLC0415 (help does without)

    found = session.backend.insights(session.tenant, name, version)
    session.emit(found, lambda: show(session.out, found))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is tried, or what is looked for."""

    change: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            help="COLUMN=VALUE to try; once for each column. Without any, the smallest changes that reach the goal "
            "are looked for.",
        ),
    ] = ()
    label: Annotated[str | None, Parameter(help="The goal: this label; by default another than now.")] = None
    at_least: Annotated[float | None, Parameter(help="The goal: a score of at least this.")] = None
    at_most: Annotated[float | None, Parameter(help="The goal: a score of at most this.")] = None
    by: Annotated[float | None, Parameter(help="The goal: a score higher (below 0: lower) by this.")] = None
    column: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="A column that may change; by default all may, but free texts."),
    ] = ()
    fixed: Annotated[tuple[str, ...], Parameter(negative="", help="A column that may not change.")] = ()


@group.command(name="what-if")
def what_if(
    name: str, record: str, /, *, session: Injected, wanted: Wanted | None = None, version: str = CHAMPION
) -> None:
    """Score a record with changes, or find the smallest changes that give it another answer.

    What is found is what the model would say then, not what the change would cause.

    Parameters
    ----------
    name
        The model's name.
    record
        A JSON object of the table's columns, a file with one, or - for stdin.
    version
        A version number, or an alias.
    """
    from tenantry.cli.show_insights import show_changed  # noqa: PLC0415 (help does without)

    question = _question(_record(record), wanted or Wanted())
    found = session.backend.what_if(session.tenant, name, version, question)
    session.emit(found, lambda: show_changed(session.out, found))


@group.command
def similar(
    name: str,
    record: str,
    /,
    *,
    session: Injected,
    k: Annotated[int, Parameter(name=["-k", "--count"])] = 10,
    version: str = CHAMPION,
) -> None:
    """Show the training records that are most like a record, and what became of them.

    Parameters
    ----------
    name
        The model's name.
    record
        A JSON object of the table's columns, a file with one, or - for stdin.
    k
        How many, 100 at most.
    version
        A version number, or an alias.
    """
    from tenantry.cli.show_insights import show_similar  # noqa: PLC0415 (help does without)

    if not 1 <= k <= 100:
        raise UsageError(f"--count {k} is not a number of records from 1 to 100")
    found = session.backend.similar(session.tenant, name, version, _record(record), k)
    session.emit(found, lambda: show_similar(session.out, found))


def _question(record: dict[str, Any], wanted: Wanted) -> "Question":
    from tenantry.cli.insights import Question  # noqa: PLC0415 (help does without)
    from tenantry.insights import Goal  # noqa: PLC0415

    goal = Goal(label=wanted.label, at_least=wanted.at_least, at_most=wanted.at_most, by=wanted.by)
    aimed = any(value is not None for value in msgspec.structs.astuple(goal))
    if wanted.change and (aimed or wanted.column or wanted.fixed):
        raise UsageError("--change tries what it says; it takes no goal, --column or --fixed")
    return Question(
        record=record,
        changes=dict(map(_change, wanted.change)) if wanted.change else None,
        goal=goal if aimed else None,
        columns=wanted.column,
        fixed=wanted.fixed,
    )


def _record(said: str) -> dict[str, Any]:
    if said == "-":
        data = sys.stdin.buffer.read()
    elif said.lstrip().startswith("{"):
        data = said.encode()
    else:
        try:
            data = Path(said).read_bytes()
        except OSError as error:
            raise NotFound("file_not_found", f"there is no file {said}, and it is no JSON object") from error
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidRequest("body_json", f"the record is no JSON object: {error}") from error


def _change(said: str) -> tuple[str, Any]:
    """COLUMN=VALUE; a number, true, false and null as in JSON, anything else as text."""
    name, equals, value = said.partition("=")
    if not equals or not name:
        raise UsageError(f"--change {said!r} is not COLUMN=VALUE")
    try:
        found = msgspec.json.decode(value.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return name, value
    return name, found if found is None or isinstance(found, bool | int | float | str) else value
