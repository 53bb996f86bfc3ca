"""Models, their immutable versions, and the aliases that say which version is served."""

from typing import Any, Literal

import msgspec
from starlette.responses import Response

from tenantry.api.answers import Verified, VersionDetail
from tenantry.api.checking import TableCheck, check_records
from tenantry.api.route import Call, Page, Paging, Route, Scope
from tenantry.bundle import Scorecard
from tenantry.registry import AliasChange, Model, Version

_MODEL = "/api/v1/models/{model}"
_VERSION = "/api/v1/models/{model}/versions/{version}"
_ALIAS = "/api/v1/models/{model}/aliases/{alias}"


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to export to: ``onnx``, or ``plan`` (tenantry's own file)."""

    format: Literal["onnx", "plan"] = "onnx"


class Promotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the alias shall point: a number or another alias. With ``expected``, only if it points to
    that number now (0: nowhere)."""

    version: str | int
    expected: int | None = None


class RecordsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records by the table's column names; a few thousand, drawn evenly, say as much as all of them."""

    records: tuple[dict[str, Any], ...]


def list_models(call: Call) -> Page[Model]:
    """List the models by name."""
    return Page.of(call.control.models(call.tenant), call.query)


def show_model(call: Call) -> Model:
    """Show one model: its latest number and its aliases."""
    return call.control.stores.registry.model(call.tenant, call.path["model"])


def list_versions(call: Call) -> Page[Version]:
    """List a model's versions, newest first."""
    return Page.of(call.control.versions(call.tenant, call.path["model"]), call.query)


def show_version(call: Call) -> VersionDetail:
    """Show a version, by number or alias: metrics, signature, feature plan in words, data, seed,
    libraries."""
    return call.control.version(call.tenant, call.path["model"], call.path["version"])


def show_scorecard(call: Call) -> Scorecard:
    """Show everything measured about a version.

    Quality against guessing with intervals, every column with its type, role, impact and, where it was
    left out, why; findings; curves."""
    return call.control.scorecard(call.tenant, call.path["model"], call.path["version"])


def show_model_card(call: Call) -> Response:
    """Give a version's model card in Markdown."""
    card = call.control.model_card(call.tenant, call.path["model"], call.path["version"])
    return Response(card, media_type="text/markdown; charset=utf-8")


def check_before_scoring(call: Call) -> TableCheck:
    """Say what speaks against scoring these records: columns filled in or distributed otherwise than in training.

    The largest change comes first. It needs 100 records; of fewer nothing is said."""
    asked: RecordsBody = call.body
    return check_records(call.control, call.tenant, call.path["model"], call.path["version"], asked.records)


def verify_version(call: Call) -> Verified:
    """Read every byte of a version and check its digests."""
    return call.control.verify(call.tenant, call.path["model"], call.path["version"])


def export_version(call: Call) -> Response:
    """Give a version as a file for another system; the export scores as the plan does, or is refused."""
    made = call.control.export(call.tenant, call.path["model"], call.path["version"], call.query.format)
    return Response(
        made.data,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{made.filename}"'},
    )


def list_aliases(call: Call) -> dict[str, int]:
    """List a model's aliases with the numbers that they point to."""
    return call.control.stores.registry.aliases(call.tenant, call.path["model"])


def list_alias_changes(call: Call) -> Page[AliasChange]:
    """List the moves of an alias, newest first."""
    return Page.of(
        call.control.alias_history(call.tenant, call.path["model"], call.path["alias"]), call.query
    )


def promote_version(call: Call) -> Version:
    """Point an alias to a version; serving follows at once."""
    wanted: Promotion = call.body
    return call.control.promote(
        call.tenant, call.path["model"], call.path["alias"], str(wanted.version), wanted.expected
    )


def roll_back(call: Call) -> Version:
    """Point an alias to where it pointed before; serving follows at once."""
    return call.control.rollback(call.tenant, call.path["model"], call.path["alias"])


def _read(path: str, handler: object, reply: object, **more: object) -> Route:
    return Route(
        method="GET",
        path=path,
        scope=Scope.TENANT,
        action="models:read",
        handler=handler,  # type: ignore[arg-type]
        reply=reply,
        **more,  # type: ignore[arg-type]
    )


ROUTES = (
    _read("/api/v1/models", list_models, Page[Model], query=Paging),
    _read(_MODEL, show_model, Model),
    _read(f"{_MODEL}/versions", list_versions, Page[Version], query=Paging),
    _read(_VERSION, show_version, VersionDetail),
    _read(f"{_VERSION}/scorecard", show_scorecard, Scorecard),
    _read(f"{_VERSION}/card", show_model_card, str, media="text/markdown"),
    _read(f"{_VERSION}/verify", verify_version, Verified),
    _read(f"{_VERSION}/export", export_version, bytes, query=ExportQuery, media="application/octet-stream"),
    Route(
        method="POST",
        path=f"{_VERSION}/check",
        scope=Scope.TENANT,
        action="models:read",
        handler=check_before_scoring,
        body=RecordsBody,
        reply=TableCheck,
    ),
    _read(f"{_MODEL}/aliases", list_aliases, dict[str, int]),
    _read(f"{_ALIAS}/history", list_alias_changes, Page[AliasChange], query=Paging),
    Route(
        method="PUT",
        path=_ALIAS,
        scope=Scope.TENANT,
        action="models:write",
        handler=promote_version,
        body=Promotion,
        reply=Version,
    ),
    Route(
        method="POST",
        path=f"{_ALIAS}/rollback",
        scope=Scope.TENANT,
        action="models:write",
        handler=roll_back,
        reply=Version,
    ),
)
