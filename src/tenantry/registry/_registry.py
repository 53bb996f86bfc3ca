"""Versions, aliases and the port of the registry (B1, B3, A16).

An alias never points to an incomplete bundle: a version is registered only when its bundle is complete in the
blob store, an alias is moved only after the bundle was checked again, and both are single transactions.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from tenantry.bundle import ParityReceipt
from tenantry.errors import Conflict, InvalidRequest, NotFound
from tenantry.tenancy import TenantId, name_of

CHAMPION = "champion"
"""The alias that is served where a caller names no version."""
CHALLENGER = "challenger"
"""The alias of the version that may become champion."""

BundleCheck = Callable[[TenantId, str], bool]
"""(tenant, bundle digest) → whether every file of the bundle is there and unchanged."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction's line of versions. ``latest`` is the highest number; ``aliases`` maps alias → number."""

    tenant: TenantId
    name: str
    created: float
    latest: int
    aliases: dict[str, int]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One trained model, never changed. ``summary`` holds the headline metrics as plain JSON values;
    ``parent`` is the number that was champion when this one was registered; ``snapshot`` is what it learnt
    from.
    """

    tenant: TenantId
    model: str
    number: int
    bundle: str
    snapshot: str
    receipt: ParityReceipt
    created: float
    summary: dict[str, Any]
    parent: int | None


class AliasChange(msgspec.Struct, frozen=True, kw_only=True):
    """One move of an alias. ``previous`` is ``None`` for the first; ``rollback`` marks a step back."""

    seq: int
    alias: str
    number: int
    previous: int | None
    at: float
    rollback: bool


class Registry(Protocol):
    """The versions of all tenants. Safe to call from several threads and processes at once."""

    def register(
        self,
        tenant: TenantId,
        model: str,
        bundle: str,
        receipt: ParityReceipt,
        snapshot: str,
        summary: dict[str, Any],
    ) -> Version:
        """Give a bundle the next number; the same bundle again gives the version that it has. Raises
        ``InvalidRequest("receipt_missing")``, ``Conflict("bundle_incomplete")``,
        ``InvalidRequest("bad_name")``, ``NotFound`` for an unknown tenant or a snapshot that is not this
        tenant's.
        """
        ...

    def models(self, tenant: TenantId) -> list[Model]:
        """By name."""
        ...

    def all_models(self) -> list[Model]:
        """The models of all tenants, by tenant and name: for the endpoint table."""
        ...

    def model(self, tenant: TenantId, model: str) -> Model:
        """Raises ``NotFound``."""
        ...

    def versions(self, tenant: TenantId, model: str) -> list[Version]:
        """Newest first. Raises ``NotFound``."""
        ...

    def version(self, tenant: TenantId, model: str, ref: str = CHAMPION) -> Version:
        """By number (``"3"``) or alias. Raises ``NotFound``."""
        ...

    def set_alias(
        self, tenant: TenantId, model: str, alias: str, number: int, *, expected: int | None = None
    ) -> Version:
        """Point an alias to a version; a repeat changes nothing. With ``expected``, only where the alias
        points there now (0: nowhere), else ``Conflict("alias_moved")``. Raises
        ``Conflict("bundle_incomplete")``, ``NotFound``, ``InvalidRequest("bad_name")``.
        """
        ...

    def remove_alias(self, tenant: TenantId, model: str, alias: str) -> None:
        """Forget an alias (its history stays). Raises ``NotFound``."""
        ...

    def aliases(self, tenant: TenantId, model: str) -> dict[str, int]:
        """Alias → number. Raises ``NotFound``."""
        ...

    def alias_history(self, tenant: TenantId, model: str, alias: str = CHAMPION) -> list[AliasChange]:
        """Newest first. Raises ``NotFound`` for an unknown model."""
        ...

    def rollback(self, tenant: TenantId, model: str, alias: str = CHAMPION) -> Version:
        """Point an alias to where it pointed before; repeated, one step further back each time. Raises
        ``Conflict("no_rollback")``, ``Conflict("bundle_incomplete")``, ``NotFound``."""
        ...


def check_receipt(receipt: ParityReceipt | None, model: str) -> ParityReceipt:
    """Refuse a version whose plan was not proven. Raises ``InvalidRequest("receipt_missing")``."""
    if receipt is None:
        raise InvalidRequest("receipt_missing", f"the new version of {model!r} has no parity receipt")
    if not receipt.passed:
        raise InvalidRequest(
            "receipt_missing", f"the parity receipt of the new version of {model!r} did not pass"
        )
    return receipt


def check_alias(alias: str) -> str:
    """An alias is a name that is not a number. Raises ``InvalidRequest("bad_name")``."""
    if ref_number(alias) is not None:
        raise InvalidRequest("bad_name", f"{alias!r} is a version number, not an alias")
    return name_of(alias)


def ref_number(ref: str) -> int | None:
    """The number that a reference names, or ``None`` where it is an alias.

    >>> ref_number("3"), ref_number("champion"), ref_number("٣")
    (3, None, None)
    """
    return int(ref) if ref.isascii() and ref.isdigit() and len(ref) <= 9 else None


def earlier_number(history: Sequence[AliasChange], current: int) -> int | None:
    """Where a rollback from ``current`` goes, from the changes of one alias, newest first; ``None``: nowhere.

    The history is read as a browser's: each move opens a page, each rollback goes one page back.
    """
    trail: list[int] = []
    for change in reversed(history):
        if not change.rollback:
            trail.append(change.number)
        while change.rollback and trail and trail[-1] != change.number:
            trail.pop()
    return next((number for number in reversed(trail) if number != current), None)


def bundle_incomplete(model: str, bundle: str) -> Conflict:
    """The refusal of a version or alias whose bundle is not wholly stored."""
    return Conflict("bundle_incomplete", f"bundle {bundle[:12]} of {model[:80]!r} is not complete")


def alias_moved(model: str, alias: str, expected: int, current: int | None) -> Conflict:
    """The refusal of a move that somebody else forestalled."""
    shown = f"version {current}" if current else "no version"
    was = f"version {expected}" if expected else "no version"
    return Conflict("alias_moved", f"{alias!r} of {model[:80]!r} points to {shown}, not to {was}")


def no_such_model(model: str) -> NotFound:
    """The one error for a model that is not this tenant's, be it another's or nobody's."""
    return NotFound(
        "not_found",
        f"there is no model {model[:80]!r}",
        unnamed="there is no model of that name for this tenant",
    )


def no_such_version(model: str, ref: str | int) -> NotFound:
    """The one error for a version or alias that a model does not have."""
    return NotFound(
        "not_found",
        f"the model {model[:80]!r} has no version {str(ref)[:80]!r}",
        unnamed="there is no such version of that model for this tenant",
    )


def no_such_alias(model: str, alias: str) -> NotFound:
    """The one error for an alias that a model does not have."""
    return NotFound(
        "not_found",
        f"the model {model[:80]!r} has no alias {alias[:80]!r}",
        unnamed="there is no such alias of that model for this tenant",
    )
