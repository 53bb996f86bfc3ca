"""What the scheduler queues, and what of it may be scored together."""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from tenantry.admission import FairQueue
from tenantry.serving.replies import Response
from tenantry.serving.work import Row, Work

SHADOW_PRIORITY = 5
"""Shadows run after everything that somebody waits for."""


class Task(NamedTuple):
    """Work that waits for its turn, and who is told of the answer; for a shadow, the work that it copies."""

    work: Work
    done: Callable[[Response], None] | None
    primary: Work | None = None
    rollout: str = ""


def fair_queue() -> FairQueue[Task]:
    """A queue for :class:`Scheduler`, and for the gate before it."""
    return FairQueue(classes=SHADOW_PRIORITY, background=1)


def batch_of(work: Work) -> Hashable | None:
    """Requests with this key may be scored together; None for those that gain nothing by it."""
    batched = work.state.batched
    if not batched:
        return None
    key = (work.tenant, work.name)
    return key if key in batched else None


def score_together(rows: list[Row]) -> list[Any]:
    """One outcome a row; where one row cannot be scored, each gets its own outcome or error."""
    if len(rows) > 1:
        model = rows[0].model
        try:
            outcomes = model.outcomes_of(model.plan.score_rows([row.record for row in rows]))
        except Exception:  # noqa: BLE001 — whatever one row meets, the others are scored
            outcomes = []
        if len(outcomes) == len(rows):
            return outcomes
    return [row.alone() for row in rows]
