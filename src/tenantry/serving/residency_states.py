"""What there is to see of the models in a worker's memory (B13)."""

from typing import Literal, NamedTuple

from tenantry.serving.models import Model
from tenantry.tenancy import TenantId


class ModelState(NamedTuple):
    """One model copy (B13). ``idle``: seconds since it was last used; ``seconds``: how long loading took."""

    tenant: TenantId
    sha256: str
    state: Literal["LOADING", "READY", "UNLOADING"]
    bytes: int
    leases: int
    uses: int
    loads: int
    idle: float
    seconds: float
    pinned: bool


def state_of(model: Model, state: Literal["READY", "UNLOADING"], now: float, *, pinned: bool) -> ModelState:
    """The state of an opened model."""
    return ModelState(
        model.tenant, model.sha256, state, model.nbytes, model.leases, model.uses, model.loads, now - model.used,
        model.seconds, pinned,
    )  # fmt: skip


def loading_state(key: tuple[TenantId, str], size: int, idle: float, *, pinned: bool) -> ModelState:
    """The state of a model whose file is being read."""
    return ModelState(*key, "LOADING", size, 0, 0, 0, idle, 0.0, pinned)


class ResidencyCounts(NamedTuple):
    """Sizes now, and counts since the worker started. ``leaving``: models that went while a request held them;
    ``load_seconds``: what loading took, in all.
    """

    models: int
    bytes: int
    budget: int
    loading: int
    leaving: int
    loads: int
    evictions: int
    not_kept: int
    failures: int
    load_seconds: float
