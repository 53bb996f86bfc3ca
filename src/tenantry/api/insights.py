"""The use cases of insights, behind the control API and the embedded command line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from tenantry.api.control import ControlPlane
from tenantry.bundle import PLAN, Insights, load_insights, load_sample, read_file
from tenantry.errors import InvalidRequest
from tenantry.insights import Flips, Goal, Similar, WhatIf, find_flips, find_similar, what_if
from tenantry.plan import Plan
from tenantry.tenancy import TenantId


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """``what_if`` of the changes that were asked for, or the ``flips`` that were found."""

    what_if: WhatIf | None = None
    flips: Flips | None = None


def insights(control: ControlPlane, tenant: TenantId, model: str, ref: str) -> Insights:
    """A version's insights. Raises ``NotFound("insights_missing")`` for a version that was trained without."""
    manifest = control.version(tenant, model, ref).manifest
    return load_insights(control.stores.blobs, tenant, manifest)


def changed(
    control: ControlPlane,
    tenant: TenantId,
    model: str,
    ref: str,
    *,
    record: Mapping[str, Any],
    changes: Mapping[str, Any] | None = None,
    goal: Goal | None = None,
    columns: Sequence[str] = (),
    fixed: Sequence[str] = (),
) -> Changed:
    """Score changes, or where there are none look for those that reach the goal.

    Raises ``InvalidRequest`` record_unknown, goal_invalid; ``InvalidData`` record_value.
    """
    if changes is not None and (goal is not None or columns or fixed):
        raise InvalidRequest(
            "goal_invalid", "'changes' are scored as they are; they take no goal and no columns"
        )
    with _plan(control, tenant, model, ref) as plan:
        if changes is not None:
            return Changed(what_if=what_if(plan, record, changes))
        return Changed(flips=find_flips(plan, record, goal or Goal(), columns=columns, fixed=fixed))


def similar(
    control: ControlPlane, tenant: TenantId, model: str, ref: str, *, record: Mapping[str, Any], k: int
) -> Similar:
    """The training records most like this one. Raises ``NotFound("similar_missing")``, ``InvalidRequest``,
    ``InvalidData``."""
    sample = load_sample(control.stores.blobs, tenant, control.version(tenant, model, ref).manifest)
    with _plan(control, tenant, model, ref) as plan:
        return find_similar(plan, sample, record, k)


@contextmanager
def _plan(control: ControlPlane, tenant: TenantId, model: str, ref: str) -> Iterator[Plan]:
    """The version's plan, copied: what is asked here is asked seldom, and the file may go meanwhile."""
    manifest = control.version(tenant, model, ref).manifest
    with Plan.from_bytes(read_file(control.stores.blobs, tenant, manifest, PLAN)) as plan:
        yield plan
