"""One admitted request, as a handler sees it."""

from collections.abc import Generator, Mapping
from typing import NamedTuple

from tenantry.routing import Target
from tenantry.serving.limits import Limits
from tenantry.serving.models import Model, Models
from tenantry.serving.replies import Response, not_found
from tenantry.serving.state import State
from tenantry.tenancy import TenantId

Steps = Generator[None, None, Response]
"""Work in steps: each ``yield`` is a point at which other requests may have their turn."""


class Call(NamedTuple):
    """``tenant`` is checked and never None on routes about a tenant's things; ``path`` holds the names in
    the path.
    """

    state: State
    tenant: TenantId
    path: Mapping[str, str]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes

    @property
    def limits(self) -> Limits:
        """The worker's limits."""
        return self.state.limits

    @property
    def models(self) -> Models:
        """The worker's open models."""
        return self.state.models

    def target(self, version: str | None) -> Target:
        """The version that answers. Raises the one ``NotFound``."""
        target = self.state.current.resolve(self.tenant, self.path["model"], version)
        if target is None:
            raise not_found()
        return target

    def model(self, target: Target) -> Model:
        """The opened model of a version."""
        return self.models.get(self.tenant, target.ref)
