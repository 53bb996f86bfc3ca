"""``tenantry model deployment|policy|pin|unpin|runtime|tag|why``: how a model is deployed."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App

from tenantry.cli.commands.models import group
from tenantry.cli.rules import listed, pair
from tenantry.cli.session import Injected, Session
from tenantry.cli.show import pairs, table, when

if TYPE_CHECKING:
    from tenantry.deployments import Deployment


def register(_app: App) -> None:
    """The commands belong to the group of ``commands.models``, which adds itself."""


@group.command
def deployment(name: str, /, *, session: Injected) -> None:
    """Show how a model is deployed: its SLO class, its runtime, whether it stays in memory, tags.

    Parameters
    ----------
    name
        The model's name.
    """
    _tell(session, session.backend.deployment(session.tenant, name))


@group.command
def policy(name: str, policy: str, /, *, session: Injected) -> None:
    """Give a model an SLO class; 'tenantry policy list' has them.

    Parameters
    ----------
    name
        The model's name.
    policy
        The class's name.
    """
    _tell(session, _set(session, name, policy=policy))


@group.command
def pin(name: str, /, *, session: Injected) -> None:
    """Keep a model's versions in memory once they are in use.

    Parameters
    ----------
    name
        The model's name.
    """
    _tell(session, _set(session, name, pinned=True))


@group.command
def unpin(name: str, /, *, session: Injected) -> None:
    """Let a model's versions be evicted when memory is short.

    Parameters
    ----------
    name
        The model's name.
    """
    _tell(session, _set(session, name, pinned=False))


@group.command
def runtime(name: str, runtime: Literal["plan", "onnx"], /, *, session: Injected) -> None:
    """Say what opens a model's versions: tenantry's own kernel, or ONNX Runtime over exports that are made first.

    Parameters
    ----------
    name
        The model's name.
    runtime
        plan or onnx.
    """
    _tell(session, _set(session, name, runtime=runtime))


@group.command
def tag(
    name: str,
    /,
    *tags: str,
    session: Injected,
    version: str,
    remove: Annotated[tuple[str, ...], listed("NAME of a tag to remove.")] = (),
) -> None:
    """Set tags of a version, for routing rules to choose by; other tags of it stay.

    Parameters
    ----------
    name
        The model's name.
    tags
        NAME=VALUE, any number of them.
    version
        A version number, or an alias.
    """
    number = session.backend.version(session.tenant, name, version).version.number
    known = session.backend.deployment(session.tenant, name).tags.get(str(number), {})
    fresh = known | dict(pair("tag", one) for one in tags)
    for gone in remove:
        fresh.pop(gone, None)
    _tell(session, session.backend.set_tags(session.tenant, name, str(number), fresh))


@group.command
def why(name: str, /, *, session: Injected) -> None:
    """Say why a model is in the scoring workers' memory, or is not, and what was evicted when and why.

    Parameters
    ----------
    name
        The model's name.
    """
    found = session.backend.why(session.tenant, name)

    def shown() -> None:
        for line in found.told:
            session.out.print(line, markup=False, soft_wrap=True)
        if found.evictions:
            rows = [
                (
                    when(one.at),
                    str(one.worker),
                    one.version,
                    one.what.replace("_", " "),
                    str(one.uses),
                    one.why,
                )
                for one in found.evictions
            ]
            table(session.out, ("when", "worker", "version", "what", "uses", "why"), rows)

    session.emit(found, shown)


def _set(
    session: Session,
    name: str,
    *,
    policy: str | None = None,
    pinned: bool | None = None,
    runtime: Literal["plan", "onnx"] | None = None,
) -> "Deployment":
    return session.backend.set_deployment(session.tenant, name, policy=policy, pinned=pinned, runtime=runtime)


def _tell(session: Session, kept: "Deployment") -> None:
    def shown() -> None:
        rows = [
            ("model", kept.model),
            ("class", kept.policy),
            ("pinned", "yes: versions in use stay in memory" if kept.pinned else "no"),
            ("runtime", kept.runtime),
            ("rules", str(len(kept.routes.rules))),
        ]
        for number, tags in kept.tags.items():
            if tags:
                words = ", ".join(f"{name} = {value}" for name, value in tags.items())
                rows.append((f"tags of {number}", words))
        for number, export in kept.exports.items():
            rows.append((f"export of {number}", f"{export.size:,} bytes"))
        pairs(session.out, rows)

    session.emit(kept, shown)
