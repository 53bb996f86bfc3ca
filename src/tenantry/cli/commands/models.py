"""``tenantry model list|show|verify|promote|rollback|export``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from tenantry.cli.session import Injected, Session, print_json
from tenantry.cli.show import figure, metrics, pairs, table, when
from tenantry.registry import CHAMPION, Model, Version

if TYPE_CHECKING:
    from tenantry.api.answers import VersionDetail

group = App(name="model", help="Look at models, move their aliases, export them.", help_format="plaintext")


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(group)


@group.command(name="list")
def list_(*, session: Injected) -> None:
    """List the tenant's models."""
    models = session.backend.models(session.tenant)
    rows = [(model.name, str(model.latest), _aliases(model), when(model.created)) for model in models]
    session.emit(models, lambda: table(session.out, ("model", "latest", "aliases", "created"), rows))


@group.command
def show(name: str, /, *, session: Injected, version: str | None = None) -> None:
    """Show a model's versions, or one version in full.

    Parameters
    ----------
    name
        The model's name.
    version
        A version number, or an alias; without it, all versions are listed.
    """
    if version is not None:
        detail = session.backend.version(session.tenant, name, version)
        session.emit(detail, lambda: _show_version(session, detail))
        return
    model = session.backend.model(session.tenant, name)
    versions = session.backend.versions(session.tenant, name)
    session.emit({"model": model, "versions": versions}, lambda: _show_model(session, model, versions))


@group.command
def verify(name: str, /, *, session: Injected, version: str = CHAMPION) -> None:
    """Read every byte of a version and check its digests.

    Parameters
    ----------
    name
        The model's name.
    version
        A version number, or an alias.
    """
    checked = session.backend.verify(session.tenant, name, version)
    said = f"{name} version {checked.number}: {len(checked.files)} files, {checked.bytes:,} bytes, all as registered"
    session.emit(checked, lambda: session.out.print(said, markup=False))


@group.command
def promote(name: str, version: str, /, *, session: Injected, alias: str = CHAMPION) -> None:
    """Point an alias to a version; serving follows within a second.

    Parameters
    ----------
    name
        The model's name.
    version
        A version number, or another alias.
    alias
        The alias to move; the champion is what is served by default.
    """
    moved = session.backend.promote(session.tenant, name, alias, version)
    said = f"{name}: {alias} is version {moved.number}"
    session.emit(moved, lambda: session.out.print(said, markup=False))


@group.command
def rollback(name: str, /, *, session: Injected, alias: str = CHAMPION) -> None:
    """Point an alias to where it pointed before.

    Parameters
    ----------
    name
        The model's name.
    alias
        The alias to move back.
    """
    moved = session.backend.rollback(session.tenant, name, alias)
    said = f"{name}: {alias} is version {moved.number}"
    session.emit(moved, lambda: session.out.print(said, markup=False))


@group.command
def export(
    name: str,
    /,
    *,
    session: Injected,
    format_: Annotated[Literal["onnx", "plan"], Parameter(name="--format")] = "onnx",
    version: str = CHAMPION,
    out: Path | None = None,
) -> None:
    """Write a version as a file for another system. The export scores as the model does, or is refused.

    Parameters
    ----------
    name
        The model's name.
    format_
        onnx, or plan (tenantry's own file).
    version
        A version number, or an alias.
    out
        The file to write, or - for stdout; by default NAME-NUMBER with the format's ending, here.
    """
    made = session.backend.export(session.tenant, name, version, format_)
    if out is not None and str(out) == "-":
        sys.stdout.buffer.write(made.data)
        return
    path = out or Path(made.filename)
    path.write_bytes(made.data)
    if session.json:
        print_json({"path": str(path), "format": format_, "bytes": len(made.data)})
    else:
        session.out.print(str(path), markup=False, soft_wrap=True)
        session.note(f"{len(made.data):,} bytes")


def _aliases(model: Model) -> str:
    return ", ".join(f"{alias} = {number}" for alias, number in sorted(model.aliases.items()))


def _show_model(session: Session, model: Model, versions: list[Version]) -> None:
    pairs(
        session.out, [("model", model.name), ("aliases", _aliases(model)), ("created", when(model.created))]
    )
    rows = []
    for version in versions:
        pointing = [alias for alias, number in sorted(model.aliases.items()) if number == version.number]
        rows.append(
            (str(version.number), ", ".join(pointing), _headline(version.summary), when(version.created))
        )
    table(session.out, ("version", "aliases", "quality", "created"), rows)


def _headline(summary: dict[str, Any]) -> str:
    """The first metrics of a version, in words."""
    metrics = [metric for metric in summary.get("metrics", ()) if isinstance(metric, dict)]
    return ", ".join(f"{metric['name']} {figure(metric['value'])}" for metric in metrics[:2])


def _show_version(session: Session, detail: "VersionDetail") -> None:
    version, manifest = detail.version, detail.manifest
    signature = manifest.signature
    shown = [
        ("model", version.model),
        ("version", f"{version.number} {' '.join(detail.aliases)}".strip()),
        ("created", when(version.created)),
        ("task", manifest.task.value),
        ("classes", ", ".join(signature.classes)),
        ("data", f"{manifest.data.rows:,} rows, snapshot {version.snapshot[:12]}"),
        ("bundle", version.bundle),
        ("parent", "" if version.parent is None else str(version.parent)),
        ("seed", str(manifest.seed)),
        (
            "parity",
            f"plan = pipeline within {manifest.receipt.plan_pipeline:.1e}, {manifest.receipt.rows} rows",
        ),
        ("libraries", ", ".join(f"{name} {number}" for name, number in manifest.library_versions.items())),
    ]
    pairs(session.out, [(name, value) for name, value in shown if value])
    metrics(session.out, manifest.metrics)
    for line in manifest.feature_plan:
        session.out.print(f"  {line}", markup=False, soft_wrap=True)
