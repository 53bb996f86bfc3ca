"""``tenantry route list|set|add|remove|explain``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from tenantry.cli.rules import Flags, action_words, listed, match_words, pair, read_rules
from tenantry.cli.session import Injected, Session, UsageError
from tenantry.cli.show import pairs, table

if TYPE_CHECKING:
    from tenantry.cli.deploying import Place
    from tenantry.deployments import Routes
    from tenantry.routing import Explanation
    from tenantry.routing.rules import Rule

_app = App(
    name="route", help="Say which version answers which request, and ask why.", help_format="plaintext"
)
_FLAGS = Flags()
Platform = Annotated[
    bool, Parameter(negative="", help="The platform's rules, which come before every deployment's.")
]


def register(app: App) -> None:
    """Add the group to the application."""
    app.command(_app)


@_app.command(name="list")
def list_(model: str | None = None, /, *, session: Injected, platform: Platform = False) -> None:
    """List the rules of a model's deployment, in their order.

    Parameters
    ----------
    model
        The model's name.
    """
    place = _place(session, model, platform=platform)
    _tell(session, session.backend.routes(place))


@_app.command(name="set")
def set_(
    model: str | None = None,
    /,
    *,
    session: Injected,
    file: Annotated[Path, Parameter(name=("--file", "-f"))],
    platform: Platform = False,
) -> None:
    """Replace all rules by those of a YAML or JSON file.

    Parameters
    ----------
    model
        The model's name.
    file
        A list of rules, as 'route list --json' prints them; - is stdin.
    """
    place = _place(session, model, platform=platform)
    rules = read_rules(file, platform=platform)
    _tell(session, session.backend.put_routes(place, rules, None))


@_app.command
def add(
    *names: str,
    session: Injected,
    platform: Platform = False,
    before: str | None = None,
    first: Annotated[bool, Parameter(negative="")] = False,
    rule: Flags = _FLAGS,
) -> None:
    """Add a rule, or replace the one of that name where it stands.

    Parameters
    ----------
    names
        The model's name and the rule's; with --platform, the rule's name alone.
    before
        Put the rule before the one of this name; without it, a new rule is the last.
    first
        Put the rule before all others.
    """
    place, name = _place_and_name(session, names, platform=platform)
    known = session.backend.routes(place)
    others = [one for one in known.rules if one.name != name]
    stood = next((at for at, one in enumerate(known.rules) if one.name == name), len(others))
    at = 0 if first else stood if before is None else _at(others, before)
    fresh = (*others[:at], rule.rule(name), *others[at:])
    _tell(session, session.backend.put_routes(place, fresh, known.revision))


@_app.command
def remove(*names: str, session: Injected, platform: Platform = False) -> None:
    """Remove a rule.

    Parameters
    ----------
    names
        The model's name and the rule's; with --platform, the rule's name alone.
    """
    place, name = _place_and_name(session, names, platform=platform)
    known = session.backend.routes(place)
    at = _at(known.rules, name)
    fresh = (*known.rules[:at], *known.rules[at + 1 :])
    _tell(session, session.backend.put_routes(place, fresh, known.revision))


@_app.command
def explain(
    model: str,
    /,
    *,
    session: Injected,
    version: str | None = None,
    header: Annotated[tuple[str, ...], listed("A request header, NAME=VALUE.")] = (),
    parameter: Annotated[tuple[str, ...], listed("A request parameter, NAME=VALUE.")] = (),
    request_id: str = "",
) -> None:
    """Say which version a request would get, by which rule, and what every rule had to say. Nothing is scored.

    Parameters
    ----------
    model
        The model's name.
    version
        A version or alias that the request would name.
    request_id
        The request's id, by which shares go unless they are sticky by something else.
    """
    from tenantry.deployments import Asked  # noqa: PLC0415 - help must not pay for it

    asked = Asked(
        model=model,
        version=version,
        headers=dict(pair("--header", one) for one in header),
        parameters=dict(pair("--parameter", one) for one in parameter),
        request_id=request_id,
    )
    found = session.backend.explain_route(session.tenant, asked)
    session.emit(found, lambda: _show_explanation(session, found))


def _place(session: Session, model: str | None, *, platform: bool) -> "Place":
    if platform == (model is not None):
        raise UsageError("name a model, or give --platform")
    return None if model is None else (session.tenant, model)


def _place_and_name(session: Session, names: tuple[str, ...], *, platform: bool) -> tuple["Place", str]:
    if len(names) != (1 if platform else 2):
        raise UsageError("name a model and a rule; with --platform, a rule alone")
    return None if platform else (session.tenant, names[0]), names[-1]


def _at(rules: "Sequence[Rule]", name: str) -> int:
    for at, one in enumerate(rules):
        if one.name == name:
            return at
    known = ", ".join(one.name for one in rules) or "none"
    raise UsageError(f"there is no rule {name!r} here; there are: {known}")


def _tell(session: Session, kept: "Routes") -> None:
    session.emit(kept, lambda: _show(session, kept))
    if not session.json:
        for warning in kept.warnings:
            named = f" {warning.ref!r}" if warning.ref else ""
            session.note(
                f"warning: rule {warning.rule!r}{named}: {warning.why}; until there is, it has no effect"
            )


def _show(session: Session, kept: "Routes") -> None:
    rows = [
        ("rollout", rule.name, match_words(rule.match), action_words(rule.action)) for rule in kept.rollout
    ]
    rows += [
        (str(at), rule.name, match_words(rule.match), action_words(rule.action))
        for at, rule in enumerate(kept.rules, 1)
    ]
    table(session.out, ("", "rule", "when", "then"), rows)
    if not rows:
        session.note("without rules, the champion answers")


def _show_explanation(session: Session, found: "Explanation") -> None:
    shown = [
        ("version", found.version or "none: the request would be refused"),
        ("rule", found.rule),
        ("why", found.why),
        ("copies to", ", ".join(f"version {one.version} ({one.rule})" for one in found.shadows)),
        ("else", ", ".join(found.fallbacks)),
        ("rollout", f"{found.rollout} ({found.arm})" if found.rollout else ""),
    ]
    pairs(session.out, [(name, value) for name, value in shown if value])
    if found.steps:
        rows = [
            (
                "platform" if step.of == "platform" else "",
                step.rule,
                "yes" if step.applies else "no",
                step.why,
            )
            for step in found.steps
        ]
        table(session.out, ("", "rule", "applies", "why"), rows)
