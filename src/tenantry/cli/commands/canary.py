"""``tenantry canary start|status|stop|list``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from tenantry.cli.session import Injected, Session, UsageError, wrong_option
from tenantry.cli.show import pairs, table, when

if TYPE_CHECKING:
    from tenantry.deployments.rollouts_report import ArmReport, QuestionReport, RolloutReport

_app = App(
    name="canary",
    help="Try a version on real requests, until a decision is made: promote it, or roll it back.",
    help_format="plaintext",
)


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(_app)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Goal:
    """What must be shown, by when."""

    objective: Annotated[
        Literal["reward", "errors", "latency"] | None,
        Parameter(help="What the challenger must be better at; reward unless said."),
    ] = None
    promote: Annotated[
        Literal["better", "not-worse"],
        Parameter(help="Promote what is better, or what is not worse by more than the margin."),
    ] = "better"
    margin: Annotated[float, Parameter(help="Differences of a rate or mean reward that count as none.")] = (
        0.01
    )
    min_requests: Annotated[
        int, Parameter(help="Requests that the challenger answers before it is promoted.")
    ] = 500
    horizon_hours: Annotated[float, Parameter(help="Hours until it ends without a decision.")] = 72.0


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Rails:
    """What rolls the challenger back at once."""

    error_margin: Annotated[
        float, Parameter(help="Most that its error rate may be above the champion's.")
    ] = 0.02
    latency_factor: Annotated[float, Parameter(help="Most times as long as the champion it may take.")] = 1.5
    latency_ms: Annotated[float | None, Parameter(help="What the objective latency calls slow.")] = None
    max_shift: Annotated[float, Parameter(help="Most of its scores that may lie elsewhere.")] = 0.25
    min_agreement: Annotated[float, Parameter(help="Least share of equal answers, in a shadow.")] = 0.8


_GOAL, _RAILS = Goal(), Rails()


@_app.command
def start(
    model: str,
    /,
    *,
    session: Injected,
    challenger: str,
    share: float | None = None,
    shadow: Annotated[bool, Parameter(negative="")] = False,
    sticky: str = "request",
    goal: Goal = _GOAL,
    rails: Rails = _RAILS,
) -> None:
    """Start a canary, or a shadow.

    Parameters
    ----------
    model
        The model's name.
    challenger
        The version to try: a number or an alias.
    share
        Share of the requests that it gets: 0.05 unless said; of a shadow, 1.
    shadow
        Send it copies of requests, and nobody its answers.
    sticky
        What goes the same way: request, tenant, header:NAME or parameter:NAME.
    """
    # Imported here: help and wrong usage do without.
    import msgspec  # noqa: PLC0415

    from tenantry.deployments.rollouts import RolloutPlan  # noqa: PLC0415

    given = {"challenger": challenger, "share": share, "shadow": shadow, "sticky": sticky}
    try:
        plan = msgspec.convert(given | vars(goal) | vars(rails), RolloutPlan)
    except msgspec.ValidationError as error:
        raise UsageError(wrong_option(error)) from error
    _emit(session, session.backend.start_rollout(session.tenant, model, plan))


@_app.command
def status(model: str, rollout: str | None = None, /, *, session: Injected) -> None:
    """Show a rollout: both versions side by side, what was tested, what was decided and why.

    Parameters
    ----------
    model
        The model's name.
    rollout
        The rollout's id; without it, the latest.
    """
    _emit(session, session.backend.rollout(session.tenant, model, rollout or _latest(session, model)))


@_app.command
def stop(model: str, rollout: str | None = None, /, *, session: Injected) -> None:
    """Stop a rollout without a decision; the champion stays.

    Parameters
    ----------
    model
        The model's name.
    rollout
        The rollout's id; without it, the latest.
    """
    _emit(session, session.backend.stop_rollout(session.tenant, model, rollout or _latest(session, model)))


@_app.command(name="list")
def list_(model: str, /, *, session: Injected) -> None:
    """List a model's rollouts, newest first.

    Parameters
    ----------
    model
        The model's name.
    """
    found = session.backend.rollouts(session.tenant, model)
    rows = [
        (
            one.id,
            f"{one.challenger.version} against {one.champion.version}",
            _kind(one),
            one.state.value,
            when(one.created),
            one.reason or one.lacking,
        )
        for one in found
    ]
    columns = ("rollout", "versions", "kind", "state", "started", "why")
    session.emit(found, lambda: table(session.out, columns, rows))


def _latest(session: Session, model: str) -> str:
    found = session.backend.rollouts(session.tenant, model)
    if not found:
        raise UsageError(f"the model {model!r} has had no rollout; start one with 'tenantry canary start'")
    return found[0].id


def _kind(one: "RolloutReport") -> str:
    return f"{'shadow' if one.plan.shadow else 'canary'} of {_share(one.share)}"


def _emit(session: Session, one: "RolloutReport") -> None:
    session.emit(one, lambda: _show(session, one))


def _show(session: Session, one: "RolloutReport") -> None:
    shown = [
        ("rollout", one.id),
        ("model", one.model),
        ("kind", _kind(one)),
        ("promotes", f"{one.plan.promote} at {' and '.join(one.plan.required)}"),
        ("started", when(one.created)),
        ("ends by" if one.ended is None else "ended", when(one.until if one.ended is None else one.ended)),
        ("state", one.state.value),
        ("why", one.reason or one.lacking),
    ]
    pairs(session.out, [(name, value) for name, value in shown if value])
    columns = ("", f"champion {one.champion.version}", f"challenger {one.challenger.version}")
    table(session.out, columns, [(name, *cells) for name, cells in _sides(one)])
    compared = [
        ("scores elsewhere", _share(one.total_variation)),
        ("stability index (PSI)", _number(one.stability_index)),
        ("same answers", _share(one.agreement)),
        ("difference of scores", _number(one.mean_difference)),
        ("largest difference", _number(one.worst_difference)),
    ]
    pairs(session.out, [(name, value) for name, value in compared if value != "–"])
    questions = [
        *(("guard rail", question) for question in one.guards),
        *(("promotion", question) for question in one.promotions),
    ]
    rows = [(kind, question.name, _evidence(question)) for kind, question in questions]
    table(session.out, ("test", "of", "evidence"), rows)
    for note in one.notes:
        session.note(note)


def _sides(one: "RolloutReport") -> list[tuple[str, tuple[str, str]]]:
    arms = (one.champion, one.challenger)

    def both(name: str, cell: "Callable[[ArmReport], str]") -> tuple[str, tuple[str, str]]:
        return name, (cell(arms[0]), cell(arms[1]))

    rows = [
        both("requests", lambda arm: f"{arm.requests:,}"),
        both("errors", _errors),
        both("latency p50", lambda arm: _ms(arm.latency_p50_ms)),
        both("latency p99", lambda arm: _ms(arm.latency_p99_ms)),
        both("mean score", lambda arm: _number(arm.score_mean)),
        both("deviation of scores", lambda arm: _number(arm.score_deviation)),
    ]
    if any(arm.rewards for arm in arms):
        rows += [both("rewards", lambda arm: f"{arm.rewards:,}"), both("mean reward", _reward)]
    return rows


def _errors(arm: "ArmReport") -> str:
    if arm.error_rate is None:
        return "–"
    return f"{arm.errors:,} ({_share(arm.error_rate)}; {_share(arm.error_low)} to {_share(arm.error_high)})"


def _reward(arm: "ArmReport") -> str:
    return f"{_number(arm.reward_mean)} ({_number(arm.reward_low)} to {_number(arm.reward_high)})"


def _evidence(question: "QuestionReport") -> str:
    if question.spoken:
        return "sure"
    return f"{max(question.evidence, 0.0):.0%}"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g} ms"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.3g} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
