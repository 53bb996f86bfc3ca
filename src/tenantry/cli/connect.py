"""From settings to a backend: the server that was named, the one that runs on the home folder, or none."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tenantry.cli.backend import Backend
from tenantry.cli.remote import HttpBackend
from tenantry.errors import Unauthenticated
from tenantry.settings import Settings
from tenantry.tenancy import TenantId

if TYPE_CHECKING:
    from tenantry.ingest import Reading
    from tenantry.serving.models import Model


def connect(settings: Settings) -> Backend:
    """Open the backend. Raises ``Unauthenticated`` where a server is meant and no key is known."""
    url = settings.server or _running(settings)
    if url is None:
        return _embedded(settings)
    # A certificate that this installation serves with is trusted by its own commands, whoever signed it.
    return HttpBackend(url, settings.key or _operator_key(settings), settings.tls_certificate)


def scoring_url(server: str, settings: Settings, ca: Path | None) -> str:
    """The scoring API of the installation whose control API is at ``server``; that is told without a key. ``ca``: a
    file of certificates to trust.
    """
    backend = HttpBackend(server, settings.key or "-", ca)
    try:
        return str(backend.scoring_url()).rstrip("/")
    finally:
        backend.close()


def read_file(tenant: TenantId, file: Path, encoding: str | None, delimiter: str | None) -> "Reading":
    """Read a table on this machine, without opening the installation."""
    from tenantry.app.control import open_reader  # noqa: PLC0415
    from tenantry.ingest import read  # noqa: PLC0415

    return read(tenant, file, open_reader(), encoding=encoding, delimiter=delimiter)


def _embedded(settings: Settings) -> Backend:
    # Imported here: a command that a server answers pays for no database, which takes longer to import than
    # most answers to come.
    from tenantry.app.control import control_plane  # noqa: PLC0415
    from tenantry.app.services import open_services  # noqa: PLC0415
    from tenantry.app.work import Worker  # noqa: PLC0415
    from tenantry.cli.embedded import EmbeddedBackend  # noqa: PLC0415

    services = open_services(settings)
    return EmbeddedBackend(control_plane(services), lambda: Worker(services), _open_model, services.close)


def _open_model(path: Path) -> "Model":
    # Imported here: only scoring in this process needs what a scoring worker needs.
    from tenantry.app.scoring import PlanRuntime  # noqa: PLC0415
    from tenantry.serving.models import Model  # noqa: PLC0415

    runtime = PlanRuntime()
    return Model(runtime.open(path), runtime)


def _running(settings: Settings) -> str | None:
    """The control API of the server that runs on the home folder."""
    try:
        facts = json.loads((settings.run / "server.json").read_text())
        url = facts["control_url"]
        alive = Path(f"/proc/{int(facts['pid'])}").exists()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # A server that was killed leaves its facts behind.
    return str(url) if alive else None


def _operator_key(settings: Settings) -> str:
    try:
        return settings.operator_key.read_text().strip()
    except OSError as error:
        raise Unauthenticated(
            "unauthenticated",
            f"a server needs a key, and {settings.operator_key} cannot be read",
            hint="Give --key, or set TENANTRY_KEY.",
        ) from error
