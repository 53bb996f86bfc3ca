"""How a deployment is to be treated, and what a tenant may use: plain values, carried by the endpoint table."""

from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An SLO class: how the requests of a deployment are treated (B7, B16). Rates hold over all workers of a machine,
    the other figures in each.
    """

    priority: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2
    """Priority class, 1 is the highest; under strain the lowest class is shed first."""
    objective_ms: Positive = 50.0
    """Latency objective: 99 of 100 requests are to be answered within this time."""
    deadline_ms: Positive = 10_000.0
    """Time after its arrival at which an answer is worth nothing; what cannot make it is refused at once."""
    concurrency: Count = 1_024
    """Most requests of the deployment that wait or run at a time."""
    requests_per_second: Positive | None = None
    """Most requests a second; None is no limit."""
    rows_per_second: Positive | None = None
    """Most rows a second; None is no limit."""
    burst_seconds: Positive = 1.0
    """How many seconds' worth of a rate may come at once."""
    memory_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Largest share of a worker's model memory that the deployment's versions may hold."""
    log_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """Share of the requests that the inference log keeps."""


class Quota(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one tenant may use, over all of its deployments (A24, C8)."""

    weight: Positive = 1.0
    """Share of a worker's time under strain, against the other tenants' weights."""
    concurrency: Count = 2_048
    """Most requests that wait or run at a time in one worker."""
    requests_per_second: Positive | None = None
    """Most requests a second over all workers of a machine; None is no limit."""
    rows_per_second: Positive | None = None
    """Most rows a second over all workers of a machine; None is no limit."""
    burst_seconds: Positive = 1.0
    """How many seconds' worth of a rate may come at once."""
    memory_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Largest share of a worker's model memory."""


DEFAULT_POLICY = "standard"
"""The class of a deployment that names none."""
