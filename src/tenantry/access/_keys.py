"""Tenants, keys and their secrets."""

import hashlib
import re
import secrets
from typing import Any

import msgspec

from tenantry.access._roles import Role
from tenantry.errors import InvalidRequest, NotFound
from tenantry.tenancy import TenantId

ATTRIBUTES = 64
ATTRIBUTE_BYTES = 16_384
_ATTRIBUTE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})")
PREFIX = "tnk_"
"""What every secret begins with, so that scanners of leaked secrets can know it."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A customer. ``attributes`` are plain JSON values that routing rules and policies may ask about (B13)."""

    id: TenantId
    created: float
    attributes: dict[str, Any] = {}


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key beside its digest. Times are seconds since the epoch; ``tenant`` is ``None`` for
    operators.
    """

    id: str
    tenant: TenantId | None
    role: Role
    label: str
    created: float
    expires: float | None = None
    revoked: float | None = None

    def alive(self, now: float) -> bool:
        """Whether the key opens anything at this time."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def check_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes that can be kept: at most 64, with names that a rule can be written with, of at most 16 KB as JSON.
    Raises ``InvalidRequest("attribute_invalid")``.
    """
    if len(attributes) > ATTRIBUTES:
        raise InvalidRequest("attribute_invalid", f"{len(attributes)} attributes are more than {ATTRIBUTES}")
    for name in attributes:
        if not _ATTRIBUTE.fullmatch(name):
            raise InvalidRequest("attribute_invalid", f"{name[:80]!r} is not a usable name of an attribute")
    if len(msgspec.json.encode(attributes)) > ATTRIBUTE_BYTES:
        raise InvalidRequest("attribute_invalid", f"the attributes have more than {ATTRIBUTE_BYTES:,} bytes")
    return attributes


def changed_attributes(attributes: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Attributes after a change: what is null goes, what is not named stays. Raises as :func:`check_attributes`.

    >>> changed_attributes({"region": "eu", "tier": 1}, {"tier": None, "seats": 3})
    {'region': 'eu', 'seats': 3}
    """
    together = attributes | changes
    return check_attributes({name: value for name, value in together.items() if value is not None})


def new_key() -> tuple[str, str]:
    """A fresh secret of 256 random bits, and its digest, which is all that may be stored."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, digest_of(secret)


def digest_of(secret: str) -> str:
    """SHA-256 of a secret, in hex. One round is enough: the secret is random, so there is nothing to guess.

    Looking a digest up in an index is not a timing leak: who can choose digests cannot choose secrets that
    have them.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_key_id() -> str:
    """A name for a key that tells nothing about its secret."""
    return f"key-{secrets.token_hex(6)}"


def check_key(tenant: TenantId | None, role: Role, expires: float | None, now: float) -> None:
    """Refuse a key that could not exist. Raises ``InvalidRequest("key_role")``, also for a time that has
    passed.
    """
    if (tenant is None) != (role is Role.OPERATOR):
        owner = "no tenant" if tenant is None else f"tenant {tenant!r}"
        raise InvalidRequest("key_role", f"a key of {owner} cannot have the role {role.value!r}")
    if expires is not None and not expires > now:
        raise InvalidRequest(
            "key_role", "the key would have expired already", hint="Give a time in the future, or none."
        )


def no_such_tenant(name: str) -> NotFound:
    """The one error for a tenant that does not exist."""
    return NotFound(
        "not_found", f"there is no tenant {name[:80]!r}", unnamed="there is no tenant of that name"
    )


def no_such_key(key_id: str) -> NotFound:
    """The one error for a key that is not this owner's, be it another's or nobody's."""
    return NotFound(
        "not_found", f"there is no key {key_id[:80]!r}", unnamed="there is no key with that id here"
    )
