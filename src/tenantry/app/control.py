"""The control plane of one installation, for the control process and for commands that need no server."""

from tenantry.api.control import ControlPlane
from tenantry.app.services import LaterReader, Services
from tenantry.ingest import TableReader


def control_plane(services: Services, *, data_port: int | None = None) -> ControlPlane:
    """The use cases over the installation's stores; ``data_port`` is where its scoring API listens, if it
    does."""
    return ControlPlane(
        stores=services,
        upload_limit_bytes=services.settings.upload_limit_bytes,
        data_port=data_port,
        data_tls=services.settings.tls_certificate is not None,
        home=services.settings.home,
    )


def open_reader() -> TableReader:
    """A reader of delimited text that needs no installation."""
    return LaterReader()
