"""Exports for ONNX Runtime, made once per version and kept in the blob store beside the plan.

Making one takes seconds, since it is proved equal to the plan first; so it is never made while a publisher has its
turn.
"""

import threading

from tenantry.bundle import PLAN, load_manifest, read_file
from tenantry.deployments.build import Missing, Sources
from tenantry.deployments.records import Export
from tenantry.errors import TenantryError
from tenantry.registry import Version
from tenantry.telemetry import get_logger
from tenantry.tenancy import TenantId

_log = get_logger("tenantry.deployments")


class Exporter:
    """Makes the exports that a table lacks. Safe to call from several threads; two processes may both make one, and
    then find that they made the same."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._refused: set[Missing] = set()

    def export_all(self, tenant: TenantId, model: str) -> None:
        """Every version of a model. Raises what keeps one from being exported."""
        known = self._sources.deployments.deployment(tenant, model).exports
        for version in self._sources.registry.versions(tenant, model):
            if str(version.number) not in known:
                self._export(version)

    def try_one(self, tenant: TenantId, model: str, number: int) -> bool:
        """Whether the export was made now. A version that cannot be exported is served by its plan; that is logged,
        and not tried again by this process.
        """
        place = (tenant, model, number)
        with self._lock:
            if place in self._refused:
                return False
            try:
                self._export(self._sources.registry.version(tenant, model, str(number)))
            except TenantryError as error:
                if not error.transient:
                    self._refused.add(place)
                _log.error(
                    "export failed; the plan serves",
                    tenant=tenant,
                    model=model,
                    version=number,
                    code=error.code,
                    reason=error.message,
                )
                return False
        return True

    def _export(self, version: Version) -> None:
        # Imported here: onnx is an extra, and most installations never need it.
        from tenantry.plan.onnx_export import export_onnx  # noqa: PLC0415

        sources, tenant = self._sources, version.tenant
        manifest = load_manifest(sources.blobs, tenant, version.bundle)
        data = export_onnx(read_file(sources.blobs, tenant, manifest, PLAN))
        export = Export(sha256=sources.blobs.put(tenant, data), size=len(data))
        sources.deployments.set_export(tenant, version.model, version.number, export)
        _log.info("exported", tenant=tenant, model=version.model, version=version.number, bytes=len(data))
