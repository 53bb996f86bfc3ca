"""``tenantry train FILE``: from a table to a served model."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from tenantry.apps import PredictionDefinition, check_columns, definition_of
from tenantry.cli.follow import follow
from tenantry.cli.scorecard import show_summary
from tenantry.cli.session import Injected, Session, UsageError
from tenantry.cli.written import Written
from tenantry.errors import NotFound
from tenantry.registry import CHAMPION
from tenantry.tenancy import TenantId, name_of


def register(app: App) -> None:
    """Add the command to the application."""
    app.command(train)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """What a definition may say beside name and target."""

    budget: Annotated[float | None, Parameter(help="CPU seconds that the training may take.")] = None
    positive: Annotated[
        str | None, Parameter(help="The outcome whose probability is the score, where there are two.")
    ] = None
    record_key: Annotated[
        str | None, Parameter(help="The column that names a record: never a feature, copied to the scores.")
    ] = None
    exclude: Annotated[
        tuple[str, ...],
        Parameter(negative="", show_default=False, help="A column not to use; may be given several times."),
    ] = ()
    include: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            show_default=False,
            help="A column to use although a check would leave it out; several times too.",
        ),
    ] = ()
    seed: Annotated[
        int | None, Parameter(help="Seed of everything random; the same seed gives the same model.")
    ] = None

    def fields(self) -> dict[str, Any]:
        """The definition's fields that were given."""
        given = {
            "budget_cpu_seconds": self.budget,
            "positive_class": self.positive,
            "key": self.record_key,
            "exclude": list(self.exclude) or None,
            "include": list(self.include) or None,
            "seed": self.seed,
        }
        return {field: value for field, value in given.items() if value is not None}


def train(
    file: Path,
    /,
    *,
    session: Injected,
    name: str,
    target: str | None = None,
    options: Options | None = None,
    written: Written | None = None,
) -> None:
    """Train a model on a table, register it, and serve it if it is good enough.

    With --target this also writes the prediction's definition; without it the definition of 'tenantry
    apply', or of an earlier training, is used. Where no server runs, a missing tenant is made.

    Parameters
    ----------
    file
        CSV, Parquet or JSON lines, also gzipped; one row a record, with known outcomes.
    name
        The prediction's name; its model is served under it.
    target
        The column to predict.
    """
    tenant, backend = session.tenant, session.backend
    fields = (options or Options()).fields() | ({} if target is None else {"target": target})
    if not file.exists():
        raise NotFound("file_not_found", f"there is no file {file}")
    name_of(name)
    definition = _definition(session, tenant, name, fields)
    if backend.ensure_tenant(tenant):
        session.note(f"tenant {tenant} created")
    written = written or Written()
    snapshot = backend.upload(tenant, name, file, written.encoding, written.delimiter)
    session.note(f"{file.name}: {snapshot.rows:,} rows, {len(snapshot.columns)} columns")
    for note in snapshot.notes:
        session.note(f"warning: {note.text}")
    check_columns(definition, [column.name for column in snapshot.columns])
    backend.apply(tenant, definition)
    job = backend.train(tenant, name, snapshot.digest)
    previous = signal.signal(
        signal.SIGTERM, _interrupt
    )  # a supervisor's stop must not leave a training behind
    try:
        done = follow(session, tenant, job.id)
    finally:
        signal.signal(signal.SIGTERM, previous)
    result = done.result or {}
    _report(session, tenant, name, result, done.id)


def _definition(
    session: Session, tenant: TenantId, name: str, fields: dict[str, Any]
) -> PredictionDefinition:
    """What to train: the words of this command, over the stored definition where there is one."""
    if "target" in fields:
        return definition_of({"name": name, **fields})
    try:
        stored = session.backend.definition(tenant, name)
    except NotFound as error:
        if error.code != "not_found":
            raise
        raise UsageError(
            f"what to predict? There is no definition {name!r} yet: give --target COLUMN"
        ) from None
    return stored if not fields else _changed(stored, fields)


def _changed(stored: PredictionDefinition, fields: dict[str, Any]) -> PredictionDefinition:
    return definition_of({**msgspec.to_builtins(stored), **fields})


def _report(session: Session, tenant: TenantId, name: str, result: dict[str, Any], job: str) -> None:
    number = str(result.get("version", CHAMPION))
    card = session.backend.scorecard(tenant, name, number)
    answer = {"job": job, "model": name, **result, "verdict": card.verdict, "metrics": card.metrics}
    session.emit(answer, lambda: show_summary(session.out, card, number, result))


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
