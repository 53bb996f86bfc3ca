"""Rollouts: canaries and shadows that end in a decision."""

from typing import Annotated

import msgspec

from tenantry.api.route import Call, Page, Paging, Route, Scope
from tenantry.deployments.rollouts import ObservedReward, RolloutPlan
from tenantry.deployments.rollouts_control import reward_rollout, start_rollout, stop_rollout
from tenantry.deployments.rollouts_report import RolloutReport, report

_ROLLOUTS = "/api/v1/models/{model}/rollouts"
_ROLLOUT = f"{_ROLLOUTS}/{{rollout}}"
MOST_OUTCOMES = 10_000

Outcomes = Annotated[tuple[ObservedReward, ...], msgspec.Meta(min_length=1, max_length=MOST_OUTCOMES)]


class OutcomesKept(msgspec.Struct, frozen=True, kw_only=True):
    """How many outcomes were new, and how many were of requests whose outcome was known."""

    kept: int
    repeated: int


def list_rollouts(call: Call) -> Page[RolloutReport]:
    """List a model's rollouts, newest first."""
    query: Paging = call.query
    found = call.control.stores.rollouts.list(call.tenant, call.path["model"])
    page = Page.of(found, query)
    return Page(items=tuple(map(report, page.items)), total=page.total, limit=page.limit, offset=page.offset)


def begin_rollout(call: Call) -> RolloutReport:
    """Try a version on a share of the requests; serving follows at once.

    The challenger answers its share (a canary), or gets copies and nobody its answers (a shadow). The rollout ends by
    itself: a guard rail rolls it back, the objective's test promotes the challenger to champion, or the horizon is
    over. A model has one running rollout at a time."""
    return report(start_rollout(call.control.stores, call.tenant, call.path["model"], call.body))


def show_rollout(call: Call) -> RolloutReport:
    """Show a rollout: both versions' errors, latency, scores and rewards, what was tested, the decision and why."""
    found = call.control.stores.rollouts.get(call.tenant, call.path["model"], call.path["rollout"])
    return report(found)


def end_rollout(call: Call) -> RolloutReport:
    """Stop a rollout without a decision; the champion stays. One that has ended is returned as it is."""
    return report(stop_rollout(call.control.stores, call.tenant, call.path["model"], call.path["rollout"]))


def observe_outcomes(call: Call) -> OutcomesKept:
    """Tell how answers turned out: a list of version, reward (0 is bad, 1 is good) and request id.

    Send those of both versions, from the same requests onwards and by the same rule. The same request id counts once,
    so a list may be sent again."""
    outcomes: tuple[ObservedReward, ...] = call.body
    place = (call.tenant, call.path["model"], call.path["rollout"])
    kept = reward_rollout(call.control.stores, *place, outcomes)
    return OutcomesKept(kept=kept, repeated=len(outcomes) - kept)


ROUTES = (
    Route(
        method="GET",
        path=_ROLLOUTS,
        scope=Scope.TENANT,
        action="models:read",
        handler=list_rollouts,
        query=Paging,
        reply=Page[RolloutReport],
    ),
    Route(
        method="POST",
        path=_ROLLOUTS,
        scope=Scope.TENANT,
        action="models:write",
        handler=begin_rollout,
        body=RolloutPlan,
        reply=RolloutReport,
        status=201,
    ),
    Route(
        method="GET",
        path=_ROLLOUT,
        scope=Scope.TENANT,
        action="models:read",
        handler=show_rollout,
        reply=RolloutReport,
    ),
    Route(
        method="POST",
        path=f"{_ROLLOUT}/stop",
        scope=Scope.TENANT,
        action="models:write",
        handler=end_rollout,
        reply=RolloutReport,
    ),
    Route(
        method="POST",
        path=f"{_ROLLOUT}/outcomes",
        scope=Scope.TENANT,
        action="models:write",
        handler=observe_outcomes,
        body=Outcomes,
        reply=OutcomesKept,
    ),
)
